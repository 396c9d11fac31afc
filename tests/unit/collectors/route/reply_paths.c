// SPDX-License-Identifier: GPL-2.0-or-later
/* The reply paths with a kernel that is a list of routes: the first that fits answers. */
#include "tests/support/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/reply_path.h"
#include "collectors/route/service.h"
#include "tests/support/facts_builder.h"

enum { LO = 1, WAN1, WAN2, BR0, LAN, TUN, VRF };
#define VRF_TABLE 10

struct fake_route {
	const char *to;     /* prefix of destinations */
	const char *source; /* or any */
	uint32_t mark;      /* or any */
	int device;         /* 0: `result` says what happens */
	const char *gateway;
	uint32_t table;
	enum route_result result;
	int error;
};

struct fake_kernel {
	const struct fake_route *routes;
	int fail;        /* errno of the conversation */
	int input_error; /* 0: requests are let in; else a lookup of one fails so */
	unsigned asked_input;
	bool plain; /* who binds to a device or an address is rejected */
};

static bool fits(const struct fake_route *route, const struct route_query *query)
{
	struct prefix to;
	struct address source;
	assert_int_equal(prefix_parse(route->to, &to), 0);
	if (!prefix_contains(&to, &query->destination) || (route->mark && route->mark != query->mark))
		return false;
	if (query->oif == VRF)
		return route->table == VRF_TABLE;
	if (route->table == VRF_TABLE && query->oif != route->device && query->iif != route->device)
		return false;
	if (query->oif && route->device && route->device != query->oif)
		return false;
	if (!route->source)
		return true;
	assert_int_equal(address_parse(route->source, &source), 0);
	return address_equal(&source, &query->source);
}

static void answer_with(const struct fake_route *route, struct route_answer *answer)
{
	struct prefix to;
	prefix_parse(route->to, &to);
	answer->result = route->device ? ROUTE_FOUND : route->result;
	answer->error = route->error;
	answer->table = route->table ? route->table : 254;
	answer->prefix_length = to.length;
	if (route->device)
		device_set_add(&answer->devices, route->device);
	if (route->gateway)
		address_parse(route->gateway, &answer->gateway);
}

static int fake_lookup(
	void *argument, const struct route_query *queries, struct route_answer *answers, size_t count)
{
	struct fake_kernel *kernel = argument;
	for (size_t i = 0; i < count; i++) {
		const struct fake_route *route = kernel->routes;
		kernel->asked_input +=
			queries[i].iif == WAN1 || queries[i].iif == WAN2 || queries[i].iif == TUN;
		while (route->to && !fits(route, &queries[i]))
			route++;
		answers[i] = (struct route_answer){ .result = ROUTE_NONE, .error = ENETUNREACH };
		if (route->to)
			answer_with(route, &answers[i]);
		if (kernel->plain && (queries[i].oif || !address_is_none(&queries[i].source)))
			answers[i] = (struct route_answer){ .result = ROUTE_PROHIBIT, .error = EACCES };
		if (kernel->input_error && (queries[i].iif == WAN1 || queries[i].iif == WAN2))
			answers[i] =
				(struct route_answer){ .result = ROUTE_FAILED, .error = kernel->input_error };
	}
	return kernel->fail;
}

static void add_device(struct facts *facts, int ifindex, const char *name, enum device_kind kind)
{
	struct device *device = ARRAY_ADD(facts->devices, facts->device_count);
	*device = (struct device){ .ifindex = ifindex, .kind = kind, .up = true, .forwarding4 = true };
	strcpy(device->name, name);
}

static void add_address(struct facts *facts, int ifindex, const char *text)
{
	struct local_address *local = ARRAY_ADD(facts->addresses, facts->address_count);
	assert_int_equal(prefix_parse(text, &local->prefix), 0);
	local->ifindex = ifindex;
}

static struct address address(const char *text)
{
	struct address parsed;
	assert_int_equal(address_parse(text, &parsed), 0);
	return parsed;
}

static struct endpoint *add_endpoint(struct facts *facts, enum endpoint_kind kind, const char *to,
	const char *target, const char *peer, uint32_t mark)
{
	struct endpoint *endpoint = ARRAY_ADD(facts->endpoints, facts->endpoint_count);
	endpoint->kind = kind;
	endpoint->address = address(to);
	endpoint->target = address(target);
	endpoint->example_count = 1;
	endpoint->examples[0] = (struct flow_example){
		.peer = address(peer),
		.protocol = IPPROTO_TCP,
		.peer_port = 50000,
		.port = 2222,
		.target_port = 22,
		.mark = mark,
		.seen_ns = 1,
	};
	endpoint->syn_recv = 1;
	return endpoint;
}

/* Two lines, a bridge with containers and a LAN; the default route leads out of wan1. */
static struct facts *gateway(void)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	add_device(facts, LO, "lo", DEVICE_LOOPBACK);
	add_device(facts, WAN1, "wan1", DEVICE_PLAIN);
	add_device(facts, WAN2, "wan2", DEVICE_PLAIN);
	add_device(facts, BR0, "br0", DEVICE_BRIDGE);
	add_device(facts, LAN, "lan", DEVICE_PLAIN);
	add_address(facts, WAN1, "198.51.100.2/29");
	add_address(facts, WAN2, "203.0.113.2/29");
	add_address(facts, BR0, "10.8.10.1/24");
	add_address(facts, LAN, "192.168.1.1/24");
	return facts;
}

#define CONNECTED                                                     \
	{ "198.51.100.0/29", NULL, 0, WAN1, NULL, 254, 0, 0 },        \
		{ "203.0.113.0/29", NULL, 0, WAN2, NULL, 254, 0, 0 }, \
		{ "10.8.10.0/24", NULL, 0, BR0, NULL, 254, 0, 0 },    \
	{                                                             \
		"192.168.1.0/24", NULL, 0, LAN, NULL, 254, 0, 0       \
	}
#define DEFAULT1                                                      \
	{                                                             \
		"0.0.0.0/0", NULL, 0, WAN1, "198.51.100.1", 254, 0, 0 \
	}
#define DEFAULT2                                                     \
	{                                                            \
		"0.0.0.0/0", NULL, 0, WAN2, "203.0.113.1", 254, 0, 0 \
	}

static const struct collector_settings no_settings = { .procfs = "/proc" };

static struct facts *looked_up(struct facts *facts, const struct fake_route *routes, unsigned failing)
{
	struct fake_kernel kernel = { .routes = routes };
	assert_int_equal(reply_paths_find(facts, &no_settings, fake_lookup, &kernel, &failing), 0);
	return facts;
}

static const struct path *path_of(
	const struct facts *facts, const char *to, enum destination_kind kind, const char *destination)
{
	struct address wanted = address(to);
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		char text[ADDRESS_TEXT_SIZE];
		if (!address_equal(&facts->services[path->service].address, &wanted) || path->kind != kind)
			continue;
		if (!destination || strcmp(address_format(&path->destination, text), destination) == 0)
			return path;
	}
	return NULL;
}

