// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of devices that had the same name are shown as one. */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/handshake/wire_rows.h"
#include "tests/support/wire_builder.h"

/* eth0 was device 1, then 3; device 2 is eth1. */
static struct facts *renewed(void)
{
	struct facts *facts = build_facts();
	static const char *const names[] = { "eth0", "eth1", "eth0" };
	for (int i = 0; i < 3; i++) {
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		assert_non_null(capture);
		*capture = (struct capture){ .ifindex = i + 1,
			.running = i > 0,
			.packets = 10u + (unsigned)i,
			.dropped = 20u + (unsigned)i };
		strcpy(capture->name, names[i]);
	}
	wire_report(facts);
	return facts;
}

/* Each count another number. */
static void count_up(uint64_t *counts, size_t count, uint64_t first)
{
	for (size_t i = 0; i < count; i++)
		counts[i] = first + i;
}

static void assert_sums(const uint64_t *counts, size_t count, uint64_t first, uint64_t factor)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(counts[i], first + factor * i);
}

static void devices_of_one_name_are_one(void **state)
{
	(void)state;
	struct facts *facts = renewed();
	for (unsigned i = 0; i < 3; i++) {
		struct handshake_device *device =
			ARRAY_ADD(facts->handshakes->devices, facts->handshakes->device_count);
		assert_non_null(device);
		device->device = (int)i + 1;
		count_up(device->packets[0], DIRECTIONS * HANDSHAKE_KINDS, 100 * i);
		count_up(device->recent, HANDSHAKE_OUTCOMES, 200 * i);
		count_up(device->delays, HANDSHAKE_DELAYS, 300 * i);
		count_up(device->echoes, ECHO_OUTCOMES, 400 * i);
		device->delay_sum = 0.5 + i;
	}
	struct handshake_device *rows;
	size_t count;
	assert_int_equal(wire_devices(facts, &rows, &count), 0);
	assert_int_equal(count, 2);
	for (unsigned i = 0; i < 2; i++) {
		unsigned first = i ? 1 : 2, factor = i ? 1 : 2;
		assert_string_equal(wire_name(facts, rows[i].device), i ? "eth1" : "eth0");
		assert_sums(rows[i].packets[0], DIRECTIONS * HANDSHAKE_KINDS, 100 * first, factor);
		assert_sums(rows[i].recent, HANDSHAKE_OUTCOMES, 200 * first, factor);
		assert_sums(rows[i].delays, HANDSHAKE_DELAYS, 300 * first, factor);
		assert_sums(rows[i].echoes, ECHO_OUTCOMES, 400 * first, factor);
		assert_true(rows[i].delay_sum == (i ? 1.5 : 3));
	}
	free(rows);
	facts_free(facts);
}

static void pairs_are_one_if_both_names_are(void **state)
{
	(void)state;
	static const int pairs[][2] = { { 1, 2 }, { 2, 1 }, { 3, 2 }, { 1, 0 }, { 2, 3 }, { 1, 3 }, { 3, 0 },
		{ HANDSHAKE_OTHER_DEVICES, HANDSHAKE_OTHER_DEVICES } };
	static const struct {
		const char *syn, *synack;
		uint64_t first, factor;
	} expected[] = { { "eth0", "eth1", 20, 2 }, { "eth1", "eth0", 50, 2 }, { "eth0", "", 90, 2 },
		{ "eth0", "eth0", 50, 1 }, { "other", "other", 70, 1 } };
	struct facts *facts = renewed();
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct handshake_pair *pair =
			ARRAY_ADD(facts->handshakes->pairs, facts->handshakes->pair_count);
		assert_non_null(pair);
		pair->syn_device = pairs[i][0];
		pair->synack_device = pairs[i][1];
		count_up(pair->counts, HANDSHAKE_OUTCOMES, 10 * i);
	}
	struct handshake_pair *rows;
	size_t count;
	assert_int_equal(wire_pairs(facts, &rows, &count), 0);
	assert_int_equal(count, 5);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(wire_name(facts, rows[i].syn_device), expected[i].syn);
		assert_string_equal(wire_name(facts, rows[i].synack_device), expected[i].synack);
		assert_sums(rows[i].counts, HANDSHAKE_OUTCOMES, expected[i].first, expected[i].factor);
	}
	free(rows);
	facts_free(facts);
}

/* The latest one tells whether it runs. */
static void captures_of_one_name_are_one(void **state)
{
	(void)state;
	struct facts *facts = renewed();
	struct capture *rows;
	size_t count;
	assert_int_equal(wire_captures(facts, &rows, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].ifindex, 3);
	assert_true(rows[0].running);
	assert_int_equal(rows[0].packets, 22);
	assert_int_equal(rows[0].dropped, 42);
	assert_int_equal(rows[1].packets, 11);
	free(rows);
	facts->capture_count = 0;
	assert_int_equal(wire_captures(facts, &rows, &count), 0);
	assert_int_equal(count, 0);
	free(rows);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_of_one_name_are_one),
		cmocka_unit_test(pairs_are_one_if_both_names_are),
		cmocka_unit_test(captures_of_one_name_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
