// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake table, fed with packets whose time stamps are those of a clock that is set. */
#include "tests/support/handshake_script.h"

#include <stdio.h>

#include "collectors/capture/capture_clock.h"

#define SECOND_NS INT64_C(1000000000)
#define HOUR_NS   (3600 * SECOND_NS)
#define BOOT_NS   (5 * SECOND_NS) /* monotonic time at which each test begins */

struct host {
	struct handshakes *handshakes;
	struct capture_clock clock;
	int64_t wall_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

static struct host start(int64_t wall_ns)
{
	struct host host = { .handshakes = script_table(), .wall_ns = wall_ns };
	return host;
}

/* As before each batch of packets, and at each tick. */
static void look(struct host *host, double seconds)
{
	int64_t now_ns = BOOT_NS + (int64_t)(seconds * 1e9);
	capture_clock_set(&host->clock, now_ns, now_ns + host->wall_ns);
	handshakes_set_wall(host->handshakes, -host->clock.offset_ns);
}

static int64_t stamp(const struct host *host, double seconds)
{
	return BOOT_NS + (int64_t)(seconds * 1e9) + host->wall_ns;
}

/* A packet that was stamped, and is read now. */
static void read_packet(struct host *host, int64_t stamp_ns, const char *packet)
{
	char line[80];
	int64_t time_ns = capture_clock_monotonic(&host->clock, stamp_ns);
	assert_true(time_ns >= 0);
	snprintf(line, sizeof(line), "%.9f %s", (double)(time_ns - SCRIPT_START_NS) / 1e9, packet);
	script_feed_line(host->handshakes, line, AF_INET);
}

static void packet(struct host *host, double seconds, const char *text)
{
	look(host, seconds);
	read_packet(host, stamp(host, seconds), text);
}

static struct handshake_report report_at(struct host *host, double seconds)
{
	struct handshake_report report;
	look(host, seconds);
	handshakes_advance(host->handshakes, host->clock.now_ns);
	assert_int_equal(handshakes_report(host->handshakes, &report), 0);
	return report;
}

static void assert_near(int64_t time_ns, int64_t expected_ns)
{
	assert_in_range(time_ns - expected_ns + SECOND_NS / 100, 0, SECOND_NS / 50);
}

static void expect(struct host *host, double seconds, uint64_t tracked, uint64_t completed, uint64_t one_way)
{
	struct handshake_report report = report_at(host, seconds);
	assert_int_equal(report.tracked, tracked);
	assert_int_equal(report.outcomes[HANDSHAKE_COMPLETED], completed);
	assert_int_equal(report.outcomes[HANDSHAKE_ONE_WAY], one_way);
	handshake_report_clear(&report);
}

static void a_step_neither_stops_nor_rushes_time(void **state)
{
	(void)state;
	static const int64_t steps[] = { -HOUR_NS, HOUR_NS, -SECOND_NS / 2, SECOND_NS / 2,
		50 * 365 * 24 * HOUR_NS };
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct host host = start(HOUR_NS * 2);
		packet(&host, 0, "1 in c1000>s80 S 100");
		packet(&host, 0.001, "2 out s80>c1000 SA 500 101");
		host.wall_ns += steps[i];
		packet(&host, 1, "1 in c1000>s80 S 100"); /* a suspect now */
		struct handshake_report report = report_at(&host, 1.1);
		assert_int_equal(report.tracked, 1);
		assert_int_equal(report.suspect_count, 1);
		assert_int_equal(report.suspects[0].repeats, 1);
		assert_near(report.suspects[0].first_ns, stamp(&host, 0));
		assert_near(report.suspects[0].asked_ns, stamp(&host, 1));
		handshake_report_clear(&report);
		packet(&host, 2, "1 in d1>s80 S 1");
		packet(&host, 2.001, "1 out s80>d1 SA 5 2");
		packet(&host, 2.002, "1 in d1>s80 A 2 6");
		expect(&host, 2.1, 2, 0, 0);
		expect(&host, 2.7, 1, 1, 0);
		host.wall_ns -= steps[i];
		expect(&host, 8, 1, 1, 0);
		packet(&host, 9, "1 in e1>s80 S 1");
		expect(&host, 12, 1, 1, 1);
		expect(&host, 20, 0, 1, 1);
		handshakes_free(host.handshakes);
	}
}

