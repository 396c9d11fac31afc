// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "alerts/rule_match.h"
#include "collectors/growth.h"
#include "tests/unit/incidents.h"

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
		{ { .destination_port = { 30000, 50000 } }, RULE_FITS },
		{ { .destination_port = { 1, 1023 } }, RULE_MISSES },
		{ { .has_uid = true, .uid = { 1000, 1000 } }, RULE_FITS },
		{ { .has_uid = true, .uid = { 0, 999 } }, RULE_MISSES },
		{ { .l3mdev = true }, RULE_MISSES },
		{ { .opaque = true }, RULE_MAY_FIT },
		{ { .opaque = true, .from = network("10.0.0.0/8") }, RULE_MISSES },
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

static void reject(struct facts *facts, enum rule_action action, enum route_result result)
{
	build_rule(facts, AF_INET, 100, NULL, 0)->action = action;
	facts->paths[0].reply = build_failed(result);
}

static void add_unreachable(struct facts *facts)
{
	reject(facts, RULE_UNREACHABLE, ROUTE_UNREACHABLE);
}

static void add_blackhole(struct facts *facts)
{
	reject(facts, RULE_BLACKHOLE, ROUTE_BLACKHOLE);
}

static void add_another_rejection(struct facts *facts)
{
	reject(facts, RULE_PROHIBIT, ROUTE_NONE);
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
	struct listener *listener = GROW(facts->listeners, facts->listener_count);
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
		{ add_unreachable, 100 },
		{ add_blackhole, 100 },
		{ add_another_rejection, 32766 },
		{ prohibit_route_in_a_table, 100 },
		{ only_a_foreign_rule, 100 },
		{ no_rules, 32766 },
		{ uid_of_the_listener, 100 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = incident_two_nics();
		rows[i].change(facts);
		assert_int_equal(rule_deciding_priority(facts, &facts->paths[0]), rows[i].priority);
		facts_free(facts);
	}
}

static void forwarded_replies_come_in_by_the_target_s_device(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	struct rule *rule = build_rule(facts, AF_INET, 200, NULL, 254);
	snprintf(rule->iif, sizeof(rule->iif), "%s", "br0");
	assert_int_equal(rule_deciding_priority(facts, &facts->paths[0]), 200);
	rule = build_rule(facts, AF_INET, 100, NULL, 254);
	snprintf(rule->iif, sizeof(rule->iif), "%s", "lo");
	assert_int_equal(rule_deciding_priority(facts, &facts->paths[0]), 200);
	rule->iif[0] = '\0';
	rule->has_uid = true;
	rule->uid[0] = rule->uid[1] = 33;
	assert_int_equal(rule_deciding_priority(facts, &facts->paths[0]), 200);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors_select),
		cmocka_unit_test(what_is_not_known_may_fit),
		cmocka_unit_test(the_deciding_rule_is_the_first_that_gives_the_answer),
		cmocka_unit_test(forwarded_replies_come_in_by_the_target_s_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
