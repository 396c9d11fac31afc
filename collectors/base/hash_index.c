// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/hash_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd numbers with as many ones as zeros. */
#define MIX_WORD 0x9e3779b97f4a7c15u
#define MIX_SIZE 0xd1b54a32d192ed03u

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t state = seed ^ MIX_SIZE;
	for (size_t done = 0; done < size; done += 8) {
		uint64_t word = 0;
		memcpy(&word, at + done, size - done < 8 ? size - done : 8);
		state = mix(state ^ word, seed ^ MIX_WORD) + done;
	}
	return mix(state ^ size, MIX_WORD);
}

uint64_t hash_seed(void)
{
	uint64_t seed;
	struct timespec now;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		return seed;
	clock_gettime(CLOCK_MONOTONIC, &now); /* before the kernel has gathered any */
	return mix((uint64_t)now.tv_nsec, MIX_WORD);
}

int hash_index_init(struct hash_index *index, uint32_t items)
{
	uint64_t slots = 16;
	while (slots < (uint64_t)items * 2)
		slots *= 2;
	index->slots = calloc(slots, sizeof(*index->slots));
	if (!index->slots)
		return -ENOMEM;
	index->mask = (uint32_t)(slots - 1);
	return 0;
}

int hash_index_reserve(struct hash_index *index, uint32_t items)
{
	struct hash_index larger;
	if (index->slots && (uint64_t)items * 2 <= (uint64_t)index->mask + 1)
		return 0;
	int error = hash_index_init(&larger, items);
	if (error < 0)
		return error;
	for (uint64_t at = 0; index->slots && at <= index->mask; at++)
		if (index->slots[at].number)
			hash_index_add(&larger, index->slots[at].hash, index->slots[at].number - 1);
	free(index->slots);
	*index = larger;
	return 0;
}

void hash_index_destroy(struct hash_index *index)
{
	free(index->slots);
	index->slots = NULL;
}

void hash_index_add(struct hash_index *index, uint32_t hash, uint32_t item)
{
	uint32_t at = hash & index->mask;
	while (index->slots[at].number)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct hash_slot){ .number = item + 1, .hash = hash };
}

static uint32_t position_of(const struct hash_index *index, uint32_t hash, uint32_t item)
{
	uint32_t at = hash & index->mask;
	while (index->slots[at].number && index->slots[at].number != item + 1)
		at = (at + 1) & index->mask;
	return at;
}

/* Moves followers of the chain into the hole, so that no chain is ever broken. */
static void close_hole(struct hash_index *index, uint32_t hole)
{
	uint32_t mask = index->mask;
	for (uint32_t at = (hole + 1) & mask; index->slots[at].number; at = (at + 1) & mask) {
		uint32_t way = (at - index->slots[at].hash) & mask; /* from its own slot to where it stands */
		if (way < ((at - hole) & mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole = at;
	}
	index->slots[hole].number = 0;
}

void hash_index_remove(struct hash_index *index, uint32_t hash, uint32_t item)
{
	uint32_t at = position_of(index, hash, item);
	if (index->slots[at].number == item + 1)
		close_hole(index, at);
}

void hash_index_replace(struct hash_index *index, uint32_t hash, uint32_t old, uint32_t item)
{
	uint32_t at = position_of(index, hash, old);
	if (index->slots[at].number == old + 1)
		index->slots[at].number = item + 1;
}

uint32_t hash_index_next(const struct hash_index *index, uint32_t hash, uint32_t *position)
{
	for (uint32_t at = *position & index->mask; index->slots[at].number; at = (at + 1) & index->mask)
		if (index->slots[at].hash == hash) {
			*position = at + 1;
			return index->slots[at].number - 1;
		}
	return HASH_INDEX_NONE;
}
