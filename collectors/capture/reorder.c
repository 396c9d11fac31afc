// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/reorder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int reorder_init(struct reorder *reorder, size_t capacity)
{
	struct reorder made = { .capacity = capacity };
	made.slots = calloc(capacity, sizeof(*made.slots));
	made.heap = calloc(capacity, sizeof(*made.heap));
	if (!made.slots || !made.heap) {
		reorder_destroy(&made);
		return -ENOMEM;
	}
	for (size_t i = 0; i < capacity; i++)
		made.heap[i] = (uint16_t)i;
	*reorder = made;
	return 0;
}

void reorder_destroy(struct reorder *reorder)
{
	free(reorder->slots);
	free(reorder->heap);
	*reorder = (struct reorder){ 0 };
}

/* One packet has one time at all devices that it comes in by, and passes the older ones first: a device
 * stands on others that were there before it (eth0.10 on eth0). */
static int compare_devices(const struct sighting *left, const struct sighting *right)
{
	int a = left->direction == DIRECTION_IN ? left->device : INT_MAX;
	int b = right->direction == DIRECTION_IN ? right->device : INT_MAX;
	return (a > b) - (a < b);
}

static bool is_before(const struct reorder *reorder, size_t a, size_t b)
{
	const struct reorder_slot *left = &reorder->slots[reorder->heap[a]];
	const struct reorder_slot *right = &reorder->slots[reorder->heap[b]];
	if (left->sighting.time_ns != right->sighting.time_ns)
		return left->sighting.time_ns < right->sighting.time_ns;
	int devices = compare_devices(&left->sighting, &right->sighting);
	return devices ? devices < 0 : left->order < right->order;
}

static void swap(struct reorder *reorder, size_t a, size_t b)
{
	uint16_t slot = reorder->heap[a];
	reorder->heap[a] = reorder->heap[b];
	reorder->heap[b] = slot;
}

static void rise(struct reorder *reorder, size_t at)
{
	for (; at && is_before(reorder, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(reorder, at, (at - 1) / 2);
}

static void sink(struct reorder *reorder, size_t at)
{
	for (;;) {
		size_t first = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < reorder->count; child++)
			if (is_before(reorder, child, first))
				first = child;
		if (first == at)
			return;
		swap(reorder, at, first);
		at = first;
	}
}

/* The slot of the earliest is free afterwards, but untouched until the next is put. */
static const struct reorder_slot *take(struct reorder *reorder)
{
	const struct reorder_slot *earliest = &reorder->slots[reorder->heap[0]];
	swap(reorder, 0, --reorder->count);
	sink(reorder, 0);
	return earliest;
}

void reorder_put(struct reorder *reorder, const struct packet *packet, const struct sighting *sighting,
	reorder_function *function, void *argument)
{
	if (reorder->count == reorder->capacity) {
		const struct reorder_slot *earliest = take(reorder);
		function(argument, &earliest->packet, &earliest->sighting);
	}
	struct reorder_slot *slot = &reorder->slots[reorder->heap[reorder->count]];
	slot->packet = *packet;
	slot->sighting = *sighting;
	slot->order = reorder->order++;
	if (sighting->frame) {
		if (sighting->size > sizeof(slot->bytes))
			slot->sighting.size = sizeof(slot->bytes);
		memcpy(slot->bytes, sighting->frame, slot->sighting.size);
		slot->sighting.frame = slot->bytes;
	}
	rise(reorder, reorder->count++);
}

bool reorder_release(
	struct reorder *reorder, int64_t before_ns, size_t most, reorder_function *function, void *argument)
{
	while (reorder->count && reorder->slots[reorder->heap[0]].sighting.time_ns < before_ns) {
		if (most-- == 0)
			return false;
		const struct reorder_slot *earliest = take(reorder);
		function(argument, &earliest->packet, &earliest->sighting);
	}
	return true;
}
