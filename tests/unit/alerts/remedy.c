// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "tests/support/incidents.h"

static struct facts *table_of_its_own(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 2000, "198.51.100.77", 120);
	facts->paths[0].egress.table = 120;
	return facts;
}

/* The kernel's own tables are not to be named in a rule of this kind. */
static struct facts *default_table(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress.table = 253;
	return facts;
}

static struct facts *local_table(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress.table = 255;
	return facts;
}

static struct facts *gateway_on_link(void)
{
	struct facts *facts = incident_two_nics();
	facts->addresses[1].prefix.length = 32;
	return facts;
}

static struct facts *device_route(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress = build_found(facts, "eth1", NULL, 254, 0);
	return facts;
}

static struct facts *gateway_of_another_family(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress.gateway = build_address("fe80::1");
	return facts;
}

/* eth1 gets an address in eth0's network; the neighbour's reply leaves by eth0. */
static struct facts *shared_network(void)
{
	struct facts *facts = incident_two_nics();
	struct path *path;
	build_local(facts, "203.0.113.20/24", "eth1");
	path = build_path(facts, build_service(facts, "203.0.113.20", NULL, "eth1"), "203.0.113.7", "eth1");
	path->basis = PATH_CONNECTED;
	path->reply = build_found(facts, "eth0", NULL, 254, 24);
	path->egress = build_failed(ROUTE_NOT_ASKED);
	facts->paths[0].reply = build_found(facts, "eth1", "198.51.100.1", 120, 0);
	return facts;
}

static struct facts *shared_network_and_beyond(void)
{
	struct facts *facts = shared_network();
	struct path *path = build_path(facts, 1, PEER, "eth1");
	path->reply = build_found(facts, "eth0", "203.0.113.1", 254, 0);
	path->egress = build_found(facts, "eth1", "203.0.113.1", 254, 0);
	return facts;
}

static struct facts *shared_network_with_table(void)
{
	struct facts *facts = shared_network_and_beyond();
	facts->paths[2].egress.table = 120;
	return facts;
}

/* A second neighbour in the same network, one in another that eth0 shares too. */
static struct facts *shared_networks(void)
{
	struct facts *facts = shared_network();
	build_local(facts, "192.168.7.2/24", "eth1");
	for (unsigned i = 0; i < 2; i++) {
		struct path *path = build_path(facts, 1, i ? "203.0.113.8" : "192.168.7.9", "eth1");
		path->basis = PATH_CONNECTED;
		path->reply = build_found(facts, "eth0", NULL, 254, 24);
		path->egress = build_failed(ROUTE_NOT_ASKED);
	}
	return facts;
}

/* Each of two peers is led out of eth1 by a table of its own. */
static struct facts *two_tables(void)
{
	struct facts *facts = table_of_its_own();
	struct path *path = build_path(facts, 0, "192.0.2.200", "eth1");
	path->reply = facts->paths[0].reply;
	path->egress = facts->paths[0].egress;
	path->egress.table = 121;
	return facts;
}

static struct facts *priorities_taken(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 32765, "10.0.0.0/8", 77);
	build_rule(facts, AF_INET, 32763, "10.0.0.0/8", 77);
	return facts;
}

static struct facts *decided_early(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 500, "198.51.100.0/24", 88);
	facts->paths[0].reply.table = 88;
	return facts;
}

static struct facts *rejected_by_rule(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 700, "198.51.100.10", 0)->action = RULE_PROHIBIT;
	facts->paths[0].reply = build_failed(ROUTE_PROHIBIT);
	return facts;
}

static struct facts *odd_name(void)
{
	struct facts *facts = incident_two_nics();
	strcpy(facts->devices[1].name, "e;$('h");
	return facts;
}

static struct facts *way_out_by_main_route_kept(void)
{
	struct facts *facts = incident_two_nics();
	facts->destinations[0].plain = build_found(facts, "eth1", "198.51.100.1", 254, 8);
	return facts;
}

/* The last table there is may be taken, by a rule or by a line of the same family. */
static struct facts *last_table(void)
{
	struct facts *facts = incident_two_nics();
	facts->free_tables[0] = 250;
	build_rule(facts, AF_INET, 3000, "10.0.0.0/8", 250);
	facts->lines = calloc(1, sizeof(*facts->lines));
	facts->line_count = 1;
	facts->lines[0] = (struct line){ .ifindex = 2, .family = AF_INET, .table = 251 };
	build_rule(facts, AF_INET6, 3000, NULL, 252);
	return facts;
}

