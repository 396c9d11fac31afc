// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/connection_path.h"
#include "alerts/describe.h"
#include "collectors/base/array.h"
#include "tests/support/incidents.h"

static const struct settings settings;

static struct connection_path connection_of(const struct facts *facts)
{
	return connection_path_of(&settings, facts, &facts->paths[0], "the test says so");
}

static void assert_text(const struct connection_path *connection, enum step_kind kind, const char *expected)
{
	char *text;
	assert_int_equal(connection_path_text(connection, kind, &text), 0);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void a_way_that_breaks_at_its_end(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	facts->conntrack.known = facts->conntrack.in_use = true;
	facts->paths[0].request.result = ROUTE_LOCAL;
	struct connection_path connection = connection_of(facts);
	assert_text(&connection, STEP_ARRIVAL, "on eth1 (the test says so)");
	assert_text(&connection, STEP_TRANSLATION, "no translation of port 80 was seen in conntrack");
	assert_text(&connection, STEP_SOURCE, "rp_filter on eth1 is off and lets the request in");
	assert_text(&connection, STEP_DELIVERY, "to this host");
	assert_text(&connection, STEP_REPLY,
		"from 198.51.100.10: rule 32766, table main: the default route via 203.0.113.1");
	assert_text(&connection, STEP_LEAVING, "by eth0, but the request came by eth1");
	assert_int_equal(connection_path_break(&connection), STEP_LEAVING);
	assert_string_equal(connection_path_conclusion(&connection),
		"The request gets through, but the reply leaves by another device");
	facts_free(facts);
}

static void a_translated_one(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	facts->paths[0].target_port = 2222;
	struct connection_path connection = connection_of(facts);
	assert_text(&connection, STEP_TRANSLATION, "to 10.8.10.2 port 2222, as conntrack shows");
	assert_text(&connection, STEP_DELIVERY, "forwarded to br0");
	assert_text(&connection, STEP_REPLY,
		"from 10.8.10.2: rule 32766, table main: the default route via 203.0.113.1");
	assert_int_equal(connection_path_break(&connection), STEP_LEAVING);
	struct nat_rule *rule = build_nat_rule(facts, "198.51.100.10", 80, "10.8.10.2", 2222);
	rule->table_family = NFPROTO_IPV4;
	rule->table = "nat";
	rule->chain = "prerouting";
	rule->handle = 7;
	connection = connection_of(facts);
	assert_ptr_equal(connection.translation, rule);
	assert_text(&connection, STEP_TRANSLATION,
		"to 10.8.10.2 port 2222 by table ip nat, chain prerouting, handle 7; no connection of it is in "
		"conntrack");
	rule->legacy = true;
	rule->handle = 3;
	assert_text(&connection, STEP_TRANSLATION,
		"to 10.8.10.2 port 2222 by iptables-legacy table nat, chain prerouting, rule 3; no connection "
		"of it is in conntrack");
	rule->table_family = NFPROTO_IPV6;
	assert_text(&connection, STEP_TRANSLATION,
		"to 10.8.10.2 port 2222 by ip6tables-legacy table nat, chain prerouting, rule 3; no connection "
		"of it is in conntrack");
	build_example(facts, 0, "192.0.2.9", NAT_ESTABLISHED)->port = 80;
	connection = connection_of(facts);
	assert_int_equal(connection.steps[STEP_TRANSLATION], TRANSLATED_SEEN_BY_RULE);
	facts_free(facts);
}

static void arrives_by_nobody_knows(struct facts *facts)
{
	facts->paths[0].arrival = 0;
}

static void arrives_by_a_device_that_is_down(struct facts *facts)
{
	facts->devices[1].up = false;
}

static void is_filtered(struct facts *facts)
{
	facts->paths[0].request.result = ROUTE_RP_FILTER;
}

static void comes_from_itself(struct facts *facts)
{
	facts->paths[0].request.result = ROUTE_MARTIAN;
}

static void is_not_asked_for(struct facts *facts)
{
	facts->paths[0].request.result = ROUTE_NOT_ASKED;
}

static void is_for_another(struct facts *facts)
{
	facts->services[0].target_local = false;
	facts->devices[1].forwarding4 = false;
}

static void is_for_another_behind_it(struct facts *facts)
{
	is_for_another(facts);
	facts->services[0].origin = ORIGIN_DNAT;
}

static void is_forwarded(struct facts *facts)
{
	facts->services[0].target_local = false;
	facts->services[0].target_ifindex = build_ifindex(facts, "eth0");
}

static void is_forwarded_nowhere(struct facts *facts)
{
	facts->services[0].target_local = false;
}

static void is_for_loopback(struct facts *facts)
{
	facts->services[0].address = facts->services[0].target = build_address("127.0.0.1");
}

static void is_prohibited(struct facts *facts)
{
	facts->paths[0].request.result = ROUTE_PROHIBIT;
}

static void meets_no_socket(struct facts *facts)
{
	*ARRAY_ADD(facts->listeners, facts->listener_count) = (struct listener){ .port = 81 };
}

static void meets_one(struct facts *facts)
{
	*ARRAY_ADD(facts->listeners, facts->listener_count) = (struct listener){ .port = 80 };
}

static void marks_decide(struct facts *facts)
{
	facts->paths[0].mark_decides = true;
}

static void has_no_way_back(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_NONE);
}

