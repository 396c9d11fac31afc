/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The last frames that were kept, in memory fixed from the start; new ones overwrite the oldest. */

#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet.h"

#define FRAME_BYTES 128

/* Begins with the header of PACKET_SLL2. */
struct frame {
	uint64_t handshake; /* its id, see collectors/handshake/handshake.h */
	int64_t time_ns;
	int device;
	enum direction direction;
	uint8_t flags;   /* enum tcp_flag */
	uint16_t size;   /* of bytes */
	uint32_t length; /* of the frame on the wire */
	uint8_t bytes[FRAME_BYTES];
};

struct frame_ring {
	struct frame *frames;
	uint32_t size;
	uint64_t written; /* since the start */
};

#define FRAME_NONE UINT64_MAX

/* 0 or -ENOMEM. */
int frame_ring_init(struct frame_ring *ring, uint32_t size);
void frame_ring_destroy(struct frame_ring *ring);
/* Returns the frame's number, for frame_ring_get(). */
uint64_t frame_ring_put(struct frame_ring *ring, const struct frame *frame);
/* NULL if it was overwritten, or for FRAME_NONE. */
const struct frame *frame_ring_get(const struct frame_ring *ring, uint64_t number);
/* How many frames there are; the oldest has the number written - this. */
uint32_t frame_ring_count(const struct frame_ring *ring);
