// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks a real kernel, in a network namespace of its own, and compares with what iproute2 says. */
#include "tests/support/unit.h"

#include <errno.h>
#include <jansson.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collectors/base/array.h"
#include "collectors/collector.h"
#include "collectors/route/lookup.h"
#include "collectors/route/table.h"

extern const struct collector link_collector;
extern const struct collector rpfilter_collector;
extern const struct collector listen_collector;

#define SKIPPED   77 /* SKIP_RETURN_CODE */
#define MANY      1000
#define SECOND_NS INT64_C(1000000000)

static const char *const scene[] = {
	"ip link set lo up",
	"ip link add name va type veth peer name pva",
	"ip link add name vb type veth peer name pvb",
	"ip link add name vc type veth peer name pvc",
	"for d in va pva vb pvb vc pvc; do ip link set $d up || exit 1; done",
	"ip addr add 10.1.0.1/24 dev va",
	"ip addr add 10.2.0.1/24 dev vb",
	"ip addr add 10.9.9.9/32 dev lo",
	"ip -6 addr add 2001:db8:1::1/64 dev va nodad",
	"ip -6 addr add 2001:db8:2::1/64 dev vb nodad",
	"echo 1 > /proc/sys/net/ipv4/ip_forward",
	"ip route add default via 10.1.0.254",
	"ip route add 203.0.113.0/24 nexthop via 10.1.0.2 nexthop via 10.2.0.2",
	"ip route add 198.51.100.0/25 via inet6 2001:db8:1::9 dev va",
	"ip route add default via 10.2.0.254 table 150",
	"ip route add default via 10.2.0.253 table 4711",
	"ip rule add from 10.2.0.1 lookup 150",
	"ip rule add fwmark 5 lookup 4711",
	"ip rule add ipproto tcp sport 8443 lookup 4711",
	"ip rule add uidrange 1234-1234 lookup 150",
	"ip route add unreachable 192.0.2.1",
	"ip route add prohibit 192.0.2.2",
	"ip route add blackhole 192.0.2.3",
	"ip route add throw 192.0.2.4 table 4711",
	"ip rule add to 192.0.2.5 unreachable",
	"ip rule add to 192.0.2.6 prohibit",
	"ip rule add to 192.0.2.7 blackhole",
	"ip -6 route add default via 2001:db8:1::fe",
	"ip -6 route add 2001:db8:f::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2",
	"ip -6 route add default via 2001:db8:2::fe table 150",
	"ip -6 rule add from 2001:db8:2::1 lookup 150",
	"ip -6 rule add fwmark 5 lookup 150",
	"ip -6 route add unreachable 2001:db8:a::1",
	"ip -6 route add prohibit 2001:db8:a::2",
	"ip -6 route add blackhole 2001:db8:a::3",
	"ip -6 rule add to 2001:db8:a::6 prohibit",
	"ip -6 rule add to 2001:db8:a::7 blackhole",
	/* Local routes of IPv6 addresses are made by a worker, a moment after the addresses. */
	"for i in $(seq 250); do [ $(ip -6 route show table local | grep -c 2001:db8:) = 2 ] && break; sleep 0.02; done",
};

