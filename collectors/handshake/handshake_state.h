/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the handshake table share, and nobody else: handshake.c says what each packet does,
 * handshake_table.c holds the entries, handshake_expiry.c ends them, handshake_evidence.c keeps frames,
 * handshake_report.c copies out. */

#include "collectors/handshake/echo.h"
#include "collectors/handshake/evicted_syns.h"
#include "collectors/handshake/handshake_counters.h"
#include "collectors/handshake/handshake_table.h"
#include "collectors/handshake/ingress_peers.h"
#include "collectors/handshake/unanswered.h"

/* Evidence of its own for each, so that a flood of stray SYN-ACKs does not wash away the other. */
enum evidence_ring { EVIDENCE_REPEATED, EVIDENCE_RETURN, EVIDENCE_RINGS };

struct handshakes {
	struct handshake_limits limits;
	struct handshake_table table;
	struct handshake_counters counters;
	struct echoes echoes;
	struct evicted_syns evicted_syns;
	struct ingress_peers ingress_peers;
	struct unanswered_table unanswered;
	struct frame_ring recent; /* the first SYN and SYN-ACK of all, in case they become suspects */
	struct frame_ring evidence[EVIDENCE_RINGS];
	int64_t now_ns;
	int64_t wall_ns;                   /* CLOCK_REALTIME - now_ns */
	int64_t missed_ns, blind_until_ns; /* see handshakes_missed() */
	int64_t crowded_until_ns;          /* likewise, after an eviction */
	uint32_t ratio;
	uint32_t
		return_ratio; /* the greatest ratio of the last HANDSHAKE_OPEN_NS: for SYN-ACKs without SYN */
	int64_t return_ratio_until_ns;
	uint64_t evicted, unmatched;
};

/* A new entry in QUEUE_OPEN; an old one goes if there is no room. */
struct entry *handshake_add(struct handshakes *handshakes, const struct flow *flow, struct flow_hash hash,
	uint32_t sequence, int64_t time_ns);
/* To the tail of a queue; its time to live there begins. */
void handshake_move(struct handshakes *handshakes, struct entry *entry, enum entry_queue queue);

/* Keeps the frame of a packet that is no copy, if it may be of use. */
void handshake_keep_frame(struct handshakes *handshakes, struct entry *entry, enum view_packet kind,
	const struct packet *packet, const struct sighting *sighting);
/* From now on it is a suspect whose frames are kept: the first ones, this one and those to come. */
void handshake_keep_evidence(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting);
/* Copies its first frames, if they are still there, to the evidence; once. */
void handshake_keep_first_frames(struct handshakes *handshakes, struct entry *entry, enum evidence_ring ring);

/* CLOCK_REALTIME of a time of the table, where there is one. */
static inline int64_t handshake_wall(const struct handshakes *handshakes, int64_t time_ns)
{
	return time_ns ? time_ns + handshakes->wall_ns : 0;
}
