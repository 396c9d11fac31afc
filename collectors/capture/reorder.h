/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Puts the packets of several devices back into the order of their time. Each device's ring hands its frames
 * over when a block is full or its time-out has passed, so a SYN-ACK that leaves by one device is read up to
 * that long before the SYN that came in by another. Memory is fixed from the start.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/frame_ring.h"
#include "collectors/capture/packet.h"
#include "collectors/handshake/handshake_facts.h"

struct reorder_slot {
	struct packet packet;
	struct sighting sighting; /* its frame points to bytes */
	uint64_t order;           /* of arrival, among those of the same time */
	uint8_t bytes[FRAME_BYTES];
};

struct reorder {
	struct reorder_slot *slots;
	uint16_t *heap; /* positions in slots: the first `count` wait, earliest on top; the others are free */
	size_t count, capacity;
	uint64_t order;
};

typedef void reorder_function(void *argument, const struct packet *packet, const struct sighting *sighting);

/* capacity: 1 to 65535. 0 or -ENOMEM. */
int reorder_init(struct reorder *reorder, size_t capacity);
void reorder_destroy(struct reorder *reorder);

/* Keeps a copy, with up to FRAME_BYTES of the frame. If there is no room the earliest that waits is given
 * out, so that none is lost: then the order is only as good as the room is large. */
void reorder_put(struct reorder *reorder, const struct packet *packet, const struct sighting *sighting,
	reorder_function *function, void *argument);
/* Gives out packets of before that time, earliest first, `most` at most. Returns whether those were all. */
bool reorder_release(
	struct reorder *reorder, int64_t before_ns, size_t most, reorder_function *function, void *argument);
