// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own messages, recorded in the forward-drop labs, and what they come to. */
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/trace_table.h"
#include "collectors/trace/trace_way.h"
#include "tests/support/recorded.h"

#define SECOND_NS INT64_C(1000000000)

static bool read_message(const char *recording, unsigned number, struct trace_message *out)
{
	char name[64], path[512];
	snprintf(name, sizeof(name), "trace-%s-%02u", recording, number);
	snprintf(path, sizeof(path), TEST_DATA "/netlink/%s", name);
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	fclose(file);
	struct nlmsghdr *header = recorded_message(name);
	assert_int_equal(trace_message_parse(header, out), 0);
	free(header);
	return true;
}

/* All messages of a recording, but for the `without` last ones. */
static void follow(const char *recording, unsigned without, struct trace_way *way)
{
	struct trace_message message, first;
	unsigned count = 0;
	memset(way, 0, sizeof(*way));
	assert_true(read_message(recording, 0, &first));
	while (read_message(recording, count, &message))
		count++;
	for (unsigned i = 0; i + without < count; i++) {
		assert_true(read_message(recording, i, &message));
		trace_way_add(way, first.table, &message, SECOND_NS);
	}
}

/* ---- messages ---- */

static void a_message_is_understood(void **state)
{
	(void)state;
	struct trace_message message;
	struct address client;
	assert_true(read_message("set4", 0, &message));
	assert_int_equal(message.family, NFPROTO_INET);
	assert_memory_equal(message.table, TRACE_TABLE_PREFIX, strlen(TRACE_TABLE_PREFIX));
	assert_string_equal(message.chain, "arriving");
	assert_int_equal(message.kind, TRACE_BY_RULE);
	assert_int_equal(message.verdict, NFT_CONTINUE);
	assert_true(message.handle > 0 && message.iif > 0 && message.oif == 0);
	assert_true(message.has_headers);
	address_parse("203.0.113.2", &client);
	assert_true(address_equal(&message.headers.source, &client));
	assert_int_equal(message.headers.destination_port, 1222);
}

static void verdicts_are_told_apart(void **state)
{
	(void)state;
	struct trace_message message;
	assert_true(read_message("set4", 8, &message));
	assert_string_equal(message.chain, "forward");
	assert_int_equal(message.verdict, NFT_JUMP);
	assert_string_equal(message.target, "allowed_dnats");
	assert_true(message.oif > 0);
	assert_true(read_message("set4", 9, &message));
	assert_int_equal(message.verdict, NF_DROP);
	assert_false(message.has_headers);
	assert_true(read_message("policy4", 9, &message));
	assert_int_equal(message.kind, TRACE_BY_POLICY);
	assert_int_equal(message.verdict, NF_DROP);
	assert_int_equal(message.handle, 0);
}

static void parse_maimed(const struct nlmsghdr *header)
{
	struct trace_message message = { .chain = "untouched" };
	int result = trace_message_parse(header, &message);
	assert_true(result == 0 || result == -EBADMSG);
	if (result < 0)
		assert_string_equal(message.chain, "untouched");
}

static void maimed_messages_are_refused(void **state)
{
	(void)state;
	recorded_maim("trace-set4-00", parse_maimed);
	recorded_maim("trace-set6-08", parse_maimed);
	recorded_maim("trace-policy4-09", parse_maimed);
}

/* ---- ways ---- */

