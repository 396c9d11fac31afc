// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>

static const struct handshake_service *service_of(const struct handshake_report *report,
	enum handshake_role role, int device, int synack_device, char letter)
{
	struct address address = letter ? script_host(letter, AF_INET) : (struct address){ 0 };
	for (size_t i = 0; i < report->service_count; i++)
		if (report->services[i].role == role && report->services[i].device == device &&
			report->services[i].synack_device == synack_device &&
			address_equal(&report->services[i].address, &address))
			return &report->services[i];
	fail_msg("no row for %c at %d", letter, device);
	return NULL;
}

static void recent_counts_forget_the_minute_before(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report =
		script_report_after(handshakes, "0 1 in c1>s80 S 1\n0 1 out s80>c1 RA 0 2\nwait 1\n"
						"60 1 in c2>s80 S 1\n60 1 out s80>c2 RA 0 2\nwait 61");
	assert_int_equal(service_of(&report, HANDSHAKE_SERVED, 1, 0, 's')->recent[HANDSHAKE_REFUSED], 1);
	assert_int_equal(report.devices[0].recent[HANDSHAKE_REFUSED], 1);
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 2);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void services_have_recent_counts(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		ONE_WAY "4 1 in d1>s80 S 1\n4 2 out s80>d1 SA 1 2\n4 1 in d1>s80 A 2 2\n"
			"5 1 in e1>s80 S 1\n5 1 out s80>e1 SA 1 2\n5 1 in e1>s80 A 2 2\n"
			"4 3 out s5>w80 S 1\n4 3 in w80>s5 RA 0 2\nwait 20");
	const struct handshake_service *service = service_of(&report, HANDSHAKE_SERVED, 1, 2, 's');
	assert_int_equal(service->recent[HANDSHAKE_ONE_WAY], 1);
	assert_int_equal(service->recent[HANDSHAKE_COMPLETED], 1);
	assert_int_equal(service_of(&report, HANDSHAKE_SERVED, 1, 1, 's')->recent[HANDSHAKE_COMPLETED], 1);
	assert_int_equal(service->completed_ns, SCRIPT_START_NS + 4 * INT64_C(1000000000));
	assert_int_equal(service->failed_ns, SCRIPT_START_NS + 3 * INT64_C(1000000000));
	assert_int_equal(service_of(&report, HANDSHAKE_OPENED, 3, 0, 0)->recent[HANDSHAKE_REFUSED], 1);
	handshake_report_clear(&report);

	report = script_report_after(handshakes, "wait 90");
	service = service_of(&report, HANDSHAKE_SERVED, 1, 2, 's');
	assert_int_equal(service->recent[HANDSHAKE_ONE_WAY], 0);
	assert_int_equal(service->recent[HANDSHAKE_COMPLETED], 0);
	assert_int_equal(report.outcomes[HANDSHAKE_ONE_WAY], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_service_that_passes_is_known_by_both_of_its_devices(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(
		handshakes, "12 3 in s80>c1 SA 1 2\n12 4 out s80>c1 SA 1 2\n12 5 out t80>c1 SA 1 9\nwait 30");
	service_of(&report, HANDSHAKE_PASSED, 3, 4, 's');
	service_of(&report, HANDSHAKE_PASSED, 5, 0, 't');
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* ---- who arrives ---- */

static const struct handshake_peer *peer_of(const struct handshake_report *report, int device, char letter)
{
	struct address address = script_host(letter, AF_INET);
	for (size_t i = 0; i < report->peer_count; i++)
		if (report->peers[i].device == device && address_equal(&report->peers[i].peer, &address))
			return &report->peers[i];
	return NULL;
}

static void those_who_come_back_are_seen_arriving(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		ONE_WAY "4 1 in d7>s80 S 1\n4 2 out s80>d7 SA 1 2\n4 1 in d7>s80 A 2 2\n"
			"4 1 in f1>s80 S 1\n4 1 out s80>f1 SA 1 2\n"
			"4 3 out s5>w80 S 1\n4 4 in w80>s5 SA 8 2\nwait 5");
	const struct handshake_peer *failing = peer_of(&report, 1, 'c'), *done = peer_of(&report, 1, 'd');
	const struct handshake_peer *answers = peer_of(&report, 4, 'w');
	assert_true(failing && failing->asks && failing->unfinished && !failing->completed);
	assert_true(done && done->asks && done->completed && !done->unfinished);
	assert_int_equal(done->synack_device, 2);
	assert_true(done->peer_port == 7 && done->port == 80);
	assert_true(answers && !answers->asks && answers->port == 5);
	assert_null(peer_of(&report, 1, 'f')); /* may be forged */
	assert_int_equal(report.peer_count, 3);
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 700");
	assert_int_equal(report.peer_count, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* As a VLAN does: what comes in is seen on the device below first. */
static void a_packet_arrives_at_the_device_that_routes(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 1 in c1>s80 S 1\n0 2 in c1>s80 S 1\n1 1 in c1>s80 S 1\n1 2 in c1>s80 S 1\n"
		"2 2 out s5>w80 S 1\n2 1 out s5>w80 S 1\n2 1 in w80>s5 SA 8 2\n2 2 in w80>s5 SA 8 2\n"
		"3 1 in w80>s5 SA 8 2\n3 2 in w80>s5 SA 8 2\nwait 5");
	assert_non_null(peer_of(&report, 2, 'c'));
	assert_non_null(peer_of(&report, 2, 'w'));
	assert_int_equal(report.peer_count, 2);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void an_arrival_that_is_not_finished_is_not_washed_away(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes, ONE_WAY, AF_INET);
	for (char letter = 'A'; letter <= 'Z'; letter++) {
		char text[120];
		snprintf(text, sizeof(text),
			"3 1 in %c1>s80 S 1\n3 1 out s80>%c1 SA 1 2\n3 1 in %c1>s80 A 2 2", letter, letter,
			letter);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 4");
	assert_int_equal(report.peer_count, 16);
	assert_non_null(peer_of(&report, 1, 'c'));
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Other ports than those that complete share one place. */
static void a_client_is_known_by_the_ports_at_which_it_completes(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes,
		"0 1 in c1>s80 S 1\n0 1 out s80>c1 SA 1 2\n0 1 in c1>s80 A 2 2\n"
		"0 1 in c2>s22 S 1\n0 1 out s22>c2 SA 1 2\n0 1 in c2>s22 A 2 2\nwait 1\n",
		AF_INET);
	for (unsigned port = 100; port < 140; port++) {
		char text[60];
		snprintf(text, sizeof(text), "1 1 in c3>s%u S 1\n3 1 in c3>s%u S 1\n", port, port);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes,
		"4 1 in c4>s80 S 1\n4 1 out s80>c4 SA 1 2\n4 1 in c4>s80 A 2 2\n"
		"4 1 in c5>s22 S 1\n4 1 out s22>c5 SA 1 2\n4 1 in c5>s22 A 2 2\nwait 5");
	assert_int_equal(report.peer_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(report.peers[i].completed && report.peers[i].peer_port >= 4);
	assert_int_equal(report.peers[0].port + report.peers[1].port, 102);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_success_is_not_forgotten_for_the_next_try(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 3 out s5>w80 S 1\n0 4 in w80>s5 SA 8 2\n0 3 out s5>w80 A 2 9\nwait 2\n"
		"3 3 out s6>w80 S 1\n3 4 in w80>s6 SA 8 2\n");
	const struct handshake_peer *answers = peer_of(&report, 4, 'w');
	assert_true(answers && !answers->completed);
	assert_in_range(answers->completed_ns, SCRIPT_START_NS, SCRIPT_START_NS + INT64_C(2000000000));
	assert_int_equal(answers->echoed_ns, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void services_are_bounded_and_failing_ones_stay(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 4 rows */
	script_feed(handshakes, ONE_WAY "wait 15", AF_INET);
	for (char letter = 'A'; letter <= 'Z'; letter++) {
		char text[80];
		snprintf(text, sizeof(text), "16 1 in c1>%c80 S 1\n16 1 out %c80>c1 RA 0 2", letter, letter);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 18");
	assert_int_equal(report.service_count, 4);
	assert_in_range(report.services_omitted, 20, 26);
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 26);
	assert_int_equal(service_of(&report, HANDSHAKE_SERVED, 1, 2, 's')->recent[HANDSHAKE_ONE_WAY], 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void devices_beyond_the_limit_are_counted_together(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 devices */
	char text[80];
	for (int device = 1; device <= 12; device++) {
		snprintf(text, sizeof(text), "0 %d in c%d>s80 S 1", device, device);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 20");
	assert_int_equal(script_packets_of(&report, 8, "in", "syn"), 1);
	assert_int_equal(script_packets_of(&report, HANDSHAKE_OTHER_DEVICES, "in", "syn"), 4);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 12);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void delays_fall_into_their_buckets(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 1 in c1>s80 S 1\n0 1 out s80>c1 SA 1 2\n0.0004 1 in c1>s80 A 2 2\n"
		"0 1 in c2>s80 S 1\n0 1 out s80>c2 SA 1 2\n0.15 1 in c2>s80 A 2 2\n"
		"0 1 in c3>s80 S 1\n0 1 out s80>c3 SA 1 2\n7 1 in c3>s80 A 2 2\n");
	const struct handshake_device *device = &report.devices[0];
	assert_int_equal(device->device, 1);
	assert_int_equal(device->delays[0], 1);
	assert_int_equal(device->delays[8], 1); /* up to 0.2 s */
	assert_int_equal(device->delays[HANDSHAKE_DELAYS - 1], 1);
	assert_in_range((uint64_t)(device->delay_sum * 1000), 7149, 7151);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void echo_at(struct handshakes *handshakes, int device, double seconds, bool reply, char from, char to,
	uint16_t id)
{
	const struct packet packet = { .kind = reply ? PACKET_ECHO_REPLY : PACKET_ECHO_REQUEST,
		.source = script_host(from, AF_INET),
		.destination =
			to == '*' ? (struct address){ AF_INET, { 224, 0, 0, 1 } } : script_host(to, AF_INET),
		.echo_id = id,
		.echo_sequence = 1 };
	const struct sighting sighting = { .device = device,
		.direction = reply ? DIRECTION_IN : DIRECTION_OUT,
		.time_ns = SCRIPT_START_NS + (int64_t)(seconds * 1e9) };
	handshakes_feed(handshakes, &packet, &sighting);
}

static void echo(struct handshakes *handshakes, double seconds, bool reply, char from, char to, uint16_t id)
{
	echo_at(handshakes, 1, seconds, reply, from, to, id);
}

static void an_answered_ping_arrives_at_the_device_that_routes(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	echo_at(handshakes, 2, 0, false, 'a', 'b', 1);
	echo_at(handshakes, 1, 0, false, 'a', 'b', 1);
	echo_at(handshakes, 1, 1, true, 'b', 'a', 1);
	echo_at(handshakes, 2, 1, true, 'b', 'a', 1);
	struct handshake_report report = script_report_after(handshakes, "wait 2");
	assert_non_null(peer_of(&report, 2, 'b'));
	assert_int_equal(report.peer_count, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void echoes_are_paired(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	echo(handshakes, 0, false, 'a', 'b', 1); /* answered */
	echo(handshakes, 0, false, 'a', 'b', 1); /* the same at another device */
	echo(handshakes, 0.1, true, 'b', 'a', 1);
	echo(handshakes, 0, false, 'a', 'b', 2); /* not answered */
	echo(handshakes, 0, false, 'a', 'b', 3); /* by another */
	echo(handshakes, 0.1, true, 'x', 'a', 3);
	echo(handshakes, 0, false, 'a', 'b', 4); /* both sides of DNAT */
	echo(handshakes, 0, false, 'a', 't', 4);
	echo(handshakes, 0.1, true, 't', 'a', 4);
	echo(handshakes, 0.1, true, 'b', 'a', 4);
	echo(handshakes, 0, false, 'a', 'b', 7); /* two with the same numbers, and an answer to neither */
	echo(handshakes, 0, false, 'a', 'c', 7);
	echo(handshakes, 0.1, true, 'x', 'a', 7);
	echo(handshakes, 0, false, 'a', '*', 5); /* to all */
	echo(handshakes, 0.1, true, 'b', 'a', 5);
	echo(handshakes, 0.1, true, 'b', 'a', 6); /* to no request */
	struct handshake_report report = script_report_after(handshakes, "wait 11");
	const struct handshake_device *device = &report.devices[0];
	assert_int_equal(device->echoes[ECHO_ANSWERED], 4);
	assert_int_equal(device->echoes[ECHO_UNANSWERED], 3);
	assert_int_equal(device->echoes[ECHO_OTHER_ADDRESS], 1);
	assert_int_equal(report.echo_suspect_count, 1);
	struct address answerer = script_host('x', AF_INET), asked = script_host('b', AF_INET);
	assert_true(address_equal(&report.echo_suspects[0].answerer, &answerer));
	assert_true(address_equal(&report.echo_suspects[0].asked, &asked));
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void echoes_are_bounded(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 16 requests */
	for (uint16_t id = 0; id < 1000; id++)
		echo(handshakes, 0, false, 'a', 'b', id);
	for (unsigned asked = 0; asked < 50; asked++) /* one id and sequence to everyone */
		echo(handshakes, 1, false, 'z', (char)(asked + 40), 1);
	handshakes_finish(handshakes);
	struct handshake_report report = script_report_after(handshakes, "wait 1");
	assert_in_range(report.devices[0].echoes[ECHO_UNANSWERED], 1000, 1008);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recent_counts_forget_the_minute_before),
		cmocka_unit_test(services_have_recent_counts),
		cmocka_unit_test(a_service_that_passes_is_known_by_both_of_its_devices),
		cmocka_unit_test(those_who_come_back_are_seen_arriving),
		cmocka_unit_test(a_packet_arrives_at_the_device_that_routes),
		cmocka_unit_test(an_arrival_that_is_not_finished_is_not_washed_away),
		cmocka_unit_test(a_client_is_known_by_the_ports_at_which_it_completes),
		cmocka_unit_test(a_success_is_not_forgotten_for_the_next_try),
		cmocka_unit_test(services_are_bounded_and_failing_ones_stay),
		cmocka_unit_test(a_service_that_passes_is_known_by_both_of_its_devices),
		cmocka_unit_test(those_who_come_back_are_seen_arriving),
		cmocka_unit_test(an_arrival_that_is_not_finished_is_not_washed_away),
		cmocka_unit_test(devices_beyond_the_limit_are_counted_together),
		cmocka_unit_test(delays_fall_into_their_buckets),
		cmocka_unit_test(echoes_are_paired),
		cmocka_unit_test(an_answered_ping_arrives_at_the_device_that_routes),
		cmocka_unit_test(echoes_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
