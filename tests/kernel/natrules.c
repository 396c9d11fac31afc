// SPDX-License-Identifier: GPL-2.0-or-later
/* The natrules collector on the running kernel, in a network namespace of its own: when it reads. */
#include "tests/support/unit.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collectors/collector.h"

extern const struct collector natrules_collector;

#define SECOND_NS INT64_C(1000000000)
#define SKIPPED   77

static const struct collector_settings settings = { .procfs = "/proc" };

static int64_t monotonic_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static struct facts *collect(void *context)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	assert_int_equal(natrules_collector.collect(context, &settings, facts), 0);
	return facts;
}

/* As a loop would: when it is due, or something is announced. */
static void turn(void *context, int64_t until)
{
	struct collector_schedule schedule = { 0 };
	while (monotonic_ns() < until) {
		struct pollfd polled = { .fd = natrules_collector.descriptor(context), .events = POLLIN };
		int64_t now = monotonic_ns();
		assert_int_equal(natrules_collector.advance(context, now, &schedule), 0);
		int64_t wait = (schedule.due_ns < until ? schedule.due_ns : until) - now;
		assert_true(poll(&polled, 1, wait > 0 ? (int)(wait / 1000000) + 1 : 0) >= 0);
	}
}

static uint64_t version_of(void *context, size_t rules)
{
	struct facts *facts = collect(context);
	assert_non_null(facts->nat_rules);
	assert_int_equal(facts->nat_rules->count, rules);
	uint64_t version = facts->nat_rules->version;
	facts_free(facts);
	return version;
}

#define CHAIN "add table ip t; add chain ip t pre { type nat hook prerouting priority dstnat; }; "

static void it_reads_after_a_change_and_only_then(void **state)
{
	(void)state;
	void *context;
	assert_int_equal(natrules_collector.init(&settings, &context), 0);
	struct facts *facts = collect(context);
	assert_null(facts->nat_rules);
	facts_free(facts);
	turn(context, monotonic_ns() + SECOND_NS / 5);
	uint64_t first = version_of(context, 0);
	turn(context, monotonic_ns() + SECOND_NS);
	assert_int_equal(version_of(context, 0), first);
	assert_int_equal(system("nft '" CHAIN "add rule ip t pre tcp dport 22 dnat to 192.0.2.1'"), 0);
	turn(context, monotonic_ns() + 2 * SECOND_NS);
	uint64_t second = version_of(context, 1);
	assert_true(second > first);
	turn(context, monotonic_ns() + SECOND_NS);
	assert_int_equal(version_of(context, 1), second);
	assert_int_equal(system("nft flush ruleset"), 0);
	turn(context, monotonic_ns() + 2 * SECOND_NS);
	assert_true(version_of(context, 0) > second);
	natrules_collector.destroy(context);
}

/* Half a minute later it looks at the generation alone. */
static void time_alone_is_no_reason_to_read(void **state)
{
	(void)state;
	void *context;
	struct collector_schedule schedule = { 0 };
	assert_int_equal(natrules_collector.init(&settings, &context), 0);
	turn(context, monotonic_ns() + SECOND_NS / 5);
	uint64_t version = version_of(context, 0);
	for (int i = 1; i <= 5; i++) {
		assert_int_equal(
			natrules_collector.advance(context, monotonic_ns() + i * 60 * SECOND_NS, &schedule),
			0);
		assert_false(schedule.changed);
		assert_int_equal(version_of(context, 0), version);
	}
	natrules_collector.destroy(context);
}

/* A legacy table is not asked for, and thereby made, where there is none. */
static void no_table_is_made_by_looking(void **state)
{
	(void)state;
	void *context;
	assert_int_equal(natrules_collector.init(&settings, &context), 0);
	turn(context, monotonic_ns() + SECOND_NS / 5);
	assert_int_not_equal(system("grep -qs nat /proc/net/ip_tables_names"), 0);
	natrules_collector.destroy(context);
}

static void without_the_capability_it_says_so(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		void *context;
		_exit(setresuid(65534, 65534, 65534) < 0 ||
			natrules_collector.init(&settings, &context) != -EPERM);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_reads_after_a_change_and_only_then),
		cmocka_unit_test(time_alone_is_no_reason_to_read),
		cmocka_unit_test(no_table_is_made_by_looking),
		cmocka_unit_test(without_the_capability_it_says_so),
	};
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace of our own: %s\n", strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
