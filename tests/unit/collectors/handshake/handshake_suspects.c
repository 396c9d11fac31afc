// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>

static void an_open_handshake_is_a_suspect(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes, ONE_WAY);
	assert_int_equal(report.suspect_count, 1);
	const struct handshake_suspect *suspect = &report.suspects[0];
	assert_int_equal(suspect->sign, SIGN_SYN_REPEATED);
	assert_int_equal(suspect->role, HANDSHAKE_SERVED);
	assert_int_equal(suspect->repeats, 2);
	assert_int_equal(suspect->syn.in, 1);
	assert_int_equal(suspect->synack.out, 2);
	assert_false(suspect->counted || suspect->acknowledged);
	assert_int_equal(suspect->answered_ns, SCRIPT_START_NS + 1000000);
	assert_int_equal(suspect->asked_ns, SCRIPT_START_NS + INT64_C(3000000000));
	handshake_report_clear(&report);

	report = script_report_after(handshakes, "wait 15");
	assert_int_equal(report.suspect_count, 1);
	assert_true(report.suspects[0].counted);
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 60");
	assert_int_equal(report.suspect_count, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_completed_handshake_is_no_suspect(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report =
		script_report_after(handshakes, ONE_WAY "3.5 1 in c1000>s80 A 101 501");
	assert_int_equal(report.suspect_count, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void an_ignored_reply_is_a_suspect(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 5 out c1000>s80 S 100\n0.1 6 in s80>c1000 SA 500 101\n1 5 out c1000>s80 S 100\n");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(report.suspects[0].sign, SIGN_REPLY_IGNORED);
	assert_int_equal(report.suspects[0].role, HANDSHAKE_OPENED);
	assert_int_equal(report.suspects[0].syn.out, 5);
	assert_int_equal(report.suspects[0].synack.in, 6);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void an_answer_from_another_address_is_joined(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 1 out c1000>s80 S 100\n0.1 1 in x80>c1000 SA 500 101\n0.1 1 out c1000>x80 R 101\n");
	assert_int_equal(report.suspect_count, 1);
	const struct handshake_suspect *suspect = &report.suspects[0];
	struct address asked = script_host('s', AF_INET), answerer = script_host('x', AF_INET);
	assert_int_equal(suspect->sign, SIGN_OTHER_ADDRESS);
	assert_true(address_equal(&suspect->server, &answerer));
	assert_true(address_equal(&suspect->other_server, &asked));
	assert_int_equal(suspect->other_syn.out, 1);
	handshake_report_clear(&report);

	struct frame frames[8]; /* the SYN, too, though its own entry is no suspect */
	size_t count = handshakes_evidence(handshakes, frames, 8);
	assert_int_equal(count, 3);
	assert_int_equal(frames[0].flags, TCP_SYN);
	assert_int_equal(frames[1].flags, TCP_SYN | TCP_ACK);
	handshakes_free(handshakes);
}

/* Both may have lost their SYNs, but one of them answers another's. */
static void what_was_missed_does_not_hide_another_address(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	handshakes_missed(handshakes, SCRIPT_START_NS);
	struct handshake_report report = script_report_after(handshakes,
		"0 1 out c1000>s80 S 100\n0.1 1 in x80>c1000 SA 500 101\n0.2 1 in y80>c2000 SA 7 8\n");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(report.suspects[0].sign, SIGN_OTHER_ADDRESS);
	assert_int_equal(report.unmatched, 0);
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 15");
	assert_int_equal(report.suspect_count, 0);
	assert_int_equal(report.unmatched, 2);
	assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], 0);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Packets were missed at 0 s. */
static void a_repeated_syn_ack_shows_that_its_syn_was_not_missed(void **state)
{
	(void)state;
	static const struct {
		const char *name, *packets;
		size_t suspects[2]; /* and if packets were missed once more, at 0.9 s */
	} rows[] = {
		{ "by a client that repeats its SYN elsewhere, more and more seldom",
			"1 1 in s80>c1 SA 5 10\n2 1 in s80>c1 SA 5 10\n4 1 in s80>c1 SA 5 10\n", { 1, 0 } },
		{ "by a client that repeats its SYN elsewhere",
			"0.1 1 in s80>c1 SA 5 10\n1.1 1 in s80>c1 SA 5 10\n2.1 1 in s80>c1 SA 5 10\n",
			{ 1, 1 } },
		{ "by a server alone, the second one was seen first",
			"1 1 in s80>c1 SA 5 10\n3 1 in s80>c1 SA 5 10\n7 1 in s80>c1 SA 5 10\n", { 0, 0 } },
		{ "once", "1 1 in s80>c1 SA 5 10\n", { 0, 0 } },
		{ "its SYN came at the time of the loss",
			"0.2 1 in s80>c1 SA 5 10\n1.2 1 in s80>c1 SA 5 10\n3.2 1 in s80>c1 SA 5 10\n",
			{ 0, 0 } },
		{ "its SYN is repeated as well",
			"1 1 in s80>c1 SA 5 10\n2 2 in c1>s80 S 9\n2 1 in s80>c1 SA 5 10\n4 1 in s80>c1 SA 5 10\n",
			{ 0, 0 } },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int again = 0; again < 2; again++) {
			struct handshakes *handshakes = script_table();
			handshakes_missed(handshakes, SCRIPT_START_NS);
			if (again)
				handshakes_missed(handshakes, SCRIPT_START_NS + INT64_C(900000000));
			struct handshake_report report = script_report_after(handshakes, rows[i].packets);
			if (report.suspect_count != rows[i].suspects[again])
				fail_msg("%s: %zu suspects", rows[i].name, report.suspect_count);
			for (size_t j = 0; j < report.suspect_count; j++) {
				assert_int_equal(report.suspects[j].sign, SIGN_RETURN_ONLY);
				assert_int_equal(report.suspects[j].synack_repeats, 2);
			}
			handshake_report_clear(&report);
			report = script_report_after(handshakes, "wait 20");
			assert_int_equal(report.outcomes[HANDSHAKE_RETURN_ONLY], rows[i].suspects[again]);
			handshake_report_clear(&report);
			handshakes_free(handshakes);
		}
	}
}

static void a_syn_that_comes_late_makes_it_known(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	handshakes_missed(handshakes, SCRIPT_START_NS);
	struct handshake_report report = script_report_after(handshakes,
		"0 2 out s80>c1000 SA 500 101\n0.001 1 in c1000>s80 S 100\n0.1 1 in c1000>s80 A 101 501\n"
		"wait 15");
	assert_int_equal(report.unmatched, 0);
	assert_int_equal(report.outcomes[HANDSHAKE_COMPLETED], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void views_on_both_sides_of_nat_are_joined(void **state)
{
	(void)state;
	static const char *const changed[] = {
		/* the server's address is translated */
		"0 1 in c1000>s80 S 100\n0.001 2 out c1000>t8080 S 100\n0.002 2 in t8080>c1000 SA 500 101\n"
		"0.003 3 out s80>c1000 SA 500 101\n1 1 in c1000>s80 S 100\n1.001 2 out c1000>t8080 S 100\n",
		/* the client's address is translated */
		"0 1 in c1000>s80 S 100\n0.001 2 out n7777>s80 S 100\n0.002 2 in s80>n7777 SA 500 101\n"
		"0.003 3 out s80>c1000 SA 500 101\n1 1 in c1000>s80 S 100\n1.001 2 out n7777>s80 S 100\n",
	};
	for (size_t i = 0; i < 2; i++) {
		struct handshakes *handshakes = script_table();
		struct handshake_report report = script_report_after(handshakes, changed[i]);
		assert_int_equal(report.suspect_count, 2);
		for (size_t s = 0; s < 2; s++) {
			assert_true(report.suspects[s].joined);
			assert_int_equal(report.suspects[s].other_id, report.suspects[1 - s].id);
		}
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
}

static void strangers_with_the_same_number_are_not_joined(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report =
		script_report_after(handshakes, ONE_WAY "0 1 in d1000>t80 S 100\n0 1 in c1001>s81 S 100\n");
	assert_int_equal(report.suspect_count, 1);
	assert_false(report.suspects[0].joined);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void evidence_has_the_packets_in_order(void **state)
{
	(void)state;
	static const uint8_t flags[] = { TCP_SYN, TCP_SYN | TCP_ACK, TCP_SYN, TCP_SYN };
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, "0 1 in d1>s80 S 5\n0 1 out s80>d1 SA 1 6\n0 1 in d1>s80 A 6 2\n" ONE_WAY,
		AF_INET);
	struct frame frames[16];
	assert_int_equal(handshakes_evidence(handshakes, frames, 16), 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(frames[i].flags, flags[i]);
		assert_int_equal(frames[i].device, flags[i] & TCP_ACK ? 2 : 1);
		assert_int_equal(frames[i].size, FRAME_BYTES);
		assert_int_equal(frames[i].length, SCRIPT_FRAME);
		assert_int_equal(frames[i].handshake, frames[0].handshake);
	}
	assert_int_equal(handshakes_evidence(handshakes, frames, 2), 2);
	assert_int_equal(frames[1].time_ns, SCRIPT_START_NS + INT64_C(3000000000)); /* the newest */
	handshakes_free(handshakes);
}

/* A capture that keeps no bytes. */
static void there_is_no_evidence_without_frames(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (int second = 0; second < 3; second++) {
		const struct packet packet = { .kind = PACKET_TCP,
			.source = script_host(second == 1 ? 's' : 'c', AF_INET),
			.destination = script_host(second == 1 ? 'c' : 's', AF_INET),
			.source_port = second == 1 ? 80 : 1000,
			.destination_port = second == 1 ? 1000 : 80,
			.flags = second == 1 ? TCP_SYN | TCP_ACK : TCP_SYN,
			.sequence = second == 1 ? 500 : 100,
			.acknowledgement = second == 1 ? 101 : 0 };
		const struct sighting sighting = { .device = 1,
			.direction = second == 1 ? DIRECTION_OUT : DIRECTION_IN,
			.time_ns = SCRIPT_START_NS + second * INT64_C(1000000000) };
		handshakes_feed(handshakes, &packet, &sighting);
	}
	struct frame frames[4];
	struct handshake_report report = script_report_after(handshakes, "");
	assert_int_equal(report.suspect_count, 1);
	assert_int_equal(handshakes_evidence(handshakes, frames, 4), 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Rings of two devices are read in the wrong order, and the first of two packets was read last. */
static void evidence_that_was_read_late_is_in_order(void **state)
{
	(void)state;
	static const uint8_t flags[] = { TCP_SYN, TCP_SYN | TCP_ACK, TCP_SYN };
	struct handshakes *handshakes = script_table();
	script_feed(handshakes,
		"0.001 2 out s80>c1000 SA 500 101\n0 1 in c1000>s80 S 100\n1 1 in c1000>s80 S 100\n",
		AF_INET);
	struct frame frames[16];
	size_t count = handshakes_evidence(handshakes, frames, 16);
	assert_in_range(count, 3, 4);
	for (size_t i = 1; i < count; i++)
		assert_true(frames[i].time_ns >= frames[i - 1].time_ns);
	assert_int_equal(frames[0].flags, flags[0]);
	assert_int_equal(frames[count - 1].flags, flags[2]);
	handshakes_free(handshakes);
}

/* Where the room is small, SYN-ACKs without SYN get half of it; the newest of each kind are given. */
static void evidence_is_shared_between_both_kinds(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (unsigned i = 1; i <= 10; i++) {
		char text[80];
		snprintf(text, sizeof(text), "%u 1 in s80>d%u SA 500 101", i, i);
		script_feed_line(handshakes, text, AF_INET);
	}
	script_feed(handshakes, ONE_WAY, AF_INET);
	struct frame frames[16];
	assert_int_equal(handshakes_evidence(handshakes, frames, 16), 14);
	assert_int_equal(handshakes_evidence(handshakes, frames, 4), 4);
	unsigned alone = 0;
	for (size_t i = 0; i < 4; i++)
		alone += frames[i].time_ns >= SCRIPT_START_NS + INT64_C(9000000000);
	assert_int_equal(alone, 2); /* those at 9 and 10 s */
	assert_int_equal(handshakes_evidence(handshakes, frames, 6), 6);
	for (size_t i = alone = 0; i < 6; i++)
		alone += frames[i].time_ns >= SCRIPT_START_NS + INT64_C(8000000000);
	assert_int_equal(alone, 3); /* and 8 s */
	assert_int_equal(handshakes_evidence(handshakes, frames, 0), 0);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_handshake_is_a_suspect),
		cmocka_unit_test(a_completed_handshake_is_no_suspect),
		cmocka_unit_test(an_ignored_reply_is_a_suspect),
		cmocka_unit_test(an_answer_from_another_address_is_joined),
		cmocka_unit_test(what_was_missed_does_not_hide_another_address),
		cmocka_unit_test(a_repeated_syn_ack_shows_that_its_syn_was_not_missed),
		cmocka_unit_test(a_syn_that_comes_late_makes_it_known),
		cmocka_unit_test(views_on_both_sides_of_nat_are_joined),
		cmocka_unit_test(strangers_with_the_same_number_are_not_joined),
		cmocka_unit_test(evidence_has_the_packets_in_order),
		cmocka_unit_test(there_is_no_evidence_without_frames),
		cmocka_unit_test(evidence_that_was_read_late_is_in_order),
		cmocka_unit_test(evidence_is_shared_between_both_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
