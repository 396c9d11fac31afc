// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/handshake_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct handshake_service *service_find(const struct handshake_report *report,
	enum handshake_role role, int device, int synack_device, char letter)
{
	struct address address = letter ? script_host(letter, AF_INET) : (struct address){ 0 };
	for (size_t i = 0; i < report->service_count; i++)
		if (report->services[i].role == role && report->services[i].device == device &&
			report->services[i].synack_device == synack_device &&
			address_equal(&report->services[i].address, &address))
			return &report->services[i];
	return NULL;
}

static const struct handshake_service *service_of(const struct handshake_report *report,
	enum handshake_role role, int device, int synack_device, char letter)
{
	const struct handshake_service *service = service_find(report, role, device, synack_device, letter);
	if (!service)
		fail_msg("no row for %c at %d", letter, device);
	return service;
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

static uint64_t refused_recently(struct handshakes *handshakes, const char *until)
{
	struct handshake_report report = script_report_after(handshakes, until);
	uint64_t refused = service_of(&report, HANDSHAKE_SERVED, 1, 0, 's')->recent[HANDSHAKE_REFUSED];
	assert_int_equal(report.devices[0].recent[HANDSHAKE_REFUSED], refused);
	handshake_report_clear(&report);
	return refused;
}

/* One in each five seconds of a minute. */
static void recent_counts_are_those_of_a_minute(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (unsigned i = 0; i < 12; i++) {
		char text[80];
		snprintf(text, sizeof(text), "%u 1 in c%u>s80 S 1\n%u 1 out s80>c%u RA 0 2\nwait %u", 5 * i,
			i + 1, 5 * i, i + 1, 5 * i + 1);
		script_feed(handshakes, text, AF_INET);
	}
	assert_int_equal(refused_recently(handshakes, "wait 59.9"), 12);
	assert_int_equal(refused_recently(handshakes, "wait 60"), 11);
	assert_int_equal(
		refused_recently(handshakes, "60 1 in d1>s80 S 1\n60 1 out s80>d1 RA 0 2\nwait 64.9"), 12);
	assert_int_equal(refused_recently(handshakes, "wait 65"), 11);
	assert_int_equal(refused_recently(handshakes, "wait 114.9"), 2);
	assert_int_equal(refused_recently(handshakes, "wait 115"), 1);
	assert_int_equal(refused_recently(handshakes, "wait 120"), 0);
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
	/* Seen at 3, at 4 and, when it was settled that it completed, at 5 s. */
	static const char *const waits[] = { "wait 602.9", "wait 603", "wait 603.9", "wait 604", "wait 604.9",
		"wait 605" };
	static const size_t left[] = { 3, 2, 2, 1, 1, 0 };
	for (size_t i = 0; i < sizeof(left) / sizeof(*left); i++) {
		report = script_report_after(handshakes, waits[i]);
		assert_int_equal(report.peer_count, left[i]);
		handshake_report_clear(&report);
	}
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

/* Other ports than those that complete share one place, which no success takes from them. */
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
	assert_int_equal(report.peer_count, 3);
	unsigned completed = 0;
	for (size_t i = 0; i < 3; i++) {
		const struct handshake_peer *peer = &report.peers[i];
		assert_int_equal(peer->completed, peer->port == 80 || peer->port == 22);
		assert_int_equal(peer->peer_port, peer->completed ? (peer->port == 80 ? 4 : 5) : 3);
		completed += peer->completed;
	}
	assert_int_equal(completed, 2);
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

/* For a minute, that is. */
static void services_are_bounded_and_failing_ones_stay(void **state)
{
	(void)state;
	static const struct {
		double refused;
		bool stays;
	} rows[] = { { 16.5, true }, { 70.9, true }, { 71, false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct handshakes *handshakes = script_table(); /* 4 rows */
		script_feed(handshakes, ONE_WAY "wait 11", AF_INET);
		char text[80];
		for (char letter = 'A'; letter <= 'Z'; letter++) {
			snprintf(text, sizeof(text), "16 1 in c1>%c80 S 1\n16 1 out %c80>c1 RA 0 2", letter,
				letter);
			script_feed(handshakes, text, AF_INET);
		}
		snprintf(text, sizeof(text), "wait %f", rows[i].refused);
		struct handshake_report report = script_report_after(handshakes, text);
		assert_int_equal(report.service_count, 4);
		assert_in_range(report.services_omitted, 20, 26);
		assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 26);
		assert_int_equal(service_find(&report, HANDSHAKE_SERVED, 1, 2, 's') != NULL, rows[i].stays);
		if (i == 0)
			assert_int_equal(
				service_of(&report, HANDSHAKE_SERVED, 1, 2, 's')->recent[HANDSHAKE_ONE_WAY],
				1);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
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

static void without_room_for_devices_all_are_counted_together(void **state)
{
	(void)state;
	const struct handshake_limits limits = { .handshakes = 8, .services = 1, .suspects = 1, .frames = 8 };
	struct handshakes *handshakes;
	assert_int_equal(handshakes_new(&limits, 42, &handshakes), 0);
	struct handshake_report report =
		script_report_after(handshakes, "0 1 in c1>s80 S 1\n0 2 in d1>s80 S 1\nwait 20");
	assert_int_equal(report.device_count, 1);
	assert_int_equal(script_packets_of(&report, HANDSHAKE_OTHER_DEVICES, "in", "syn"), 2);
	assert_int_equal(report.devices_omitted, 2);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 2);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* ---- rows that are given to others ---- */

static void refuse_at(struct handshakes *handshakes, double seconds, int in, int out)
{
	char text[120];
	snprintf(text, sizeof(text), "%f %d in c%u>s80 S 1\n%f %d out s80>c%u RA 0 2", seconds, in,
		1000 + (unsigned)(seconds * 10) % 50000, seconds, out,
		1000 + (unsigned)(seconds * 10) % 50000);
	script_feed(handshakes, text, AF_INET);
}

static bool has_device(const struct handshake_report *report, int device)
{
	for (size_t i = 0; i < report->device_count; i++)
		if (report->devices[i].device == device)
			return true;
	return false;
}

static uint64_t pair_count(const struct handshake_report *report, int syn_device, int synack_device,
	enum handshake_outcome outcome)
{
	for (size_t i = 0; i < report->pair_count; i++)
		if (report->pairs[i].syn_device == syn_device &&
			report->pairs[i].synack_device == synack_device)
			return report->pairs[i].counts[outcome];
	return 0;
}

static void a_device_that_has_gone_makes_room(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 devices */
	struct handshake_presence devices[8];
	char text[200];
	for (int device = 1; device <= 8; device++) {
		snprintf(text, sizeof(text), "1 %d in c%d>s80 S 1\n2 %d in c%d>s80 S 1", device, device,
			device, device);
		script_feed(handshakes, text, AF_INET);
		devices[device - 1] = (struct handshake_presence){ .device = device, .present = device > 2 };
	}
	handshakes_devices(handshakes, devices, 8);
	struct handshake_report report =
		script_report_after(handshakes, "3 9 in d1>t80 S 1\n3 10 in e1>t80 S 1\n"
						"4 11 in f1>t80 S 1\n5 11 in f1>t80 S 1\n6 12 in g1>t80 S 1");
	assert_true(has_device(&report, 9) && has_device(&report, 10));
	assert_false(has_device(&report, 1) || has_device(&report, 2) || has_device(&report, 11));
	assert_int_equal(script_packets_of(&report, 9, "in", "syn"), 1);
	assert_int_equal(script_packets_of(&report, 9, "in", "syn_repeat"), 0);
	assert_int_equal(script_packets_of(&report, HANDSHAKE_OTHER_DEVICES, "in", "syn"), 2);
	assert_int_equal(report.devices_omitted, 2);   /* 11 and 12, once each */
	for (size_t i = 0; i < report.peer_count; i++) /* those of 1 and 2 are not seen at 9 and 10 */
		assert_int_not_equal(report.peers[i].device, 9);
	handshake_report_clear(&report);
	/* What was open when its device went is still that device's. */
	report = script_report_after(handshakes, "wait 30");
	assert_int_equal(pair_count(&report, 1, 0, HANDSHAKE_UNANSWERED), 1);
	assert_int_equal(pair_count(&report, 3, 0, HANDSHAKE_UNANSWERED), 1);
	assert_int_equal(report.outcomes[HANDSHAKE_UNANSWERED], 12);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* They answered the host by a device that is gone, and do so by the one that has its place. */
static void a_device_inherits_no_peers_with_its_place(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 devices */
	struct handshake_presence devices[8];
	char text[120];
	for (char peer = 'w'; peer <= 'x'; peer++) {
		snprintf(text, sizeof(text),
			"1 1 out s5>%c80 S 1\n1 1 in %c80>s5 SA 8 2\n1 1 out s5>%c80 A 2 9", peer, peer,
			peer);
		script_feed(handshakes, text, AF_INET);
	}
	for (int device = 1; device <= 8; device++) {
		snprintf(text, sizeof(text), "1 %d in c%d>s80 S 1", device, device);
		script_feed(handshakes, text, AF_INET);
		devices[device - 1] = (struct handshake_presence){ .device = device, .present = device > 1 };
	}
	struct handshake_report report = script_report_after(handshakes, "wait 2");
	assert_true(peer_of(&report, 1, 'w')->completed_ns && peer_of(&report, 1, 'x')->completed_ns);
	handshake_report_clear(&report);
	handshakes_devices(handshakes, devices, 8);
	report = script_report_after(handshakes, "3 9 out s6>w80 S 1\n3 9 in w80>s6 SA 8 2\n"
						 "3 9 out s6>x80 S 1\n3 9 in x80>s6 SA 8 2");
	assert_int_equal(report.peer_count, 2);
	for (char peer = 'w'; peer <= 'x'; peer++)
		assert_int_equal(peer_of(&report, 9, peer)->completed_ns, 0);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Its place is its own again, and with it its counts. */
static void a_device_that_comes_back_keeps_its_place(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 devices */
	struct handshake_presence devices[8];
	char text[40];
	for (int device = 1; device <= 8; device++) {
		snprintf(text, sizeof(text), "1 %d in c%d>s80 S 1", device, device);
		script_feed(handshakes, text, AF_INET);
		devices[device - 1] = (struct handshake_presence){ .device = device, .present = device > 1 };
	}
	handshakes_devices(handshakes, devices, 8);
	devices[0].present = true;
	handshakes_devices(handshakes, devices, 8);
	struct handshake_report report = script_report_after(handshakes, "3 9 in d1>t80 S 1");
	assert_int_equal(script_packets_of(&report, 1, "in", "syn"), 1);
	assert_false(has_device(&report, 9));
	assert_int_equal(report.devices_omitted, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void a_name_that_goes_on_keeps_its_counts(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	const struct handshake_presence devices[] = { { 1, 3, false }, { 2, 0, true }, { 3, 0, true } };
	refuse_at(handshakes, 1, 1, 2);
	refuse_at(handshakes, 2, 2, 1);
	refuse_at(handshakes, 3, 2, 3);
	struct handshake_report report = script_report_after(handshakes, "wait 5");
	handshake_report_clear(&report);
	handshakes_devices(handshakes, devices, 3);
	report = script_report_after(handshakes, "wait 100");
	assert_true(has_device(&report, 1)); /* something may still refer to it */
	handshake_report_clear(&report);
	script_feed(handshakes, "wait 200", AF_INET);
	handshakes_devices(handshakes, devices, 3);
	report = script_report_after(handshakes, "wait 200");
	assert_false(has_device(&report, 1));
	assert_int_equal(script_packets_of(&report, 3, "in", "syn"), 1);
	assert_int_equal(script_packets_of(&report, 3, "out", "rst"), 2);
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 3);
	assert_int_equal(pair_count(&report, 3, 0, HANDSHAKE_REFUSED), 1);
	assert_int_equal(pair_count(&report, 2, 0, HANDSHAKE_REFUSED), 2);
	handshake_report_clear(&report);
	/* It is not named any more: nobody can tell what its counts were. */
	handshakes_devices(handshakes, devices + 1, 1);
	script_feed(handshakes, "wait 400", AF_INET);
	handshakes_devices(handshakes, devices + 1, 1);
	report = script_report_after(handshakes, "wait 400");
	assert_false(has_device(&report, 3));
	assert_true(has_device(&report, 2));
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], 3);
	assert_int_equal(report.pair_count, 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

/* Its room is needed before its last minute is over. */
static void an_heir_gets_the_last_minute_too(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 devices */
	struct handshake_presence devices[8];
	for (int device = 1; device <= 8; device++) {
		devices[device - 1] = (struct handshake_presence){ .device = device, .present = device > 1 };
		refuse_at(handshakes, device, device, device);
	}
	devices[0].heir = 3;
	script_feed(handshakes, "wait 30", AF_INET);
	handshakes_devices(handshakes, devices, 8);
	refuse_at(handshakes, 31, 9, 9);
	struct handshake_report report = script_report_after(handshakes, "wait 32");
	assert_false(has_device(&report, 1));
	assert_true(has_device(&report, 9));
	for (size_t i = 0; i < report.device_count; i++)
		assert_int_equal(
			report.devices[i].recent[HANDSHAKE_REFUSED], report.devices[i].device == 3 ? 2 : 1);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void the_least_recently_used_pair_makes_room(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table(); /* 8 pairs */
	char text[120];
	for (int second = 1; second <= 9; second++) {
		snprintf(text, sizeof(text),
			"%d %d in c%d>s80 S 1\n%d %d out s80>c%d SA 5 2\n%d %d in c%d>s80 A 2 6", second,
			second % 3 + 1, second, second, second / 3 + 4, second, second, second % 3 + 1,
			second);
		script_feed(handshakes, text, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 10");
	assert_int_equal(report.pair_count, 9);
	assert_int_equal(
		pair_count(&report, HANDSHAKE_OTHER_DEVICES, HANDSHAKE_OTHER_DEVICES, HANDSHAKE_COMPLETED),
		1);
	assert_int_equal(report.pairs_omitted, 1);
	handshake_report_clear(&report);
	/* The first is used again; then the second is the one. */
	report = script_report_after(handshakes,
		"80 2 in d1>s80 S 1\n80 4 out s80>d1 SA 5 2\n80 2 in d1>s80 A 2 6\n"
		"90 7 in e1>s80 S 1\n90 8 out s80>e1 SA 5 2\n90 7 in e1>s80 A 2 6\nwait 91");
	assert_int_equal(pair_count(&report, 2, 4, HANDSHAKE_COMPLETED), 2);
	assert_int_equal(pair_count(&report, 3, 4, HANDSHAKE_COMPLETED), 0);
	assert_int_equal(pair_count(&report, 1, 5, HANDSHAKE_COMPLETED), 1);
	assert_int_equal(pair_count(&report, 7, 8, HANDSHAKE_COMPLETED), 1);
	assert_int_equal(report.pair_count, 9);
	assert_int_equal(report.pairs_omitted, 1);
	assert_int_equal(report.outcomes[HANDSHAKE_COMPLETED], 11);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

#define NAMES 6

/* Sums by name, as they are shown; UINT64_MAX: there is no row. */
struct series {
	uint64_t syns[NAMES], refused[NAMES];
};

static void add(uint64_t *sum, uint64_t count)
{
	*sum = *sum == UINT64_MAX ? count : *sum + count;
}

static struct series read_series(struct handshakes *handshakes, const int *names, uint64_t made)
{
	struct series series;
	struct handshake_report report;
	memset(&series, 0xff, sizeof(series));
	assert_int_equal(handshakes_report(handshakes, &report), 0);
	for (size_t i = 0; i < report.device_count; i++)
		if (report.devices[i].device > 0)
			add(&series.syns[names[report.devices[i].device]],
				report.devices[i].packets[DIRECTION_IN][HANDSHAKE_SYN]);
	for (size_t i = 0; i < report.pair_count; i++)
		if (report.pairs[i].syn_device > 0)
			add(&series.refused[names[report.pairs[i].syn_device]],
				report.pairs[i].counts[HANDSHAKE_REFUSED]);
	assert_int_equal(report.outcomes[HANDSHAKE_REFUSED], made);
	assert_in_range(report.device_count, 0, 9);
	assert_in_range(report.pair_count, 0, 9);
	handshake_report_clear(&report);
	return series;
}

/* Devices come and go for days; one name is only ever one device's at a time. */
static void no_series_goes_back_while_it_lasts(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	int names[2000] = { 0 }, holder[NAMES] = { 0 }, last = 0;
	uint64_t made = 0;
	struct series before;
	memset(&before, 0xff, sizeof(before));
	srand(4);
	for (int second = 10; second < 40000; second += 10) {
		int name = rand() % NAMES;
		if (rand() % 30 == 0)
			holder[name] = 0;
		else if (!holder[name] && last < 1999)
			names[holder[name] = ++last] = name;
		struct handshake_presence devices[2000];
		size_t count = 0;
		for (int device = last; device > 0 && device > last - 40; device--) {
			int heir = last; /* the latest of that name */
			while (names[heir] != names[device])
				heir--;
			devices[count++] = (struct handshake_presence){ .device = device,
				.present = holder[names[device]] == device,
				.heir = heir == device ? 0 : heir };
		}
		handshakes_devices(handshakes, devices, count);
		if (holder[name]) {
			refuse_at(handshakes, second, holder[name], holder[name]);
			made++;
		}
		char text[40];
		snprintf(text, sizeof(text), "wait %d", second + 5);
		script_feed(handshakes, text, AF_INET);
		struct series series = read_series(handshakes, names, made);
		for (int i = 0; i < NAMES; i++) {
			if (before.syns[i] != UINT64_MAX && series.syns[i] < before.syns[i])
				fail_msg("at %d s %d has %d SYNs after %d", second, i, (int)series.syns[i],
					(int)before.syns[i]);
			if (before.refused[i] != UINT64_MAX && series.refused[i] < before.refused[i])
				fail_msg("at %d s %d has %d refused after %d", second, i,
					(int)series.refused[i], (int)before.refused[i]);
		}
		before = series;
	}
	assert_true(last > 100);
	handshakes_free(handshakes);
}

static void delays_fall_into_their_buckets(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	struct handshake_report report = script_report_after(handshakes,
		"0 1 in c1>s80 S 1\n0 1 out s80>c1 SA 1 2\n0.0004 1 in c1>s80 A 2 2\n"
		"0 1 in c2>s80 S 1\n0 1 out s80>c2 SA 1 2\n0.15 1 in c2>s80 A 2 2\n"
		"0 1 in c3>s80 S 1\n0 1 out s80>c3 SA 1 2\n7 1 in c3>s80 A 2 2\n"
		"7 1 in c4>s80 S 1\n7 1 out s80>c4 SA 1 2\n7.0005 1 in c4>s80 A 2 2\n"
		"7 1 in c5>s80 S 1\n7 1 out s80>c5 SA 1 2\n10 1 in c5>s80 A 2 2\n");
	const struct handshake_device *device = &report.devices[0];
	assert_int_equal(device->device, 1);
	assert_int_equal(device->delays[0], 2); /* half a millisecond and less */
	assert_int_equal(device->delays[8], 1); /* up to 0.2 s */
	assert_int_equal(device->delays[HANDSHAKE_DELAYS - 1], 1);
	assert_int_equal(device->delays[HANDSHAKE_DELAYS - 2], 1); /* up to three seconds */
	assert_in_range((uint64_t)(device->delay_sum * 1000), 10150, 10151);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

static void echo_towards(struct handshakes *handshakes, int device, enum direction direction, double seconds,
	bool reply, char from, char to, uint16_t id)
{
	const struct packet packet = { .kind = reply ? PACKET_ECHO_REPLY : PACKET_ECHO_REQUEST,
		.source = script_host(from, AF_INET),
		.destination =
			to == '*' ? (struct address){ AF_INET, { 224, 0, 0, 1 } } : script_host(to, AF_INET),
		.echo_id = id,
		.echo_sequence = 1 };
	const struct sighting sighting = { .device = device,
		.direction = direction,
		.time_ns = SCRIPT_START_NS + (int64_t)(seconds * 1e9) };
	handshakes_feed(handshakes, &packet, &sighting);
}

static void echo_at(struct handshakes *handshakes, int device, double seconds, bool reply, char from, char to,
	uint16_t id)
{
	echo_towards(handshakes, device, reply ? DIRECTION_IN : DIRECTION_OUT, seconds, reply, from, to, id);
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

/* This host asked nobody: it was asked, or passes both on. */
static void an_answer_to_others_shows_no_peer(void **state)
{
	(void)state;
	static const enum direction rows[][2] = { { DIRECTION_IN, DIRECTION_OUT },
		{ DIRECTION_IN, DIRECTION_IN }, { DIRECTION_OUT, DIRECTION_OUT },
		{ DIRECTION_OUT, DIRECTION_IN } };
	for (size_t i = 0; i < 4; i++) {
		struct handshakes *handshakes = script_table();
		echo_towards(handshakes, 1, rows[i][0], 0, false, 'a', 'b', 1);
		echo_towards(handshakes, 1, rows[i][1], 0.1, true, 'b', 'a', 1);
		struct handshake_report report = script_report_after(handshakes, "wait 2");
		assert_int_equal(report.peer_count, i == 3);
		handshake_report_clear(&report);
		handshakes_free(handshakes);
	}
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
	struct handshake_report report = script_report_after(handshakes, "wait 9.9");
	assert_int_equal(report.devices[0].echoes[ECHO_UNANSWERED], 0);
	handshake_report_clear(&report);
	report = script_report_after(handshakes, "wait 10.1");
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

static void the_latest_echo_suspects_come_first(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	for (uint16_t count = 1; count <= ECHO_SUSPECTS + 5; count++) {
		echo(handshakes, count, false, 'a', 'b', count);
		echo(handshakes, count, true, (char)(40 + count), 'a', count);
		struct handshake_report report = script_report_after(handshakes, "");
		assert_int_equal(report.echo_suspect_count, count < ECHO_SUSPECTS ? count : ECHO_SUSPECTS);
		for (size_t i = 0; i < report.echo_suspect_count; i++) {
			struct address answerer = script_host((char)(40 + count - i), AF_INET);
			assert_true(address_equal(&report.echo_suspects[i].answerer, &answerer));
			assert_int_equal(report.echo_suspects[i].device, 1);
			assert_int_equal(report.echo_suspects[i].direction, DIRECTION_OUT);
		}
		handshake_report_clear(&report);
	}
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

/* It is what tells that a fault is healed, however busy the device is. */
static void who_hung_and_completes_keeps_its_place(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	script_feed(handshakes,
		"0 1 in c1>s80 S 1\n0.01 1 out s80>c1 SA 5 2\n1 1 in c1>s80 S 1\n1.01 1 out s80>c1 SA 5 2\n"
		"1.1 1 in c1>s80 A 2 6\n",
		AF_INET);
	for (int i = 0; i < 40; i++) {
		char packets[160];
		snprintf(packets, sizeof(packets),
			"%d.%d 1 in d9>s%d S 1\n%d.%d 1 out s%d>d9 SA 5 2\n%d.%d 1 in d9>s%d A 2 6\n",
			2 + i / 10, i % 10, 100 + i, 2 + i / 10, i % 10, 100 + i, 2 + i / 10, i % 10,
			100 + i);
		script_feed(handshakes, packets, AF_INET);
	}
	struct handshake_report report = script_report_after(handshakes, "wait 1");
	const struct handshake_peer *peer = peer_of(&report, 1, 'c');
	assert_int_equal(report.peer_count, 16);
	assert_true(peer && peer->completed && peer->hung && !peer->unfinished);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recent_counts_forget_the_minute_before),
		cmocka_unit_test(recent_counts_are_those_of_a_minute),
		cmocka_unit_test(services_have_recent_counts),
		cmocka_unit_test(a_service_that_passes_is_known_by_both_of_its_devices),
		cmocka_unit_test(those_who_come_back_are_seen_arriving),
		cmocka_unit_test(a_packet_arrives_at_the_device_that_routes),
		cmocka_unit_test(an_arrival_that_is_not_finished_is_not_washed_away),
		cmocka_unit_test(a_client_is_known_by_the_ports_at_which_it_completes),
		cmocka_unit_test(a_success_is_not_forgotten_for_the_next_try),
		cmocka_unit_test(services_are_bounded_and_failing_ones_stay),
		cmocka_unit_test(devices_beyond_the_limit_are_counted_together),
		cmocka_unit_test(without_room_for_devices_all_are_counted_together),
		cmocka_unit_test(a_device_that_has_gone_makes_room),
		cmocka_unit_test(a_device_inherits_no_peers_with_its_place),
		cmocka_unit_test(a_device_that_comes_back_keeps_its_place),
		cmocka_unit_test(a_name_that_goes_on_keeps_its_counts),
		cmocka_unit_test(an_heir_gets_the_last_minute_too),
		cmocka_unit_test(the_least_recently_used_pair_makes_room),
		cmocka_unit_test(no_series_goes_back_while_it_lasts),
		cmocka_unit_test(delays_fall_into_their_buckets),
		cmocka_unit_test(an_answer_to_others_shows_no_peer),
		cmocka_unit_test(echoes_are_paired),
		cmocka_unit_test(an_answered_ping_arrives_at_the_device_that_routes),
		cmocka_unit_test(the_latest_echo_suspects_come_first),
		cmocka_unit_test(echoes_are_bounded),
		cmocka_unit_test(who_hung_and_completes_keeps_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
