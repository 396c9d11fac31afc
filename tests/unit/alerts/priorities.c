// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_free_run_below_the_ceiling_is_taken),
		cmocka_unit_test(runs_never_overlap_and_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
