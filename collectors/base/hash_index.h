/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Finds positions in an array by a hash of what stands there: open addressing with linear probing in memory
 * that is fixed from the start, or grows where hash_index_reserve() is called. It knows hashes and positions
 * only; whoever looks up compares the items. Filled to half at most, and hashed with a secret seed, so that
 * nobody outside can make long chains; but no two items may be put in whose keys are the same.
 */

#include <stddef.h>
#include <stdint.h>

#define HASH_INDEX_NONE UINT32_MAX

struct hash_slot {
	uint32_t number; /* the item's plus 1; 0: empty, so that untouched memory need not be written */
	uint32_t hash;
};

struct hash_index {
	struct hash_slot *slots;
	uint32_t mask;
};

/* Mixes bytes and seed; the upper and the lower half are of equal worth. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);

/* A number that nobody outside knows. */
uint64_t hash_seed(void);

/* For at most `items` items. 0 or -ENOMEM. */
int hash_index_init(struct hash_index *index, uint32_t items);
/* Makes room for so many in all; an index of zeros has none. 0, or -ENOMEM and it is as before. */
int hash_index_reserve(struct hash_index *index, uint32_t items);
void hash_index_destroy(struct hash_index *index);

void hash_index_add(struct hash_index *index, uint32_t hash, uint32_t item);
/* Nothing happens if it is not there. */
void hash_index_remove(struct hash_index *index, uint32_t hash, uint32_t item);
/* Puts `item` where `old` stands. */
void hash_index_replace(struct hash_index *index, uint32_t hash, uint32_t old, uint32_t item);

/* Goes through the items with this hash: set *position to the hash's own and call until HASH_INDEX_NONE. */
uint32_t hash_index_next(const struct hash_index *index, uint32_t hash, uint32_t *position);