/* Both ask the kernel for the same: `words` by iproute2, the rest by us. */
static const struct lookup_case {
	const char *words;
	const char *destination, *source;
	const char *iif, *oif;
	uint32_t mark;
	uint16_t source_port;
	uint32_t uid;
	enum route_result result;
} cases[] = {
	{ "9.9.9.9", "9.9.9.9", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "9.9.9.9 from 10.2.0.1", "9.9.9.9", "10.2.0.1", NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "9.9.9.9 mark 5", "9.9.9.9", NULL, NULL, NULL, 5, 0, 0, ROUTE_FOUND },
	{ "9.9.9.9 sport 8443", "9.9.9.9", NULL, NULL, NULL, 0, 8443, 0, ROUTE_FOUND },
	{ "9.9.9.9 uid 1234", "9.9.9.9", NULL, NULL, NULL, 0, 0, 1234, ROUTE_FOUND },
	{ "203.0.113.5", "203.0.113.5", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "198.51.100.5", "198.51.100.5", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "10.2.0.77", "10.2.0.77", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "9.9.9.9 from 10.1.0.7 iif va", "9.9.9.9", "10.1.0.7", "va", NULL, 0, 0, 0, ROUTE_FOUND },
	{ "9.9.9.9 from 10.1.0.7 iif va mark 5", "9.9.9.9", "10.1.0.7", "va", NULL, 5, 0, 0, ROUTE_FOUND },
	{ "10.9.9.9", "10.9.9.9", NULL, NULL, NULL, 0, 0, 0, ROUTE_LOCAL },
	{ "10.9.9.9 from 10.1.0.7 iif va", "10.9.9.9", "10.1.0.7", "va", NULL, 0, 0, 0, ROUTE_LOCAL },
	{ "9.9.9.9 oif vc", "9.9.9.9", NULL, NULL, "vc", 0, 0, 0, ROUTE_NONE },
	{ "192.0.2.1 oif va", "192.0.2.1", NULL, NULL, "va", 0, 0, 0, ROUTE_NONE },
	{ "192.0.2.1", "192.0.2.1", NULL, NULL, NULL, 0, 0, 0, ROUTE_UNREACHABLE },
	{ "192.0.2.2", "192.0.2.2", NULL, NULL, NULL, 0, 0, 0, ROUTE_PROHIBIT },
	{ "192.0.2.3", "192.0.2.3", NULL, NULL, NULL, 0, 0, 0, ROUTE_BLACKHOLE },
	{ "192.0.2.4 mark 5", "192.0.2.4", NULL, NULL, NULL, 5, 0, 0, ROUTE_FOUND },
	{ "192.0.2.5", "192.0.2.5", NULL, NULL, NULL, 0, 0, 0, ROUTE_NONE },
	{ "192.0.2.6", "192.0.2.6", NULL, NULL, NULL, 0, 0, 0, ROUTE_PROHIBIT },
	{ "192.0.2.7", "192.0.2.7", NULL, NULL, NULL, 0, 0, 0, ROUTE_BLACKHOLE },
	{ "192.0.2.2 from 10.1.0.7 iif va", "192.0.2.2", "10.1.0.7", "va", NULL, 0, 0, 0, ROUTE_PROHIBIT },
	{ "192.0.2.3 from 10.1.0.7 iif va", "192.0.2.3", "10.1.0.7", "va", NULL, 0, 0, 0, ROUTE_FAILED },
	{ "9.9.9.9 from 10.1.0.1 iif va", "9.9.9.9", "10.1.0.1", "va", NULL, 0, 0, 0, ROUTE_FAILED },
	{ "2001:db8:99::1", "2001:db8:99::1", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "2001:db8:99::1 from 2001:db8:2::1", "2001:db8:99::1", "2001:db8:2::1", NULL, NULL, 0, 0, 0,
		ROUTE_FOUND },
	{ "2001:db8:99::1 mark 5", "2001:db8:99::1", NULL, NULL, NULL, 5, 0, 0, ROUTE_FOUND },
	{ "2001:db8:f::1", "2001:db8:f::1", NULL, NULL, NULL, 0, 0, 0, ROUTE_FOUND },
	{ "2001:db8:99::1 from 2001:db8:1::7 iif va", "2001:db8:99::1", "2001:db8:1::7", "va", NULL, 0, 0, 0,
		ROUTE_FOUND },
	{ "2001:db8:1::1", "2001:db8:1::1", NULL, NULL, NULL, 0, 0, 0, ROUTE_LOCAL },
	{ "2001:db8:99::1 oif vc", "2001:db8:99::1", NULL, NULL, "vc", 0, 0, 0, ROUTE_NONE },
	{ "2001:db8:a::1", "2001:db8:a::1", NULL, NULL, NULL, 0, 0, 0, ROUTE_UNREACHABLE },
	{ "2001:db8:a::2", "2001:db8:a::2", NULL, NULL, NULL, 0, 0, 0, ROUTE_PROHIBIT },
	{ "2001:db8:a::3", "2001:db8:a::3", NULL, NULL, NULL, 0, 0, 0, ROUTE_BLACKHOLE },
	{ "2001:db8:a::3 from 2001:db8:1::7 iif va", "2001:db8:a::3", "2001:db8:1::7", "va", NULL, 0, 0, 0,
		ROUTE_BLACKHOLE },
	{ "2001:db8:a::6", "2001:db8:a::6", NULL, NULL, NULL, 0, 0, 0, ROUTE_PROHIBIT },
	{ "2001:db8:a::7", "2001:db8:a::7", NULL, NULL, NULL, 0, 0, 0, ROUTE_BLACKHOLE },
};
#define CASES (sizeof(cases) / sizeof(*cases))

