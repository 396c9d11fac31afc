// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include "exporter/daemon/schedule.h"

#define MS INT64_C(1000000)

struct row {
	const char *what;
	int64_t ended, cost, changed, due; /* milliseconds */
};

static const struct row rows[] = {
	{ "the first judgement comes at once", 0, 0, 0, 0 },
	{ "then on the next whole second", 5010, 10, 0, 6000 },
	{ "and on the one after", 6005, 5, 0, 7000 },
	{ "ending exactly on a tick waits for the next", 6000, 0, 0, 7000 },
	{ "a change waits until it has settled", 5010, 10, 5500, 5520 },
	{ "not before the pause is over", 5010, 10, 5011, 5210 },
	{ "a change shortly before the tick waits for it", 5010, 10, 5995, 6000 },
	{ "the pause holds for ticks as well", 5950, 10, 0, 6150 },
	{ "an expensive judgement makes a longer pause", 5010, 150, 5020, 5610 },
	{ "but never longer than a tick", 5010, 3000, 5020, 6010 },
	{ "also without a change", 5010, 3000, 0, 6010 },
	{ "an old change is due when the pause is over", 5010, 10, 4000, 5210 },
};

static void each_row_is_due_as_it_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct schedule schedule = { rows[i].ended * MS, rows[i].cost * MS,
			rows[i].changed * MS };
		if (schedule_next(&schedule) != rows[i].due * MS)
			fail_msg("%s: due at %lld ms", rows[i].what,
				(long long)(schedule_next(&schedule) / MS));
	}
}

/* Changes that never end: judged as often as is allowed, each seen within a second. */
static void churn_is_judged_at_a_bounded_share(void **state)
{
	(void)state;
	struct schedule schedule = { 1, 50 * MS, 0 };
	unsigned judged = 0;
	int64_t now = 1;
	for (; now < 10000 * MS; judged++) {
		schedule.changed_ns = now + 1;
		int64_t due = schedule_next(&schedule);
		assert_true(due - now <= 1000 * MS && due - now >= 200 * MS);
		now = due + schedule.cost_ns;
		schedule.ended_ns = now;
	}
	assert_in_range(judged, 38, 41);
}

static void backoff_grows_to_a_second(void **state)
{
	(void)state;
	static const int64_t expected[] = { 0, 0, 10, 20, 40, 80, 160, 320, 640, 1000, 1000 };
	for (unsigned i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		assert_int_equal(schedule_backoff(i), expected[i] * MS);
	assert_int_equal(schedule_backoff(UINT32_MAX), 1000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_due_as_it_says),
		cmocka_unit_test(churn_is_judged_at_a_bounded_share),
		cmocka_unit_test(backoff_grows_to_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