static void is_answered_to_itself(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_LOCAL);
}

static void has_an_unknown_reply(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_FAILED);
}

static void leaves_as_it_came(struct facts *facts)
{
	facts->paths[0].reply = build_found(facts, "eth1", NULL, 254, 0);
}

static void leaves_by_hash(struct facts *facts)
{
	facts->paths[0].reply = build_found(facts, "eth0,eth1", NULL, 254, 0);
}

/* Requests were seen coming by eth0 as well. */
static void leaves_by_either(struct facts *facts)
{
	leaves_by_hash(facts);
	device_set_add(&facts->services[0].arrival, build_ifindex(facts, "eth0"));
}

static void comes_by_another(struct facts *facts)
{
	facts->services[0].arrival = (struct device_set){ 0 };
	device_set_add(&facts->services[0].arrival, build_ifindex(facts, "eth0"));
	leaves_as_it_came(facts);
}

static void comes_by_another_and_leaves_by_hash(struct facts *facts)
{
	comes_by_another(facts);
	leaves_by_hash(facts);
}

static const struct {
	void (*change)(struct facts *);
	enum step_kind kind;
	enum step step;
	enum step_kind breaks;
} rows[] = {
	{ arrives_by_nobody_knows, STEP_ARRIVAL, ARRIVES_ANYWHERE, STEPS },
	{ arrives_by_nobody_knows, STEP_LEAVING, LEAVES, STEPS },
	{ arrives_by_a_device_that_is_down, STEP_ARRIVAL, ARRIVES_ON_DOWN, STEP_ARRIVAL },
	{ is_filtered, STEP_SOURCE, SOURCE_FILTERED, STEP_SOURCE },
	{ is_filtered, STEP_DELIVERY, STEP_ABSENT, STEP_SOURCE },
	{ comes_from_itself, STEP_SOURCE, SOURCE_MARTIAN, STEP_SOURCE },
	{ is_not_asked_for, STEP_SOURCE, SOURCE_UNKNOWN, STEP_LEAVING },
	{ is_for_another, STEP_DELIVERY, DELIVERY_FOREIGN, STEP_DELIVERY },
	{ is_for_another, STEP_REPLY, STEP_ABSENT, STEP_DELIVERY },
	{ is_for_another_behind_it, STEP_DELIVERY, DELIVERY_NOT_FORWARDED, STEP_DELIVERY },
	{ is_forwarded, STEP_DELIVERY, FORWARDED, STEP_LEAVING },
	{ is_forwarded_nowhere, STEP_DELIVERY, TARGET_WITHOUT_ROUTE, STEP_DELIVERY },
	{ is_for_loopback, STEP_DELIVERY, DELIVERY_LOOPBACK, STEP_DELIVERY },
	{ is_prohibited, STEP_DELIVERY, DELIVERY_FAILS, STEP_DELIVERY },
	{ meets_no_socket, STEP_DELIVERY, DELIVERED_TO_NOBODY, STEP_LEAVING },
	{ meets_one, STEP_DELIVERY, DELIVERED, STEP_LEAVING },
	{ marks_decide, STEP_REPLY, REPLY_MARKED, STEPS },
	{ has_no_way_back, STEP_REPLY, REPLY_FAILS, STEP_REPLY },
	{ has_no_way_back, STEP_LEAVING, STEP_ABSENT, STEP_REPLY },
	{ is_answered_to_itself, STEP_REPLY, REPLY_LOCAL, STEPS },
	{ has_an_unknown_reply, STEP_REPLY, REPLY_UNKNOWN, STEPS },
	{ leaves_as_it_came, STEP_LEAVING, LEAVES_AS_IT_CAME, STEPS },
	{ leaves_by_hash, STEP_LEAVING, LEAVES_BY_HASH, STEPS },
	{ leaves_by_either, STEP_LEAVING, LEAVES_AS_IT_CAME, STEPS },
	{ comes_by_another, STEP_LEAVING, LEAVES_AS_IT_CAME, STEPS },
	{ comes_by_another_and_leaves_by_hash, STEP_LEAVING, LEAVES_BY_HASH, STEPS },
};

