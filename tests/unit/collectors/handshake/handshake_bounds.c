// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>

/* SYNs of `count` clients, all distinct. */
static void flood(struct handshakes *handshakes, unsigned count, double start)
{
	for (unsigned i = 0; i < count; i++) {
		char line[80];
		snprintf(line, sizeof(line), "%f 1 in f%u>s80 S %u", start + i * 1e-5, i % 60000, i * 7919);
		script_feed_line(handshakes, line, AF_INET);
	}
}
static void a_full_table_gives_up_the_oldest(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 64 entries */
	flood(handshakes, 100, 0);
	struct handshake_report report = script_report_after(handshakes, "wait 0.1");
	assert_int_equal(report.tracked, 64);
	assert_int_equal(report.evicted, 36);
	handshake_report_clear(&report);
	/* One that went comes back as a SYN-ACK: nothing is known of it, so nothing is said. */
	report = script_report_after(handshakes, "0.2 1 out s80>f0 SA 500 1\nwait 11");
	assert_int_equal(report.unmatched, 1);
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 0);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 64);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Whether its SYN was seen or its SYN-ACK alone. */
static void the_oldest_undecided_one_goes(void **state)
{
	(void)state;
	for (unsigned returned_first = 0; returned_first < 2; returned_first++) {
		struct handshakes *handshakes = script_table();
		script_feed(handshakes,
			returned_first ? "0 1 in s80>c1 SA 5 10\n0.1 1 in d1>s80 S 1\n"
				       : "0 1 in d1>s80 S 1\n0.1 1 in s80>c1 SA 5 10\n",
			AF_INET);
		flood(handshakes, 63, 0.2);
		struct handshake_report report = script_report_after(handshakes, "wait 11");
		assert_int_equal(report.evicted, 1);
		assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], !returned_first);
		assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 63 + returned_first);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void a_suspect_outlives_a_flood(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, ONE_WAY, AF_INET);
	flood(handshakes, 10000, 3);
	struct handshake_report report = script_report_after(handshakes, "4 1 in c1000>s80 S 100");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(report.suspects[0].repeats, 3);
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 20");
	assert_int_equal(report.outcomes[HANDSHAKE_ONE_WAY], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_lost_client_is_found_in_a_flood(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, "0 1 in c1000>s80 S 100\n0.001 2 out s80>c1000 SA 500 101\n", AF_INET);
	flood(handshakes, 1000, 0.1); /* its entry goes */
	struct handshake_report report = script_report_after(handshakes, "1 1 in c1000>s80 S 100");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(report.suspects[0].repeats, 1);
	handshake_report_clear(&report);
	flood(handshakes, 1000, 1.1);
	report = script_report_after(handshakes, "1.2 2 out s80>c1000 SA 500 101\n3 1 in c1000>s80 S 100");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(report.suspects[0].repeats, 2);
	assert_int_equal(report.suspects[0].synack.out, 2);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_copy_after_an_eviction_is_no_repetition(void **state)
{
	(void)state;
	static const struct {
		const char *packet;
		size_t suspects;
	} rows[] = { { "0.012 1 in c1000>s80 S 100", 0 }, { "0.021 1 in c1000>s80 S 100", 1 },
		{ "40.001 1 in c1000>s80 S 100", 1 }, { "40.002 1 in c1000>s80 S 100", 0 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct handshakes *handshakes = script_table();
		script_feed(
			handshakes, "0 1 in c1000>s80 S 100\n0.001 2 out s80>c1000 SA 500 101\n", AF_INET);
		flood(handshakes, 200, 0.002);
		struct handshake_report report = script_report_after(handshakes, rows[i].packet);
		assert_true(report.evicted > 0);
		assert_int_equal(report.suspect_count, rows[i].suspects);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void a_recalled_client_may_still_complete(void **state)
{
	(void)state;
	static const char *const ends[] = {
		"1.001 1 out s80>c1000 SA 500 101\n1.1 1 in c1000>s80 A 101 501\nwait 3",
		"1.1 1 in c1000>s80 A 101 501\nwait 3",
		"1.001 1 out s80>c1000 SA 500 101\n1.1 1 in c1000>s80 A 5000 9000\nwait 3",
	};
	for (size_t i = 0; i < 3; i++) {
		struct handshakes *handshakes = script_table();
		script_feed(
			handshakes, "0 1 in c1000>s80 S 100\n0.001 1 out s80>c1000 SA 500 101\n", AF_INET);
		flood(handshakes, 1000, 0.1);
		script_feed(handshakes, "1 1 in c1000>s80 S 100\n", AF_INET);
		struct handshake_report report = script_report_after(handshakes, ends[i]);
		assert_int_equal(report.suspect_count, 0);
		assert_int_equal(report.outcomes[HANDSHAKE_COMPLETED], 1);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}
static void an_older_one_is_found_when_the_newest_of_its_flow_is_gone(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, ONE_WAY "3.1 1 in c1000>s80 S 900\n3.2 1 out s80>c1000 RA 0 901\nwait 4",
		AF_INET);
	flood(handshakes, 1000, 4); /* drives out the one that was counted */
	struct handshake_report report =
		script_report_after(handshakes, "4.5 1 in c1000>s80 A 5000 9000\nwait 6");
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 1);
	assert_int_equal(report.outcomes[HANDSHAKE_COMPLETED], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}
static void suspects_do_not_take_the_whole_table(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (unsigned i = 0; i < 64; i++) {
		char text[200];
		snprintf(text, sizeof(text),
			"0 1 in c%u>s80 S 9\n0.001 1 out s80>c%u SA 5 10\n1 1 in c%u>s80 S 9", i, i, i);
		script_feed(handshakes, text, AF_INET);
	}
	flood(handshakes, 30, 1.5);
	struct handshake_report report = script_report_after(handshakes, "wait 1.6");
	assert_int_equal(report.evicted, 30); /* suspects, for there was nothing else */
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 30");
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 30);
	assert_int_equal(report.outcomes[HANDSHAKE_ONE_WAY], 34);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void sampled_counts_are_scaled(void **state)
{
	(void)state;
	const struct handshake_limits limits = { 1 << 16, 1, 16, 8, 8, 8, 8, 8, 0 };
	struct handshakes *handshakes;
	assert_int_equal(handshakes_new(&limits, 7, &handshakes), 0);
	handshakes_sample(handshakes, 8);
	for (unsigned i = 0; i < 40000; i++) {
		char text[200];
		snprintf(text, sizeof(text),
			"1 1 in c%u>s80 S 9\n1 1 out s80>c%u SA 5 10\n1.25 1 in c%u>s80 A 10 6", i, i, i);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 12");
	uint64_t completed = report.outcomes[HANDSHAKE_COMPLETED];
	assert_in_range(completed, 38000, 42000);
	assert_int_equal(completed % 8, 0);
	assert_int_equal(report.ratio, 8);
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 0);
	assert_int_equal(report.devices[0].packets[DIRECTION_IN][HANDSHAKE_ACK], completed);
	assert_true(report.devices[0].delay_sum == 0.25 * (double)completed);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void lost_clients_are_followed_sampled_or_not(void **state)
{
	(void)state;
	const struct handshake_limits limits = { 4096, 1 << 16, 16, 8, 8, 8, 400, 8, 0 };
	struct handshakes *handshakes;
	char text[200];
	assert_int_equal(handshakes_new(&limits, 7, &handshakes), 0);
	handshakes_sample(handshakes, 64);
	for (unsigned i = 1; i <= 50; i++) {
		snprintf(text, sizeof(text), "%u 1 in c%u>s80 S 9\n%u 1 out s80>c%u SA 5 10", i, i, i, i);
		script_feed(handshakes, text, AF_INET);
		snprintf(text, sizeof(text),
			"%u 1 in c%u>s80 S 9\n%u 1 out s80>c%u SA 5 10\n%u 1 in c%u>s80 S 9", i + 1, i, i + 1,
			i, i + 3, i);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 54");
	assert_in_range(report.suspect_count, 45, 50); /* the first may be forgotten again */
	for (size_t i = 0; i < report.suspect_count; i++)
		assert_true(report.suspects[i].repeats >= 2);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* The tap has left out its first SYN and its SYN-ACK. */
static void a_client_that_the_tap_recalls_is_followed(void **state)
{
	(void)state;
	for (int recalled = 0; recalled < 2; recalled++) {
		struct handshakes *handshakes = script_table();
		handshakes_sample(handshakes, 1 << 20);
		const struct packet syn = { .kind = PACKET_TCP,
			.source = script_host('c', AF_INET),
			.destination = script_host('s', AF_INET),
			.source_port = 1000,
			.destination_port = 80,
			.sequence = 100,
			.flags = TCP_SYN };
		const struct sighting sighting = { .device = 1,
			.direction = DIRECTION_IN,
			.time_ns = SCRIPT_START_NS + 1000000000,
			.recalled = recalled };
		handshakes_feed(handshakes, &syn, &sighting);
		struct handshake_report report =
			script_report_after(handshakes, "3 1 in c1000>s80 S 100\nwait 20");
		assert_int_equal(report.outcomes[HANDSHAKE_ONE_WAY], recalled);
		assert_int_equal(report.suspect_count, recalled);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void a_change_of_ratio_makes_no_wrong_outcomes(void **state)
{
	(void)state;
	const struct handshake_limits limits = { 4096, 1, 16, 8, 8, 8, 8, 8, 0 };
	struct handshakes *handshakes;
	char text[100];
	assert_int_equal(handshakes_new(&limits, 7, &handshakes), 0);
	handshakes_sample(handshakes, 4);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "1 1 in c%u>s80 S 9", i);
		script_feed_line(handshakes, text, AF_INET);
	}
	handshakes_sample(handshakes, 1);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "2 1 out s80>c%u SA 5 10", i);
		script_feed_line(handshakes, text, AF_INET);
	}
	handshakes_sample(handshakes, 16);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "3 1 in c%u>s80 A 10 6", i);
		script_feed_line(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 30");
	assert_in_range(report.outcomes[HANDSHAKE_COMPLETED], 800, 1200);
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY] + report.outcomes[HANDSHAKE_UNANSWERED] +
				 report.outcomes[HANDSHAKE_ABANDONED],
		0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* The ratio is told several times a second. */
static void all_are_followed_soon_after_a_flood(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	char text[40];
	handshakes_sample(handshakes, 1 << 20);
	for (unsigned second = 1; second <= 11; second++) {
		snprintf(text, sizeof(text), "wait %u", second);
		script_feed(handshakes, text, AF_INET);
		handshakes_sample(handshakes, 1);
	}
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof(text), "11 1 out s80>c%u SA 5 10", i);
		script_feed_line(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 30");
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 20);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* More than that is not said. */
static void repetitions_are_counted_up_to_255(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, "0 1 in c1000>s80 S 100\n0.001 1 out s80>c1000 SA 500 101\n", AF_INET);
	for (unsigned i = 1; i <= 300; i++) {
		char text[120];
		snprintf(text, sizeof(text), "%f 1 in c1000>s80 S 100\n%f 1 out s80>c1000 SA 500 101",
			0.03 * i, 0.03 * i + 0.001);
		script_feed(handshakes, text, AF_INET);
		if (i != 255 && i != 256 && i != 300)
			continue;
		struct handshake_report report = script_report_after(handshakes, "");
		assert_int_equal(report.suspect_count, 1);
		assert_int_equal(report.suspects[0].repeats, 255);
		assert_int_equal(report.suspects[0].synack_repeats, 255);
		handshake_report_clear(&report);
	}
	handshakes_free(handshakes);
}

/* After an eviction SYN-ACKs alone say nothing for ten seconds, and then they do again. */
static void a_table_that_was_full_trusts_itself_after_ten_seconds(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 64 entries */
	flood(handshakes, 65, 0);                       /* the last one is at 0.00064 */
	struct handshake_report report = script_report_after(handshakes,
		"10 1 out s80>c1 SA 5 10\n10.0005 1 out s80>c2 SA 5 10\n10.00064 1 out s80>c3 SA 5 10\nwait 30");
	assert_int_equal(report.evicted, 1);
	assert_int_equal(report.unmatched, 2);
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void packets_that_were_missed_make_no_return_only(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	handshakes_missed(handshakes, SCRIPT_START_NS);
	struct handshake_report report =
		script_report_after(handshakes, "9.9 1 out s80>c1 SA 5 10\n10 1 out s80>c2 SA 5 10\nwait 30");
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 1);
	assert_int_equal(report.unmatched, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void what_may_be_a_loss_goes_first(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 64 entries */
	handshakes_missed(handshakes, SCRIPT_START_NS);
	script_feed(handshakes, "0 1 in c1>s80 S 1\n0.1 1 out s80>d1 SA 5 10\n", AF_INET);
	flood(handshakes, 63, 0.2);
	struct handshake_report report = script_report_after(handshakes, "wait 0.3");
	assert_int_equal(report.tracked, 64);
	assert_int_equal(report.evicted, 0);
	assert_int_equal(report.unmatched, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void handshakes_end_piece_by_piece(void **state)
{
	(void)state;
	const struct handshake_limits limits = { 64, 1, 16, 8, 8, 8, 8, 8, .ends = 5 };
	struct handshakes *handshakes;
	assert_int_equal(handshakes_new(&limits, 7, &handshakes), 0);
	flood(handshakes, 40, 0);
	const int64_t later_ns = SCRIPT_START_NS + INT64_C(20000000000);
	assert_false(handshakes_advance_some(handshakes, later_ns, 10));
	assert_int_equal(handshakes_load(handshakes).tracked, 30);
	struct handshake_report report = script_report_after(handshakes, "20 1 in c1>s80 S 1");
	assert_int_equal(report.tracked, 26);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 15);
	handshake_report_clear(&report);
	assert_false(handshakes_advance_some(handshakes, later_ns, 24));
	assert_true(handshakes_advance_some(handshakes, later_ns, 24));
	assert_int_equal(handshakes_load(handshakes).tracked, 1);
	handshakes_free(handshakes);
}

static void a_report_in_parts_goes_on_while_the_table_does(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = { 0 };
	struct handshake_progress progress = { 0 };
	char text[80];
	int more = 1, device = 0;
	script_feed(handshakes, ONE_WAY, AF_INET);
	while (more > 0) {
		more = handshakes_report_part(handshakes, &report, &progress);
		device++;
		snprintf(text, sizeof(text), "4 %d in d%d>s80 S 1\n5 %d in d%d>s80 S 1", device, device,
			device, device);
		script_feed(handshakes, text, AF_INET);
	}
	assert_int_equal(more, 0);
	assert_int_equal(report.suspect_count, 1);
	assert_in_range(report.peer_count, 1, 8);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* One number in all SYNs makes as many other views as there are entries. */
static void one_number_for_all_hides_nobody_else(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	char text[80];
	script_feed(handshakes, "0 1 in c1>s80 S 7\n0 1 out s80>c1 SA 5 8\n1 1 in c1>s80 S 7\n", AF_INET);
	for (unsigned port = 2; port < 40; port++) {
		snprintf(text, sizeof(text), "1 1 in c%u>s80 S 7", port);
		script_feed_line(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes,
		"1 1 in d1>s80 S 100\n1 2 out d1>t8080 S 100\n1 2 in t8080>d1 SA 500 101\n"
		"1 3 out s80>d1 SA 500 101\n2 1 in d1>s80 S 100\n");
	assert_int_equal(report.suspect_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(report.suspects[i].joined);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_table_gives_up_the_oldest),
		cmocka_unit_test(the_oldest_undecided_one_goes),
		cmocka_unit_test(a_suspect_outlives_a_flood),
		cmocka_unit_test(a_lost_client_is_found_in_a_flood),
		cmocka_unit_test(a_copy_after_an_eviction_is_no_repetition),
		cmocka_unit_test(a_recalled_client_may_still_complete),
		cmocka_unit_test(an_older_one_is_found_when_the_newest_of_its_flow_is_gone),
		cmocka_unit_test(suspects_do_not_take_the_whole_table),
		cmocka_unit_test(sampled_counts_are_scaled),
		cmocka_unit_test(lost_clients_are_followed_sampled_or_not),
		cmocka_unit_test(a_client_that_the_tap_recalls_is_followed),
		cmocka_unit_test(a_change_of_ratio_makes_no_wrong_outcomes),
		cmocka_unit_test(all_are_followed_soon_after_a_flood),
		cmocka_unit_test(repetitions_are_counted_up_to_255),
		cmocka_unit_test(a_table_that_was_full_trusts_itself_after_ten_seconds),
		cmocka_unit_test(packets_that_were_missed_make_no_return_only),
		cmocka_unit_test(what_may_be_a_loss_goes_first),
		cmocka_unit_test(handshakes_end_piece_by_piece),
		cmocka_unit_test(a_report_in_parts_goes_on_while_the_table_does),
		cmocka_unit_test(one_number_for_all_hides_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