static const struct collector_settings settings = { .procfs = "/proc" };

static void run(const char *command)
{
	int status = system(command);
	if (status != 0)
		fail_msg("%s: %d", command, status);
}

static struct route_query query_of(const struct lookup_case *wanted)
{
	struct route_query query = { .mark = wanted->mark,
		.uid = wanted->uid,
		.protocol = IPPROTO_TCP,
		.source_port = wanted->source_port };
	assert_int_equal(address_parse(wanted->destination, &query.destination), 0);
	if (wanted->source)
		assert_int_equal(address_parse(wanted->source, &query.source), 0);
	if (wanted->iif)
		query.iif = (int)if_nametoindex(wanted->iif);
	if (wanted->oif)
		query.oif = (int)if_nametoindex(wanted->oif);
	return query;
}

static struct netlink *open_route_socket(void)
{
	struct netlink *netlink;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	return netlink;
}

/* ---- what iproute2 says ---- */

static json_t *ask_iproute(const char *words)
{
	char command[256];
	snprintf(command, sizeof(command), "ip -j route get fibmatch %s ipproto tcp 2>/dev/null", words);
	FILE *pipe = popen(command, "re");
	assert_non_null(pipe);
	json_t *answer = json_loadf(pipe, JSON_DISABLE_EOF_CHECK, NULL);
	pclose(pipe);
	return answer;
}

static void add_device(struct device_set *set, const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "dev"));
	if (name)
		device_set_add(set, (int)if_nametoindex(name));
}

static struct device_set devices_of(const json_t *route)
{
	struct device_set set = { 0 };
	size_t i;
	const json_t *hop;
	add_device(&set, route);
	json_array_foreach(json_object_get(route, "nexthops"), i, hop) add_device(&set, hop);
	return set;
}

static const char *gateway_of(const json_t *route)
{
	const char *gateway = json_string_value(json_object_get(route, "gateway"));
	if (!gateway)
		gateway = json_string_value(json_object_get(json_object_get(route, "via"), "host"));
	return gateway;
}

static unsigned table_of(const json_t *route)
{
	const char *table = json_string_value(json_object_get(route, "table"));
	if (!table)
		return RT_TABLE_MAIN; /* is not mentioned */
	return strcmp(table, "local") == 0 ? RT_TABLE_LOCAL : (unsigned)strtoul(table, NULL, 10);
}

static unsigned length_of(const json_t *route, uint8_t family)
{
	const char *destination = json_string_value(json_object_get(route, "dst"));
	struct prefix prefix;
	assert_non_null(destination);
	if (strcmp(destination, "default") == 0)
		return 0;
	assert_int_equal(prefix_parse(destination, &prefix), 0);
	assert_int_equal(prefix.address.family, family);
	return prefix.length;
}

static void check_found(const struct route_answer *answer, const json_t *route, uint8_t family, bool bound)
{
	const char *gateway = gateway_of(route);
	char text[ADDRESS_TEXT_SIZE];
	struct device_set devices = devices_of(route);
	assert_int_equal(answer->table, table_of(route));
	assert_int_equal(answer->prefix_length, length_of(route, family));
	if (answer->result != ROUTE_FOUND)
		return;
	assert_true(bound || device_set_equal(&answer->devices, &devices));
	assert_false(answer->devices.more);
	if (gateway)
		assert_string_equal(address_format(&answer->gateway, text), gateway);
}

static void check_case(const struct lookup_case *wanted, const struct route_answer *answer)
{
	print_message("%s\n", wanted->words);
	json_t *said = ask_iproute(wanted->words);
	const json_t *route = json_array_get(said, 0);
	assert_int_equal(answer->result, wanted->result);
	bool found = answer->result == ROUTE_FOUND || answer->result == ROUTE_LOCAL;
	assert_int_equal(route != NULL, found);
	assert_int_equal(answer->error != 0, !found);
	if (found)
		check_found(
			answer, route, strchr(wanted->destination, ':') ? AF_INET6 : AF_INET, wanted->oif);
	json_decref(said);
}