static void a_second_default_route_makes_a_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = looked_up(gateway(), routes, 0);
	assert_int_equal(facts->line_count, 2);
	assert_non_null(facts_line(facts, WAN2, AF_INET));
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_LEADS);
	assert_int_equal(path->arrival, WAN2);
	assert_int_equal(path->reply.devices.ifindex[0], WAN1);
	assert_int_equal(path->egress.devices.ifindex[0], WAN2);
	assert_true(path->egress.bound);
	assert_false(path->reply.bound);
	facts_free(facts);
}

static void the_plain_way_out_makes_a_line_too(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct fake_kernel kernel = { .routes = routes, .plain = true };
	struct facts *facts = gateway();
	unsigned failing = 0;
	assert_int_equal(reply_paths_find(facts, &no_settings, fake_lookup, &kernel, &failing), 0);
	assert_int_equal(facts->line_count, 1);
	assert_non_null(facts_line(facts, WAN1, AF_INET));
	facts_free(facts);
}

static void a_lan_without_gateway_is_no_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = looked_up(gateway(), routes, 0);
	assert_int_equal(facts->line_count, 1);
	assert_null(path_of(facts, "192.168.1.1", DESTINATION_PROBE, NULL));
	const struct path *path = path_of(facts, "192.168.1.1", DESTINATION_NEIGHBOUR, NULL);
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_CONNECTED);
	assert_int_equal(path->reply.devices.ifindex[0], LAN);
	facts_free(facts);
}

/* All the world on the link: whom requests come from there nobody can know. */
static void a_default_route_without_gateway_makes_no_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1,
		{ "0.0.0.0/0", NULL, 0, WAN2, NULL, 254, 0, 0 }, { 0 } };
	struct facts *facts = looked_up(gateway(), routes, 0);
	assert_int_equal(facts->line_count, 1);
	assert_null(facts_line(facts, WAN2, AF_INET));
	facts_free(facts);
}

static void a_table_of_its_own_speaks_for_the_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", "203.0.113.2", 0, WAN2, "203.0.113.1", 102, 0, 0 }, DEFAULT1, DEFAULT2,
		{ 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	assert_int_equal(facts_line(facts, WAN2, AF_INET)->table, 102);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9");
	assert_non_null(path);
	assert_int_equal(facts->services[path->service].origin, ORIGIN_DNAT);
	assert_int_equal(facts->services[path->service].target_ifindex, BR0);
	assert_int_equal(facts->services[path->service].syn_recv, 1);
	assert_int_equal(path->target_port, 22);
	assert_int_equal(path->egress.table, 102);
	assert_false(path->egress.bound);
	assert_int_equal(path->reply.devices.ifindex[0], WAN1);
	facts_free(facts);
}

static void candidate_marks_that_disagree_leave_it_open(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", NULL, 2, WAN2, "203.0.113.1", 102, 0, 0 }, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	*ARRAY_ADD(facts->rules, facts->rule_count) =
		(struct rule){ .family = AF_INET, .mark = 2, .mark_mask = 0xff, .table = 102 };
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 2);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9");
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_LEADS); /* by the mark */
	assert_true(path->mark_decides);
	facts_free(facts);
}

/* Of this host's own answers; those that are forwarded may have got one before. */
static void a_mark_that_nobody_sets_does_not_decide(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", NULL, 2, WAN2, "203.0.113.1", 102, 0, 0 }, DEFAULT1, { 0 } };
	for (int unmarked = 0; unmarked < 2; unmarked++) {
		struct facts *facts = gateway();
		*ARRAY_ADD(facts->rules, facts->rule_count) =
			(struct rule){ .family = AF_INET, .mark = 2, .mark_mask = 0xff, .table = 102 };
		facts->answers_unmarked = unmarked;
		((struct device *)facts_device(facts, WAN2))->src_valid_mark = true;
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 2);
		looked_up(facts, routes, 0);
		assert_true(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9")->mark_decides);
		const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
		assert_non_null(path);
		assert_int_equal(path->basis, PATH_LEADS);
		assert_int_equal(path->mark_decides, !unmarked);
		assert_int_equal(path->reply.devices.ifindex[0], WAN1);
		assert_int_equal(path->request.result, ROUTE_NOT_ASKED); /* its mark is not known */
		facts_free(facts);
	}
}

/* A mark of many rules is one mark: there is room for those of the others. */
static void a_mark_of_many_rules_is_asked_for_once(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", NULL, 2, WAN2, "203.0.113.1", 102, 0, 0 }, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	enum { MANY = 100 };
	for (unsigned i = 0; i <= MANY; i++)
		*ARRAY_ADD(facts->rules, facts->rule_count) = (struct rule){
			.family = AF_INET, .mark = i == MANY ? 2 : 1, .mark_mask = 0xff, .table = 102
		};
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9");
	assert_non_null(path);
	assert_true(path->mark_decides);
	facts_free(facts);
}

static void eight_marks_are_tried(void **state)
{
	(void)state;
	for (uint32_t last = 8; last <= 9; last++) {
		const struct fake_route routes[] = { CONNECTED,
			{ "0.0.0.0/0", NULL, last, WAN2, "203.0.113.1", 102, 0, 0 }, DEFAULT1, { 0 } };
		struct facts *facts = gateway();
		for (uint32_t mark = 1; mark <= last; mark++)
			*ARRAY_ADD(facts->rules, facts->rule_count) = (struct rule){
				.family = AF_INET, .mark = mark, .mark_mask = 0xff, .table = 102
			};
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 3);
		looked_up(facts, routes, 0);
		const struct path *path = path_of(facts, "198.51.100.2", DESTINATION_PROBE, NULL);
		assert_non_null(path);
		assert_int_equal(path->mark_decides, last == 8);
		facts_free(facts);
	}
}

static void marks_that_no_rule_asks_for_do_not_matter(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 7);
	looked_up(facts, routes, 0);
	assert_false(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9")->mark_decides);
	facts_free(facts);
}

static void a_peer_behind_a_specific_route_comes_from_there(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "192.168.50.0/24", NULL, 0, LAN, "192.168.1.254", 254, 0, 0 }, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.168.50.7", 0);
	looked_up(facts, routes, 0);
	assert_null(path_of(facts, "203.0.113.2", DESTINATION_PEER, NULL));
	assert_non_null(path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL));
	facts_free(facts);
}

static void an_address_on_lo_has_no_arrival_device(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_address(facts, LO, "192.0.2.80/32");
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "192.0.2.80", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->arrival, 0);
	assert_int_equal(path->basis, PATH_POSSIBLE);
	facts_free(facts);
}

static void strict_source_validation_is_derived_and_its_asking_limited(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (unsigned allowance = 0; allowance < 2; allowance++) {
		struct facts *facts = gateway();
		for (size_t i = 0; i < facts->device_count; i++)
			facts->devices[i].rp_filter_raw = facts->devices[i].rp_filter_effective = 1;
		struct fake_kernel kernel = { .routes = routes };
		unsigned failing = allowance;
		assert_int_equal(reply_paths_find(facts, &no_settings, fake_lookup, &kernel, &failing), 0);
		const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
		assert_non_null(path);
		if (allowance == 0) { /* the fake kernel has no source validation: only what was not asked is
					 derived */
			assert_int_equal(path->request.result, ROUTE_RP_FILTER);
			assert_false(path->request_confirmed);
		} else {
			assert_true(path->request_confirmed);
			assert_int_equal(failing, 0);
		}
		facts_free(facts);
	}
}

