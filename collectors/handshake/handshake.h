/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The handshake table: sightings of packets go in, outcomes of TCP openings come out (DESIGN "Handshake
 * outcomes"). No sockets, no clock of its own, no allocation per packet; used on one thread at a time. What
 * it learnt is copied out as plain values by handshakes_report().
 *
 * It lives by the time of what it is fed, which should not be stepped: CLOCK_MONOTONIC, or a capture file's
 * own time. What comes out is CLOCK_REALTIME, see handshakes_set_wall().
 *
 * A handshake is known by client, server, their ports and the client's initial sequence number, so another
 * number on the same addresses is another handshake. Its packets may be sighted at several devices, in either
 * direction, and a little out of order: rings of several devices are read one after the other. SYN, SYN-ACK
 * and ACK may come in any order; an RST that is fed before its SYN is lost, and so is what it said.
 *
 *  - A *repetition* is the same kind of packet at the same device in the same direction at least
 *    HANDSHAKE_REPEAT_NS after the one before. Earlier, it is the same packet captured twice: not counted.
 *  - An outcome is counted HANDSHAKE_SETTLE_NS after the handshake completed or was refused (other devices
 * may still show the same packets), or HANDSHAKE_OPEN_NS after the last packet that moved it: the first SYN,
 * the first SYN-ACK, the first SYN after the SYN-ACK. Nothing else keeps it open.
 *  - Counted ones are remembered for HANDSHAKE_MEMORY_NS more, as room allows, so that late repetitions are
 *    not taken for new handshakes.
 *  - An RST from the server before any SYN-ACK refuses. An RST after it decides nothing: a client that resets
 *    has not acknowledged (abandoned), unless the RST itself carries that acknowledgement (completed).
 *  - A SYN-ACK whose SYN never came stays return_only even if it is acknowledged.
 */

#include "collectors/handshake/handshake_facts.h"

extern const struct handshake_limits
	handshake_limits_default; /* about 12 MiB, and 8 MiB more under a flood */

struct handshakes;

/* seed: secret and random. 0 or -ENOMEM. */
int handshakes_new(const struct handshake_limits *limits, uint64_t seed, struct handshakes **out);
/* Accepts NULL. */
void handshakes_free(struct handshakes *handshakes);

/* Takes a packet in; other kinds than TCP and echo are ignored. Time may step back a little. */
void handshakes_feed(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting);
/* Lets time pass where no packets come: counts what is due. To be called several times a second. */
void handshakes_advance(struct handshakes *handshakes, int64_t now_ns);
/* The same, but counts at most `most`. Returns whether that was all. */
bool handshakes_advance_some(struct handshakes *handshakes, int64_t now_ns, uint32_t most);
/* From now on wall_ns is added to the table's time where it is reported, to make it CLOCK_REALTIME. 0 at
 * first. */
void handshakes_set_wall(struct handshakes *handshakes, int64_t wall_ns);
/* Counts all that is open, as at the end of a capture. */
void handshakes_finish(struct handshakes *handshakes);

/* From now on one flow of `ratio` is followed (by a hash of its addresses and ports), and counts for `ratio`;
 * flows that are already followed stay so. 1: all. */
void handshakes_sample(struct handshakes *handshakes, uint32_t ratio);
/* Packets were missed, or a capture has just begun: a SYN-ACK without its SYN says nothing for the next
 * HANDSHAKE_OPEN_NS, unless a SYN to another address asked for it, or it is repeated in a way that shows that
 * its SYN never passed. After an eviction it says nothing at all. */
void handshakes_missed(struct handshakes *handshakes, int64_t now_ns);

/* All of them. The counts of one that is gone are kept for as long as there is room and it is named here; if
 * it has an heir, that one gets them, so that nothing is missing under their name. Without a call all devices
 * are taken for present. To be called every second or so. */
void handshakes_devices(
	struct handshakes *handshakes, const struct handshake_presence *devices, size_t count);

/* How far a report that is made in parts has come. */
struct handshake_progress {
	unsigned part;
	uint32_t rows; /* of devices, whose peers are copied */
	uint32_t row;
};

/* How full the table is: handshakes that are open, and those that had to go, as in the report. */
struct handshake_load {
	uint64_t tracked, limit, evicted;
};

struct handshake_load handshakes_load(const struct handshakes *handshakes);

/* Fills *out. Not const: frames of joined suspects become evidence. 0 or -ENOMEM. */
int handshakes_report(struct handshakes *handshakes, struct handshake_report *out);
/* The same in parts, between which the table may go on: *report and *progress are zero at first. 1: there is
 * more to do; 0: that was all; -ENOMEM: the report is to be cleared. Each part takes bounded time. */
int handshakes_report_part(
	struct handshakes *handshakes, struct handshake_report *report, struct handshake_progress *progress);

/* Copies the newest frames of suspects, at most `most`, in order of capture; returns how many. */
size_t handshakes_evidence(const struct handshakes *handshakes, struct frame *out, size_t most);