/* ---- tests ---- */

static void lookups_equal_those_of_iproute(void **state)
{
	(void)state;
	struct netlink *netlink = open_route_socket();
	struct route_query queries[CASES];
	struct route_answer answers[CASES];
	for (size_t i = 0; i < CASES; i++)
		queries[i] = query_of(&cases[i]);
	assert_int_equal(lookup_batch(netlink, queries, answers, CASES), 0);
	for (size_t i = 0; i < CASES; i++)
		check_case(&cases[i], &answers[i]);
	netlink_close(netlink);
}

/* The kernel lists all hops of the route, also those that the device rules out. */
static void bound_lookups_answer_their_device_alone(void **state)
{
	(void)state;
	static const struct {
		struct lookup_case wanted;
		const char *gateway;
	} bound[] = {
		{ { .destination = "203.0.113.5", .oif = "va" }, "10.1.0.2" },
		{ { .destination = "203.0.113.5", .oif = "vb" }, "10.2.0.2" },
		{ { .destination = "2001:db8:f::1", .oif = "va" }, "2001:db8:1::2" },
		{ { .destination = "2001:db8:f::1", .oif = "vb" }, "2001:db8:2::2" },
	};
	struct netlink *netlink = open_route_socket();
	for (size_t i = 0; i < sizeof(bound) / sizeof(*bound); i++) {
		const struct route_query query = query_of(&bound[i].wanted);
		struct route_answer answer;
		char text[ADDRESS_TEXT_SIZE];
		assert_int_equal(lookup_batch(netlink, &query, &answer, 1), 0);
		assert_int_equal(answer.devices.count, 1);
		assert_int_equal(answer.devices.ifindex[0], query.oif);
		assert_string_equal(address_format(&answer.gateway, text), bound[i].gateway);
	}
	netlink_close(netlink);
}

static void check_many(struct netlink *netlink)
{
	static struct route_query queries[MANY];
	static struct route_answer answers[MANY];
	memset(answers, 0xff, sizeof(answers));
	for (size_t i = 0; i < MANY; i++)
		queries[i] = query_of(&cases[i % CASES]);
	assert_int_equal(lookup_batch(netlink, queries, answers, MANY), 0);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(answers[i].result, cases[i % CASES].result);
}

static void a_thousand_lookups_come_back(void **state)
{
	(void)state;
	struct netlink *netlink = open_route_socket();
	check_many(netlink);
	netlink_close(netlink);
}