static void build_table_answer(
	struct facts *facts, uint32_t table, const char *destination, struct route_answer answer)
{
	struct table_answer *added = ARRAY_ADD(facts->table_answers, facts->table_answer_count);
	assert_non_null(added);
	*added = (struct table_answer){
		.table = table, .destination = build_address(destination), .answer = answer
	};
}

/* Everything is sent to table 500, which has a default route by either device, eth0's the better one. */
static struct facts *one_table_unread(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 1000, NULL, 500);
	facts->paths[0].reply.table = facts->destinations[0].plain.table = 500;
	facts->paths[0].egress.table = 500;
	facts->paths[0].egress.bound = true;
	return facts;
}

static struct facts *one_table(void)
{
	struct facts *facts = one_table_unread();
	build_table_answer(facts, 254, PEER, build_failed(ROUTE_NONE));
	return facts;
}

static struct facts *one_table6(void)
{
	struct facts *facts = incident_two_nics6();
	build_rule(facts, AF_INET6, 1000, NULL, 500);
	facts->paths[0].reply.table = facts->destinations[0].plain.table = 500;
	facts->paths[0].egress.table = 500;
	facts->paths[0].egress.bound = true;
	build_table_answer(facts, 254, PEER6, build_failed(ROUTE_NONE));
	return facts;
}

/* The printed rules of before stand, and lead nowhere else. */
static struct facts *one_table_by_source(void)
{
	struct facts *facts = one_table();
	build_rule(facts, AF_INET, 999, "198.51.100.10", 500);
	build_rule(facts, AF_INET, 998, "198.51.100.10", 254)->suppress_prefix_length = 0;
	return facts;
}

/* Only sockets bound to eth1 are led to table 120 by a rule; its routes are known. */
static struct facts *table_for_bound_sockets(bool best)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress.table = 120;
	facts->paths[0].egress.bound = true;
	build_table_answer(facts, 120, PEER,
		best ? facts->paths[0].egress : build_found(facts, "eth0", "203.0.113.1", 120, 0));
	return facts;
}

static struct facts *best_of_bound_table(void)
{
	return table_for_bound_sockets(true);
}

static struct facts *worse_of_bound_table(void)
{
	return table_for_bound_sockets(false);
}

/* Both devices are in a VRF with table 500, whose better default route leaves by eth0. */
static struct facts *two_lines_in_vrf(struct facts *facts, uint8_t family)
{
	struct device *vrf = build_device(facts, "blue");
	vrf->kind = DEVICE_VRF;
	vrf->vrf_table = 500;
	facts->devices[0].master = facts->devices[1].master = vrf->ifindex;
	build_rule(facts, family, 1000, NULL, 0)->l3mdev = true;
	facts->destinations[0].plain = build_failed(ROUTE_NONE);
	facts->paths[0].reply.table = facts->paths[0].egress.table = 500;
	facts->paths[0].egress.bound = true;
	return facts;
}

static struct facts *vrf(void)
{
	return two_lines_in_vrf(incident_two_nics(), AF_INET);
}

static struct facts *vrf6(void)
{
	return two_lines_in_vrf(incident_two_nics6(), AF_INET6);
}

/* A rule, say for a mark, leads to a table that leads out of eth1. */
static struct facts *vrf_with_table(void)
{
	struct facts *facts = vrf();
	facts->paths[0].egress.table = 102;
	facts->paths[0].egress.bound = false;
	return facts;
}

/* The first free table is that of another VRF, which is empty so far. */
static struct facts *vrf_beside_empty_vrf(void)
{
	struct facts *facts = vrf();
	struct device *other = build_device(facts, "red");
	other->kind = DEVICE_VRF;
	other->vrf_table = 100;
	return facts;
}

#define FROM_TABLE(n, p, q)                                                               \
	"ip rule add pref " p " from 198.51.100.10 lookup main suppress_prefixlength 0\n" \
	"ip rule add pref " q " from 198.51.100.10 lookup " n "\n"
#define FROM_MADE_BEFORE_1000 \
	"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_TABLE("100", "998", "999")
#define FROM_MADE FROM_TABLE("100", "32764", "32765")

struct remedy_row {
	const char *name;
	struct facts *(*make)(void);
	const struct condition *condition;
	const char *commands;
};

