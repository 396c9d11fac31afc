// SPDX-License-Identifier: GPL-2.0-or-later
/* The collector on a real kernel, in network namespaces of its own. */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "collectors/conntrack/conntrack_find.h"
#include "collectors/conntrack/conntrack_sweep.h"
#include "tests/support/conntrack_fill.h"

extern const struct collector conntrack_collector;

#define SKIPPED 77
#define ENTRIES 20000
#define SECOND  INT64_C(1000000000)
#define PIECES  10000 /* more than any sweep here has */

static const struct collector_settings settings = { .procfs = "/proc" };

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* Facts as the collectors before this one would have left them. */
static struct facts *make_facts(void)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	facts->addresses = malloc(sizeof(fill_addresses));
	assert_non_null(facts->addresses);
	memcpy(facts->addresses, fill_addresses, sizeof(fill_addresses));
	facts->address_count = sizeof(fill_addresses) / sizeof(fill_addresses[0]);
	return facts;
}

static struct facts *collect(void *context, int expected)
{
	struct facts *facts = make_facts();
	assert_int_equal(conntrack_collector.collect(context, &settings, facts), expected);
	return facts;
}

/* One advance() as the loop would make it, after a wait for the descriptor. */
static void take_turn(void *context, struct collector_schedule *schedule)
{
	struct pollfd polled = { .fd = conntrack_collector.descriptor(context), .events = POLLIN };
	if (schedule->due_ns > now())
		poll(&polled, 1, 1000);
	assert_int_equal(conntrack_collector.advance(context, now(), schedule), 0);
}

/* Runs until one more sweep has ended. */
static struct facts *sweep(void *context)
{
	struct facts *facts = collect(context, 0);
	int64_t ended_ns = facts->conntrack.ended_ns;
	struct collector_schedule schedule = { 0 };
	for (int i = 0; i < PIECES && facts->conntrack.ended_ns == ended_ns; i++) {
		take_turn(context, &schedule);
		facts_free(facts);
		facts = collect(context, 0);
	}
	assert_true(facts->conntrack.ended_ns != ended_ns);
	return facts;
}

static int set_up(void **state)
{
	if (unshare(CLONE_NEWNET) < 0 || conntrack_collector.init(&settings, state) < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	conntrack_collector.destroy(*state);
	return conntrack_flush();
}

static const struct endpoint *find(const struct facts *facts, enum endpoint_kind kind, const char *target)
{
	char text[ADDRESS_TEXT_SIZE];
	for (size_t i = 0; i < facts->endpoint_count; i++)
		if (facts->endpoints[i].kind == kind &&
			strcmp(address_format(&facts->endpoints[i].target, text), target) == 0)
			return &facts->endpoints[i];
	fail_msg("no endpoint for %s", target);
	return NULL;
}

static void counts_are_exact(void **state)
{
	assert_int_equal(conntrack_fill(ENTRIES), 0);
	struct facts *facts = sweep(*state);
	const struct conntrack_sample *sample = &facts->conntrack;
	assert_true(sample->known && sample->in_use && sample->stats_known);
	assert_int_equal(sample->entries, ENTRIES);
	assert_int_equal(sample->flows[NAT_DNAT][NAT_TCP][NAT_ESTABLISHED], ENTRIES / 10);
	assert_int_equal(sample->flows[NAT_DNAT][NAT_TCP][NAT_SYN_RECV], ENTRIES / 10);
	assert_int_equal(facts->endpoint_count, 8);
	const struct endpoint *target = find(facts, ENDPOINT_DNAT, "10.8.10.3");
	assert_int_equal(target->open, ENTRIES / 40);
	assert_int_equal(target->half_open, ENTRIES / 40);
	assert_int_equal(target->syn_recv, ENTRIES / 40);
	assert_int_equal(target->example_count, ENDPOINT_EXAMPLES);
	assert_int_equal(find(facts, ENDPOINT_IN, "192.0.2.1")->open, 3 * ENTRIES / 10);
	assert_int_equal(find(facts, ENDPOINT_IN, "192.0.2.2")->half_open, ENTRIES / 10);
	assert_int_equal(find(facts, ENDPOINT_IN, "192.0.2.2")->syn_recv, 0);
	assert_int_equal(find(facts, ENDPOINT_OUT, "192.0.2.1")->half_open, ENTRIES / 10);
	assert_int_equal(find(facts, ENDPOINT_IN, "2001:db8::1")->open, ENTRIES / 10);
	assert_true(sample->seconds > 0);
	facts_free(facts);
}

static void sweeps_are_paced(void **state)
{
	struct collector_schedule schedule = { 0 };
	assert_int_equal(conntrack_fill(ENTRIES), 0);
	facts_free(collect(*state, 0));
	int64_t started_ns = now();
	for (int i = 0; i < PIECES; i++) {
		assert_int_equal(conntrack_collector.advance(*state, started_ns + i, &schedule), 0);
		if (schedule.changed)
			break;
	}
	assert_true(schedule.changed);
	struct facts *facts = collect(*state, 0);
	int64_t rest_ns = (int64_t)(100 * facts->conntrack.seconds * (double)SECOND);
	int64_t pause_ns = schedule.due_ns - started_ns;
	int64_t expected_ns = rest_ns > SECOND ? rest_ns : SECOND;
	assert_true(llabs(pause_ns - expected_ns) < 1000);
	int64_t ended_ns = facts->conntrack.ended_ns;
	facts_free(facts);
	assert_int_equal(conntrack_collector.advance(*state, schedule.due_ns - 1, &schedule), 0);
	facts = collect(*state, 0);
	assert_int_equal(facts->conntrack.ended_ns, ended_ns);
	facts_free(facts);
}

static void nothing_is_shown_half_read(void **state)
{
	struct collector_schedule schedule = { 0 };
	assert_int_equal(conntrack_fill(ENTRIES), 0);
	facts_free(collect(*state, 0));
	for (int i = 0; i < 20; i++)
		take_turn(*state, &schedule);
	struct facts *facts = collect(*state, 0);
	assert_false(facts->conntrack.known);
	assert_int_equal(facts->conntrack.entries, 0);
	assert_int_equal(facts->endpoint_count, 0);
	facts_free(facts);
	assert_int_equal(conntrack_flush(), 0);
	facts = sweep(*state); /* goes on to its end with what is left */
	assert_true(facts->conntrack.known);
	assert_in_range(facts->conntrack.entries, 1, ENTRIES - 1);
	facts_free(facts);
	facts = sweep(*state);
	assert_int_equal(facts->conntrack.entries, 0);
	assert_true(facts->endpoint_count > 0); /* remembered */
	facts_free(facts);
}

static void make_traffic(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(address);
	char byte;
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&address, size), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	close(fd);
}