/* Where there is room for few answers only, some are lost, and asked for again. */
static void a_small_receive_buffer_is_enough(void **state)
{
	(void)state;
	struct netlink *netlink = open_route_socket();
	int size = 2304;
	assert_int_equal(
		setsockopt(netlink_descriptor(netlink), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	check_many(netlink);
	netlink_close(netlink);
}

static void hops_of_nexthop_objects_are_not_hidden(void **state)
{
	(void)state;
	if (access("/proc/sys/net/ipv4/nexthop_compat_mode", W_OK) < 0)
		unit_skip("this kernel has no nexthop_compat_mode");
	run("ip nexthop add id 7 via 10.1.0.3 dev va && ip nexthop add id 8 via 10.2.0.3 dev vb && "
	    "ip nexthop add id 9 group 7/8 && ip route add 203.0.7.0/24 nhid 9");
	const struct lookup_case wanted = { .destination = "203.0.7.1" };
	const struct route_query query = query_of(&wanted);
	struct netlink *netlink = open_route_socket();
	struct route_answer answer;
	assert_int_equal(lookup_batch(netlink, &query, &answer, 1), 0);
	assert_int_equal(answer.devices.count, 2);
	assert_false(answer.devices.more);
	run("echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode");
	assert_int_equal(lookup_batch(netlink, &query, &answer, 1), 0);
	assert_int_equal(answer.result, ROUTE_FOUND);
	assert_int_equal(answer.devices.count, 1);
	assert_true(answer.devices.more);
	assert_int_equal(answer.prefix_length, 24);
	run("echo 1 > /proc/sys/net/ipv4/nexthop_compat_mode");
	netlink_close(netlink);
}

static void a_device_that_does_not_forward_is_unreachable(void **state)
{
	(void)state;
	const struct lookup_case wanted = { .destination = "9.9.9.9", .source = "10.1.0.7", .iif = "va" };
	const struct route_query query = query_of(&wanted);
	struct netlink *netlink = open_route_socket();
	struct route_answer answer;
	run("echo 0 > /proc/sys/net/ipv4/conf/va/forwarding");
	assert_int_equal(lookup_batch(netlink, &query, &answer, 1), 0);
	run("echo 1 > /proc/sys/net/ipv4/conf/va/forwarding");
	assert_int_equal(answer.result, ROUTE_UNREACHABLE);
	assert_int_equal(answer.error, EHOSTUNREACH);
	netlink_close(netlink);
}

/* A strict device and a source behind another one: the kernel refuses, and the reverse lookup says why. */
static void reverse_lookups_explain_refusals(void **state)
{
	(void)state;
	const struct lookup_case wanted = { .destination = "10.2.0.9", .source = "203.0.100.1", .iif = "vb" };
	const struct route_query query = query_of(&wanted);
	struct netlink *netlink = open_route_socket();
	struct device device = { .ifindex = query.iif, .rp_filter_effective = 1 };
	struct route_answer answer, reverse;
	run("echo 1 > /proc/sys/net/ipv4/conf/vb/rp_filter");
	assert_int_equal(lookup_batch(netlink, &query, &answer, 1), 0);
	run("echo 0 > /proc/sys/net/ipv4/conf/vb/rp_filter");
	assert_int_equal(answer.result, ROUTE_FAILED);
	assert_true(answer.error == EINVAL || answer.error == EXDEV);
	const struct route_query back = lookup_reverse(&query, query.iif, false);
	assert_int_equal(lookup_batch(netlink, &back, &reverse, 1), 0);
	assert_int_equal(lookup_source_verdict(&device, true, &reverse), ROUTE_RP_FILTER);
	device.rp_filter_effective = 2;
	assert_int_equal(lookup_source_verdict(&device, true, &reverse), ROUTE_FOUND);
	netlink_close(netlink);
}

static size_t count_lines(const char *command)
{
	FILE *pipe = popen(command, "re");
	size_t lines = 0;
	assert_non_null(pipe);
	for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe))
		lines += c == '\n';
	pclose(pipe);
	return lines;
}

static void all_rules_are_read(void **state)
{
	(void)state;
	struct netlink *netlink = open_route_socket();
	struct rule *rules = NULL;
	size_t count = 0;
	assert_int_equal(rules_read(netlink, AF_INET, &rules, &count), 0);
	size_t first = count;
	assert_int_equal(first, count_lines("ip rule"));
	assert_int_equal(rules_read(netlink, AF_INET6, &rules, &count), 0);
	assert_int_equal(count - first, count_lines("ip -6 rule"));
	for (size_t i = 1; i < count; i++)
		assert_true(i == first || rules[i].priority >= rules[i - 1].priority);
	free(rules);
	netlink_close(netlink);
}

static void free_tables_are_free(void **state)
{
	(void)state;
	struct netlink *netlink = open_route_socket();
	struct rule rules[] = { { .action = RULE_LOOKUP, .table = 100 } };
	assert_int_equal(rules_free_table(netlink, AF_INET, NULL, 0), 100);
	assert_int_equal(rules_free_table(netlink, AF_INET, rules, 1), 101);
	run("ip route add 192.0.2.99 dev va table 101; ip -6 route add 2001:db8:aa::/48 dev va table 100");
	assert_int_equal(rules_free_table(netlink, AF_INET, rules, 1), 102);
	assert_int_equal(rules_free_table(netlink, AF_INET6, NULL, 0), 101);
	run("ip route flush table 101; ip -6 route flush table 100");
	assert_int_equal(rules_free_table(netlink, AF_INET, rules, 1), 101);
	assert_int_equal(rules_free_table(netlink, AF_INET6, NULL, 0), 100);
	netlink_close(netlink);
}

