// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/frame_ring.h"

#include <errno.h>
#include <stdlib.h>

int frame_ring_init(struct frame_ring *ring, uint32_t size)
{
	*ring = (struct frame_ring){ .size = size ? size : 1 };
	ring->frames = calloc(ring->size, sizeof(*ring->frames));
	return ring->frames ? 0 : -ENOMEM;
}

void frame_ring_destroy(struct frame_ring *ring)
{
	free(ring->frames);
	ring->frames = NULL;
}

uint64_t frame_ring_put(struct frame_ring *ring, const struct frame *frame)
{
	ring->frames[ring->written % ring->size] = *frame;
	return ring->written++;
}

const struct frame *frame_ring_get(const struct frame_ring *ring, uint64_t number)
{
	if (number >= ring->written || ring->written - number > ring->size)
		return NULL;
	return &ring->frames[number % ring->size];
}

uint32_t frame_ring_count(const struct frame_ring *ring)
{
	return ring->written < ring->size ? (uint32_t)ring->written : ring->size;
}