static const struct remedy_row rows[] = {
	{ "dnat with table", incident_dnat_uplinks, &reply_wrong_device_condition,
		"ip rule add pref 32764 from 10.8.10.2 lookup main suppress_prefixlength 0\n"
		"ip rule add pref 32765 from 10.8.10.2 lookup 110\n" },
	{ "local with table", table_of_its_own, &reply_wrong_device_condition,
		FROM_TABLE("120", "32764", "32765") },
	{ "new table", incident_two_nics, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
	{ "on-link gateway", gateway_on_link, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100 onlink\n" FROM_MADE },
	{ "device route", device_route, &reply_wrong_device_condition,
		"ip route replace default dev eth1 table 100\n" FROM_MADE },
	{ "gateway of another family", gateway_of_another_family, &reply_wrong_device_condition,
		"ip route replace default via inet6 fe80::1 dev eth1 table 100\n" FROM_MADE },
	{ "IPv6", incident_two_nics6, &reply_wrong_device_condition,
		"ip -6 route replace default via fe80::1 dev eth1 table 101\n"
		"ip -6 rule add pref 32764 from 2001:db8:1::10 lookup main suppress_prefixlength 0\n"
		"ip -6 rule add pref 32765 from 2001:db8:1::10 lookup 101\n" },
	{ "way out in table default", default_table, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
	{ "way out in table local", local_table, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
	{ "shared network", shared_network, &reply_wrong_device_condition,
		"ip route replace 203.0.113.0/24 dev eth1 src 203.0.113.20 table 100\n"
		"ip rule add pref 32765 from 203.0.113.20 to 203.0.113.0/24 lookup 100\n" },
	{ "shared network and beyond", shared_network_and_beyond, &reply_wrong_device_condition,
		"ip route replace 203.0.113.0/24 dev eth1 src 203.0.113.20 table 100\n"
		"ip route replace default via 203.0.113.1 dev eth1 table 100\n"
		"ip rule add pref 32763 from 203.0.113.20 to 203.0.113.0/24 lookup 100\n"
		"ip rule add pref 32764 from 203.0.113.20 lookup main suppress_prefixlength 0\n"
		"ip rule add pref 32765 from 203.0.113.20 lookup 100\n" },
	{ "shared network with a table for what is beyond", shared_network_with_table,
		&reply_wrong_device_condition,
		"ip route replace 203.0.113.0/24 dev eth1 src 203.0.113.20 table 100\n"
		"ip rule add pref 32763 from 203.0.113.20 to 203.0.113.0/24 lookup 100\n"
		"ip rule add pref 32764 from 203.0.113.20 lookup main suppress_prefixlength 0\n"
		"ip rule add pref 32765 from 203.0.113.20 lookup 120\n" },
	{ "shared networks", shared_networks, &reply_wrong_device_condition,
		"ip route replace 203.0.113.0/24 dev eth1 src 203.0.113.20 table 100\n"
		"ip route replace 192.168.7.0/24 dev eth1 src 203.0.113.20 table 100\n"
		"ip rule add pref 32764 from 203.0.113.20 to 203.0.113.0/24 lookup 100\n"
		"ip rule add pref 32765 from 203.0.113.20 to 192.168.7.0/24 lookup 100\n" },
	{ "two tables", two_tables, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
	{ "priorities taken", priorities_taken, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_TABLE(
			"100", "32761", "32762") },
	{ "decided early", decided_early, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_TABLE(
			"100", "498", "499") },
	{ "rejected by a rule", rejected_by_rule, &no_reply_route_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_TABLE(
			"100", "698", "699") },
	{ "the last table", last_table, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 252\n" FROM_TABLE(
			"252", "32764", "32765") },
	{ "one table", one_table, &reply_wrong_device_condition, FROM_MADE_BEFORE_1000 },
	{ "one table, IPv6", one_table6, &reply_wrong_device_condition,
		"ip -6 route replace default via fe80::1 dev eth1 table 101\n"
		"ip -6 rule add pref 998 from 2001:db8:1::10 lookup main suppress_prefixlength 0\n"
		"ip -6 rule add pref 999 from 2001:db8:1::10 lookup 101\n" },
	{ "one table by source", one_table_by_source, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_TABLE(
			"100", "996", "997") },
	{ "best route of a table for bound sockets", best_of_bound_table, &reply_wrong_device_condition,
		FROM_TABLE("120", "32764", "32765") },
	{ "worse route of a table for bound sockets", worse_of_bound_table, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
	{ "VRF", vrf, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n"
		"ip rule add pref 998 from 198.51.100.10 lookup 500 suppress_prefixlength 0\n"
		"ip rule add pref 999 from 198.51.100.10 lookup 100\n" },
	{ "VRF, IPv6", vrf6, &reply_wrong_device_condition,
		"ip -6 route replace default via fe80::1 dev eth1 table 101\n"
		"ip -6 rule add pref 998 from 2001:db8:1::10 lookup 500 suppress_prefixlength 0\n"
		"ip -6 rule add pref 999 from 2001:db8:1::10 lookup 101\n" },
	{ "VRF with a table", vrf_with_table, &reply_wrong_device_condition,
		"ip rule add pref 998 from 198.51.100.10 lookup 500 suppress_prefixlength 0\n"
		"ip rule add pref 999 from 198.51.100.10 lookup 102\n" },
	{ "VRF beside an empty one", vrf_beside_empty_vrf, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 101\n"
		"ip rule add pref 998 from 198.51.100.10 lookup 500 suppress_prefixlength 0\n"
		"ip rule add pref 999 from 198.51.100.10 lookup 101\n" },
	{ "odd device name", odd_name, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev 'e;$('\\''h' table 100\n" FROM_MADE },
	{ "specific route by the device itself", way_out_by_main_route_kept, &reply_wrong_device_condition,
		"ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE },
};

static void each_fault_gets_its_commands(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = rows[i].make();
		print_message("  %s\n", rows[i].name);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, rows[i].condition);
		assert_non_null(finding);
		assert_string_equal(court_remedy(finding), rows[i].commands);
		assert_true(finding->remedy_checked);
		assert_int_equal(court_count(&court, true), 1);
		court_close(&court);
		facts_free(facts);
	}
}

/* The container also answers for an address of the other line. */
static struct facts *two_addresses_one_target(void)
{
	struct facts *facts = incident_dnat_uplinks();
	build_path(facts, build_service(facts, "203.0.113.10", "10.8.10.2", "vlan95"), PEER, "vlan95");
	return facts;
}

static struct facts *specific_route_in_main(void)
{
	struct facts *facts = incident_two_nics();
	facts->destinations[0].plain.prefix_length = 8;
	return facts;
}

static struct facts *reply_by_specific_route(void)
{
	struct facts *facts = incident_two_nics();
	facts->destination_count = 0;
	facts->paths[0].reply.prefix_length = 8;
	return facts;
}

static struct facts *no_free_table(void)
{
	struct facts *facts = incident_two_nics();
	facts->free_tables[0] = 0;
	return facts;
}

static struct facts *no_table_left(void)
{
	struct facts *facts = last_table();
	build_rule(facts, AF_INET, 3001, "10.0.0.0/8", 252);
	return facts;
}

static struct facts *no_free_priority(void)
{
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 2, NULL, 88);
	facts->paths[0].reply.table = 88;
	return facts;
}

static struct facts *way_out_by_two(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress = build_found(facts, "eth0,eth1", "198.51.100.1", 254, 0);
	return facts;
}

static struct facts *no_way_out(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].egress = build_failed(ROUTE_NONE);
	return facts;
}

static struct facts *two_gateways(void)
{
	struct facts *facts = incident_two_nics();
	struct path *path = build_path(facts, 0, "192.0.2.200", "eth1");
	path->reply = facts->paths[0].reply;
	path->egress = build_found(facts, "eth1", "198.51.100.2", 254, 0);
	return facts;
}

static struct facts *neighbour_of_nobody(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].basis = PATH_CONNECTED;
	return facts;
}

/* One more than a plan holds. */
static struct facts *too_many_networks(void)
{
	struct facts *facts = shared_network();
	for (int i = 0; i < 8; i++) {
		char local[32], peer[32];
		snprintf(local, sizeof(local), "192.168.%d.2/24", i);
		snprintf(peer, sizeof(peer), "192.168.%d.9", i);
		build_local(facts, local, "eth1");
		struct path *path = build_path(facts, 1, peer, "eth1");
		path->basis = PATH_CONNECTED;
		path->reply = build_found(facts, "eth0", NULL, 254, 24);
	}
	return facts;
}

static struct facts *not_forwarded(void)
{
	struct facts *facts = incident_dnat_uplinks();
	facts->paths[0].reply = build_failed(ROUTE_NOT_FORWARDED);
	return facts;
}

static struct facts *main_rejects(void)
{
	struct facts *facts = one_table_unread();
	build_table_answer(facts, 254, PEER, build_failed(ROUTE_BLACKHOLE));
	return facts;
}

static struct facts *specific_route_in_unused_main(void)
{
	struct facts *facts = one_table_unread();
	build_table_answer(facts, 254, PEER, build_found(facts, "eth0", "203.0.113.1", 254, 8));
	return facts;
}

static struct facts *vrf_without_table(void)
{
	struct facts *facts = vrf();
	facts->devices[2].vrf_table = 0;
	return facts;
}

static struct facts *specific_route_in_vrf(void)
{
	struct facts *facts = vrf();
	facts->paths[0].reply.prefix_length = 8;
	return facts;
}

static struct facts *address_in_two_vrfs(void)
{
	struct facts *facts = vrf();
	build_device(facts, "eth2");
	build_local(facts, "198.51.100.10/24", "eth2");
	return facts;
}

static const struct remedy_row refused[] = {
	{ "conflict", two_addresses_one_target, &reply_wrong_device_condition,
		"10.8.10.2 also answers for 203.0.113.10, whose requests arrive on vlan95" },
	{ "specific route in main", specific_route_in_main, &reply_wrong_device_condition,
		"the main table has a route of its own to 192.0.2.9" },
	{ "reply by specific route", reply_by_specific_route, &reply_wrong_device_condition,
		"the main table has a route of its own to 192.0.2.9" },
	{ "no free table", no_free_table, &reply_wrong_device_condition, "no free routing table" },
	{ "no table left", no_table_left, &reply_wrong_device_condition, "no free routing table" },
	{ "no free priority", no_free_priority, &reply_wrong_device_condition,
		"no 2 priorities in a row are free before the rule 2" },
	{ "way out by two", way_out_by_two, &reply_wrong_device_condition,
		"no route is known that leads to 192.0.2.9 by eth1 alone" },
	{ "no way out", no_way_out, &reply_wrong_device_condition,
		"no route is known that leads to 192.0.2.9 by eth1 alone" },
	{ "two gateways", two_gateways, &reply_wrong_device_condition, "behind different gateways" },
	{ "neighbour of nobody", neighbour_of_nobody, &reply_wrong_device_condition,
		"192.0.2.9 is in none of the networks of eth1" },
	{ "too many networks", too_many_networks, &reply_wrong_device_condition,
		"eth1 has too many networks that other devices share" },
	{ "main rejects", main_rejects, &reply_wrong_device_condition,
		"the main table rejects what is sent to 192.0.2.9" },
	{ "specific route in a main table that does not answer", specific_route_in_unused_main,
		&reply_wrong_device_condition, "the main table has a route of its own to 192.0.2.9" },
	{ "VRF without a table", vrf_without_table, &reply_wrong_device_condition,
		"nobody knows which routing table the VRF of eth1 has" },
	{ "specific route in the VRF", specific_route_in_vrf, &reply_wrong_device_condition,
		"table 500 has a route of its own to 192.0.2.9" },
	{ "address in two VRFs", address_in_two_vrfs, &reply_wrong_device_condition,
		"eth1 and eth2, which are not in the same VRF, both have 198.51.100.10" },
	{ "not forwarded", not_forwarded, &no_reply_route_condition, "forwarding is off on br0" },
};

static void what_cannot_be_checked_gets_no_commands_but_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct court court;
		struct facts *facts = refused[i].make();
		print_message("  %s\n", refused[i].name);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, refused[i].condition);
		assert_non_null(finding);
		assert_string_equal(court_remedy(finding), "");
		assert_false(finding->remedy_checked);
		assert_non_null(strstr(finding->explanation, "No commands are given: "));
		assert_non_null(strstr(finding->explanation, refused[i].commands));
		court_close(&court);
		facts_free(facts);
	}
}