static const char *const tables_scene[] = {
	"ip rule add fwmark 77 lookup 600",
	"ip route add default via 10.2.0.9 metric 20 table 600",
	"ip route add default via 10.1.0.9 metric 10 table 600",
	"ip route add 198.18.0.0/16 via 10.2.0.9 metric 5 table 600",
	"ip route add 198.18.1.0/24 via 10.1.0.9 table 600",
	"ip route add blackhole 198.18.2.0/24 table 600",
	"ip route add prohibit 198.18.3.0/24 table 600",
	"ip route add throw 198.18.4.0/24 table 600",
	"ip route add 198.18.5.0/24 table 600 nexthop via 10.1.0.9 nexthop via 10.2.0.9",
	"ip route add 198.18.6.0/24 tos 8 via 10.1.0.9 table 600",
	"ip link add name vd type veth peer name pvd && ip link set vd up && ip link set pvd up",
	"ip addr add 10.4.0.1/24 dev vd && ip route add 198.18.7.0/24 via 10.4.0.9 table 600",
	"ip link set pvd down && echo 1 > /proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown",
	"ip -6 rule add fwmark 77 lookup 600",
	"ip -6 route add default via 2001:db8:2::9 metric 20 table 600",
	"ip -6 route add default via 2001:db8:1::9 metric 10 table 600",
	"ip -6 route add 2001:db8:e::/48 via 2001:db8:2::9 table 600",
	"ip -6 route add blackhole 2001:db8:e:2::/64 table 600",
	"ip -6 route add 2001:db8:e:5::/64 table 600 nexthop via 2001:db8:1::9 nexthop via 2001:db8:2::9",
	"ip rule add fwmark 78 lookup 601; ip -6 rule add fwmark 78 lookup 601",
};
static const char tables_gone[] =
	"ip rule del fwmark 77; ip -6 rule del fwmark 77; ip rule del fwmark 78; ip -6 rule del fwmark 78; "
	"ip route flush table 600; ip -6 route flush table 600; ip link del vd; "
	"echo 0 > /proc/sys/net/ipv4/conf/all/ignore_routes_with_linkdown";
static const char *const tables_asked[] = { "1.1.1.1", "198.18.99.1", "198.18.1.1", "198.18.2.1",
	"198.18.3.1", "198.18.4.1", "198.18.5.1", "198.18.6.1", "198.18.7.1", "2001:db8:99::1",
	"2001:db8:e::1", "2001:db8:e:2::1", "2001:db8:e:5::1" };
#define TABLES_ASKED (sizeof(tables_asked) / sizeof(*tables_asked))

/* A path to each, of whose way out nothing is known but that the table has one. */
static struct facts *facts_of_table(uint32_t table)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	facts->services = calloc(1, sizeof(*facts->services));
	facts->paths = calloc(TABLES_ASKED, sizeof(*facts->paths));
	facts->service_count = 1;
	facts->path_count = TABLES_ASKED;
	for (size_t i = 0; i < TABLES_ASKED; i++) {
		struct path *path = &facts->paths[i];
		*path = (struct path){ .basis = PATH_LEADS, .arrival = 1, .reply.result = ROUTE_NONE };
		path->egress = (struct route_answer){ .result = ROUTE_FOUND, .table = table, .bound = true };
		assert_int_equal(address_parse(tables_asked[i], &path->destination), 0);
	}
	assert_int_equal(tables_read(facts, &(const struct tables_gone){ 0 }), 0);
	return facts;
}

/* The kernel cannot be asked for one table, but a rule for a mark that nobody has leads there. */
static void a_table_answers_as_a_rule_that_leads_there(void **state)
{
	(void)state;
	static const uint32_t none_yet = 601;
	struct netlink *netlink = open_route_socket();
	for (size_t i = 0; i < sizeof(tables_scene) / sizeof(*tables_scene); i++)
		run(tables_scene[i]);
	struct facts *facts = facts_of_table(600), *empty = facts_of_table(none_yet);
	for (size_t i = 0; i < TABLES_ASKED; i++) {
		const struct path *path = &facts->paths[i];
		struct route_query query = { .destination = path->destination, .mark = 77 };
		struct route_answer asked;
		const struct route_answer *read = table_answer_find(facts, path, 600);
		print_message("%s\n", tables_asked[i]);
		assert_int_equal(lookup_batch(netlink, &query, &asked, 1), 0);
		assert_non_null(read);
		/* What the table leaves open is answered by another one. */
		bool left = asked.result == ROUTE_FOUND && asked.table != 600;
		assert_int_equal(read->result, left ? ROUTE_NONE : asked.result);
		if (read->result == ROUTE_FOUND) {
			assert_int_equal(read->prefix_length, asked.prefix_length);
			assert_true(device_set_equal(&read->devices, &asked.devices));
			assert_true(address_equal(&read->gateway, &asked.gateway));
		}
		assert_int_equal(table_answer_find(empty, path, none_yet)->result, ROUTE_NONE);
	}
	facts_free(facts);
	facts_free(empty);
	run(tables_gone);
	netlink_close(netlink);
}

