// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "collectors/base/hash_index.h"
#include "collectors/capture/frame_ring.h"

#define ITEMS 64

static bool contains(const struct hash_index *index, uint32_t hash, uint32_t item)
{
	uint32_t at = hash, found;
	unsigned hits = 0;
	while ((found = hash_index_next(index, hash, &at)) != HASH_INDEX_NONE)
		hits += found == item;
	assert_true(hits <= 1);
	return hits;
}

/* Hashes of few bits, so that chains collide, wrap around the end and run into each other. */
static uint32_t hash_of(uint32_t item, uint32_t variant)
{
	return 120 + (item * 2654435761u >> 7) % (variant + 1);
}

static void chains_survive_removals(void **state)
{
	(void)state;
	for (uint32_t variant = 0; variant < 16; variant++) {
		struct hash_index index;
		bool present[ITEMS] = { false };
		unsigned random = variant + 1;
		assert_int_equal(hash_index_init(&index, ITEMS), 0);
		for (unsigned step = 0; step < 2000; step++) {
			random = random * 1103515245 + 12345;
			uint32_t item = (random >> 16) % ITEMS;
			(present[item] ? hash_index_remove : hash_index_add)(
				&index, hash_of(item, variant), item);
			present[item] = !present[item];
			for (uint32_t other = 0; other < ITEMS; other++)
				assert_int_equal(
					contains(&index, hash_of(other, variant), other), present[other]);
		}
		hash_index_destroy(&index);
	}
}

static void items_are_replaced_in_place(void **state)
{
	(void)state;
	struct hash_index index;
	assert_int_equal(hash_index_init(&index, ITEMS), 0);
	hash_index_add(&index, 5, 1);
	hash_index_add(&index, 5, 2);
	hash_index_replace(&index, 5, 1, 9);
	hash_index_replace(&index, 5, 77, 8); /* is not there */
	hash_index_remove(&index, 5, 77);
	assert_true(contains(&index, 5, 9));
	assert_true(contains(&index, 5, 2));
	assert_false(contains(&index, 5, 1));
	assert_false(contains(&index, 5, 8));
	hash_index_destroy(&index);
}

static void room_is_made_when_it_is_wanted(void **state)
{
	(void)state;
	struct hash_index index = { 0 };
	for (uint32_t item = 0; item < 1000; item++) {
		assert_int_equal(hash_index_reserve(&index, item + 1), 0);
		assert_true(index.mask + 1 >= 2 * (item + 1));
		hash_index_add(&index, hash_of(item, 100), item);
	}
	for (uint32_t item = 0; item < 2000; item++)
		assert_int_equal(contains(&index, hash_of(item, 100), item), item < 1000);
	hash_index_destroy(&index);
}

static void hashes_spread(void **state)
{
	(void)state;
	unsigned buckets[256] = { 0 }, other_seed = 0;
	for (uint32_t i = 0; i < 65536; i++) {
		buckets[hash_bytes(1, &i, sizeof(i)) & 255]++;
		other_seed += (hash_bytes(1, &i, sizeof(i)) & 255) == (hash_bytes(2, &i, sizeof(i)) & 255);
	}
	for (unsigned i = 0; i < 256; i++)
		assert_in_range(buckets[i], 180, 340); /* 256 expected, 16 the deviation */
	assert_in_range(other_seed, 180, 340);
	assert_true(hash_bytes(1, "a\0", 2) != hash_bytes(1, "a", 1)); /* the length counts */
}

static void rings_keep_the_last_frames(void **state)
{
	(void)state;
	struct frame_ring ring;
	assert_int_equal(frame_ring_init(&ring, 4), 0);
	assert_null(frame_ring_get(&ring, 0));
	for (int device = 0; device < 10; device++) {
		const struct frame frame = { .device = device };
		assert_int_equal(frame_ring_put(&ring, &frame), device);
		assert_int_equal(frame_ring_count(&ring), device < 4 ? device + 1 : 4);
	}
	assert_null(frame_ring_get(&ring, 5));
	assert_int_equal(frame_ring_get(&ring, 6)->device, 6);
	assert_int_equal(frame_ring_get(&ring, 9)->device, 9);
	assert_null(frame_ring_get(&ring, 10));
	assert_null(frame_ring_get(&ring, FRAME_NONE));
	frame_ring_destroy(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_survive_removals),
		cmocka_unit_test(items_are_replaced_in_place),
		cmocka_unit_test(room_is_made_when_it_is_wanted),
		cmocka_unit_test(hashes_spread),
		cmocka_unit_test(rings_keep_the_last_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
