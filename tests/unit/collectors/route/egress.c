// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "collectors/base/netlink.h"
#include "collectors/route/egress.h"
#include "tests/support/facts_builder.h"

#define PEER   "192.0.2.9"
#define DEVICE 2

/* ---- routes ---- */

struct route {
	const char *to, *gateway;
	uint32_t table, metric;
	int device;
	uint8_t source_length, tos;
};

static int take(const struct route *route, struct egress_candidate *best)
{
	char buffer[256] __attribute__((aligned(4)));
	struct address gateway, peer = build_address(PEER);
	struct prefix to;
	assert_int_equal(prefix_parse(route->to, &to), 0);
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWROUTE;
	struct rtmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = to.address.family;
	message->rtm_dst_len = to.length;
	message->rtm_src_len = route->source_length;
	message->rtm_tos = route->tos;
	message->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(header, RTA_TABLE, route->table);
	if (to.length)
		mnl_attr_put(header, RTA_DST, address_size(to.address.family), to.address.bytes);
	if (route->metric)
		mnl_attr_put_u32(header, RTA_PRIORITY, route->metric);
	if (route->gateway) {
		assert_int_equal(address_parse(route->gateway, &gateway), 0);
		mnl_attr_put(header, RTA_GATEWAY, address_size(gateway.family), gateway.bytes);
	}
	mnl_attr_put_u32(header, RTA_OIF, (uint32_t)route->device);
	return egress_take_route(header, &peer, DEVICE, best);
}

static const struct {
	const char *name;
	struct route routes[3];
	const char *gateway; /* of the best; NULL: none */
	uint32_t table;
} routes[] = {
	{ "none", { { 0 } }, NULL, 0 },
	{ "a default route of any table", { { "0.0.0.0/0", "10.0.0.1", 501, 0, DEVICE, 0, 0 } }, "10.0.0.1",
		501 },
	{ "another device's", { { "0.0.0.0/0", "10.0.0.1", 501, 0, 3, 0, 0 } }, NULL, 0 },
	{ "without a gateway", { { "192.0.2.0/24", NULL, 254, 0, DEVICE, 0, 0 } }, NULL, 0 },
	{ "elsewhere", { { "192.0.3.0/24", "10.0.0.1", 501, 0, DEVICE, 0, 0 } }, NULL, 0 },
	{ "another family's", { { "::/0", "fe80::1", 501, 0, DEVICE, 0, 0 } }, NULL, 0 },
	{ "by source", { { "0.0.0.0/0", "10.0.0.1", 501, 0, DEVICE, 8, 0 } }, NULL, 0 },
	{ "for a type of service", { { "0.0.0.0/0", "10.0.0.1", 501, 0, DEVICE, 0, 8 } }, NULL, 0 },
	{ "the longer prefix",
		{ { "0.0.0.0/0", "10.0.0.1", 501, 0, DEVICE, 0, 0 },
			{ "192.0.2.0/24", "10.0.0.2", 254, 9, DEVICE, 0, 0 } },
		"10.0.0.2", 254 },
	{ "a table of its own",
		{ { "0.0.0.0/0", "10.0.0.1", 254, 0, DEVICE, 0, 0 },
			{ "0.0.0.0/0", "10.0.0.2", 501, 9, DEVICE, 0, 0 } },
		"10.0.0.2", 501 },
	{ "the same, the other way round",
		{ { "0.0.0.0/0", "10.0.0.2", 501, 9, DEVICE, 0, 0 },
			{ "0.0.0.0/0", "10.0.0.1", 254, 0, DEVICE, 0, 0 } },
		"10.0.0.2", 501 },
	{ "the lower metric",
		{ { "0.0.0.0/0", "10.0.0.1", 501, 9, DEVICE, 0, 0 },
			{ "0.0.0.0/0", "10.0.0.2", 502, 1, DEVICE, 0, 0 } },
		"10.0.0.2", 502 },
};

static void the_best_route_of_a_device_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		struct egress_candidate best = { .metric = 0 };
		print_message("  %s\n", routes[i].name);
		for (size_t j = 0; j < 3 && routes[i].routes[j].to; j++)
			assert_int_equal(take(&routes[i].routes[j], &best), 0);
		assert_int_equal(best.answer.result, routes[i].gateway ? ROUTE_FOUND : ROUTE_NOT_ASKED);
		if (!routes[i].gateway)
			continue;
		struct address gateway = build_address(routes[i].gateway);
		assert_true(address_equal(&best.answer.gateway, &gateway));
		assert_int_equal(best.answer.table, routes[i].table);
		assert_true(best.answer.bound);
	}
}

/* ---- neighbours ---- */

struct neighbour {
	const char *address;
	uint8_t link_layer; /* its last byte; 0: none */
	uint16_t state;
	int device;
};

static int meet(const struct neighbour *neighbour, struct neighbours *neighbours)
{
	char buffer[256] __attribute__((aligned(4)));
	const uint8_t link_layer[6] = { 2, 0, 0, 0, 0, neighbour->link_layer };
	struct address address = build_address(neighbour->address);
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWNEIGH;
	struct ndmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->ndm_family = address.family;
	message->ndm_ifindex = neighbour->device;
	message->ndm_state = neighbour->state;
	mnl_attr_put(header, NDA_DST, address_size(address.family), address.bytes);
	if (neighbour->link_layer)
		mnl_attr_put(header, NDA_LLADDR, sizeof(link_layer), link_layer);
	return neighbours_take(header, DEVICE, neighbours);
}

static const struct {
	const char *name;
	struct neighbour neighbours[3];
	const char *only; /* NULL: none, or several */
} links[] = {
	{ "none", { { 0 } }, NULL },
	{ "one", { { "10.0.0.1", 1, NUD_STALE, DEVICE } }, "10.0.0.1" },
	{ "one that is kept by hand", { { "10.0.0.1", 1, NUD_PERMANENT, DEVICE } }, "10.0.0.1" },
	{ "one that is not there", { { "10.0.0.1", 0, NUD_FAILED, DEVICE } }, NULL },
	{ "one that is asked for", { { "10.0.0.1", 1, NUD_INCOMPLETE, DEVICE } }, NULL },
	{ "another device's", { { "10.0.0.1", 1, NUD_REACHABLE, 3 } }, NULL },
	{ "multicast", { { "ff02::2", 1, NUD_STALE, DEVICE } }, NULL },
	{ "two", { { "10.0.0.1", 1, NUD_STALE, DEVICE }, { "10.0.0.3", 2, NUD_STALE, DEVICE } }, NULL },
	{ "one of two addresses",
		{ { "fe80::1", 1, NUD_STALE, DEVICE }, { "2001:db8::1", 1, NUD_REACHABLE, DEVICE } },
		"2001:db8::1" },
	{ "the other way round",
		{ { "2001:db8::1", 1, NUD_STALE, DEVICE }, { "fe80::1", 1, NUD_REACHABLE, DEVICE } },
		"2001:db8::1" },
};

static void only_a_lone_neighbour_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		struct neighbours found = { .count = 0 };
		print_message("  %s\n", links[i].name);
		for (size_t j = 0; j < 3 && links[i].neighbours[j].address; j++)
			assert_int_equal(meet(&links[i].neighbours[j], &found), 0);
		bool alone = found.link_layer_size && !found.others;
		assert_int_equal(alone, links[i].only != NULL);
		if (!alone)
			continue;
		struct address only = build_address(links[i].only);
		assert_true(address_equal(&found.address, &only));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_route_of_a_device_is_taken),
		cmocka_unit_test(only_a_lone_neighbour_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
