// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/firewall/translation.h"
#include "collectors/trace/trace_schedule.h"
#include "tests/support/wire_builder.h"

#define PORT 1222

/* Facts in which somebody repeats a SYN for eth0's address, translated by a rule. */
static struct facts *silent_facts(void)
{
	struct facts *facts = wire_host();
	wire_unanswered(facts, "eth0", FAR, OWN0, PORT, 2);
	build_nat_rule(facts, OWN0, PORT, "10.0.0.9", 22);
	return facts;
}

static bool next(const struct trace_schedule *schedule, const struct facts *facts)
{
	struct trace_subject subject;
	return trace_schedule_next(schedule, facts, 1, &subject);
}

static void note(struct trace_schedule *schedule, const struct facts *facts, bool seen)
{
	struct trace_turn turn = {
		.ended_ns = facts->monotonic_ns, .asked_ns = facts->time_ns, .ruleset = 1, .seen = seen
	};
	assert_true(trace_schedule_next(schedule, facts, 1, &turn.subject));
	trace_schedule_note(schedule, facts, &turn);
}

static void a_silent_service_is_traced(void **state)
{
	(void)state;
	struct trace_schedule schedule = { 0 };
	struct trace_subject subject;
	struct facts *facts = silent_facts();
	const struct address own = build_address(OWN0);
	assert_true(trace_schedule_next(&schedule, facts, 1, &subject));
	assert_true(address_equal(&subject.address, &own));
	assert_int_equal(subject.port, PORT);
	assert_int_equal(subject.arrival, build_ifindex(facts, "eth0"));
	assert_true(address_is_none(&subject.client));
	facts_free(facts);
}

static void what_leaves_is_not_traced(void **state)
{
	(void)state;
	const struct trace_schedule schedule = { 0 };
	struct facts *facts = silent_facts();
	facts->handshakes->unanswered[0].left = true;
	assert_false(next(&schedule, facts));
	facts_free(facts);
}

static void who_gave_up_is_not_traced(void **state)
{
	(void)state;
	const struct trace_schedule schedule = { 0 };
	struct facts *facts = silent_facts();
	build_later(facts, 30);
	assert_false(next(&schedule, facts));
	facts_free(facts);
}

/* Once within a minute, unless something changed. */
static void a_traced_one_waits(void **state)
{
	(void)state;
	struct trace_schedule schedule = { 0 };
	struct facts *facts = silent_facts();
	struct trace_subject subject;
	note(&schedule, facts, true);
	build_later(facts, 6);
	facts->handshakes->unanswered[0].last_ns = facts->time_ns;
	assert_false(next(&schedule, facts));
	assert_false(trace_schedule_next(&schedule, facts, 2, &subject));
	facts->handshakes->unanswered[0].repeated_ns = facts->time_ns; /* answered in between */
	assert_true(next(&schedule, facts));
	facts->handshakes->unanswered[0].repeated_ns = facts->time_ns - 20 * SECOND_NS;
	build_later(facts, 15);
	facts->handshakes->unanswered[0].last_ns = facts->time_ns;
	assert_false(next(&schedule, facts));
	assert_true(trace_schedule_next(&schedule, facts, 2, &subject)); /* another ruleset */
	build_later(facts, 40);
	facts->handshakes->unanswered[0].last_ns = facts->time_ns;
	assert_true(next(&schedule, facts));
	facts_free(facts);
}

static void a_fruitless_one_has_its_turn_sooner(void **state)
{
	(void)state;
	struct trace_schedule schedule = { 0 };
	struct facts *facts = silent_facts();
	note(&schedule, facts, false);
	build_later(facts, 4);
	facts->handshakes->unanswered[0].last_ns = facts->time_ns;
	assert_false(next(&schedule, facts));
	build_later(facts, 2);
	assert_true(next(&schedule, facts));
	facts_free(facts);
}

/* A firewall's ports that are scanned are traced only if they may be translated, and seldom. */
static void scanned_ports_are_left_alone(void **state)
{
	(void)state;
	struct trace_schedule schedule = { 0 };
	struct facts *facts = wire_host();
	wire_unanswered(facts, "eth0", FAR, OWN0, 25, 2);
	wire_unanswered(facts, "eth0", FAR, OWN0, 26, 2);
	struct nat_list *rules = build_nat_list(facts);
	assert_false(next(&schedule, facts));
	rules->unread_total = 1;
	note(&schedule, facts, true);
	build_later(facts, 10);
	assert_false(next(&schedule, facts));
	build_later(facts, 9);
	build_nat_rule(facts, OWN0, 26, "10.0.0.9", 22);
	assert_true(next(&schedule, facts));
	facts_free(facts);
}

