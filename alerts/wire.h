/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the conditions read out of the handshakes that were seen. A handshake that fails is one whose SYN came
 * again after its SYN-ACK: clients that scan or forge their address do not repeat it. Handshakes that were
 * merely abandoned show nothing.
 */

#include "alerts/finding.h"
#include "alerts/judge_context.h"

/* Handshakes that come in at one point. */
struct wire_vantage {
	int device;                   /* of the SYN; 0: not known */
	const struct address *server; /* NULL: all that are no service of this host's, but pass through it */
	int synack_device;            /* by which the SYN-ACK left; 0: any */
	uint16_t port;                /* of the server; 0: any */
};

struct wire_observation {
	uint64_t recent[HANDSHAKE_OUTCOMES]; /* within 60 s; not known for a single port */
	unsigned repeated;                   /* handshakes whose SYN came again after its SYN-ACK */
	bool lasting;                        /* one of them often enough to be sure */
	bool fails;                          /* so many do that it is no accident */
	const struct handshake_suspect *suspects[FINDING_HANDSHAKES]; /* these, newest first */
	unsigned suspect_count;
};

struct wire_observation wire_observe(const struct judge_context *context, const struct wire_vantage *vantage);
/* Adds a suspect to the observation if there is room. */
void wire_add_suspect(struct wire_observation *observation, const struct handshake_suspect *suspect);
/* Repeated so often that it is no accident. */
bool wire_is_often(const struct judge_context *context, uint32_t repeats);
/* The same of one that comes in: so often, and for longer than a SYN-ACK may be on its way. */
bool wire_is_lasting(const struct judge_context *context, const struct handshake_suspect *suspect);
/* Requests for this host or through it, of which both directions pass here. */
bool wire_comes_in(enum handshake_role role);
/* An unanswered client's SYN, repeated after its SYN-ACK, came in there. */
bool wire_is_at(const struct judge_context *context, const struct wire_vantage *vantage,
	const struct handshake_suspect *suspect);

/* False of a capture file, which comes without a host. */
bool wire_knows_host(const struct judge_context *context);
/* The address is one of this host's, or one that it translates. Of a capture that was made elsewhere nothing
 * is known, and all are. */
bool wire_is_own(const struct judge_context *context, const struct address *address);
/* This host has the address on some device, or nothing is known of its addresses. */
bool wire_is_local(const struct judge_context *context, const struct address *address);
/* The service that answers at address and port, or NULL; port 0: the first. */
const struct service *wire_service(
	const struct judge_context *context, const struct address *address, uint16_t port);
/* Several services have the address; their ports tell them apart. */
bool wire_is_shared(const struct judge_context *context, const struct address *address);
/* The name of a device that may be gone, "" for 0. */
const char *wire_device_name(const struct judge_context *context, int ifindex);

/* The devices' names joined by ",", likewise. Returns text. */
const char *wire_device_names(const struct judge_context *context, const struct device_set *devices,
	char text[static DEVICE_NAMES_SIZE]);

/* A new candidate about a device alone, critical. */
struct finding *wire_finding(const struct judge_context *context, const struct condition *condition,
	int device, struct findings *candidates);
/* Adds an address as the finding's subject: that of a service of this host's if there is one. */
void wire_set_address(const struct judge_context *context, const struct address *address, uint16_t port,
	struct finding *finding);

/* Evidence: who, at which ports, since when, how often, and which handshakes show it. */
void wire_describe_suspects(const struct wire_observation *observation, struct finding *finding);
/* The counts of the last minute. */
void wire_describe_counts(const struct wire_observation *observation, struct finding *finding);
