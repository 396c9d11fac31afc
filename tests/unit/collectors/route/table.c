// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "collectors/base/netlink.h"
#include "collectors/route/table.h"
#include "tests/support/facts_builder.h"
#include "tests/support/recorded.h"

#define PEER "192.0.2.9"

struct route {
	const char *to;
	uint32_t metric;
	int device; /* 0: `type` says what happens */
	uint8_t type, tos, source_length;
	unsigned flags;
};

static int take(const struct route *route, struct table_answer *answers, size_t count)
{
	char buffer[256] __attribute__((aligned(4)));
	struct prefix to;
	assert_int_equal(prefix_parse(route->to, &to), 0);
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWROUTE;
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = to.address.family;
	message->rtm_dst_len = to.length;
	message->rtm_src_len = route->source_length;
	message->rtm_tos = route->tos;
	message->rtm_type = route->type ? route->type : RTN_UNICAST;
	message->rtm_table = 50;
	message->rtm_flags = route->flags;
	if (to.length)
		mnl_attr_put(header, RTA_DST, address_size(to.address.family), to.address.bytes);
	if (route->metric)
		mnl_attr_put_u32(header, RTA_PRIORITY, route->metric);
	if (route->device)
		mnl_attr_put_u32(header, RTA_OIF, (uint32_t)route->device);
	return table_take_route(header, answers, count);
}

static const struct table_row {
	const char *name;
	struct route routes[4];
	enum route_result result;
	int devices[2];
} rows[] = {
	{ "nothing", { { 0 } }, ROUTE_NONE, { 0 } },
	{ "one", { { "0.0.0.0/0", 0, .device = 2 } }, ROUTE_FOUND, { 2 } },
	{ "the better default", { { "0.0.0.0/0", 20, .device = 3 }, { "0.0.0.0/0", 10, .device = 2 } },
		ROUTE_FOUND, { 2 } },
	{ "in either order", { { "0.0.0.0/0", 10, .device = 2 }, { "0.0.0.0/0", 20, .device = 3 } },
		ROUTE_FOUND, { 2 } },
	{ "none is the best metric", { { "0.0.0.0/0", 1, .device = 3 }, { "0.0.0.0/0", 0, .device = 2 } },
		ROUTE_FOUND, { 2 } },
	{ "equal ones", { { "0.0.0.0/0", 10, .device = 3 }, { "0.0.0.0/0", 10, .device = 2 } }, ROUTE_FOUND,
		{ 2, 3 } },
	{ "the longer prefix", { { "192.0.2.0/24", 99, .device = 3 }, { "0.0.0.0/0", 0, .device = 2 } },
		ROUTE_FOUND, { 3 } },
	{ "another's", { { "192.0.3.0/24", 0, .device = 3 }, { "0.0.0.0/0", 9, .device = 2 } }, ROUTE_FOUND,
		{ 2 } },
	{ "another family's", { { "::/0", 1, .device = 3 }, { "0.0.0.0/0", 9, .device = 2 } }, ROUTE_FOUND,
		{ 2 } },
	{ "rejected", { { "192.0.2.0/24", .type = RTN_BLACKHOLE }, { "0.0.0.0/0", 9, .device = 2 } },
		ROUTE_BLACKHOLE, { 0 } },
	{ "a throw route ends it", { { "0.0.0.0/0", 9, .device = 2 }, { "192.0.2.9/32", .type = RTN_THROW } },
		ROUTE_NONE, { 0 } },
	{ "a dead one does not",
		{ { "192.0.2.9/32", 0, .device = 3, .flags = RTNH_F_DEAD }, { "0.0.0.0/0", 9, .device = 2 } },
		ROUTE_FOUND, { 2 } },
	{ "for a type of service",
		{ { "192.0.2.9/32", 0, .device = 3, .tos = 8 }, { "0.0.0.0/0", 9, .device = 2 } },
		ROUTE_FOUND, { 2 } },
};

static void the_best_route_of_a_table_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct table_row *row = &rows[i];
		struct table_answer answer = {
			.table = 50, .destination = build_address(PEER), .answer.result = ROUTE_NONE
		};
		print_message("  %s\n", row->name);
		for (size_t j = 0; j < 4 && row->routes[j].to; j++)
			assert_int_equal(take(&row->routes[j], &answer, 1), 0);
		assert_int_equal(answer.answer.result, row->result);
		assert_int_equal(answer.answer.devices.count, !!row->devices[0] + !!row->devices[1]);
		for (unsigned j = 0; j < answer.answer.devices.count; j++)
			assert_int_equal(answer.answer.devices.ifindex[j], row->devices[j]);
		assert_int_equal(answer.table, 50);
	}
}

