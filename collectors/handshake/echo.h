/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * ICMP echo requests and who answered them, in fixed memory, for collectors/handshake/handshake.c. A request
 * is known by asker, asked, id and sequence; an answer from the asked wins over one from elsewhere, which a
 * NAT gateway sees as well. Requests are told apart once: further sightings of the same one are ignored.
 */

#include "collectors/base/hash_index.h"
#include "collectors/handshake/handshake_counters.h"
#include "collectors/handshake/ingress_peers.h"

#define ECHO_WAIT_NS (10 * INT64_C(1000000000))

struct echo_request {
	struct address asker, asked;
	uint16_t id, sequence;
	int device;
	uint8_t direction;
	bool answered, elsewhere;
	int arrival; /* the device by which the answer came, or 0 */
	uint32_t hash;
	int64_t time_ns;
};

struct echoes {
	struct echo_request *requests; /* a ring: all wait equally long */
	uint32_t limit;
	uint64_t oldest, next; /* numbers; modulo limit a place in the ring */
	struct hash_index by_asker;
	uint64_t seed;
	struct echo_suspect suspects[ECHO_SUSPECTS]; /* a ring */
	uint64_t suspect_count;                      /* ever */
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int echoes_init(struct echoes *echoes, uint32_t limit, uint64_t seed);
void echoes_destroy(struct echoes *echoes);

void echoes_feed(struct echoes *echoes, struct handshake_counters *counters, struct ingress_peers *ingress,
	const struct packet *packet, const struct sighting *sighting, int64_t now_ns);
/* Counts requests that waited long enough; INT64_MAX: all. */
void echoes_advance(struct echoes *echoes, struct handshake_counters *counters, int64_t now_ns);
void echoes_report(const struct echoes *echoes, struct handshake_report *out);