static void a_tunnel_that_leads_nowhere_is_only_possible(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "10.9.0.0/24", NULL, 0, TUN, NULL, 254, 0, 0 }, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_device(facts, TUN, "tun0", DEVICE_TUNNEL);
	add_address(facts, TUN, "10.9.0.2/24");
	looked_up(facts, routes, 0);
	assert_true(facts_line(facts, TUN, AF_INET)->tunnel);
	const struct path *path = path_of(facts, "10.9.0.2", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_POSSIBLE);
	facts_free(facts);
}

static void a_tunnel_is_a_line_of_the_families_it_has(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	for (unsigned families = 0; families < 4; families++) {
		struct facts *facts = gateway();
		add_device(facts, TUN, "tun0", DEVICE_TUNNEL);
		if (families & 1)
			add_address(facts, TUN, "10.9.0.2/24");
		if (families & 2)
			add_address(facts, TUN, "2001:db8:9::2/64");
		looked_up(facts, routes, 0);
		assert_int_equal(facts_line(facts, TUN, AF_INET) != NULL, families & 1);
		assert_int_equal(facts_line(facts, TUN, AF_INET6) != NULL, families >> 1);
		assert_int_equal(facts->line_count, 1 + (families & 1) + (families >> 1));
		facts_free(facts);
	}
}

/* A way out is known, so it is a line like others. */
static void a_tunnel_that_leads_out_is_an_ordinary_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1,
		{ "0.0.0.0/0", NULL, 0, TUN, NULL, 120, 0, 0 }, { 0 } };
	struct facts *facts = gateway();
	add_device(facts, TUN, "tun0", DEVICE_TUNNEL);
	add_address(facts, TUN, "10.9.0.2/24");
	looked_up(facts, routes, 0);
	const struct line *line = facts_line(facts, TUN, AF_INET);
	assert_non_null(line);
	assert_false(line->tunnel);
	assert_int_equal(line->table, 120);
	facts_free(facts);
}

static void two_devices_in_one_subnet_show_at_the_neighbour(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_address(facts, WAN2, "198.51.100.3/29");
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "198.51.100.3", DESTINATION_NEIGHBOUR, NULL);
	assert_non_null(path);
	assert_int_equal(path->arrival, WAN2);
	assert_int_equal(path->reply.devices.ifindex[0], WAN1);
	facts_free(facts);
}

static void ports_and_devices_that_are_down_have_no_services(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	facts->devices[1].up = false;
	facts->devices[2].port = true;
	looked_up(facts, routes, 0);
	for (size_t i = 0; i < facts->service_count; i++)
		assert_false(device_set_contains(&facts->services[i].arrival, WAN1) ||
			     device_set_contains(&facts->services[i].arrival, WAN2));
	assert_int_equal(facts->line_count, 0);
	facts_free(facts);
}

static void an_address_on_two_devices_may_be_reached_by_either(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_address(facts, WAN1, "192.0.2.80/32");
	add_address(facts, WAN2, "192.0.2.80/32");
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "192.0.2.80", DESTINATION_PROBE, NULL);
	assert_int_equal(facts->services[path->service].arrival.count, 2);
	facts_free(facts);
}

static void a_blackholed_reply_is_told_from_a_filtered_one(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", "10.8.10.2", 0, 0, NULL, 102, ROUTE_FAILED, EINVAL }, DEFAULT1, DEFAULT2,
		{ 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	assert_int_equal(
		path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9")->reply.result, ROUTE_BLACKHOLE);
	facts_free(facts);
}

/* Only two errors may be source validation's where the target's packets come in, or a blackhole's. */
static void a_failed_reply_is_what_its_reverse_lookup_tells(void **state)
{
	(void)state;
	static const struct {
		int error, mode;
		bool elsewhere; /* the way back to the target */
		enum route_result result;
	} rows[] = {
		{ EINVAL, 0, true, ROUTE_BLACKHOLE },
		{ EINVAL, 1, false, ROUTE_BLACKHOLE },
		{ EINVAL, 1, true, ROUTE_RP_FILTER },
		{ EXDEV, 1, true, ROUTE_RP_FILTER },
		{ EIO, 1, true, ROUTE_FAILED },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct fake_route routes[] = { { "10.8.10.2/32", "192.0.2.9", 0,
							     rows[i].elsewhere ? LAN : BR0, NULL, 254, 0, 0 },
			CONNECTED, { "0.0.0.0/0", "10.8.10.2", 0, 0, NULL, 102, ROUTE_FAILED, rows[i].error },
			{ "0.0.0.0/0", "198.51.100.2", 0, 0, NULL, 102, ROUTE_FAILED, rows[i].error },
			DEFAULT1, DEFAULT2, { 0 } };
		struct facts *facts = gateway();
		facts->devices[3].rp_filter_effective = facts->devices[3].rp_filter_raw = rows[i].mode;
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
		looked_up(facts, routes, 0);
		const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9");
		assert_int_equal(path->reply.result, rows[i].result);
		/* This host's own is no matter of source validation. */
		path = path_of(facts, "198.51.100.2", DESTINATION_PROBE, NULL);
		assert_int_equal(path->reply.result, ROUTE_FAILED);
		facts_free(facts);
	}
}

static void a_host_that_does_not_forward_cannot_send_translated_replies(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", "10.8.10.2", 0, 0, NULL, 254, ROUTE_UNREACHABLE, EHOSTUNREACH }, DEFAULT1,
		DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	for (size_t i = 0; i < facts->device_count; i++)
		facts->devices[i].forwarding4 = false;
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	assert_int_equal(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9")->reply.result,
		ROUTE_NOT_FORWARDED);
	facts_free(facts);
}

/* ---- what was seen arriving ---- */

static struct handshake_peer *add_arrival(
	struct facts *facts, int device, const char *peer, const char *local, bool asks)
{
	if (!facts->handshakes)
		facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	assert_non_null(facts->handshakes);
	struct handshake_peer *added = ARRAY_ADD(facts->handshakes->peers, facts->handshakes->peer_count);
	assert_non_null(added);
	*added = (struct handshake_peer){ .device = device,
		.peer = address(peer),
		.local = address(local),
		.protocol = IPPROTO_TCP,
		.peer_port = 40001,
		.port = 2222,
		.asks = asks,
		.seen_ns = 1 };
	return added;
}

static const struct device_set *arrival_of(const struct facts *facts, const char *text)
{
	struct address wanted = address(text);
	size_t at = services_first(facts, &wanted);
	assert_true(at < facts->service_count);
	return &facts->services[at].arrival;
}

struct arrival_row {
	const char *address; /* 203.0.113.2 is wan2's, 192.0.2.80 is lo's */
	int device;
	const char *peer;
	bool asks;
	int arrival; /* 0: none */
};

static const struct arrival_row arrivals[] = {
	{ "203.0.113.2", WAN1, "192.0.2.9", true, WAN1 },
	{ "203.0.113.2", WAN1, "192.0.2.9", false, WAN2 },
	{ "203.0.113.2", WAN1, "198.51.100.3", true, WAN2 }, /* a neighbour speaks for nobody else */
	{ "203.0.113.2", 77, "192.0.2.9", true, WAN2 },      /* gone */
	{ "192.0.2.80", WAN2, "192.0.2.9", true, WAN2 },
	{ "192.0.2.80", WAN2, "203.0.113.3", true, WAN2 },
	{ "192.0.2.80", WAN2, "192.0.2.9", false, 0 },
	{ "192.0.2.80", LO, "192.0.2.9", true, 0 },
};

static void requests_arrive_where_they_were_seen(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (size_t i = 0; i < sizeof(arrivals) / sizeof(*arrivals); i++) {
		const struct arrival_row *row = &arrivals[i];
		struct facts *facts = gateway();
		add_address(facts, LO, "192.0.2.80/32");
		add_arrival(facts, row->device, row->peer, row->address, row->asks);
		looked_up(facts, routes, 0);
		const struct device_set *arrival = arrival_of(facts, row->address);
		assert_int_equal(arrival->count, row->arrival != 0);
		if (row->arrival)
			assert_int_equal(arrival->ifindex[0], row->arrival);
		facts_free(facts);
	}
}

static void a_peer_that_was_seen_is_certain(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "192.168.50.0/24", NULL, 0, LAN, "192.168.1.254", 254, 0, 0 }, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	add_arrival(facts, WAN2, "192.168.50.7", "203.0.113.2", true);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.168.50.7");
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_SEEN);
	assert_false(path->answers);
	assert_int_equal(path->arrival, WAN2);
	assert_int_equal(facts->services[path->service].origin, ORIGIN_DNAT); /* by the port */
	assert_true(path->port == 2222 && path->target_port == 22 && path->peer_port == 40001);
	assert_int_equal(path->reply.devices.ifindex[0], LAN);
	facts_free(facts);
}