static const struct way_row {
	const char *recording;
	enum trace_end end;
	enum trace_place place;
	const char *table, *chain; /* of the last step; NULL: none */
	uint8_t family;
	bool by_policy;
	const char *target;
	uint16_t port;
	unsigned steps;
} ways[] = {
	{ "set4", TRACE_RULE, TRACE_FORWARDING, "filter", "allowed_dnats", NFPROTO_IPV4, false,
		"192.168.70.2", 22, 3 },
	{ "set6", TRACE_RULE, TRACE_FORWARDING, "filter", "allowed_dnats", NFPROTO_IPV6, false, "fd00:70::2",
		22, 3 },
	{ "negated-set4", TRACE_RULE, TRACE_FORWARDING, "filter", "forward", NFPROTO_IPV4, false,
		"192.168.70.2", 22, 2 },
	{ "map4", TRACE_POLICY, TRACE_FORWARDING, "filter", "forward", NFPROTO_IPV4, true, "192.168.70.2", 22,
		2 },
	{ "policy4", TRACE_POLICY, TRACE_FORWARDING, "filter", "forward", NFPROTO_IPV4, true, "192.168.70.2",
		22, 2 },
	{ "inet6", TRACE_RULE, TRACE_FORWARDING, "guard", "check", NFPROTO_INET, false, "fd00:70::2", 22, 4 },
	{ "iptables4", TRACE_RULE, TRACE_FORWARDING, "filter", "FORWARD", NFPROTO_IPV4, false, "192.168.70.2",
		22, 2 },
	{ "redirect4", TRACE_RULE, TRACE_ENTERING, "filter", "input", NFPROTO_INET, false, "198.51.100.2",
		8022, 2 },
};

static void check_way(const struct way_row *row, const struct trace_way *way)
{
	struct address target;
	const struct trace_message *last = trace_way_last(way);
	print_message("%s\n", row->recording);
	assert_true(way->over);
	assert_int_equal(way->end, row->end);
	assert_int_equal(way->place, row->place);
	assert_non_null(last);
	assert_string_equal(last->table, row->table);
	assert_string_equal(last->chain, row->chain);
	assert_int_equal(last->family, row->family);
	assert_int_equal(last->handle == 0, row->by_policy);
	assert_int_equal(address_parse(row->target, &target), 0);
	assert_true(address_equal(&way->latest.destination, &target));
	assert_int_equal(way->latest.destination_port, row->port);
	assert_int_equal(way->asked.destination_port, 1222);
	assert_int_equal(way->count, row->steps);
}

static void ways_end_where_they_ended(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct trace_way way;
		follow(ways[i].recording, 0, &way);
		check_way(&ways[i], &way);
	}
}

static void a_way_without_verdict_vanishes(void **state)
{
	(void)state;
	struct trace_way way;
	follow("reverse-path4", 0, &way);
	assert_true(way.begun);
	assert_false(way.over);
	trace_way_advance(&way, SECOND_NS + TRACE_WAY_SILENCE_NS - 1);
	assert_false(way.over);
	trace_way_advance(&way, SECOND_NS + TRACE_WAY_SILENCE_NS);
	assert_true(way.over);
	assert_int_equal(way.end, TRACE_VANISHED);
	assert_int_equal(way.place, TRACE_ROUTING);
	assert_null(trace_way_last(&way));
	assert_false(address_equal(&way.latest.destination, &way.asked.destination));
}

/* What drops a packet without telling leaves it where it was. */
static void a_way_that_breaks_off_in_forward(void **state)
{
	(void)state;
	struct trace_way way;
	follow("set4", 2, &way);
	trace_way_advance(&way, 2 * SECOND_NS);
	assert_int_equal(way.end, TRACE_VANISHED);
	assert_int_equal(way.place, TRACE_FORWARDING);
}

static void a_way_to_its_end_passes(void **state)
{
	(void)state;
	struct trace_way way;
	struct trace_message message;
	follow("set4", 2, &way);
	assert_true(read_message("set4", 7, &message));
	snprintf(message.chain, sizeof(message.chain), "%s", "leaving");
	trace_way_add(&way, message.table, &message, SECOND_NS);
	assert_int_equal(way.place, TRACE_LEAVING);
	snprintf(message.chain, sizeof(message.chain), "%s", "sent");
	trace_way_add(&way, message.table, &message, SECOND_NS);
	assert_true(way.over);
	assert_int_equal(way.end, TRACE_PASSED);
}