/* They wait in a ring while the clock is set. */
static void a_packet_of_before_the_step_keeps_its_time(void **state)
{
	(void)state;
	static const int64_t steps[] = { -HOUR_NS, HOUR_NS, -SECOND_NS / 2, SECOND_NS / 2 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct host host = start(HOUR_NS * 2);
		look(&host, 0);
		int64_t before_ns = stamp(&host, 0.9);
		host.wall_ns += steps[i];
		look(&host, 1);
		assert_near(capture_clock_monotonic(&host.clock, before_ns), BOOT_NS + SECOND_NS * 9 / 10);
		assert_near(capture_clock_monotonic(&host.clock, stamp(&host, 1)), BOOT_NS + SECOND_NS);
		look(&host, 3); /* by now all packets were stamped after it */
		assert_near(capture_clock_monotonic(&host.clock, stamp(&host, 2.2)),
			BOOT_NS + SECOND_NS * 22 / 10);
		handshakes_free(host.handshakes);
	}
}

static void equal_stamps_stay_equal_while_clocks_drift(void **state)
{
	(void)state;
	struct host host = start(HOUR_NS);
	look(&host, 0);
	int64_t stamp_ns = stamp(&host, 0), time_ns = capture_clock_monotonic(&host.clock, stamp_ns);
	host.wall_ns += CAPTURE_CLOCK_DRIFT_NS / 2;
	look(&host, 0.1);
	assert_int_equal(capture_clock_monotonic(&host.clock, stamp_ns), time_ns);
	host.wall_ns += CAPTURE_CLOCK_DRIFT_NS; /* too far */
	look(&host, 5);
	assert_int_equal(capture_clock_monotonic(&host.clock, stamp(&host, 5)), BOOT_NS + 5 * SECOND_NS);
	handshakes_free(host.handshakes);
}

static void a_stamp_of_the_future_is_none(void **state)
{
	(void)state;
	struct host host = start(HOUR_NS);
	look(&host, 0);
	assert_int_equal(capture_clock_monotonic(&host.clock, stamp(&host, 1)), -1);
	look(&host, 1); /* it came while the batch was read */
	assert_int_equal(capture_clock_monotonic(&host.clock, stamp(&host, 1)), BOOT_NS + SECOND_NS);
	handshakes_free(host.handshakes);
}

static void all_times_are_reported_as_wall_time(void **state)
{
	(void)state;
	struct handshakes *handshakes = script_table();
	handshakes_set_wall(handshakes, HOUR_NS);
	struct handshake_report report = script_report_after(handshakes,
		"0 1 in d1>t80 S 1\n0 1 out t80>d1 SA 5 2\n0 1 in d1>t80 A 2 6\n"
		"0 1 in c1000>s80 S 100\n1 1 in c1000>s80 S 100\n"
		"1 2 out x80>y1 SA 5 2\nwait 5");
	assert_int_equal(report.unanswered[0].since_ns, SCRIPT_START_NS + HOUR_NS);
	assert_int_equal(report.unanswered[0].repeated_ns, SCRIPT_START_NS + HOUR_NS + SECOND_NS);
	assert_int_equal(report.unanswered[0].last_ns, SCRIPT_START_NS + HOUR_NS + SECOND_NS);
	assert_int_equal(report.services[0].completed_ns, SCRIPT_START_NS + HOUR_NS);
	assert_int_equal(report.services[0].failed_ns, 0);
	assert_int_equal(report.suspects[0].asked_ns, 0);
	assert_int_equal(report.suspects[0].answered_ns, SCRIPT_START_NS + HOUR_NS + SECOND_NS);
	for (size_t i = 0; i < report.peer_count; i++) {
		assert_in_range(report.peers[i].seen_ns, SCRIPT_START_NS + HOUR_NS,
			SCRIPT_START_NS + HOUR_NS + 5 * SECOND_NS);
		assert_int_equal(report.peers[i].echoed_ns, 0);
	}
	struct frame frame;
	assert_int_equal(handshakes_evidence(handshakes, &frame, 1), 1);
	assert_int_equal(frame.time_ns, SCRIPT_START_NS + HOUR_NS + SECOND_NS);
	handshake_report_clear(&report);
	handshakes_free(handshakes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_neither_stops_nor_rushes_time),
		cmocka_unit_test(a_packet_of_before_the_step_keeps_its_time),
		cmocka_unit_test(equal_stamps_stay_equal_while_clocks_drift),
		cmocka_unit_test(a_stamp_of_the_future_is_none),
		cmocka_unit_test(all_times_are_reported_as_wall_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
