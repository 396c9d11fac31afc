/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who was seen arriving at each device lately, in fixed memory, for collectors/handshake/handshake.c. Only
 * such are noted whose address is not forged: they came back after an answer, repeated themselves, or
 * answered what this host had sent them. One place is for a peer and whom it speaks to, and for the port if
 * it completes there.
 */

#include "collectors/handshake/tally.h"

#define ARRIVALS_OF_DEVICE 16
/* Those whose connection is not finished make room for others only so much later. */
#define ARRIVALS_PREFERENCE_NS (10 * INT64_C(1000000000))
#define ARRIVALS_MEMORY_NS     (600 * INT64_C(1000000000))

struct arrivals {
	struct handshake_peer *peers; /* ARRIVALS_OF_DEVICE for each slot of the tally; seen_ns 0: none */
	uint32_t slots;
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int arrivals_init(struct arrivals *arrivals, uint32_t slots);
void arrivals_destroy(struct arrivals *arrivals);

/* slot: that of peer->device in the tally. */
void arrivals_note(struct arrivals *arrivals, uint16_t slot, const struct handshake_peer *peer);
/* The same peer at the device was none: its packet went on to a device above that one. */
void arrivals_forget(struct arrivals *arrivals, uint16_t slot, const struct handshake_peer *peer);
/* Adds those of the slots from `first` up to `end` to out->peers, where there is room for them. */
void arrivals_report(const struct arrivals *arrivals, const struct tally *tally, uint32_t first, uint32_t end,
	int64_t now_ns, struct handshake_report *out);