static void other_packets_are_ignored(void **state)
{
	(void)state;
	struct trace_way way = { 0 };
	struct trace_message message;
	assert_true(read_message("set4", 9, &message));
	trace_way_add(&way, "oneway_trace_0", &message, SECOND_NS); /* of somebody else's trace */
	assert_false(way.begun);
	follow("set4", 1, &way);
	message.id++;
	trace_way_add(&way, "oneway_trace_0", &message, SECOND_NS);
	assert_false(way.over);
}

/* The kernel copied the packet: the sequence number says that it is the same. */
static void a_copied_packet_is_followed(void **state)
{
	(void)state;
	struct trace_way way;
	struct trace_message message;
	follow("set4", 2, &way);
	assert_true(read_message("set4", 8, &message));
	message.id++;
	trace_way_add(&way, "oneway_trace_0", &message, SECOND_NS);
	assert_true(read_message("set4", 9, &message));
	message.id++;
	trace_way_add(&way, "oneway_trace_0", &message, SECOND_NS);
	assert_int_equal(way.end, TRACE_RULE);
}

static void a_program_may_take_it(void **state)
{
	(void)state;
	struct trace_way way;
	struct trace_message message;
	follow("set4", 1, &way);
	assert_true(read_message("set4", 9, &message));
	message.verdict = 7 << 16 | NF_QUEUE;
	trace_way_add(&way, "oneway_trace_0", &message, SECOND_NS);
	assert_int_equal(way.end, TRACE_QUEUED);
	assert_non_null(trace_way_last(&way));
}

/* The last step decides, however many there were. */
static void a_long_way_keeps_its_end(void **state)
{
	(void)state;
	struct trace_way way;
	struct trace_message jump, drop;
	follow("set4", 1, &way);
	assert_true(read_message("set4", 8, &jump));
	assert_true(read_message("set4", 9, &drop));
	for (unsigned i = 0; i < 2 * TRACE_WAY_STEPS; i++)
		trace_way_add(&way, "oneway_trace_0", &jump, SECOND_NS);
	trace_way_add(&way, "oneway_trace_0", &drop, SECOND_NS);
	assert_int_equal(way.count, TRACE_WAY_STEPS);
	assert_true(way.more);
	assert_string_equal(trace_way_last(&way)->chain, "allowed_dnats");
}

/* ---- the table ---- */

static void the_table_asks_for_one_service(void **state)
{
	(void)state;
	char text[TRACE_TABLE_TEXT_SIZE];
	struct trace_subject subject = { .port = 22, .arrival = 7 };
	address_parse("2001:db8::1", &subject.address);
	trace_table_make("oneway_trace_1", &subject, text);
	assert_non_null(strstr(text, "create table inet oneway_trace_1 { flags owner; }"));
	assert_non_null(strstr(text, "arriving meta iif 7 ip6 daddr 2001:db8::1 tcp dport 22 "));
	assert_null(strstr(text, "ct "));
	assert_null(strstr(text, "saddr"));
	assert_null(strstr(text, "opening"));
	subject.arrival = 0;
	address_parse("2001:db8::2", &subject.client);
	trace_table_make("oneway_trace_1", &subject, text);
	assert_non_null(strstr(text, "opening ip6 saddr 2001:db8::2 ip6 daddr"));
	assert_null(strstr(text, "iif"));
	assert_null(strstr(text, "arriving"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_understood),
		cmocka_unit_test(verdicts_are_told_apart),
		cmocka_unit_test(maimed_messages_are_refused),
		cmocka_unit_test(ways_end_where_they_ended),
		cmocka_unit_test(a_way_without_verdict_vanishes),
		cmocka_unit_test(a_way_that_breaks_off_in_forward),
		cmocka_unit_test(a_way_to_its_end_passes),
		cmocka_unit_test(other_packets_are_ignored),
		cmocka_unit_test(a_copied_packet_is_followed),
		cmocka_unit_test(a_program_may_take_it),
		cmocka_unit_test(a_long_way_keeps_its_end),
		cmocka_unit_test(the_table_asks_for_one_service),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