static void a_long_table_is_not_known(void **state)
{
	(void)state;
	char command[160];
	snprintf(command, sizeof(command),
		"for i in $(seq 0 %d); do echo route add 198.19.$((i / 256)).$((i %% 256)) dev va table 602; done | "
		"ip -batch -",
		TABLE_MOST_ROUTES);
	run(command);
	struct facts *facts = facts_of_table(602);
	assert_null(table_answer_find(facts, &facts->paths[0], 602));
	assert_non_null(table_answer_find(facts, &facts->paths[0], RT_TABLE_MAIN));
	assert_non_null(table_answer_find(facts, &facts->paths[TABLES_ASKED - 1], 602));
	facts_free(facts);
	run("ip route del 198.19.0.0 table 602");
	facts = facts_of_table(602);
	assert_non_null(table_answer_find(facts, &facts->paths[0], 602));
	facts_free(facts);
	run("ip route flush table 602");
}

static struct facts *facts_at(int64_t seconds)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	facts->monotonic_ns = seconds * SECOND_NS;
	return facts;
}

static void check_sorted(const struct facts *facts)
{
	for (size_t i = 1; i < facts->device_count; i++)
		assert_true(facts->devices[i - 1].ifindex < facts->devices[i].ifindex);
	for (size_t i = 0; i < facts->address_count; i++)
		assert_true(facts->addresses[i].ifindex > 0);
}

static pid_t churn(void)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		execl("/bin/sh", "sh", "-c",
			"i=0; while [ $i -lt 200 ]; do ip link add name ch$i type veth peer name pch$i && "
			"ip addr add 10.77.0.1/24 dev ch$i && ip link del ch$i || exit 1; i=$((i+1)); done",
			(char *)NULL);
		_exit(127);
	}
	return child;
}

static void vanishing_devices_break_no_dump(void **state)
{
	(void)state;
	void *context;
	int status = 0;
	size_t rounds = 0;
	assert_int_equal(link_collector.init(&settings, &context), 0);
	for (pid_t child = churn(); waitpid(child, &status, WNOHANG) == 0 && rounds < 1000000; rounds++) {
		struct facts *facts = facts_at((int64_t)rounds * 10); /* never cached */
		struct collector_schedule schedule;
		assert_int_equal(link_collector.collect(context, &settings, facts), 0);
		assert_int_equal(link_collector.advance(context, 0, &schedule), 0);
		assert_true(facts->device_count >= 7);
		check_sorted(facts);
		facts_free(facts);
		usleep(500); /* leaves the other half of the machine to the churn */
	}
	assert_int_equal(status, 0);
	print_message("%zu dumps\n", rounds);
	link_collector.destroy(context);
}

static const struct device *device_named(const struct facts *facts, const char *name)
{
	const struct device *device = facts_device_named(facts, name);
	assert_non_null(device);
	return device;
}

static void collect_both(void *link, void *rpfilter, struct facts *facts)
{
	assert_int_equal(link_collector.collect(link, &settings, facts), 0);
	assert_int_equal(rpfilter_collector.collect(rpfilter, &settings, facts), 0);
}