/* It asked through a router, and the reply takes the link. */
static void a_neighbour_may_come_by_another_device(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	facts->devices[1].rp_filter_effective = 1;
	add_arrival(facts, WAN1, "192.168.1.9", "198.51.100.2", true);
	add_arrival(facts, LAN, "192.168.1.8", "198.51.100.2", true);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "198.51.100.2", DESTINATION_PEER, "192.168.1.9");
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_SEEN);
	assert_int_equal(path->arrival, WAN1);
	assert_int_equal(path->reply.devices.ifindex[0], LAN);
	assert_int_equal(path->request.result, ROUTE_RP_FILTER);
	assert_null(path_of(facts, "198.51.100.2", DESTINATION_PEER, "192.168.1.8"));
	facts_free(facts);
}

static void a_vrf_answers_by_its_own_table(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { { "203.0.113.0/29", NULL, 0, WAN2, NULL, VRF_TABLE, 0,
							    0 },
		{ "0.0.0.0/0", NULL, 0, WAN2, "203.0.113.1", VRF_TABLE, 0, 0 }, CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_device(facts, VRF, "mgmt", DEVICE_VRF);
	facts->devices[2].master = VRF;
	facts->devices[2].rp_filter_effective = 1;
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_LEADS);
	assert_int_equal(path->reply.devices.ifindex[0], WAN2);
	assert_int_not_equal(path->request.result, ROUTE_RP_FILTER);
	/* Bound to the VRF itself a lookup is free to take any route of it. */
	assert_false(path->reply.bound);
	assert_false(path->egress.bound);
	facts_free(facts);
}

static void the_worse_default_route_of_a_vrf_is_found_by_bound_lookups_alone(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { { "203.0.113.0/29", NULL, 0, WAN2, NULL, VRF_TABLE, 0,
							    0 },
		{ "0.0.0.0/0", NULL, 0, WAN1, "198.51.100.1", VRF_TABLE, 0, 0 },
		{ "0.0.0.0/0", NULL, 0, WAN2, "203.0.113.1", VRF_TABLE, 0, 0 }, { 0 } };
	struct facts *facts = gateway();
	add_device(facts, VRF, "mgmt", DEVICE_VRF);
	facts->devices[1].master = facts->devices[2].master = VRF;
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->reply.devices.ifindex[0], WAN1);
	assert_int_equal(path->egress.devices.ifindex[0], WAN2);
	assert_true(path->egress.bound);
	facts_free(facts);
}

static void an_answer_on_a_tunnel_is_certain_but_asks_for_nothing(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "10.9.0.0/24", NULL, 0, TUN, NULL, 254, 0, 0 }, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_device(facts, TUN, "tun0", DEVICE_TUNNEL);
	facts->devices[facts->device_count - 1].rp_filter_effective = 1;
	add_address(facts, TUN, "10.9.0.2/24");
	add_arrival(facts, TUN, "10.110.19.89", "10.9.0.2", false)->protocol = IPPROTO_ICMP;
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "10.9.0.2", DESTINATION_PEER, "10.110.19.89");
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_SEEN);
	assert_true(path->answers);
	assert_int_equal(path->protocol, IPPROTO_ICMP);
	assert_int_equal(path->arrival, TUN);
	assert_int_equal(path->request.result, ROUTE_RP_FILTER);
	facts_free(facts);
}

/* Its owner sends the request by one device, the answer comes by another. */
static void an_answer_may_arrive_where_the_address_is_not(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	facts->devices[2].rp_filter_effective = 1;
	add_arrival(facts, WAN2, "192.0.2.9", "198.51.100.2", false);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "198.51.100.2", DESTINATION_PEER, "192.0.2.9");
	assert_non_null(path);
	assert_int_equal(path->arrival, WAN2);
	assert_true(path->basis == PATH_SEEN && path->answers);
	assert_int_equal(path->request.result, ROUTE_RP_FILTER);
	assert_int_equal(arrival_of(facts, "198.51.100.2")->ifindex[0], WAN1);
	facts_free(facts);
}

static void far_peers_make_a_line(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_arrival(facts, WAN2, "192.0.2.9", "203.0.113.2", true);
	add_arrival(facts, LAN, "192.168.1.7", "192.168.1.1", true);
	looked_up(facts, routes, 0);
	assert_non_null(facts_line(facts, WAN2, AF_INET));
	assert_null(facts_line(facts, LAN, AF_INET));
	facts_free(facts);
}

/* ---- ports ---- */

static void add_listener(struct facts *facts, const char *text, uint16_t port, int ifindex)
{
	struct listener *listener = ARRAY_ADD(facts->listeners, facts->listener_count);
	assert_non_null(listener);
	*listener = (struct listener){ .port = port, .ifindex = ifindex };
	if (text)
		listener->address = address(text);
}