static void the_memory_is_bounded(void **state)
{
	(void)state;
	struct trace_schedule schedule = { 0 };
	struct facts *facts = wire_host();
	for (unsigned i = 0; i < 2 * TRACE_MEMORY; i++) {
		struct trace_turn turn = { .subject = { .port = (uint16_t)i }, .ended_ns = i };
		trace_schedule_note(&schedule, facts, &turn);
	}
	assert_int_equal(schedule.count, TRACE_MEMORY);
	for (unsigned i = 0; i < TRACE_MEMORY; i++)
		assert_true(schedule.turns[i].ended_ns >= TRACE_MEMORY);
	facts_free(facts);
}

/* ---- translation ---- */

static enum translation_basis basis(const struct facts *facts, uint16_t port)
{
	const struct address own = build_address(OWN0);
	return translation_of(facts, &own, port, build_ifindex(facts, "eth0")).basis;
}

static void rules_translate_what_they_name(void **state)
{
	(void)state;
	struct facts *facts = wire_host();
	struct nat_rule *rule = build_nat_rule(facts, OWN0, PORT, "10.0.0.9", 22);
	const struct address target = build_address("10.0.0.9"), own = build_address(OWN0);
	struct translation found = translation_of(facts, &own, PORT, build_ifindex(facts, "eth0"));
	assert_int_equal(found.basis, TRANSLATION_RULE);
	assert_true(address_equal(&found.target, &target));
	assert_int_equal(found.port, 22);
	assert_int_equal(basis(facts, PORT + 1), TRANSLATION_NONE);
	rule->ports[1] = PORT + 5;
	rule = build_nat_list_again(facts);
	assert_int_equal(basis(facts, PORT + 1), TRANSLATION_RULE);
	strcpy(rule->iif, "eth*");
	assert_int_equal(basis(facts, PORT), TRANSLATION_RULE);
	rule->iif_excluded = true;
	assert_int_equal(basis(facts, PORT), TRANSLATION_NONE);
	strcpy(rule->iif, "eth1");
	assert_int_equal(basis(facts, PORT), TRANSLATION_RULE);
	rule->protocol = IPPROTO_UDP;
	assert_int_equal(basis(facts, PORT), TRANSLATION_NONE);
	rule->protocol = 0;
	rule->conditional = true;
	assert_int_equal(basis(facts, PORT), TRANSLATION_POSSIBLE);
	rule->destination_local = true;
	memset(&rule->destination, 0, sizeof(rule->destination));
	rule->conditional = false;
	build_nat_list_again(facts);
	assert_int_equal(basis(facts, PORT), TRANSLATION_RULE);
	facts->address_count = 0;
	assert_int_equal(basis(facts, PORT), TRANSLATION_NONE);
	facts_free(facts);
}

static void one_of_several_targets_is_not_known(void **state)
{
	(void)state;
	struct facts *facts = wire_host();
	struct nat_rule *rule = build_nat_rule(facts, OWN0, PORT, "10.0.0.9", 22);
	const struct address own = build_address(OWN0);
	rule->target[1] = build_address("10.0.0.12");
	struct translation found = translation_of(facts, &own, PORT, build_ifindex(facts, "eth0"));
	assert_true(address_is_none(&found.target));
	rule->redirect = true;
	memset(rule->target, 0, sizeof(rule->target));
	found = translation_of(facts, &own, PORT, build_ifindex(facts, "eth0"));
	assert_true(address_equal(&found.target, &own));
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_service_is_traced),
		cmocka_unit_test(what_leaves_is_not_traced),
		cmocka_unit_test(who_gave_up_is_not_traced),
		cmocka_unit_test(a_traced_one_waits),
		cmocka_unit_test(a_fruitless_one_has_its_turn_sooner),
		cmocka_unit_test(scanned_ports_are_left_alone),
		cmocka_unit_test(the_memory_is_bounded),
		cmocka_unit_test(rules_translate_what_they_name),
		cmocka_unit_test(one_of_several_targets_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