static void each_step_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = incident_two_nics();
		rows[i].change(facts);
		struct connection_path connection = connection_of(facts);
		assert_int_equal(connection.steps[rows[i].kind], rows[i].step);
		assert_int_equal(connection_path_break(&connection), rows[i].breaks);
		for (int kind = 0; kind < STEPS; kind++) {
			char *text;
			assert_int_equal(connection_path_text(&connection, (enum step_kind)kind, &text), 0);
			assert_int_equal(text != NULL, connection.steps[kind] != STEP_ABSENT);
			assert_true(!text || (*text && !strchr(text, '%')));
			free(text);
		}
		facts_free(facts);
	}
}

/* ---- what is known of translations ---- */

static void conntrack_is_in_use(struct facts *facts)
{
	facts->conntrack.known = facts->conntrack.in_use = true;
}

static void all_rules_are_read(struct facts *facts)
{
	conntrack_is_in_use(facts);
	build_nat_list(facts);
}

static void one_rule_was_not_read(struct facts *facts)
{
	all_rules_are_read(facts);
	build_nat_list(facts)->unread_total = 1;
}

static void conntrack_is_idle(struct facts *facts)
{
	facts->conntrack.known = true;
	build_nat_list(facts);
}

static void conntrack_is_idle_beside_rules(struct facts *facts)
{
	facts->conntrack.known = true;
	build_nat_rule(facts, "198.51.100.10", 443, "10.0.0.9", 443);
}

static void conntrack_is_idle_beside_an_unread_rule(struct facts *facts)
{
	conntrack_is_idle_beside_rules(facts);
	build_nat_list(facts)->unread_total = 1;
}

static void is_redirected(struct facts *facts)
{
	struct nat_rule *rule = build_nat_rule(facts, "198.51.100.10", 80, "10.0.0.9", 8080);
	rule->redirect = true;
	rule->target[0] = rule->target[1] = (struct address){ 0 };
	rule->table = rule->chain = "nat";
}

static void is_perhaps_redirected(struct facts *facts)
{
	is_redirected(facts);
	build_nat_list_again(facts)->conditional = true;
}

static void is_translated_by_a_rule(struct facts *facts)
{
	struct nat_rule *rule = build_nat_rule(facts, "198.51.100.10", 80, "10.0.0.9", 8080);
	rule->table = rule->chain = "nat";
	facts->services[0].origin = ORIGIN_DNAT;
	facts->services[0].target = build_address("10.0.0.9");
}

static void is_perhaps_translated(struct facts *facts)
{
	is_translated_by_a_rule(facts);
	build_nat_list_again(facts)->conditional = true;
}

static void what_is_known_of_translations_is_told(void **state)
{
	(void)state;
	static const struct {
		void (*change)(struct facts *);
		enum step step;
	} steps[] = {
		{ NULL, TRANSLATION_UNKNOWN },
		{ conntrack_is_in_use, NOT_SEEN_TRANSLATED },
		{ all_rules_are_read, NOT_TRANSLATED },
		{ one_rule_was_not_read, NOT_SEEN_TRANSLATED },
		{ conntrack_is_idle, STEP_ABSENT },
		{ conntrack_is_idle_beside_rules, NOT_TRANSLATED_BY_RULE },
		{ conntrack_is_idle_beside_an_unread_rule, STEP_ABSENT },
		{ is_redirected, REDIRECTED },
		{ is_perhaps_redirected, REDIRECTED_PERHAPS },
		{ is_translated_by_a_rule, TRANSLATED_BY_RULE },
		{ is_perhaps_translated, TRANSLATED_PERHAPS },
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct facts *facts = incident_two_nics();
		if (steps[i].change)
			steps[i].change(facts);
		struct connection_path connection = connection_of(facts);
		assert_int_equal(connection.steps[STEP_TRANSLATION], steps[i].step);
		facts_free(facts);
	}
}