static void a_bound_listener_counts_on_its_device_alone(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_address(facts, WAN1, "192.0.2.80/32");
	add_address(facts, WAN2, "192.0.2.80/32");
	add_listener(facts, NULL, 443, 0);
	add_listener(facts, NULL, 25, WAN2);
	add_listener(facts, "192.0.2.81", 7, 0);
	looked_up(facts, routes, 0);
	unsigned found = 0;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		struct address wanted = address("192.0.2.80");
		if (!address_equal(&facts->services[path->service].address, &wanted))
			continue;
		bool second = path->arrival == WAN2;
		found |= 1u << second;
		assert_int_equal(path->port, second ? 25 : 443);
		assert_int_equal(path->target_port, path->port);
		assert_int_equal(path->peer_port, 40000);
		/* The socket's device decides where its replies go. */
		assert_int_equal(path->reply.devices.ifindex[0], second ? WAN2 : WAN1);
	}
	assert_int_equal(found, 3);
	facts_free(facts);
}

static const struct listener_row {
	struct {
		const char *address;
		uint16_t port;
		int ifindex;
	} listeners[3];
	uint16_t expected; /* port of a path to 203.0.113.2 by wan2; 22: of none */
} listener_rows[] = {
	{ { { NULL, 80, 0 }, { "0.0.0.0", 443, 0 }, { "203.0.113.2", 8080, 0 } }, 80 },
	{ { { NULL, 443, 0 }, { "0.0.0.0", 80, 0 }, { NULL, 443, WAN2 } }, 80 },
	{ { { "203.0.113.2", 443, 0 }, { NULL, 8443, 0 } }, 443 },
	{ { { "203.0.113.3", 80, 0 }, { "0.0.0.0", 81, WAN1 }, { "::", 82, 0 } }, 22 },
};

static void the_lowest_port_that_listens_is_asked_for(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (size_t i = 0; i < sizeof(listener_rows) / sizeof(*listener_rows); i++) {
		const struct listener_row *row = &listener_rows[i];
		struct facts *facts = gateway();
		for (unsigned l = 0; l < 3 && row->listeners[l].port; l++)
			add_listener(facts, row->listeners[l].address, row->listeners[l].port,
				row->listeners[l].ifindex);
		looked_up(facts, routes, 0);
		const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
		assert_non_null(path);
		assert_int_equal(path->arrival, WAN2);
		assert_int_equal(path->port, row->expected);
		assert_int_equal(path->protocol, IPPROTO_TCP);
		facts_free(facts);
	}
}

static void the_first_example_tells_the_ports_of_probes(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	struct endpoint *endpoint =
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	endpoint->examples[0].protocol = IPPROTO_UDP;
	endpoint->examples[1] = endpoint->examples[0];
	endpoint->examples[1].peer = address("192.0.2.10");
	endpoint->examples[1].port = 7;
	endpoint->example_count = 2;
	add_listener(facts, NULL, 443, 0); /* does not speak for a container */
	looked_up(facts, routes, 0);
	unsigned probes = 0;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		if (path->kind != DESTINATION_PROBE || facts->services[path->service].origin != ORIGIN_DNAT)
			continue;
		probes++;
		assert_int_equal(path->protocol, IPPROTO_UDP);
		assert_true(path->port == 2222 && path->target_port == 22 && path->peer_port == 40000);
	}
	assert_int_equal(probes, 2);
	const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.10");
	assert_non_null(path);
	assert_true(path->port == 7 && path->peer_port == 50000);
	facts_free(facts);
}

static size_t count_paths(
	const struct facts *facts, const char *to, const char *target, const char *destination)
{
	struct address wanted = address(to), behind = address(target), peer = address(destination);
	size_t count = 0;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct service *service = &facts->services[facts->paths[i].service];
		count += address_equal(&service->address, &wanted) &&
			 address_equal(&service->target, &behind) &&
			 address_equal(&facts->paths[i].destination, &peer);
	}
	return count;
}