static void unused_conntrack_stays_unused(void **state)
{
	make_traffic();
	struct facts *facts = sweep(*state);
	assert_true(facts->conntrack.known);
	assert_false(facts->conntrack.in_use);
	assert_int_equal(facts->conntrack.entries, 0);
	facts_free(facts);
	make_traffic();
	assert_int_equal(conntrack_filled(), 0);
	/* It may come into use later. */
	assert_int_equal(conntrack_fill(10), 0);
	facts = sweep(*state);
	assert_true(facts->conntrack.in_use);
	assert_int_equal(facts->conntrack.entries, 10);
	facts_free(facts);
}

static void assert_tuple(const struct conntrack_tuple *a, const struct conntrack_tuple *b)
{
	assert_true(address_equal(&a->source, &b->source));
	assert_true(address_equal(&a->destination, &b->destination));
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->source_port, b->source_port);
	assert_int_equal(a->destination_port, b->destination_port);
}

static void one_entry_is_found_by_its_tuple(void **state)
{
	char text[CONNTRACK_TEXT_SIZE] = "untouched", address[ADDRESS_TEXT_SIZE];
	struct conntrack_flow flow;
	assert_int_equal(conntrack_fill(1000), 0);
	struct facts *facts = sweep(*state);
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct flow_example *example = &facts->endpoints[i].examples[0];
		struct conntrack_tuple tuple = conntrack_example_tuple(&facts->endpoints[i], example);
		assert_int_equal(conntrack_find("/proc", &tuple, 0, &flow, text), 0);
		assert_tuple(&flow.original, &tuple);
		assert_int_equal(conntrack_flow_state(&flow), example->state);
		assert_non_null(strstr(text, address_format(&tuple.source, address)));
		tuple.source_port++;
		assert_int_equal(conntrack_find("/proc", &tuple, 0, &flow, text), -ENOENT);
		tuple.source_port--;
		assert_int_equal(conntrack_find("/proc", &tuple, 9, &flow, text), -ENOENT);
		tuple.protocol = IPPROTO_ICMP;
		assert_int_equal(conntrack_find("/proc", &tuple, 0, &flow, text), -EPROTONOSUPPORT);
	}
	facts_free(facts);
}

/* In a process of its own, since the privileges do not come back. Raw results, as assertions do not cross. */
static int look_without_privileges(void *context, bool late)
{
	struct collector_schedule schedule = { 0 };
	struct facts *facts = make_facts();
	if (!late && conntrack_collector.init(&settings, &context) < 0)
		return 1;
	if (conntrack_collector.collect(context, &settings, facts) < 0)
		return 2;
	bool was_known = facts->conntrack.known;
	for (int i = 0; i < 100; i++)
		if (conntrack_collector.advance(context, now() + 100 * SECOND, &schedule) < 0)
			return 3;
	facts_free(facts);
	facts = make_facts();
	if (conntrack_collector.collect(context, &settings, facts) != -EPERM)
		return 4;
	if (!facts->conntrack.stats_known || !facts->conntrack.in_use || facts->conntrack.known != was_known)
		return 5;
	facts_free(facts);
	conntrack_collector.destroy(context);
	return 0;
}

static int run_unprivileged(void *context, bool late)
{
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		bool dropped = syscall(SYS_setresuid, 65534, 65534, 65534) == 0;
		_exit(dropped ? look_without_privileges(context, late) : 6);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void missing_privileges_are_told_and_statistics_stay(void **state)
{
	assert_int_equal(conntrack_fill(100), 0);
	assert_int_equal(run_unprivileged(NULL, false), 0);
	facts_free(sweep(*state));
	assert_int_equal(run_unprivileged(*state, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
		TEST(counts_are_exact),
		TEST(sweeps_are_paced),
		TEST(nothing_is_shown_half_read),
		TEST(unused_conntrack_stays_unused),
		TEST(one_entry_is_found_by_its_tuple),
		TEST(missing_privileges_are_told_and_statistics_stay),
	};
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: a network namespace needs CAP_SYS_ADMIN: %s\n", strerror(errno));
		return SKIPPED;
	}
	if (conntrack_fill(1) < 0) {
		printf("skipped: this kernel has no conntrack to write to\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
