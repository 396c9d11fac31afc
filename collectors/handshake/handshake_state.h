/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of the handshake table share, and nobody else: handshake.c reads packets, handshake_life.c
 * makes, moves and ends entries, handshake_report.c copies out. */

#include "collectors/handshake/arrivals.h"
#include "collectors/handshake/departed.h"
#include "collectors/handshake/echo.h"
#include "collectors/handshake/handshake_table.h"
#include "collectors/handshake/silences.h"
#include "collectors/handshake/tally.h"

/* Evidence of its own for each, so that a flood of stray SYN-ACKs does not wash away the other. */
enum evidence_ring { EVIDENCE_REPEATED, EVIDENCE_RETURN, EVIDENCE_RINGS };

struct handshakes {
	struct handshake_limits limits;
	struct handshake_table table;
	struct tally tally;
	struct echoes echoes;
	struct departed departed;
	struct arrivals arrivals;
	struct silences silences;
	struct frame_ring recent; /* the first SYN and SYN-ACK of all, in case they become suspects */
	struct frame_ring evidence[EVIDENCE_RINGS];
	int64_t now_ns;
	int64_t wall_ns;          /* CLOCK_REALTIME - now_ns */
	int64_t blind_until_ns;   /* see handshakes_missed() */
	int64_t crowded_until_ns; /* likewise, after an eviction */
	uint32_t ratio;
	uint32_t
		return_ratio; /* the greatest ratio of the last HANDSHAKE_OPEN_NS: for SYN-ACKs without SYN */
	int64_t return_ratio_until_ns;
	uint64_t evicted, unmatched;
};

/* The devices at which one kind of packet was sighted. */
struct entry_way {
	bool has_in, has_out;
	struct handshake_way devices;
};

/* view: VIEW_SYN or VIEW_SYNACK. Where the direction is not known, SYNs came in and SYN-ACKs went out. */
struct entry_way entry_way(const struct entry *entry, enum view_packet view);
/* Time of the last SYN or SYN-ACK; 0: none. */
int64_t entry_last(const struct entry *entry, enum view_packet view);
enum handshake_role entry_role(const struct entry *entry);
/* Notes who arrives at `device` (asks: its client, else its server); the rest of *peer is filled in. */
void entry_note_arrival(struct handshakes *handshakes, const struct entry *entry, int device,
	const struct handshake_peer *peer);
/* What was noted when it passed the device: it went on to one above that. */
void entry_forget_arrival(struct handshakes *handshakes, const struct entry *entry, int device, bool asks);
/* Copies its first frames, if they are still there, to the evidence; once. */
void entry_keep_frames(struct handshakes *handshakes, struct entry *entry, enum evidence_ring ring);
/* From now on it is a suspect whose frames are kept: the first ones, this one and those to come. */
void handshake_keep_evidence(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting);

enum note {
	NOTE_FIRST,  /* not seen at this device in this direction before */
	NOTE_REPEAT, /* seen there at least HANDSHAKE_REPEAT_NS ago */
	NOTE_COPY,   /* the same packet captured again, or there are too many views */
};

/* Counts the packet at its device and keeps its frame if it may be of use. */
enum note handshake_sight(struct handshakes *handshakes, struct entry *entry, enum view_packet view,
	const struct packet *packet, const struct sighting *sighting);
/* The view at this device and direction, made if there is none; NULL if there is no room. */
struct view *entry_view(struct entry *entry, int device, enum direction direction);
/* 0 if time_ns lies before. */
uint32_t microseconds_since(int64_t start_ns, int64_t time_ns);

/* A new entry in QUEUE_OPEN; an old one goes if there is no room. */
struct entry *handshake_add(
	struct handshakes *handshakes, const struct flow *flow, uint32_t sequence, int64_t time_ns);
/* To the tail of a queue; its time to live there begins. */
void handshake_move(struct handshakes *handshakes, struct entry *entry, enum entry_queue queue);
bool handshake_is_sampled(const struct handshakes *handshakes, const struct flow *flow, uint32_t ratio);
