// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdlib.h>

#include "alerts/remedy/priorities.h"
#include "tests/support/facts_builder.h"

struct row {
	uint32_t taken[4]; /* ends with 0 */
	uint32_t ceiling, count, first;
};

static const struct row rows[] = {
	{ { 32766, 32767 }, 32766, 2, 32764 },
	{ { 32766, 32765 }, 32766, 2, 32763 },
	{ { 32766, 32764 }, 32766, 2, 32762 },
	{ { 32766, 32763 }, 32766, 2, 32764 },
	{ { 32766, 32764 }, 32766, 1, 32765 },
	{ { 0 }, 32766, 2, 32764 },
	{ { 3 }, 3, 2, 1 },
	{ { 3 }, 3, 3, 0 },
	{ { 2, 1 }, 2, 1, 0 },
	{ { 1 }, 1, 1, 0 },
	{ { 100 }, 0, 2, 0 },
	{ { UINT32_MAX, 7 }, UINT32_MAX, 3, UINT32_MAX - 3 },
	{ { 5, 5, 3 }, 5, 2, 1 },
};

static void the_highest_free_run_below_the_ceiling_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = build_facts();
		struct priorities priorities;
		uint32_t first = 99;
		build_rule(facts, AF_INET, 0, NULL, 255);
		build_rule(facts, AF_INET6, rows[i].ceiling - 1, NULL, 254);
		for (size_t j = 0; j < 4 && rows[i].taken[j]; j++)
			build_rule(facts, AF_INET, rows[i].taken[j], NULL, 254);
		assert_int_equal(priorities_open(&priorities, facts, AF_INET), 0);
		assert_int_equal(priorities_take(&priorities, rows[i].ceiling, rows[i].count, &first), 0);
		assert_int_equal(first, rows[i].first);
		priorities_close(&priorities);
		facts_free(facts);
	}
}

static void runs_never_overlap_and_end(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	struct priorities priorities;
	uint32_t below = 60, first, runs = 0;
	build_rule(facts, AF_INET, 60, NULL, 254);
	build_rule(facts, AF_INET, 41, NULL, 254);
	assert_int_equal(priorities_open(&priorities, facts, AF_INET), 0);
	for (; priorities_take(&priorities, 60, 3, &first) == 0 && first; runs++) {
		assert_true(first + 3 <= below);
		assert_true(first > 41 || first + 3 <= 41);
		below = first;
	}
	assert_int_equal(runs, 18 / 3 + 40 / 3);
	priorities_close(&priorities);
	facts_free(facts);
}

#define NUMBERS 40

/* The highest of the free runs, by looking at each number. */
static uint32_t expected(const bool taken[static NUMBERS], uint32_t ceiling, uint32_t count)
{
	for (uint32_t first = ceiling > count ? ceiling - count : 0; first > 0; first--) {
		uint32_t free_ones = 0;
		while (free_ones < count && !taken[first + free_ones])
			free_ones++;
		if (free_ones == count)
			return first;
	}
	return 0;
}

static void runs_are_those_that_looking_at_each_number_finds(void **state)
{
	(void)state;
	srand(3);
	for (unsigned round = 0; round < 500; round++) {
		bool taken[NUMBERS] = { false };
		struct facts *facts = build_facts();
		struct priorities priorities;
		for (int rules = rand() % 15; rules > 0; rules--) {
			uint32_t number = (uint32_t)rand() % NUMBERS;
			build_rule(facts, AF_INET, number, NULL, 254);
			taken[number] = true;
		}
		assert_int_equal(priorities_open(&priorities, facts, AF_INET), 0);
		for (unsigned i = 0; i < 20; i++) {
			uint32_t ceiling = (uint32_t)rand() % NUMBERS, count = 1 + (uint32_t)rand() % 3,
				 first;
			assert_int_equal(priorities_take(&priorities, ceiling, count, &first), 0);
			assert_int_equal(first, expected(taken, ceiling, count));
			for (uint32_t j = 0; first && j < count; j++)
				taken[first + j] = true;
		}
		for (size_t i = 1; i < priorities.count; i++)
			assert_true(priorities.runs[i - 1].last + 1 < priorities.runs[i].first);
		priorities_close(&priorities);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_free_run_below_the_ceiling_is_taken),
		cmocka_unit_test(runs_never_overlap_and_end),
		cmocka_unit_test(runs_are_those_that_looking_at_each_number_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
