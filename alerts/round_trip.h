/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The round trip of the connections that a finding is about: by which places of this host the request goes
 *and the reply comes back, what was seen of that, and where it breaks. From the finding, the handshakes that
 *show it, and the lookups behind it; pure, like all here.
 *
 *	client ── outer device ── translation or reply route ── inner device ── server
 */

#include "alerts/finding.h"

enum round_trip_way { WAY_REQUEST, WAY_REPLY, WAYS };

/* From the client to the server. What is not there has no name, and legs pass it by. */
enum round_trip_place { PLACE_CLIENT, PLACE_OUTER, PLACE_MIDDLE, PLACE_INNER, PLACE_SERVER, PLACES };

enum leg_state {
	LEG_ABSENT,   /* nothing comes so far */
	LEG_SEEN,     /* packets were captured there */
	LEG_EXPECTED, /* so lookups say, or what was seen elsewhere */
	LEG_UNSEEN,   /* it should have passed, and did not */
	LEG_WRONG,    /* it goes there, and should not */
	LEG_LOST,     /* it goes no further */
	LEG_STATES
};

struct round_trip {
	bool opened_here;        /* this host is the client: only outer device and server are beyond */
	bool delivered;          /* the server is this host */
	struct address client;   /* the latest one; none: not known */
	struct address service;  /* that was asked; none: several */
	struct address target;   /* behind a translation; none: there is no translation */
	struct address answerer; /* who answered, if it is another than was asked; else none */
	struct address source;   /* that a reply got here whose request never came; none: it kept its own */
	uint16_t client_port, port, target_port; /* 0: not known */
	/* Devices, "" for what is not known or not there. */
	char outer[WAYS][DEVICE_NAMES_SIZE], inner[WAYS][DEVICE_NAMES_SIZE];
	const struct nat_rule *translation; /* lent by the facts; NULL: by none that is known */
	const struct rule *rule;            /* that decides the reply's route; likewise */
	const struct route_answer *reply;   /* likewise */
	/* Of the leg between a place and the next one towards the server. */
	enum leg_state legs[WAYS][PLACES - 1];
	const char *fault;             /* what becomes of the packet where it breaks, a few words; static */
	enum round_trip_way fault_way; /* and on which leg */
	enum round_trip_place fault_leg;
	/* What the handshakes show that the finding names; 0: none are known. */
	unsigned connections, clients;
	bool more; /* there are more than are named */
	uint64_t syns, syn_repeats, synacks, synack_repeats;
	uint64_t dropped; /* within the last minute on the device, by what the finding is about; 0: not known
			   */
};

void round_trip_of(const struct facts *facts, const struct finding *finding, struct round_trip *out);

/* The handshakes that the finding names and the facts still have, newest first, of two views of one opening
 * that on the side where its SYN came in; returns how many. */
size_t round_trip_handshakes(const struct facts *facts, const struct finding *finding,
	const struct handshake_suspect *out[static FINDING_HANDSHAKES]);
