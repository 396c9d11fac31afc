/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The same connections, captured at several places: how far their replies came. An opening is known again by
 * its client's initial sequence number, which no translation changes, and one endpoint that none changed
 * here. Which of two places is nearer the client their packets' hop limits tell, else the times after the
 * clocks are aligned. Pure; any thread.
 */

#include "collectors/base/hash_index.h"
#include "collectors/capture/packet.h"

/* One opening at one viewpoint. Times are the viewpoint's, 0: not seen. */
struct opening {
	struct address client, server;
	uint16_t client_port, server_port;
	uint32_t sequence; /* the client's initial one */
	uint32_t synack_sequence;
	int64_t syn_ns, synack_ns, ack_ns; /* the first of each */
	uint8_t syn_hops, synack_hops;     /* hop limits of these */
	bool repeated;                     /* SYN or SYN-ACK came again after the SYN-ACK */
};

#define OPENINGS_MAX (1 << 20)

/* What one viewpoint saw. All-zero at first. */
struct openings {
	struct opening *items;
	size_t count;
	struct hash_index index;
	uint64_t seed;
	uint64_t omitted; /* packets of openings that are too many */
	int64_t last_ns;  /* of all packets */
};

/* 0 or -ENOMEM. */
int openings_put(struct openings *openings, const struct packet *packet, int64_t time_ns);
void openings_clear(struct openings *openings);

enum crossing_kind {
	CROSSING_LOST,    /* the reply passed `from` and never came to `to`, which the request had passed */
	CROSSING_CHANGED, /* it came to `to`, but from `other` instead of the address that was asked */
	CROSSING_BEYOND,  /* it passed all that the request had passed, and the client did not get it */
};

/* Openings that failed in the same way at the same place. */
struct crossing {
	enum crossing_kind kind;
	size_t from, to; /* viewpoints; BEYOND: to is from */
	struct address server, other;
	uint16_t port;         /* the server's, both as `to` has them */
	struct opening sample; /* the first of them, as `to` has it */
	uint64_t count;
};

struct viewpoint_clock {
	bool known;        /* has packets in common with those before, if not directly */
	int64_t offset_ns; /* ahead of the first viewpoint's; of two that are not in both directions' traffic,
			      the time on the way is part of it */
};

#define VIEWPOINTS_MAX 16

struct viewpoints {
	struct viewpoint_clock clocks[VIEWPOINTS_MAX];
	struct crossing *crossings;
	size_t crossing_count;
	uint64_t common; /* openings that two or more have seen */
};

/* count: VIEWPOINTS_MAX at most. 0, or -ENOMEM and *out is empty. */
int viewpoints_compare(const struct openings *const *seen, size_t count, struct viewpoints *out);
void viewpoints_clear(struct viewpoints *viewpoints);

/* One sentence, with the names of its two viewpoints; the caller's to free, NULL: out of memory. */
char *crossing_text(const struct crossing *crossing, const char *from, const char *to);
