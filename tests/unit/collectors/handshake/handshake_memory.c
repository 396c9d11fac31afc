// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory that runs out at every place in turn: -ENOMEM, nothing leaked, outputs as they were. */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "collectors/base/array.h"
#include "collectors/handshake/handshake.h"
#include "collectors/handshake/handshake_metrics.h"
#include "tests/support/wire_builder.h"

static size_t left = SIZE_MAX; /* allocations that still succeed */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool may_allocate(void)
{
	return left == SIZE_MAX || left-- > 0;
}

void *__wrap_malloc(size_t size)
{
	if (may_allocate())
		return __real_malloc(size);
	left = 0;
	return NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	if (may_allocate())
		return __real_calloc(count, size);
	left = 0;
	return NULL;
}

static const struct handshake_limits limits = { 8, 8, 8, 8, 8, 8, 8, 8, 0 };

static void a_table_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	struct handshakes *handshakes = NULL;
	size_t most = 0;
	int result;
	do {
		left = most++;
		result = handshakes_new(&limits, 1, &handshakes);
		left = SIZE_MAX;
		assert_true(result == 0 || (result == -ENOMEM && !handshakes));
	} while (result < 0);
	assert_in_range(most, 10, 30);
	handshakes_free(handshakes);
}

static void a_report_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	struct handshakes *handshakes;
	struct handshake_report report = { .limit = 77 };
	size_t most = 0;
	int result;
	assert_int_equal(handshakes_new(&limits, 1, &handshakes), 0);
	do {
		left = most++;
		result = handshakes_report(handshakes, &report);
		left = SIZE_MAX;
		assert_true(result == 0 || (result == -ENOMEM && report.limit == 77));
	} while (result < 0);
	assert_int_equal(report.limit, 8);
	assert_in_range(most, 4, 10);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* ---- metrics ---- */

static void take_sample(struct metric_sink *sink, double value, const char *const *labels)
{
	(void)sink;
	(void)value;
	(void)labels;
}

static void take_histogram(
	struct metric_sink *sink, const struct metric_histogram *histogram, const char *const *labels)
{
	(void)sink;
	(void)histogram;
	(void)labels;
}

static unsigned failing_families(const struct facts *facts, size_t most)
{
	unsigned count = 0;
	for (const struct metric_family *family = handshake_metrics; family->name; family++) {
		struct metric_sink sink = {
			.family = family, .sample = take_sample, .histogram = take_histogram
		};
		left = most;
		family->emit(&sink, facts);
		left = SIZE_MAX;
		count += sink.failed;
		sink.failed = true;
		family->emit(&sink, facts);
		assert_true(sink.failed); /* by another before it */
	}
	return count;
}

/* Two allocations for the rows of captures, devices and pairs. */
static void samples_that_are_not_all_are_told_as_such(void **state)
{
	(void)state;
	struct facts *facts = wire_host();
	struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
	struct handshake_pair *pair = ARRAY_ADD(facts->handshakes->pairs, facts->handshakes->pair_count);
	assert_true(capture && pair);
	for (size_t most = 0; most < 2; most++)
		assert_int_equal(failing_families(facts, most), 7);
	assert_int_equal(failing_families(facts, 2), 0);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_made_whole_or_not_at_all),
		cmocka_unit_test(a_report_is_made_whole_or_not_at_all),
		cmocka_unit_test(samples_that_are_not_all_are_told_as_such),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