/* 192.0.2.80 is no address of the host's; two of its ports are translated to two containers. */
static void the_port_tells_which_service_a_peer_asks(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	static const struct {
		uint16_t port;
		size_t first, second; /* paths of the peer */
		bool asks;
	} rows[] = { { 2222, 1, 0, true }, { 80, 0, 1, true }, { 9999, 0, 0, true }, { 2222, 0, 0, false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = gateway();
		add_endpoint(facts, ENDPOINT_DNAT, "192.0.2.80", "10.8.10.2", "192.0.2.9", 0);
		add_endpoint(facts, ENDPOINT_DNAT, "192.0.2.80", "10.8.10.3", "192.0.2.9", 0)
			->examples[0]
			.port = 80;
		add_arrival(facts, WAN2, "192.0.2.10", "192.0.2.80", rows[i].asks)->port = rows[i].port;
		looked_up(facts, routes, 0);
		assert_int_equal(count_paths(facts, "192.0.2.80", "10.8.10.2", "192.0.2.10"), rows[i].first);
		assert_int_equal(count_paths(facts, "192.0.2.80", "10.8.10.3", "192.0.2.10"), rows[i].second);
		facts_free(facts);
	}
}

static void a_translated_port_is_not_asked_of_the_host_itself(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (unsigned translated = 0; translated < 2; translated++) {
		struct facts *facts = gateway();
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.3", "192.0.2.9", 0)
			->examples[0]
			.port = 80;
		add_arrival(facts, WAN2, "192.0.2.10", "203.0.113.2", true)->port = translated ? 80 : 443;
		looked_up(facts, routes, 0);
		assert_int_equal(count_paths(facts, "203.0.113.2", "203.0.113.2", "192.0.2.10"), !translated);
		assert_int_equal(count_paths(facts, "203.0.113.2", "10.8.10.2", "192.0.2.10"), 0);
		assert_int_equal(count_paths(facts, "203.0.113.2", "10.8.10.3", "192.0.2.10"), translated);
		facts_free(facts);
	}
}

/* One whose device is gone or down, or that is a neighbour, hides none of the others. */
static void each_peer_that_arrived_has_one_path(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_arrival(facts, 77, "192.0.2.8", "203.0.113.2", true);
	add_arrival(facts, WAN2, "203.0.113.3", "203.0.113.2", true);
	add_arrival(facts, WAN2, "192.0.2.9", "203.0.113.2", true);
	add_arrival(facts, WAN2, "192.0.2.9", "203.0.113.2", false);
	add_arrival(facts, WAN1, "192.0.2.9", "203.0.113.2", true);
	add_arrival(facts, WAN2, "192.0.2.10", "203.0.113.2", true)->port = 80;
	add_arrival(facts, WAN2, "192.0.2.10", "203.0.113.2", true)->port = 443;
	looked_up(facts, routes, 0);
	assert_int_equal(count_paths(facts, "203.0.113.2", "203.0.113.2", "192.0.2.8"), 0);
	assert_int_equal(
		count_paths(facts, "203.0.113.2", "203.0.113.2", "192.0.2.9"), 2); /* by each device */
	assert_int_equal(
		count_paths(facts, "203.0.113.2", "203.0.113.2", "192.0.2.10"), 2); /* to each port */
	facts_free(facts);
}

static void a_ruled_service_has_its_rule_s_ports(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	static const struct {
		uint16_t port, target_port;
		uint8_t protocol;
		uint16_t expected, expected_target;
	} rows[] = { { 443, 8443, IPPROTO_TCP, 443, 8443 }, { 53, 0, IPPROTO_UDP, 53, 53 },
		{ 0, 0, IPPROTO_TCP, 22, 22 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = gateway();
		build_nat_rule(facts, "203.0.113.2", rows[i].port, "10.8.10.2", rows[i].target_port);
		build_nat_list_again(facts)->protocol = rows[i].protocol;
		looked_up(facts, routes, 0);
		unsigned found = 0;
		for (size_t p = 0; p < facts->path_count; p++) {
			const struct path *path = &facts->paths[p];
			if (facts->services[path->service].origin != ORIGIN_DNAT)
				continue;
			found++;
			assert_int_equal(path->arrival, WAN2);
			assert_int_equal(path->protocol, rows[i].protocol);
			assert_int_equal(path->port, rows[i].expected);
			assert_int_equal(path->target_port, rows[i].expected_target);
			assert_int_equal(facts->services[path->service].target_ifindex, BR0);
		}
		assert_int_equal(found, 2); /* probes */
		facts_free(facts);
	}
}

static void a_neighbour_on_its_own_link_is_connected(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_arrival(facts, WAN1, "192.168.1.9", "198.51.100.2", true);
	add_endpoint(facts, ENDPOINT_IN, "192.168.1.1", "192.168.1.1", "192.168.1.9", 0);
	looked_up(facts, routes, 0);
	const struct path *path = path_of(facts, "192.168.1.1", DESTINATION_PEER, "192.168.1.9");
	assert_non_null(path);
	assert_int_equal(path->arrival, LAN);
	assert_int_equal(path->basis, PATH_CONNECTED);
	path = path_of(facts, "198.51.100.2", DESTINATION_PEER, "192.168.1.9");
	assert_int_equal(path->basis, PATH_SEEN);
	facts_free(facts);
}

/* A lookup that fails does not say why; where that was derived, it stays. */
static void a_failed_request_confirms_what_was_derived(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (unsigned strict = 0; strict < 2; strict++) {
		struct facts *facts = gateway();
		facts->devices[2].rp_filter_effective = (int)strict;
		struct fake_kernel kernel = { .routes = routes, .input_error = EXDEV };
		unsigned failing = 100;
		assert_int_equal(reply_paths_find(facts, &no_settings, fake_lookup, &kernel, &failing), 0);
		const struct path *path = path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL);
		assert_int_equal(path->request.result, strict ? ROUTE_RP_FILTER : ROUTE_FAILED);
		assert_int_equal(path->request.error, EXDEV);
		assert_true(path->request_confirmed);
		assert_int_equal(failing, strict ? 98 : 100); /* two probes */
		facts_free(facts);
	}
}

static void a_target_without_route_shifts_no_answers(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "10.99.0.0/16", NULL, 0, 0, NULL, 254, ROUTE_UNREACHABLE, EHOSTUNREACH }, DEFAULT1,
		DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "198.51.100.2", "10.99.0.9", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	const struct address wanted = address("10.99.0.9");
	unsigned lost = 0;
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		const struct service *service = &facts->services[path->service];
		if (address_equal(&service->target, &wanted)) {
			assert_int_equal(path->reply.result, ROUTE_NOT_ASKED);
			assert_int_equal(path->request.result, ROUTE_NOT_ASKED);
			lost++;
		} else if (path->kind == DESTINATION_NEIGHBOUR) {
			assert_int_equal(path->reply.devices.ifindex[0], path->arrival);
		} else {
			assert_int_equal(path->reply.devices.ifindex[0], WAN1);
		}
	}
	assert_int_equal(lost, 3); /* a peer and two probes */
	facts_free(facts);
}

static void what_is_set_is_asked_for_instead_of_probes(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	char lines[][IF_NAMESIZE] = { "wan9", "wan2" };
	struct address probes[] = { address("192.0.2.50"), address("192.0.2.51"), address("192.168.1.50") };
	struct collector_settings settings = no_settings;
	settings.lines = lines;
	settings.line_count = 2;
	settings.probes = probes;
	settings.probe_count = 3;
	struct facts *facts = gateway();
	add_address(facts, LAN, "2001:db8:1::2/64");
	struct fake_kernel kernel = { .routes = routes };
	unsigned failing = 0;
	assert_int_equal(reply_paths_find(facts, &settings, fake_lookup, &kernel, &failing), 0);
	assert_non_null(path_of(facts, "203.0.113.2", DESTINATION_SET, "192.0.2.50"));
	assert_non_null(path_of(facts, "203.0.113.2", DESTINATION_SET, "192.0.2.51"));
	assert_null(path_of(facts, "203.0.113.2", DESTINATION_SET, "192.168.1.50")); /* on a link */
	assert_null(path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL));
	assert_true(facts_line(facts, WAN2, AF_INET)->named);
	assert_false(facts_line(facts, WAN1, AF_INET)->named);
	unsigned six = 0; /* of IPv6 nothing was set */
	for (size_t i = 0; i < facts->destination_count; i++)
		six += facts->destinations[i].kind == DESTINATION_PROBE &&
		       facts->destinations[i].address.family == AF_INET6;
	assert_int_equal(six, 2);
	facts_free(facts);
}

static void ipv6_has_lines_and_probes_of_its_own(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2,
		{ "2001:db8:1::/64", NULL, 0, WAN2, NULL, 254, 0, 0 },
		{ "::/0", NULL, 6, WAN2, "fe80::2", 106, 0, 0 },
		{ "::/0", NULL, 0, WAN1, "fe80::1", 254, 0, 0 },
		{ "::/0", NULL, 0, WAN2, "fe80::2", 254, 0, 0 }, { 0 } };
	struct facts *facts = gateway();
	for (size_t i = 0; i < facts->device_count; i++)
		facts->devices[i].rp_filter_effective = 1; /* of IPv4 alone */
	add_address(facts, WAN2, "2001:db8:1::2/64");
	*ARRAY_ADD(facts->rules, facts->rule_count) =
		(struct rule){ .family = AF_INET6, .mark = 6, .mark_mask = 0xff, .table = 106 };
	looked_up(facts, routes, 0);
	const struct line *line = facts_line(facts, WAN2, AF_INET6);
	assert_non_null(line);
	assert_int_equal(line->table, 106);
	const struct path *path = path_of(facts, "2001:db8:1::2", DESTINATION_PROBE, NULL);
	assert_non_null(path);
	assert_int_equal(path->basis, PATH_LEADS);
	assert_int_equal(path->reply.devices.ifindex[0], WAN1);
	assert_true(path->mark_decides); /* the rule is of that family */
	assert_int_equal(path->request.result, ROUTE_FOUND);
	assert_false(path_of(facts, "203.0.113.2", DESTINATION_PROBE, NULL)->mark_decides);
	path = path_of(facts, "2001:db8:1::2", DESTINATION_NEIGHBOUR, NULL);
	assert_non_null(path);
	assert_int_equal(path->reply.devices.ifindex[0], WAN2);
	facts_free(facts);
}

