/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who was seen arriving at each device lately, in fixed memory, for collectors/handshake/handshake.c. Only
 * such are noted whose address is not forged: they came back after an answer, repeated themselves, or
 * answered what this host had sent them. One place is for a peer and whom it speaks to where it does not
 * complete, and one for each port at which it does.
 */

#include "collectors/handshake/handshake_counters.h"

#define INGRESS_PEERS_OF_DEVICE 16
/* Those whose connection is not finished, or was not before, make room for others only so much later. */
#define INGRESS_PEERS_PREFERENCE_NS (10 * INT64_C(1000000000))
#define INGRESS_PEERS_MEMORY_NS     (600 * INT64_C(1000000000))

struct ingress_peers {
	struct handshake_peer
		*peers; /* INGRESS_PEERS_OF_DEVICE for each slot of the counters; seen_ns 0: none */
	uint32_t slots;
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int ingress_peers_init(struct ingress_peers *ingress, uint32_t slots);
void ingress_peers_destroy(struct ingress_peers *ingress);

/* slot: that of peer->device among the counters. */
void ingress_peers_note(struct ingress_peers *ingress, uint16_t slot, const struct handshake_peer *peer);
/* The same peer at the device was none: its packet went on to a device above that one. */
void ingress_peers_forget(struct ingress_peers *ingress, uint16_t slot, const struct handshake_peer *peer);
/* Adds those of the slots from `first` up to `end` to out->peers, where there is room for them. */
void ingress_peers_report(const struct ingress_peers *ingress, const struct handshake_counters *counters,
	uint32_t first, uint32_t end, int64_t now_ns, struct handshake_report *out);
