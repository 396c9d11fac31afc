// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/remedy/rule_match.h"
#include "collectors/base/array.h"
#include "tests/support/incidents.h"

static struct prefix network(const char *text)
{
	struct prefix prefix;
	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

static struct rule_flow flow(void)
{
	return (struct rule_flow){
		.source = build_address("198.51.100.10"),
		.destination = build_address("192.0.2.9"),
		.iif = "lo",
		.oif = "",
		.mark = 0x12,
		.protocol = IPPROTO_TCP,
		.source_port = 80,
		.destination_port = 40000,
		.uid = 1000,
		.uid_known = true,
	};
}

static void selectors_select(void **state)
{
	(void)state;
	const struct {
		struct rule rule;
		enum rule_fit fit;
	} rows[] = {
		{ { .family = AF_INET }, RULE_FITS },
		{ { .from = network("198.51.100.0/24") }, RULE_FITS },
		{ { .from = network("198.51.100.11") }, RULE_MISSES },
		{ { .to = network("192.0.2.0/24") }, RULE_FITS },
		{ { .to = network("192.0.3.0/24") }, RULE_MISSES },
		{ { .from = network("198.51.100.10"), .to = network("10.0.0.0/8") }, RULE_MISSES },
		{ { .iif = "lo" }, RULE_FITS },
		{ { .iif = "br0" }, RULE_MISSES },
		{ { .oif = "eth0" }, RULE_MISSES },
		{ { .mark = 0x10, .mark_mask = 0xf0 }, RULE_FITS },
		{ { .mark = 0x10, .mark_mask = 0xff }, RULE_MISSES },
		{ { .mark = 0x10, .mark_mask = 0 }, RULE_FITS },
		{ { .protocol = IPPROTO_TCP }, RULE_FITS },
		{ { .protocol = IPPROTO_UDP }, RULE_MISSES },
		{ { .tos = 0x10 }, RULE_MISSES },
		{ { .source_port = { 80, 80 } }, RULE_FITS },
		{ { .source_port = { 81, 90 } }, RULE_MISSES },
		{ { .source_port = { 80, 90 } }, RULE_FITS },
		{ { .source_port = { 70, 80 } }, RULE_FITS },
		{ { .source_port = { 0, 79 } }, RULE_MISSES },
		{ { .destination_port = { 30000, 50000 } }, RULE_FITS },
		{ { .destination_port = { 1, 1023 } }, RULE_MISSES },
		{ { .has_uid = true, .uid = { 1000, 1000 } }, RULE_FITS },
		{ { .has_uid = true, .uid = { 500, 1000 } }, RULE_FITS },
		{ { .has_uid = true, .uid = { 1000, 2000 } }, RULE_FITS },
		{ { .has_uid = true, .uid = { 0, 999 } }, RULE_MISSES },
		{ { .has_uid = true, .uid = { 1001, 2000 } }, RULE_MISSES },
		{ { .l3mdev = true }, RULE_MISSES },
		{ { .opaque = true }, RULE_MAY_FIT },
		{ { .opaque = true, .from = network("10.0.0.0/8") }, RULE_MISSES },
		{ { .invert = true, .l3mdev = true }, RULE_FITS },
		{ { .invert = true, .from = network("10.0.0.0/8") }, RULE_FITS },
		{ { .invert = true, .from = network("198.51.100.10") }, RULE_MISSES },
		{ { .invert = true, .opaque = true, .from = network("10.0.0.0/8") }, RULE_MAY_FIT },
	};
	const struct rule_flow reply = flow();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(rule_fit(&rows[i].rule, &reply), rows[i].fit);
}

static void what_is_not_known_may_fit(void **state)
{
	(void)state;
	struct rule_flow reply = flow();
	const struct rule uid = { .has_uid = true, .uid = { 5, 6 } }, vrf = { .l3mdev = true };
	reply.uid_known = false;
	reply.vrf = true;
	assert_int_equal(rule_fit(&uid, &reply), RULE_MAY_FIT);
	assert_int_equal(rule_fit(&vrf, &reply), RULE_MAY_FIT);
}

static void add_goto(struct facts *facts)
{
	struct rule *rule = build_rule(facts, AF_INET, 100, "198.51.100.10", 0);
	rule->action = RULE_GOTO;
	rule->target = 32766;
}

static void add_foreign(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, "198.51.100.11", 254);
}

static void add_opaque(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, NULL, 254)->opaque = true;
}

static void add_suppressed(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, NULL, 254)->suppress_prefix_length = 0;
}

static void add_earlier_main(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, "198.51.100.0/24", 254);
}

static void add_v6(struct facts *facts)
{
	build_rule(facts, AF_INET6, 100, NULL, 254);
}

static void add_nop(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, NULL, 254)->action = RULE_NOP;
}

static void prohibit_route_in_a_table(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, "198.51.100.10", 50);
	facts->paths[0].reply = build_failed(ROUTE_PROHIBIT);
}