static void the_neighbour_is_another_host_of_the_network(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	static const struct {
		const char *local, *other; /* addresses of one device */
		const char *neighbour;
	} rows[] = {
		{ "10.1.1.1/30", NULL, "10.1.1.2" }, { "10.1.1.2/30", NULL, "10.1.1.1" },
		{ "10.1.1.1/30", "10.1.1.2/30", NULL }, { "10.1.1.0/31", NULL, NULL },
		{ "10.1.1.1/32", NULL, NULL }, { "10.1.1.1/24", "10.1.1.2/32", "10.1.1.3" },
		{ "10.1.1.129/25", NULL, "10.1.1.130" },
		{ "198.51.100.3/29", NULL,
			"198.51.100.1" }, /* the gateway, though it is not the first free */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = gateway();
		char text[ADDRESS_TEXT_SIZE], *slash;
		int device = rows[i].local[1] == '9' ? WAN1 : LAN;
		add_address(facts, device, rows[i].local);
		if (rows[i].other)
			add_address(facts, device, rows[i].other);
		looked_up(facts, routes, 0);
		snprintf(text, sizeof(text), "%s", rows[i].local);
		slash = strchr(text, '/');
		*slash = '\0';
		const struct path *path = path_of(facts, text, DESTINATION_NEIGHBOUR, NULL);
		if (!path != !rows[i].neighbour)
			fail_msg("%s: %s", rows[i].local, path ? "a neighbour" : "none");
		if (path)
			assert_string_equal(address_format(&path->destination, text), rows[i].neighbour);
		facts_free(facts);
	}
}

/* What this host asks itself stands among them, and one that was translated to itself. */
static void each_service_has_its_endpoint(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_OUT, "203.0.113.2", "203.0.113.2", "192.0.2.7", 0);
	add_endpoint(facts, ENDPOINT_DNAT, "198.51.100.2", "198.51.100.2", "192.0.2.8", 0);
	struct endpoint *in = add_endpoint(facts, ENDPOINT_IN, "203.0.113.2", "203.0.113.2", "192.0.2.9", 0);
	in->half_open = 3;
	in->open = 4;
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	unsigned translated = 0;
	for (size_t i = 0; i < facts->service_count; i++) {
		const struct service *service = &facts->services[i];
		const struct address wan2 = address("203.0.113.2");
		translated += service->origin == ORIGIN_DNAT;
		if (!address_equal(&service->address, &wan2))
			continue;
		assert_int_equal(service->endpoint, service->origin == ORIGIN_DNAT ? 3 : 2);
		assert_int_equal(service->half_open, service->origin == ORIGIN_DNAT ? 0 : 3);
		assert_int_equal(service->open, service->origin == ORIGIN_DNAT ? 0 : 4);
	}
	assert_int_equal(translated, 1);
	facts_free(facts);
}

static size_t count_destinations(const struct facts *facts, enum destination_kind kind, uint8_t family)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->destination_count; i++)
		count += facts->destinations[i].kind == kind &&
			 facts->destinations[i].address.family == family;
	return count;
}

/* Sixteen that were seen arriving, sixteen more of connection tracking, the latest first. */
static void destinations_are_bounded(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	for (unsigned i = 1; i <= 40; i++) {
		char peer[32];
		snprintf(peer, sizeof(peer), "192.0.2.%u", i);
		add_arrival(facts, WAN2, peer, "203.0.113.2", true)->seen_ns = 100 + i;
		snprintf(peer, sizeof(peer), "192.0.3.%u", i);
		add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", peer, 0)->examples[0].seen_ns =
			100 + i;
	}
	looked_up(facts, routes, 0);
	assert_int_equal(count_destinations(facts, DESTINATION_PEER, AF_INET), 32);
	assert_int_equal(count_destinations(facts, DESTINATION_PROBE, AF_INET), 2);
	for (size_t i = 0; i < facts->destination_count; i++)
		if (facts->destinations[i].kind == DESTINATION_PEER)
			assert_true(facts->destinations[i].address.bytes[3] > 24);
	facts_free(facts);
}

/* A router sees them pass. */
static void a_peer_of_another_host_is_no_destination(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct facts *facts = gateway();
	add_arrival(facts, WAN1, "192.0.2.9", "192.168.1.77", true);
	add_arrival(facts, WAN1, "192.0.2.10", "198.51.100.2", true);
	looked_up(facts, routes, 0);
	assert_int_equal(count_destinations(facts, DESTINATION_PEER, AF_INET), 1);
	assert_int_equal(facts->destinations[0].address.bytes[3], 10);
	facts_free(facts);
}

/* It would say nothing about the rest of the world. */
static void no_probe_is_under_a_specific_route(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { { "1.0.0.0/8", NULL, 0, LAN, "192.168.1.254", 254, 0, 0 },
		CONNECTED, DEFAULT1, { 0 } };
	for (unsigned specific = 0; specific < 2; specific++) {
		struct facts *facts = looked_up(gateway(), specific ? routes : routes + 1, 0);
		assert_int_equal(count_destinations(facts, DESTINATION_PROBE, AF_INET), 2);
		assert_int_equal(
			path_of(facts, "198.51.100.2", DESTINATION_PROBE, "1.1.1.1") != NULL, !specific);
		assert_non_null(path_of(facts, "198.51.100.2", DESTINATION_PROBE, "9.9.9.9"));
		facts_free(facts);
	}
}

