// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/change/changes.h"
#include "tests/support/facts_builder.h"

#define PEER "192.0.2.9"

static struct nat_rule *translate(struct facts *facts, const char *address, uint16_t port, const char *target,
	uint16_t target_port, uint64_t handle)
{
	struct nat_rule *rule = build_nat_rule(facts, address, port, target, target_port);
	rule->table_family = NFPROTO_IPV4;
	rule->table = "nat";
	rule->chain = "prerouting";
	rule->handle = handle;
	return rule;
}

/* Two lines and a LAN; eth1's address is answered by table 101, as is what is translated to the LAN. */
static struct facts *host(void)
{
	struct facts *facts = build_facts();
	build_default_rules(facts);
	build_rule(facts, AF_INET, 1001, "198.51.100.10", 101);
	build_device(facts, "eth0");
	build_device(facts, "eth1");
	build_device(facts, "lan0");
	build_local(facts, "203.0.113.10/24", "eth0");
	build_local(facts, "198.51.100.10/24", "eth1");
	build_local(facts, "2001:db8::10/64", "eth0");
	struct path *path =
		build_path(facts, build_service(facts, "198.51.100.10", NULL, "eth1"), PEER, "eth1");
	path->reply = build_found(facts, "eth1", "198.51.100.1", 101, 0);
	translate(facts, "198.51.100.10", 443, "10.0.0.2", 8443, 5);
	return facts;
}

static struct rule *rule_at(struct facts *facts, uint32_t priority)
{
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].priority == priority)
			return &facts->rules[i];
	abort();
}

static void remove_rule(struct facts *facts, uint32_t priority)
{
	struct rule *rule = rule_at(facts, priority);
	*rule = facts->rules[--facts->rule_count];
}

static void rule_goes(struct facts *facts)
{
	remove_rule(facts, 1001);
}

static void rule_comes(struct facts *facts)
{
	struct rule *rule = build_rule(facts, AF_INET6, 900, "2001:db8::/64", 7);
	rule->invert = true;
	snprintf(rule->iif, sizeof(rule->iif), "a b");
	rule->mark = 0x10;
	rule->mark_mask = 0xf0;
	rule->protocol = IPPROTO_UDP;
	rule->destination_port[0] = 53;
	rule->destination_port[1] = 54;
	rule->has_uid = true;
	rule->uid[1] = 5;
	rule->suppress_prefix_length = 0;
}

static void rule_leads_elsewhere(struct facts *facts)
{
	rule_at(facts, 1001)->table = 102;
}

static void reply_turns(struct facts *facts)
{
	facts->paths[0].reply = build_found(facts, "eth0", "203.0.113.1", 254, 0);
}

static void reply_is_lost(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_UNREACHABLE);
}

static void device_goes_down(struct facts *facts)
{
	facts->devices[1].up = false;
}

static void device_comes(struct facts *facts)
{
	build_device(facts, "wg0");
}

static void device_goes(struct facts *facts)
{
	facts->device_count--;
}

static void address_comes(struct facts *facts)
{
	build_local(facts, "198.51.100.11/24", "eth1");
}

static void address_goes(struct facts *facts)
{
	facts->address_count--;
}

static void filter_tightens(struct facts *facts)
{
	facts->devices[1].rp_filter_effective = 1;
}

static void forwarding_stops(struct facts *facts)
{
	facts->devices[2].forwarding4 = false;
}

static void forwarding6_stops(struct facts *facts)
{
	for (size_t i = 0; i < facts->device_count; i++)
		facts->devices[i].forwarding6 = false;
}

static void translation_comes(struct facts *facts)
{
	translate(facts, "198.51.100.10", 25, "10.0.0.3", 25, 77);
}

static void element_comes(struct facts *facts)
{
	translate(facts, "198.51.100.10", 25, "10.0.0.3", 0, 5);
}

static void target_moves(struct facts *facts)
{
	struct nat_rule *rule = build_nat_list_again(facts);
	rule->target[0] = rule->target[1] = build_address("10.0.0.9");
}

static void ruleset_is_loaded_again(struct facts *facts)
{
	build_nat_list_again(facts)->handle = 4711;
}

static void peer_comes(struct facts *facts)
{
	build_path(facts, 0, "192.0.2.10", "eth1");
}

static void nothing(struct facts *facts)
{
	(void)facts;
}