static void what_may_not_heal_is_given_but_not_as_checked(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = one_table_unread();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), FROM_MADE_BEFORE_1000);
	assert_false(finding->remedy_checked);
	assert_non_null(strstr(finding->explanation,
		"It is not certain that the commands heal it: whether the main table has a route of its own "
		"to 192.0.2.9 that leads elsewhere is not known."));
	court_close(&court);
	facts_free(facts);
}

static struct facts *two_addresses(const char *second)
{
	struct facts *facts = incident_two_nics();
	struct path *path = build_path(facts, build_service(facts, second, NULL, "eth1"), PEER, "eth1");
	path->reply = facts->paths[0].reply;
	path->egress = facts->paths[0].egress;
	return facts;
}

static void two_findings_have_priorities_of_their_own_and_share_the_table(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = two_addresses("198.51.100.11");
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct finding *finding = &court.findings->items[i];
		bool first = finding->address.bytes[3] == 10;
		assert_string_equal(court_remedy(finding),
			first ? "ip route replace default via 198.51.100.1 dev eth1 table 100\n" FROM_MADE
			      : "ip route replace default via 198.51.100.1 dev eth1 table 100\n"
				"ip rule add pref 32762 from 198.51.100.11 lookup main suppress_prefixlength "
				"0\n"
				"ip rule add pref 32763 from 198.51.100.11 lookup 100\n");
	}
	court_close(&court);
	facts_free(facts);
}

