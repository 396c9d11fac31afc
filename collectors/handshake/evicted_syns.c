// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/evicted_syns.h"

#include <errno.h>
#include <stdlib.h>

#include "collectors/base/clock.h"

int evicted_syns_init(struct evicted_syns *evicted, uint32_t slots)
{
	uint64_t size = 1;
	while (size < slots)
		size *= 2;
	evicted->slots = calloc(size, sizeof(*evicted->slots)); /* untouched pages cost nothing */
	evicted->mask = (uint32_t)(size - 1);
	return evicted->slots ? 0 : -ENOMEM;
}

void evicted_syns_destroy(struct evicted_syns *evicted)
{
	free(evicted->slots);
	evicted->slots = NULL;
}

static uint32_t tag_of(uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	return tag ? tag : 1;
}

void evicted_syns_note(struct evicted_syns *evicted, uint64_t hash, int64_t time_ns)
{
	evicted->slots[hash & evicted->mask] = (struct evicted_syn){ .tag = tag_of(hash),
		.milliseconds = (uint32_t)(time_ns / MILLISECOND_NS) };
}

bool evicted_syns_recall(
	const struct evicted_syns *evicted, uint64_t hash, int64_t time_ns, int64_t least_ns, int64_t most_ns)
{
	const struct evicted_syn *slot = &evicted->slots[hash & evicted->mask];
	int32_t passed = (int32_t)((uint32_t)(time_ns / MILLISECOND_NS) - slot->milliseconds);
	return slot->tag == tag_of(hash) && passed >= least_ns / MILLISECOND_NS &&
	       passed <= most_ns / MILLISECOND_NS;
}