static void each_kind_is_told(void **state)
{
	static const struct {
		void (*change)(struct facts *facts);
		enum change_kind kind;
		enum change_event event;
		const char *text; /* NULL: nothing is told */
	} rows[] = {
		{ nothing, 0, 0, NULL },
		{ peer_comes, 0, 0, NULL },
		{ ruleset_is_loaded_again, 0, 0, NULL },
		{ rule_goes, CHANGE_RULE, CHANGE_WENT,
			"ip rule del pref 1001 from 198.51.100.10 lookup 101" },
		{ rule_comes, CHANGE_RULE, CHANGE_CAME,
			"ip -6 rule add pref 900 not from 2001:db8::/64 iif 'a b' fwmark 0x10/0xf0 ipproto 17 "
			"dport 53-54 uidrange 0-5 lookup 7 suppress_prefixlength 0" },
		{ rule_leads_elsewhere, CHANGE_RULE, CHANGE_CHANGED,
			"ip rule del pref 1001 from 198.51.100.10 lookup 101; ip rule add pref 1001 from "
			"198.51.100.10 lookup 102" },
		{ reply_turns, CHANGE_REPLY_ROUTE, CHANGE_CHANGED,
			"ip route get 192.0.2.9 from 198.51.100.10: via 203.0.113.1 dev eth0 table main (was via "
			"198.51.100.1 dev eth1 table 101)" },
		{ reply_is_lost, CHANGE_REPLY_ROUTE, CHANGE_CHANGED,
			"ip route get 192.0.2.9 from 198.51.100.10: unreachable (was via 198.51.100.1 dev eth1 "
			"table 101)" },
		{ device_goes_down, CHANGE_DEVICE, CHANGE_CHANGED,
			"ip link: eth1 state DOWN (was eth1 state UP)" },
		{ device_comes, CHANGE_DEVICE, CHANGE_CAME, "ip link: wg0 state UP" },
		{ device_goes, CHANGE_DEVICE, CHANGE_WENT, "ip link: Deleted lan0 state UP" },
		{ address_comes, CHANGE_ADDRESS, CHANGE_CAME, "ip address add 198.51.100.11/24 dev eth1" },
		{ address_goes, CHANGE_ADDRESS, CHANGE_WENT, "ip -6 address del 2001:db8::10/64 dev eth0" },
		{ filter_tightens, CHANGE_RP_FILTER, CHANGE_CHANGED,
			"sysctl net/ipv4/conf/eth1/rp_filter=0, in effect 1 (was 0, in effect 0)" },
		{ forwarding_stops, CHANGE_FORWARDING, CHANGE_CHANGED,
			"sysctl net/ipv4/conf/lan0/forwarding=0 (was 1)" },
		{ forwarding6_stops, CHANGE_FORWARDING, CHANGE_CHANGED,
			"sysctl net/ipv6/conf/all/forwarding=0 (was 1)" },
		{ translation_comes, CHANGE_TRANSLATION, CHANGE_CAME,
			"add rule ip nat prerouting ip daddr 198.51.100.10 tcp dport 25 dnat to 10.0.0.3:25" },
		{ element_comes, CHANGE_ELEMENT, CHANGE_CAME,
			"add element of rule ip nat prerouting ip daddr 198.51.100.10 tcp dport 25 dnat to "
			"10.0.0.3" },
		{ target_moves, CHANGE_TARGET, CHANGE_CHANGED,
			"replace rule ip nat prerouting ip daddr 198.51.100.10 tcp dport 443 dnat to "
			"10.0.0.9:8443 (was dnat to 10.0.0.2:8443)" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *before = host(), *now = host();
		struct changes changes;
		rows[i].change(now);
		build_later(now, 1);
		assert_int_equal(changes_find(before, now, &changes), 0);
		assert_int_equal(changes.count, rows[i].text ? 1 : 0);
		if (rows[i].text) {
			assert_string_equal(changes.items[0]->text, rows[i].text);
			assert_int_equal(changes.items[0]->kind, rows[i].kind);
			assert_int_equal(changes.items[0]->event, rows[i].event);
			assert_int_equal(changes.items[0]->time_ns, now->time_ns);
			assert_int_equal(changes.totals[rows[i].kind], 1);
		}
		changes_clear(&changes);
		facts_free(before);
		facts_free(now);
	}
}

/* What changed is told, though thousands of others are the same and stand in another order. */
static void order_does_not_count(void **state)
{
	struct facts *before = host(), *now = host();
	struct changes changes;
	(void)state;
	struct rule first = now->rules[0];
	now->rules[0] = now->rules[now->rule_count - 1];
	now->rules[now->rule_count - 1] = first;
	assert_int_equal(changes_find(before, now, &changes), 0);
	assert_int_equal(changes.count, 0);
	changes_clear(&changes);
	facts_free(before);
	facts_free(now);
}

static void what_could_not_be_read_did_not_change(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		struct facts *facts[2] = { host(), host() };
		struct changes changes;
		struct collector_status *status =
			ARRAY_ADD(facts[side]->collectors, facts[side]->collector_count);
		status->name = "route";
		facts[side]->rule_count = facts[side]->path_count = 0;
		nat_list_release(facts[side]->nat_rules);
		facts[side]->nat_rules = NULL;
		assert_int_equal(changes_find(facts[0], facts[1], &changes), 0);
		assert_int_equal(changes.count, 0);
		changes_clear(&changes);
		facts_free(facts[0]);
		facts_free(facts[1]);
	}
}

