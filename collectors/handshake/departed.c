// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/departed.h"

#include <errno.h>
#include <stdlib.h>

#include "collectors/base/clock.h"

int departed_init(struct departed *departed, uint32_t slots)
{
	uint64_t size = 1;
	while (size < slots)
		size *= 2;
	departed->slots = calloc(size, sizeof(*departed->slots)); /* untouched pages cost nothing */
	departed->mask = (uint32_t)(size - 1);
	return departed->slots ? 0 : -ENOMEM;
}

void departed_destroy(struct departed *departed)
{
	free(departed->slots);
	departed->slots = NULL;
}

static uint32_t tag_of(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	return tag ? tag : 1;
}

void departed_note(struct departed *departed, uint64_t hash, int64_t time_ns)
{
	departed->slots[hash & departed->mask] = (struct departed_slot){ .tag = tag_of(hash),
		.milliseconds = (uint32_t)(time_ns / MILLISECOND_NS) };
}

bool departed_recall(
	const struct departed *departed, uint64_t hash, int64_t time_ns, int64_t least_ns, int64_t most_ns)
{
	const struct departed_slot *slot = &departed->slots[hash & departed->mask];
	int32_t passed = (int32_t)((uint32_t)(time_ns / MILLISECOND_NS) - slot->milliseconds);
	return slot->tag == tag_of(hash) && passed >= least_ns / MILLISECOND_NS &&
	       passed <= most_ns / MILLISECOND_NS;
}
