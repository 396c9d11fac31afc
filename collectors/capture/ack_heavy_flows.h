/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Finds the few flows that send most of the bare ACKs, so that the capture filter can leave them out. Fixed
 * memory, used on one thread.
 *
 * A flow is left out for ACK_HEAVY_REST_NS and must then be found again; it is let in at once when a SYN of
 * its addresses and ports comes, since its ACK is wanted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet.h"

#define ACK_HEAVY_FLOWS   32
#define ACK_HEAVY_SLOTS   1024
#define ACK_HEAVY_PACE    100 /* bare ACKs a second from which on a flow is heavy */
#define ACK_HEAVY_STEP_NS (250 * INT64_C(1000000))
#define ACK_HEAVY_REST_NS (60 * INT64_C(1000000000))

/* One direction of a flow, as far as the filter compares it. */
struct ack_heavy_flow {
	uint8_t family;
	uint32_t source, destination; /* IPv6: the last four bytes; host byte order */
	uint32_t ports;               /* source port << 16 | destination port */
};

struct ack_heavy_slot {
	struct ack_heavy_flow flow;
	uint32_t count;
};

struct ack_heavy_flows {
	struct ack_heavy_slot slots[ACK_HEAVY_SLOTS];
	struct ack_heavy_flow flows[ACK_HEAVY_FLOWS];
	int64_t until_ns[ACK_HEAVY_FLOWS];
	size_t count;
	int64_t step_ns; /* when the present step began */
	bool changed;    /* flows, since the caller cleared this */
};

/* All-zero is empty. */
void ack_heavy_feed(struct ack_heavy_flows *heavy, const struct packet *packet);
/* To be called several times a second. */
void ack_heavy_advance(struct ack_heavy_flows *heavy, int64_t now_ns);