static void rule_and_route_of_the_reply_are_named(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 100, "198.51.100.0/24", 50);
	facts->paths[0].reply = build_found(facts, "eth1", NULL, 50, 24);
	struct connection_path connection = connection_of(facts);
	assert_text(&connection, STEP_REPLY,
		"from 198.51.100.10: rule 100 (from 198.51.100.0/24), table 50: a specific route, directly "
		"connected");
	assert_text(&connection, STEP_LEAVING, "by eth1, as the request came");
	assert_int_equal(connection_path_break(&connection), STEPS);
	assert_non_null(strstr(connection_path_conclusion(&connection), "does not tell the whole way"));
	conntrack_is_in_use(facts);
	connection = connection_of(facts);
	assert_non_null(strstr(connection_path_conclusion(&connection), "nothing in routes, rules and"));
	facts->paths[0].reply = build_found(facts, "eth0,eth1", "203.0.113.1", 253, 0);
	connection = connection_of(facts);
	assert_text(&connection, STEP_REPLY,
		"from 198.51.100.10: rule 32767, table default: the default route via 203.0.113.1");
	assert_text(&connection, STEP_LEAVING, "by eth0 or eth1, as a hash of the flow decides");
	facts_free(facts);
}

static void a_declared_way_is_told_as_such(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	struct intended intended = { .address = { build_address("198.51.100.10"), 32 } };
	const struct settings declared = { .intended = &intended, .intended_count = 1 };
	struct connection_path connection = connection_path_of(&declared, facts, &facts->paths[0], "");
	assert_text(&connection, STEP_LEAVING, "by eth0, which is declared as intended");
	assert_int_equal(connection_path_break(&connection), STEPS);
	facts_free(facts);
}

/* Of IPv6 no lookup says whether the host forwards. */
static void ipv6_is_forwarded_by_the_host(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics6();
	facts->services[0].target_local = false;
	facts->services[0].target_ifindex = build_ifindex(facts, "eth0");
	struct connection_path connection = connection_of(facts);
	assert_int_equal(connection.steps[STEP_DELIVERY], FORWARDED);
	for (size_t i = 0; i < facts->device_count; i++)
		facts->devices[i].forwarding6 = false;
	connection = connection_of(facts);
	assert_text(&connection, STEP_DELIVERY,
		"2001:db8:1::10 is no address of this host, and forwarding is off");
	assert_string_equal(connection_path_conclusion(&connection), "The request is not for this host");
	facts_free(facts);
}

/* What explain says and what the judge says of one path agree. */
static void the_judge_is_of_the_same_mind(void **state)
{
	(void)state;
	static void (*const changes[])(struct facts *) = { leaves_as_it_came, is_answered_to_itself,
		has_no_way_back, is_filtered, is_for_another, is_for_loopback };
	static const bool found[] = { false, false, true, true, false, false };
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		struct facts *facts = incident_two_nics();
		struct findings *findings;
		changes[i](facts);
		facts->devices[1].rp_filter_effective = 1;
		struct connection_path connection = connection_of(facts);
		assert_int_equal(connection_path_judge(&settings, &connection, &findings), 0);
		assert_int_equal(findings->count > 0, found[i]);
		assert_true(findings->count == 0 || findings->items[0].open);
		findings_free(findings);
		facts_free(facts);
	}
}

static void a_failure_has_one_wording(void **state)
{
	(void)state;
	static const enum route_result failures[] = { ROUTE_NONE, ROUTE_UNREACHABLE, ROUTE_PROHIBIT,
		ROUTE_BLACKHOLE, ROUTE_NOT_FORWARDED };
	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		struct facts *facts = incident_two_nics();
		struct findings *findings;
		char *text;
		facts->paths[0].reply = build_failed(failures[i]);
		struct connection_path connection = connection_of(facts);
		assert_int_equal(connection_path_text(&connection, STEP_REPLY, &text), 0);
		assert_int_equal(connection_path_judge(&settings, &connection, &findings), 0);
		assert_non_null(strstr(text, describe_failure(failures[i])));
		assert_non_null(strstr(findings->items[0].explanation, describe_failure(failures[i])));
		free(text);
		findings_free(findings);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_that_breaks_at_its_end),
		cmocka_unit_test(a_translated_one),
		cmocka_unit_test(each_step_is_told),
		cmocka_unit_test(what_is_known_of_translations_is_told),
		cmocka_unit_test(rule_and_route_of_the_reply_are_named),
		cmocka_unit_test(a_declared_way_is_told_as_such),
		cmocka_unit_test(ipv6_is_forwarded_by_the_host),
		cmocka_unit_test(a_failure_has_one_wording),
		cmocka_unit_test(the_judge_is_of_the_same_mind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