static void rule_knows_where_it_led(void **state)
{
	struct facts *before = host(), *now = host();
	struct changes changes;
	(void)state;
	rule_goes(now);
	assert_int_equal(changes_find(before, now, &changes), 0);
	assert_int_equal(changes.items[0]->led.count, 1);
	assert_int_equal(changes.items[0]->led.ifindex[0], build_ifindex(now, "eth1"));
	changes_clear(&changes);
	/* A network that is connected says nothing about the table's way out. */
	before->paths[0].reply.prefix_length = 24;
	assert_int_equal(changes_find(before, now, &changes), 0);
	assert_int_equal(changes.items[0]->led.count, 0);
	changes_clear(&changes);
	facts_free(before);
	facts_free(now);
}

/* All ports of 10,000 moved, and a rule went as well. */
static void churn_is_bounded(void **state)
{
	enum { MANY = 10000 };
	struct facts *before = host(), *now = host();
	struct changes changes;
	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		translate(before, "203.0.113.10", (uint16_t)(1 + i), "10.0.0.2", 0, 9);
		translate(now, "203.0.113.10", (uint16_t)(20001 + (i * 7919) % MANY), "10.0.0.2", 0, 9);
	}
	rule_goes(now);
	assert_int_equal(changes_find(before, now, &changes), 0);
	assert_true(changes.count <= (size_t)3 * CHANGES_TOLD);
	assert_int_equal(changes.totals[CHANGE_RULE], 1);
	assert_int_equal(changes.items[0]->kind, CHANGE_RULE);
	assert_int_equal(changes.totals[CHANGE_ELEMENT] + changes.totals[CHANGE_TRANSLATION], 2 * MANY);
	changes_clear(&changes);
	facts_free(before);
	facts_free(now);
}

static struct facts *later(struct facts *before, unsigned step)
{
	struct facts *now = host();
	build_later(now, 1 + step);
	rule_at(now, 1001)->table = 101 + step % 2;
	assert_int_equal(changes_note(before, now), 0);
	facts_free(before);
	return now;
}

static void the_last_ones_are_kept(void **state)
{
	struct facts *facts = host();
	(void)state;
	assert_int_equal(changes_note(NULL, facts), 0);
	assert_int_equal(facts->changes->count, 0);
	const int64_t began_ns = facts->time_ns;
	for (unsigned step = 1; step <= CHANGES_KEPT + 10; step++)
		facts = later(facts, step);
	const struct change_history *history = facts->changes;
	assert_int_equal(history->count, CHANGES_KEPT);
	assert_int_equal(history->totals[CHANGE_RULE], CHANGES_KEPT + 10);
	assert_int_equal(history->untold, 0);
	assert_int_equal(history->began_ns, began_ns);
	assert_int_equal(history->items[CHANGES_KEPT - 1]->time_ns, facts->time_ns);
	assert_true(history->items[0]->time_ns < history->items[1]->time_ns);
	/* Where nothing changed it is the same history. */
	struct facts *same = later(host(), CHANGES_KEPT + 10);
	change_history_release(same->changes);
	same->changes = NULL;
	assert_int_equal(changes_note(facts, same), 0);
	assert_ptr_equal(same->changes, facts->changes);
	facts_free(same);
	facts_free(facts);
}

/* A ruleset that never rests does not push out the rule that went before. */
static void what_churns_gives_way(void **state)
{
	struct facts *facts = host(), *now = host();
	(void)state;
	assert_int_equal(changes_note(NULL, facts), 0);
	remove_rule(now, 1001);
	for (unsigned step = 1; step <= 100; step++) {
		build_later(now, step);
		for (unsigned i = 0; i < CHANGES_TOLD; i++)
			translate(now, "203.0.113.10", (uint16_t)(1 + i + step * 100), "10.0.0.2", 0, 9);
		assert_int_equal(changes_note(facts, now), 0);
		facts_free(facts);
		facts = now;
		now = host();
		remove_rule(now, 1001);
	}
	const struct change_history *history = facts->changes;
	assert_int_equal(history->count, CHANGES_KEPT);
	assert_int_equal(history->items[0]->kind, CHANGE_RULE);
	for (size_t i = 1; i < history->count; i++) {
		assert_int_not_equal(history->items[i]->kind, CHANGE_RULE);
		assert_true(history->items[i]->time_ns >= history->items[i - 1]->time_ns);
	}
	facts_free(facts);
	facts_free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_told),
		cmocka_unit_test(order_does_not_count),
		cmocka_unit_test(what_could_not_be_read_did_not_change),
		cmocka_unit_test(rule_knows_where_it_led),
		cmocka_unit_test(churn_is_bounded),
		cmocka_unit_test(the_last_ones_are_kept),
		cmocka_unit_test(what_churns_gives_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