static void failing_peers_are_asked_for_first(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = gateway();
	for (unsigned i = 0; i < 40; i++) {
		char peer[32];
		snprintf(peer, sizeof(peer), "192.0.2.%u", i + 1);
		add_arrival(facts, WAN2, peer, "203.0.113.2", true)->seen_ns = 100 + i;
	}
	facts->handshakes->peers[3].unfinished = true;
	looked_up(facts, routes, 0);
	assert_non_null(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.4"));
	assert_non_null(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.40"));
	assert_null(path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.5"));
	facts_free(facts);
}

static void a_failed_conversation_is_an_error(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, { 0 } };
	struct fake_kernel kernel = { .routes = routes, .fail = -ENOBUFS };
	struct facts *facts = gateway();
	unsigned failing = 0;
	assert_int_equal(reply_paths_find(facts, &no_settings, fake_lookup, &kernel, &failing), -ENOBUFS);
	facts_free(facts);
}

static void one_path_can_be_asked_for(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	struct facts *facts = looked_up(gateway(), routes, 0);
	struct fake_kernel kernel = { .routes = routes };
	struct path path = {
		.arrival = WAN2, .destination = address("192.0.2.200"), .protocol = IPPROTO_TCP
	};
	while (address_equal(&facts->services[path.service].address, &(struct address){ 0 }) ||
		!device_set_contains(&facts->services[path.service].arrival, WAN2))
		path.service++;
	size_t before = facts->path_count;
	assert_int_equal(reply_path_find(facts, &no_settings, fake_lookup, &kernel, &path), 0);
	assert_int_equal(facts->path_count, before);
	assert_int_equal(path.basis, PATH_LEADS);
	assert_int_equal(path.reply.devices.ifindex[0], WAN1);
	/* Again: the destination is known by now. */
	size_t destinations = facts->destination_count;
	assert_int_equal(reply_path_find(facts, &no_settings, fake_lookup, &kernel, &path), 0);
	assert_int_equal(facts->destination_count, destinations);
	facts_free(facts);
}

static void one_path_that_fails_tells_why(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { CONNECTED,
		{ "0.0.0.0/0", "10.8.10.2", 0, 0, NULL, 102, ROUTE_FAILED, EINVAL }, DEFAULT1, DEFAULT2,
		{ 0 } };
	struct facts *facts = gateway();
	add_endpoint(facts, ENDPOINT_DNAT, "203.0.113.2", "10.8.10.2", "192.0.2.9", 0);
	looked_up(facts, routes, 0);
	struct fake_kernel kernel = { .routes = routes };
	struct path path = *path_of(facts, "203.0.113.2", DESTINATION_PEER, "192.0.2.9");
	path.reply = (struct route_answer){ 0 };
	assert_int_equal(reply_path_find(facts, &no_settings, fake_lookup, &kernel, &path), 0);
	assert_int_equal(path.reply.result, ROUTE_BLACKHOLE);
	facts_free(facts);
}

/* Of a service that was made for the question. */
static void a_path_of_a_new_service_asks_for_its_target_first(void **state)
{
	(void)state;
	static const struct fake_route routes[] = { { "198.51.100.2/32", NULL, 0, 0, NULL, 255, ROUTE_LOCAL,
							    0 },
		CONNECTED, DEFAULT1, DEFAULT2, { 0 } };
	for (unsigned local = 0; local < 2; local++) {
		struct facts *facts = looked_up(gateway(), routes, 0);
		struct fake_kernel kernel = { .routes = routes };
		struct service *service = ARRAY_ADD(facts->services, facts->service_count);
		assert_non_null(service);
		*service = (struct service){ .origin = ORIGIN_DNAT,
			.address = address("203.0.113.3"),
			.target = address(local ? "198.51.100.2" : "10.8.10.2"),
			.endpoint = SIZE_MAX };
		struct path path = { .service = facts->service_count - 1,
			.arrival = WAN2,
			.destination = address("192.0.2.200"),
			.protocol = IPPROTO_TCP };
		assert_int_equal(reply_path_find(facts, &no_settings, fake_lookup, &kernel, &path), 0);
		service = &facts->services[path.service];
		assert_int_equal(service->target_local, local);
		assert_int_equal(service->target_ifindex, local ? 0 : BR0);
		assert_int_equal(path.reply.devices.ifindex[0], WAN1);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_default_route_makes_a_line),
		cmocka_unit_test(the_plain_way_out_makes_a_line_too),
		cmocka_unit_test(a_lan_without_gateway_is_no_line),
		cmocka_unit_test(a_default_route_without_gateway_makes_no_line),
		cmocka_unit_test(a_table_of_its_own_speaks_for_the_line),
		cmocka_unit_test(candidate_marks_that_disagree_leave_it_open),
		cmocka_unit_test(a_mark_that_nobody_sets_does_not_decide),
		cmocka_unit_test(a_mark_of_many_rules_is_asked_for_once),
		cmocka_unit_test(eight_marks_are_tried),
		cmocka_unit_test(marks_that_no_rule_asks_for_do_not_matter),
		cmocka_unit_test(a_peer_behind_a_specific_route_comes_from_there),
		cmocka_unit_test(an_address_on_lo_has_no_arrival_device),
		cmocka_unit_test(strict_source_validation_is_derived_and_its_asking_limited),
		cmocka_unit_test(a_tunnel_that_leads_nowhere_is_only_possible),
		cmocka_unit_test(a_tunnel_is_a_line_of_the_families_it_has),
		cmocka_unit_test(a_tunnel_that_leads_out_is_an_ordinary_line),
		cmocka_unit_test(two_devices_in_one_subnet_show_at_the_neighbour),
		cmocka_unit_test(ports_and_devices_that_are_down_have_no_services),
		cmocka_unit_test(an_address_on_two_devices_may_be_reached_by_either),
		cmocka_unit_test(a_blackholed_reply_is_told_from_a_filtered_one),
		cmocka_unit_test(a_failed_reply_is_what_its_reverse_lookup_tells),
		cmocka_unit_test(a_host_that_does_not_forward_cannot_send_translated_replies),
		cmocka_unit_test(requests_arrive_where_they_were_seen),
		cmocka_unit_test(a_peer_that_was_seen_is_certain),
		cmocka_unit_test(a_neighbour_may_come_by_another_device),
		cmocka_unit_test(a_vrf_answers_by_its_own_table),
		cmocka_unit_test(the_worse_default_route_of_a_vrf_is_found_by_bound_lookups_alone),
		cmocka_unit_test(an_answer_on_a_tunnel_is_certain_but_asks_for_nothing),
		cmocka_unit_test(an_answer_may_arrive_where_the_address_is_not),
		cmocka_unit_test(far_peers_make_a_line),
		cmocka_unit_test(a_bound_listener_counts_on_its_device_alone),
		cmocka_unit_test(the_lowest_port_that_listens_is_asked_for),
		cmocka_unit_test(the_first_example_tells_the_ports_of_probes),
		cmocka_unit_test(the_port_tells_which_service_a_peer_asks),
		cmocka_unit_test(a_translated_port_is_not_asked_of_the_host_itself),
		cmocka_unit_test(each_peer_that_arrived_has_one_path),
		cmocka_unit_test(a_ruled_service_has_its_rule_s_ports),
		cmocka_unit_test(a_neighbour_on_its_own_link_is_connected),
		cmocka_unit_test(a_failed_request_confirms_what_was_derived),
		cmocka_unit_test(a_target_without_route_shifts_no_answers),
		cmocka_unit_test(what_is_set_is_asked_for_instead_of_probes),
		cmocka_unit_test(ipv6_has_lines_and_probes_of_its_own),
		cmocka_unit_test(the_neighbour_is_another_host_of_the_network),
		cmocka_unit_test(each_service_has_its_endpoint),
		cmocka_unit_test(destinations_are_bounded),
		cmocka_unit_test(a_peer_of_another_host_is_no_destination),
		cmocka_unit_test(no_probe_is_under_a_specific_route),
		cmocka_unit_test(failing_peers_are_asked_for_first),
		cmocka_unit_test(a_failed_conversation_is_an_error),
		cmocka_unit_test(one_path_can_be_asked_for),
		cmocka_unit_test(one_path_that_fails_tells_why),
		cmocka_unit_test(a_path_of_a_new_service_asks_for_its_target_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