static void only_a_foreign_rule(struct facts *facts)
{
	build_rule(facts, AF_INET, 100, "198.51.100.11", 50);
	facts->paths[0].reply.table = 50;
}

static void no_rules(struct facts *facts)
{
	facts->rule_count = 0;
}

static void uid_of_the_listener(struct facts *facts)
{
	struct listener *listener = ARRAY_ADD(facts->listeners, facts->listener_count);
	assert_non_null(listener);
	listener->port = 80;
	listener->uid = 33;
	struct rule *rule = build_rule(facts, AF_INET, 100, NULL, 254);
	rule->has_uid = true;
	rule->uid[0] = rule->uid[1] = 33;
	rule = build_rule(facts, AF_INET, 50, NULL, 254);
	rule->has_uid = true;
	rule->uid[0] = rule->uid[1] = 34;
}

static void the_deciding_rule_is_the_first_that_gives_the_answer(void **state)
{
	(void)state;
	static const struct {
		void (*change)(struct facts *);
		uint32_t priority;
	} rows[] = {
		{ add_foreign, 32766 },
		{ add_goto, 100 },
		{ add_opaque, 100 },
		{ add_suppressed, 32766 },
		{ add_earlier_main, 100 },
		{ add_v6, 32766 },
		{ add_nop, 32766 },
		{ prohibit_route_in_a_table, 100 },
		{ only_a_foreign_rule, 100 },
		{ no_rules, 32766 },
		{ uid_of_the_listener, 100 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = incident_two_nics();
		rows[i].change(facts);
		assert_int_equal(rule_decision(facts, &facts->paths[0]).priority, rows[i].priority);
		facts_free(facts);
	}
}

/* What is forwarded is unreachable as well where there is no route. */
static void a_rule_that_rejects_decides_what_it_says(void **state)
{
	(void)state;
	static const struct {
		enum rule_action action;
		enum route_result says, or_says;
	} rules[] = { { RULE_BLACKHOLE, ROUTE_BLACKHOLE, ROUTE_BLACKHOLE },
		{ RULE_UNREACHABLE, ROUTE_UNREACHABLE, ROUTE_NONE },
		{ RULE_PROHIBIT, ROUTE_PROHIBIT, ROUTE_PROHIBIT } };
	static const enum route_result results[] = { ROUTE_FOUND, ROUTE_NONE, ROUTE_UNREACHABLE,
		ROUTE_PROHIBIT, ROUTE_BLACKHOLE };
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		for (size_t j = 0; j < sizeof(results) / sizeof(*results); j++) {
			struct facts *facts = incident_two_nics();
			build_rule(facts, AF_INET, 100, NULL, 0)->action = rules[i].action;
			if (results[j] != ROUTE_FOUND)
				facts->paths[0].reply = build_failed(results[j]);
			bool decides = results[j] == rules[i].says || results[j] == rules[i].or_says;
			assert_int_equal(
				rule_decision(facts, &facts->paths[0]).priority, decides ? 100 : 32766);
			facts_free(facts);
		}
}

static uint32_t deciding_rule(const struct facts *facts)
{
	const struct rule *rule = rule_decision(facts, &facts->paths[0]).rule;
	return rule ? rule->priority : 0;
}

/* The rule of a remedy: `from TARGET lookup main suppress_prefixlength 0`. */
static void a_rule_that_suppresses_the_route_does_not_give_it(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	build_rule(facts, AF_INET, 100, "198.51.100.10", 254)->suppress_prefix_length = 0;
	facts->paths[0].reply.prefix_length = 0;
	assert_int_equal(deciding_rule(facts), 32766);
	facts->paths[0].reply.prefix_length = 24;
	assert_int_equal(deciding_rule(facts), 100);
	facts_free(facts);
}

static void a_rule_that_may_fit_leaves_it_open_who_decided(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	assert_int_equal(deciding_rule(facts), 32766);
	add_opaque(facts);
	assert_int_equal(deciding_rule(facts), 0);
	facts_free(facts);
}

static void what_is_jumped_over_did_not_decide(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	add_goto(facts);
	build_rule(facts, AF_INET, 200, NULL, 254);
	assert_int_equal(deciding_rule(facts), 32766);
	facts_free(facts);
}

static struct listener *add_listener(struct facts *facts, const char *address, uint32_t uid)
{
	struct listener *listener = ARRAY_ADD(facts->listeners, facts->listener_count);
	assert_non_null(listener);
	*listener = (struct listener){ .port = 80, .uid = uid };
	if (address)
		listener->address = build_address(address);
	return listener;
}

/* As __inet_lookup_listener() finds it: among all that could answer there is one. */
static void the_reply_has_the_uid_of_the_socket_that_answers(void **state)
{
	(void)state;
	const struct {
		const char *address;
		const char *device;
	} fit[] = { { "198.51.100.10", "eth1" }, { "198.51.100.10", NULL }, { "0.0.0.0", "eth1" },
		{ NULL, "eth1" }, { "0.0.0.0", NULL }, { NULL, NULL } },
	  unfit[] = { { "::", NULL }, { "198.51.100.11", NULL }, { "0.0.0.0", "eth0" } };
	for (size_t first = 0; first < sizeof(fit) / sizeof(*fit); first++) {
		struct facts *facts = incident_two_nics();
		for (size_t i = 0; i < sizeof(unfit) / sizeof(*unfit); i++)
			add_listener(facts, unfit[i].address, 9)->ifindex =
				unfit[i].device ? build_ifindex(facts, unfit[i].device) : 0;
		for (size_t i = sizeof(fit) / sizeof(*fit); i-- > first;)
			add_listener(facts, fit[i].address, 10 + (uint32_t)i)->ifindex =
				fit[i].device ? build_ifindex(facts, fit[i].device) : 0;
		const struct rule_flow reply = rule_flow_of_reply(facts, &facts->paths[0]);
		assert_true(reply.uid_known);
		assert_int_equal(reply.uid, 10 + first);
		assert_string_equal(reply.oif, fit[first].device ? fit[first].device : "");
		facts_free(facts);
	}
}

static void any_address_is_that_of_the_family(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	build_device(facts, "eth0");
	build_local(facts, "2001:db8::1/64", "eth0");
	build_path(facts, build_service(facts, "2001:db8::1", NULL, "eth0"), "2001:db8:9::1", "eth0");
	add_listener(facts, "0.0.0.0", 9);
	assert_false(rule_flow_of_reply(facts, &facts->paths[0]).uid_known);
	add_listener(facts, "::", 33);
	assert_int_equal(rule_flow_of_reply(facts, &facts->paths[0]).uid, 33);
	facts_free(facts);
}

static void forwarded_replies_come_in_by_the_target_s_device(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	struct rule *rule = build_rule(facts, AF_INET, 200, NULL, 254);
	snprintf(rule->iif, sizeof(rule->iif), "%s", "br0");
	assert_int_equal(rule_decision(facts, &facts->paths[0]).priority, 200);
	rule = build_rule(facts, AF_INET, 100, NULL, 254);
	snprintf(rule->iif, sizeof(rule->iif), "%s", "lo");
	assert_int_equal(rule_decision(facts, &facts->paths[0]).priority, 200);
	rule->iif[0] = '\0';
	rule->has_uid = true;
	rule->uid[0] = rule->uid[1] = 33;
	assert_int_equal(rule_decision(facts, &facts->paths[0]).priority, 200);
	facts_free(facts);
}

/* Rules for single sources and others, jumps, and such as may fit, in any order. */
static void add_some_rule(struct facts *facts)
{
	static const char *const sources[] = { "198.51.100.1", "198.51.100.2", "198.51.100.0/24", NULL };
	struct rule *rule = build_rule(facts, rand() % 8 ? AF_INET : AF_INET6, 100 + (uint32_t)rand() % 20,
		NULL, rand() % 2 ? 254 : 100);
	const char *source = sources[rand() % 4];
	if (source && rule->family == AF_INET)
		rule->from = network(source);
	rule->invert = rand() % 6 == 0;
	rule->opaque = rand() % 8 == 0;
	if (rand() % 6 == 0) {
		rule->action = RULE_GOTO;
		rule->target = rule->priority + (uint32_t)rand() % 5;
	}
}

static void the_index_gives_the_same_decision(void **state)
{
	(void)state;
	srand(2);
	for (unsigned round = 0; round < 2000; round++) {
		struct facts *facts = build_facts();
		struct rule_index index;
		build_device(facts, "eth0");
		for (int rules = rand() % 12; rules > 0; rules--)
			add_some_rule(facts);
		const char *address = rand() % 2 ? "198.51.100.1" : "198.51.100.3";
		struct path *path =
			build_path(facts, build_service(facts, address, NULL, "eth0"), "192.0.2.9", "eth0");
		path->reply = build_found(facts, "eth0", NULL, rand() % 2 ? 254 : 100, 0);
		assert_int_equal(rule_index_open(&index, facts), 0);
		struct rule_decision expected = rule_decision(facts, path);
		struct rule_decision decision = rule_index_decision(&index, path);
		assert_ptr_equal(decision.rule, expected.rule);
		assert_int_equal(decision.priority, expected.priority);
		rule_index_close(&index);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_that_rejects_decides_what_it_says),
		cmocka_unit_test(selectors_select),
		cmocka_unit_test(what_is_not_known_may_fit),
		cmocka_unit_test(the_deciding_rule_is_the_first_that_gives_the_answer),
		cmocka_unit_test(a_rule_that_suppresses_the_route_does_not_give_it),
		cmocka_unit_test(a_rule_that_may_fit_leaves_it_open_who_decided),
		cmocka_unit_test(what_is_jumped_over_did_not_decide),
		cmocka_unit_test(the_reply_has_the_uid_of_the_socket_that_answers),
		cmocka_unit_test(any_address_is_that_of_the_family),
		cmocka_unit_test(forwarded_replies_come_in_by_the_target_s_device),
		cmocka_unit_test(the_index_gives_the_same_decision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