static void each_destination_has_an_answer_of_its_own(void **state)
{
	(void)state;
	struct table_answer answers[] = { { .destination = build_address(PEER) },
		{ .destination = build_address("192.0.3.9") } };
	assert_int_equal(take(&(struct route){ "192.0.2.0/24", 0, .device = 3 }, answers, 2), 0);
	assert_int_equal(take(&(struct route){ "0.0.0.0/0", 0, .device = 2 }, answers, 2), 0);
	assert_int_equal(answers[0].answer.devices.ifindex[0], 3);
	assert_int_equal(answers[1].answer.devices.ifindex[0], 2);
}

static void routes_by_source_leave_it_open(void **state)
{
	(void)state;
	struct table_answer answer = { .destination = build_address("2001:db8:9::9") };
	assert_int_equal(take(&(struct route){ "::/0", 0, .device = 3, .source_length = 48 }, &answer, 1),
		-EOPNOTSUPP);
}

static void damaged_messages_are_refused(void **state)
{
	(void)state;
	struct table_answer answer = { .destination = build_address(PEER) };
	struct nlmsghdr *header = recorded_message("route4-single");
	header->nlmsg_type = NLMSG_DONE;
	assert_int_equal(table_take_route(header, &answer, 1), -EBADMSG);
	header->nlmsg_type = RTM_NEWROUTE;
	assert_int_equal(table_take_route(header, &answer, 1), 0);
	((struct rtmsg *)mnl_nlmsg_get_payload(header))->rtm_dst_len = 99;
	assert_int_equal(table_take_route(header, &answer, 1), -EBADMSG);
	free(header);
}

static struct facts *two_lines(void)
{
	struct facts *facts = build_facts();
	build_device(facts, "eth0");
	build_device(facts, "eth1");
	struct path *path =
		build_path(facts, build_service(facts, "198.51.100.10", NULL, "eth1"), PEER, "eth1");
	path->reply = build_found(facts, "eth0", NULL, 500, 0);
	path->egress = build_found(facts, "eth1", NULL, 500, 0);
	path->egress.bound = true;
	return facts;
}

static void what_is_known_of_a_table_comes_from_free_lookups_and_its_routes(void **state)
{
	(void)state;
	struct facts *facts = two_lines();
	struct path *path = &facts->paths[0];
	assert_ptr_equal(table_answer_find(facts, path, 500), &path->reply);
	path->reply.bound = true;
	assert_null(table_answer_find(facts, path, 500));
	path->egress.bound = false;
	assert_ptr_equal(table_answer_find(facts, path, 500), &path->egress);
	assert_null(table_answer_find(facts, path, 254));
	build_destination(facts, PEER, build_found(facts, "eth0", NULL, 254, 0));
	assert_ptr_equal(table_answer_find(facts, path, 254), &facts->destinations[0].plain);
	facts->table_answers = calloc(2, sizeof(*facts->table_answers));
	facts->table_answer_count = 2;
	facts->table_answers[0] =
		(struct table_answer){ .table = 7, .destination = build_address("1.1.1.1") };
	facts->table_answers[1] = (struct table_answer){ .table = 7, .destination = path->destination };
	assert_ptr_equal(table_answer_find(facts, path, 7), &facts->table_answers[1].answer);
	facts_free(facts);
}

static void replies_in_a_vrf_obey_its_table(void **state)
{
	(void)state;
	struct facts *facts = two_lines();
	assert_int_equal(table_of_replies(facts, &facts->paths[0]), 254);
	struct device *vrf = build_device(facts, "blue");
	vrf->kind = DEVICE_VRF;
	facts->devices[1].master = vrf->ifindex;
	assert_int_equal(table_of_replies(facts, &facts->paths[0]), 0);
	vrf->vrf_table = 500;
	assert_int_equal(table_of_replies(facts, &facts->paths[0]), 500);
	/* What is forwarded is looked up where the target is. */
	facts->services[0].origin = ORIGIN_DNAT;
	facts->services[0].target_local = false;
	facts->services[0].target_ifindex = build_ifindex(facts, "eth0");
	assert_int_equal(table_of_replies(facts, &facts->paths[0]), 254);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_route_of_a_table_answers),
		cmocka_unit_test(each_destination_has_an_answer_of_its_own),
		cmocka_unit_test(routes_by_source_leave_it_open),
		cmocka_unit_test(damaged_messages_are_refused),
		cmocka_unit_test(what_is_known_of_a_table_comes_from_free_lookups_and_its_routes),
		cmocka_unit_test(replies_in_a_vrf_obey_its_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