/* Of the same device behind another gateway, and of another device that needs no gateway either. */
static void other_ways_out_get_tables_of_their_own(void **state)
{
	(void)state;
	for (unsigned devices = 1; devices <= 2; devices++) {
		struct court court;
		struct facts *facts = two_addresses("198.51.100.11");
		if (devices == 1) {
			facts->paths[1].egress = build_found(facts, "eth1", "198.51.100.2", 254, 0);
		} else {
			build_device(facts, "eth2");
			facts->paths[0].egress = build_found(facts, "eth1", NULL, 254, 0);
			facts->paths[1].egress = build_found(facts, "eth2", NULL, 254, 0);
			facts->paths[1].arrival = build_ifindex(facts, "eth2");
			facts->addresses[facts->address_count - 1].ifindex = build_ifindex(facts, "eth2");
		}
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(court_count(&court, true), 2);
		for (size_t i = 0; i < 2; i++)
			assert_non_null(strstr(court_remedy(&court.findings->items[i]),
				court.findings->items[i].address.bytes[3] == 10 ? " table 100\n"
										: " table 101\n"));
		court_close(&court);
		facts_free(facts);
	}
}

/* One finding needs no table made, another one by the same device does. */
static void a_table_that_exists_is_not_shared_as_one_that_is_made(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = shared_network_with_table();
	facts->paths[0].reply = build_found(facts, "eth0", "203.0.113.1", 254, 0);
	facts->paths[0].egress.table = 130;
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct finding *finding = &court.findings->items[i];
		bool made = strstr(court_remedy(finding), "ip route replace 203.0.113.0/24") != NULL;
		assert_int_equal(made, finding->address.bytes[3] == 20);
		assert_non_null(strstr(court_remedy(finding), made ? " lookup 120\n" : " lookup 130\n"));
	}
	court_close(&court);
	facts_free(facts);
}

