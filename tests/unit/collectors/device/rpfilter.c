// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include "collectors/base/history.h"
#include "collectors/device/device_parse.h"
#include "tests/support/recorded.h"

#define SECOND INT64_C(1000000000)

static void recorded_counters_are_understood(void **state)
{
	(void)state;
	size_t size;
	uint64_t drops, sources, destinations;
	char *text = recorded_bytes("netstat", &size);
	assert_true(rpfilter_parse_drops(text, &drops));
	assert_int_equal(drops, 0);
	assert_false(rpfilter_parse_martians(text, &sources, &destinations));
	free(text);
	text = recorded_bytes("rt_cache", &size);
	assert_true(rpfilter_parse_martians(text, &sources, &destinations));
	assert_int_equal(sources, 0x24 + 0x2c);
	assert_int_equal(destinations, 0);
	assert_false(rpfilter_parse_drops(text, &drops));
	free(text);
}

static void drops_are_found_by_name(void **state)
{
	(void)state;
	uint64_t drops = 7;
	assert_true(rpfilter_parse_drops("Ip: IPReversePathFilter\nIp: 3\nTcpExt: A IPReversePathFilter B\n"
					 "TcpExt: 1 4294967296 3\nIpExt: X\nIpExt: 1\n",
		&drops));
	assert_int_equal(drops, UINT64_C(4294967296));
	static const char *const bad[] = { "", "\n\n", "TcpExt:", "TcpExt: IPReversePathFilter",
		"TcpExt: IPReversePathFilter\nTcpExt:", "TcpExt: IPReversePathFilter\nIpExt: 5\n",
		"TcpExt: IPReversePathFilter\nTcpExt: x\n", "TcpExt: IPReversePathFilter\nTcpExt: -5\n",
		"TcpExt: IPReversePathFilterX\nTcpExt: 5\n",
		"TcpExt: IPReversePathFilter\nTcpExt: 99999999999999999999\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(rpfilter_parse_drops(bad[i], &drops));
	assert_int_equal(drops, UINT64_C(4294967296));
}

static void the_first_reading_is_no_rise(void **state)
{
	(void)state;
	struct history history = { 0 };
	history_add(&history, 5 * SECOND, 1000);
	assert_int_equal(history_recent(&history, 5 * SECOND), 0);
	assert_int_equal(history.risen_ns, 0);
}

static void rises_are_forgotten_after_a_minute(void **state)
{
	(void)state;
	struct history history = { 0 };
	history_add(&history, 0, 10);
	history_add(&history, 1 * SECOND, 12);
	history_add(&history, 1 * SECOND + 1, 13);
	history_add(&history, 30 * SECOND, 20);
	assert_int_equal(history_recent(&history, 30 * SECOND), 10);
	assert_int_equal(history.risen_ns, 30 * SECOND);
	assert_int_equal(history_recent(&history, 60 * SECOND), 10);
	assert_int_equal(history_recent(&history, 61 * SECOND), 7);
	assert_int_equal(history_recent(&history, 90 * SECOND), 0);
	history_add(&history, 61 * SECOND, 25); /* the bucket of second 1 again */
	assert_int_equal(history_recent(&history, 61 * SECOND), 12);
}

static void a_reset_counter_begins_anew(void **state)
{
	(void)state;
	struct history history = { 0 };
	history_add(&history, 1 * SECOND, 10);
	history_add(&history, 2 * SECOND, 15);
	history_add(&history, 3 * SECOND, 4);
	assert_int_equal(history_recent(&history, 3 * SECOND), 0);
	assert_int_equal(history.risen_ns, 0);
	history_add(&history, 4 * SECOND, 6);
	assert_int_equal(history_recent(&history, 4 * SECOND), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_counters_are_understood),
		cmocka_unit_test(drops_are_found_by_name),
		cmocka_unit_test(the_first_reading_is_no_rise),
		cmocka_unit_test(rises_are_forgotten_after_a_minute),
		cmocka_unit_test(a_reset_counter_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