static void changes_are_seen_at_once(void **state)
{
	(void)state;
	void *link, *rpfilter;
	struct collector_schedule schedule;
	assert_int_equal(link_collector.init(&settings, &link), 0);
	assert_int_equal(rpfilter_collector.init(&settings, &rpfilter), 0);
	run("echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/vb/rp_filter");
	struct facts *facts = facts_at(1000);
	collect_both(link, rpfilter, facts);
	assert_int_equal(device_named(facts, "vb")->rp_filter_effective, 0);
	assert_true(facts->rpfilter.known);
	size_t addresses = facts->address_count;
	facts_free(facts);

	run("echo 1 > /proc/sys/net/ipv4/conf/vb/rp_filter; echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter");
	assert_int_equal(link_collector.advance(link, 0, &schedule), 0);
	assert_true(schedule.changed);
	run("ip addr add 10.88.0.1/24 dev vc; echo 1 > /proc/sys/net/ipv4/conf/all/src_valid_mark");
	assert_int_equal(link_collector.advance(link, 0, &schedule), 0);
	assert_true(schedule.changed);
	facts = facts_at(1001);
	collect_both(link, rpfilter, facts);
	assert_int_equal(device_named(facts, "vb")->rp_filter_raw, 1);
	assert_int_equal(device_named(facts, "vb")->rp_filter_effective, 2);
	assert_true(device_named(facts, "va")->src_valid_mark);
	assert_int_equal(facts->address_count, addresses + 1);
	facts_free(facts);
	run("echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/vb/rp_filter");
	link_collector.destroy(link);
	rpfilter_collector.destroy(rpfilter);
}

static size_t count_addresses(void *link)
{
	struct facts *facts = facts_at(2000);
	assert_int_equal(link_collector.collect(link, &settings, facts), 0);
	size_t count = facts->address_count;
	facts_free(facts);
	return count;
}

/* Until all is read what was read before is given. */
static void many_addresses_are_read_piece_by_piece(void **state)
{
	(void)state;
	void *link;
	struct collector_schedule schedule;
	int64_t now_ns = 2000 * SECOND_NS;
	unsigned pieces = 0;
	run("for i in $(seq 16); do seq -f \"addr add 10.99.$i.%g/32 dev vc\" 250; done | ip -batch -");
	assert_int_equal(link_collector.init(&settings, &link), 0);
	size_t before = count_addresses(link);
	assert_true(before >= 4000);
	run("ip addr add 10.98.0.1/32 dev vc");
	for (schedule.changed = false; !schedule.changed && pieces < 1000; pieces++) {
		assert_int_equal(link_collector.advance(link, now_ns, &schedule), 0);
		assert_true(schedule.changed || schedule.due_ns <= now_ns + SECOND_NS);
		if (!schedule.changed)
			assert_int_equal(count_addresses(link), before);
		now_ns = schedule.due_ns;
	}
	assert_in_range(pieces, 8, 999);
	assert_int_equal(count_addresses(link), before + 1);
	link_collector.destroy(link);
	run("ip addr flush dev vc");
}

static void listeners_are_found(void **state)
{
	(void)state;
	void *context;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(4433) };
	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listen_collector.init(&settings, &context), 0);
	struct facts *facts = facts_at(1);
	assert_int_equal(listen_collector.collect(context, &settings, facts), 0);
	assert_int_equal(facts->listener_count, 1);
	assert_int_equal(facts->listeners[0].port, 4433);
	assert_true(address_is_none(&facts->listeners[0].address));
	facts_free(facts);
	listen_collector.destroy(context);
	close(fd);
}

static int set_scene(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scene) / sizeof(*scene); i++)
		run(scene[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookups_equal_those_of_iproute),
		cmocka_unit_test(bound_lookups_answer_their_device_alone),
		cmocka_unit_test(a_thousand_lookups_come_back),
		cmocka_unit_test(a_small_receive_buffer_is_enough),
		cmocka_unit_test(hops_of_nexthop_objects_are_not_hidden),
		cmocka_unit_test(a_device_that_does_not_forward_is_unreachable),
		cmocka_unit_test(reverse_lookups_explain_refusals),
		cmocka_unit_test(all_rules_are_read),
		cmocka_unit_test(free_tables_are_free),
		cmocka_unit_test(a_table_answers_as_a_rule_that_leads_there),
		cmocka_unit_test(a_long_table_is_not_known),
		cmocka_unit_test(vanishing_devices_break_no_dump),
		cmocka_unit_test(changes_are_seen_at_once),
		cmocka_unit_test(many_addresses_are_read_piece_by_piece),
		cmocka_unit_test(listeners_are_found),
	};
	/* The namespace goes with this process. */
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace of our own: %s\n", strerror(errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, set_scene, NULL);
}