static void two_devices_get_tables_of_their_own(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 3000, "10.0.0.0/8", 101);
	build_device(facts, "eth2");
	build_local(facts, "198.18.0.10/24", "eth2");
	struct path *path =
		build_path(facts, build_service(facts, "198.18.0.10", NULL, "eth2"), PEER, "eth2");
	path->reply = facts->paths[0].reply;
	path->egress = build_found(facts, "eth2", "198.18.0.1", 254, 0);
	court_open(&court);
	court_settle(&court, facts);
	for (size_t i = 0; i < 2; i++) {
		const struct finding *finding = &court.findings->items[i];
		bool third = finding->device == build_ifindex(facts, "eth2");
		assert_string_equal(finding->remedy[0],
			third ? "ip route replace default via 198.18.0.1 dev eth2 table 100"
			      : "ip route replace default via 198.51.100.1 dev eth1 table 102");
	}
	court_close(&court);
	facts_free(facts);
}

static void the_target_of_a_translation_is_said_to_leave_that_way_too(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_dnat_uplinks();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_non_null(strstr(finding->explanation, "connections which it opens itself leave that way"));
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_gets_its_commands),
		cmocka_unit_test(what_cannot_be_checked_gets_no_commands_but_a_reason),
		cmocka_unit_test(what_may_not_heal_is_given_but_not_as_checked),
		cmocka_unit_test(two_findings_have_priorities_of_their_own_and_share_the_table),
		cmocka_unit_test(a_table_that_exists_is_not_shared_as_one_that_is_made),
		cmocka_unit_test(other_ways_out_get_tables_of_their_own),
		cmocka_unit_test(two_devices_get_tables_of_their_own),
		cmocka_unit_test(the_target_of_a_translation_is_said_to_leave_that_way_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
