/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Finds the few flows that send most of the bare ACKs, so that the capture filter can leave them out. Fixed
 * memory, used on one thread.
 *
 * A flow is left out for BULK_REST_NS and must then be found again; it is let in at once when a SYN of its
 * addresses and ports comes, since its ACK is wanted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet.h"

#define BULK_FLOWS   32
#define BULK_SLOTS   1024
#define BULK_PACE    100 /* bare ACKs a second from which on a flow is bulk */
#define BULK_STEP_NS (250 * INT64_C(1000000))
#define BULK_REST_NS (60 * INT64_C(1000000000))

/* One direction of a flow, as far as the filter compares it. */
struct bulk_flow {
	uint8_t family;
	uint32_t source, destination; /* IPv6: the last four bytes; host byte order */
	uint32_t ports;               /* source port << 16 | destination port */
};

struct bulk_slot {
	struct bulk_flow flow;
	uint32_t count;
};

struct bulk {
	struct bulk_slot slots[BULK_SLOTS];
	struct bulk_flow flows[BULK_FLOWS];
	int64_t until_ns[BULK_FLOWS];
	size_t count;
	int64_t step_ns; /* when the present step began */
	bool changed;    /* flows, since the caller cleared this */
};

/* All-zero is empty. */
void bulk_feed(struct bulk *bulk, const struct packet *packet);
/* To be called several times a second. */
void bulk_advance(struct bulk *bulk, int64_t now_ns);
