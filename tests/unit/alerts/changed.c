// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/changed.h"
#include "collectors/base/array.h"
#include "collectors/change/changes.h"
#include "collectors/route/table.h"
#include "tests/support/incidents.h"

/* What is made of the healthy host by the time of the second judgement. */
typedef void edit(struct facts *facts);

/* eth1's address is answered by table 101, which has eth1's only default route. */
static struct facts *healthy(uint8_t family)
{
	bool six = family == AF_INET6;
	struct facts *facts = six ? incident_two_nics6() : incident_two_nics();
	const char *source = six ? "2001:db8:1::10" : "198.51.100.10";
	build_rule(facts, family, 1000, source, 254)->suppress_prefix_length = 0;
	build_rule(facts, family, 1001, source, 101);
	struct path *path = &facts->paths[0];
	path->basis = PATH_SEEN;
	path->reply = build_found(facts, "eth1", six ? "fe80::1" : "198.51.100.1", 101, 0);
	path->egress = path->reply;
	return facts;
}

static struct rule *find_rule(struct facts *facts, uint32_t priority)
{
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].priority == priority)
			return &facts->rules[i];
	return NULL;
}

static void delete_rule(struct facts *facts, uint32_t priority)
{
	struct rule *rule = find_rule(facts, priority);
	size_t after = (size_t)(&facts->rules[facts->rule_count] - rule) - 1;
	memmove(rule, rule + 1, after * sizeof(*rule));
	facts->rule_count--;
}

static void leave_by_eth0(struct facts *facts)
{
	struct path *path = &facts->paths[0];
	bool six = path->destination.family == AF_INET6;
	path->reply = build_found(facts, "eth0", six ? "2001:db8::1" : "203.0.113.1", 254, 0);
	path->egress = build_failed(ROUTE_NONE);
}

static void delete_lookup(struct facts *facts)
{
	delete_rule(facts, 1001);
	leave_by_eth0(facts);
}

static void delete_both(struct facts *facts)
{
	delete_rule(facts, 1000);
	delete_lookup(facts);
}

static void replace_table(struct facts *facts)
{
	find_rule(facts, 1001)->table = 102;
	leave_by_eth0(facts);
	facts->paths[0].reply.table = 102;
}

static void delete_hidden(struct facts *facts)
{
	delete_lookup(facts);
	build_rule(facts, AF_INET, 900, "198.51.100.10", 254);
}

static void break_table(struct facts *facts)
{
	leave_by_eth0(facts);
}

static void declare_nothing(struct facts *facts)
{
	(void)facts;
}

/* Judges the healthy host, then what has become of it for so many seconds. */
static const struct finding *watch(
	struct court *court, uint8_t family, edit *prepare, edit *change, unsigned seconds)
{
	struct facts *before = healthy(family), *now = NULL;
	court_open(court);
	prepare(before);
	assert_int_equal(changes_note(NULL, before), 0);
	court_judge(court, before);
	assert_int_equal(court_count(court, true) + court_count(court, false), 0);
	for (unsigned i = 1; i <= seconds; i++) {
		now = healthy(family);
		prepare(now);
		change(now);
		build_later(now, i);
		assert_int_equal(changes_note(before, now), 0);
		court_judge(court, now);
		facts_free(before);
		before = now;
	}
	facts_free(now);
	return court_find(court, &reply_wrong_device_condition);
}

static void deleted_rules_are_put_back(void **state)
{
	static const struct {
		uint8_t family;
		edit *change;
		const char *remedy;
	} rows[] = {
		{ AF_INET, delete_lookup, "ip rule add pref 1001 from 198.51.100.10 lookup 101\n" },
		{ AF_INET6, delete_lookup, "ip -6 rule add pref 1001 from 2001:db8:1::10 lookup 101\n" },
		{ AF_INET, delete_both,
			"ip rule add pref 1000 from 198.51.100.10 lookup main suppress_prefixlength 0\n"
			"ip rule add pref 1001 from 198.51.100.10 lookup 101\n" },
		{ AF_INET, replace_table,
			"ip rule add pref 1001 from 198.51.100.10 lookup 101\n"
			"ip rule del pref 1001 from 198.51.100.10 lookup 102\n" },
		/* Another rule would stand before it; the table itself was changed. */
		{ AF_INET, delete_hidden, "" },
		{ AF_INET, break_table, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		const struct finding *finding =
			watch(&court, rows[i].family, declare_nothing, rows[i].change, 3);
		assert_non_null(finding);
		assert_true(finding->open);
		assert_string_equal(court_remedy(finding), rows[i].remedy);
		/* No rule names the table, and it could not be read. */
		assert_false(finding->remedy_checked);
		court_close(&court);
	}
}

static void add_table_answer(struct facts *facts, struct route_answer answer)
{
	struct table_answer *added = ARRAY_ADD(facts->table_answers, facts->table_answer_count);
	*added = (struct table_answer){ 101, facts->paths[0].destination, answer, 0 };
}

static void delete_and_read_table(struct facts *facts)
{
	struct route_answer answer = facts->paths[0].reply;
	delete_lookup(facts);
	add_table_answer(facts, answer);
}

static void delete_and_empty_table(struct facts *facts)
{
	delete_lookup(facts);
	add_table_answer(facts, build_failed(ROUTE_NONE));
}

static void what_its_table_holds_now_decides(void **state)
{
	struct court court;
	(void)state;
	const struct finding *finding = watch(&court, AF_INET, declare_nothing, delete_and_read_table, 3);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), "ip rule add pref 1001 from 198.51.100.10 lookup 101\n");
	assert_true(finding->remedy_checked);
	court_close(&court);
	finding = watch(&court, AF_INET, declare_nothing, delete_and_empty_table, 3);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), "");
	court_close(&court);
}

/* The latest eight tables that a rule named, of either family. */
static void tables_without_rules_are_known(void **state)
{
	struct tables_gone gone = { 0 };
	struct facts *before = build_facts(), *now = build_facts();
	(void)state;
	build_default_rules(before);
	build_default_rules(now);
	tables_gone_note(&gone, before->rules, before->rule_count, now);
	assert_int_equal(gone.count, 0);
	build_rule(before, AF_INET, 100, NULL, 7);
	build_rule(before, AF_INET, 101, NULL, 8);
	build_rule(before, AF_INET6, 101, NULL, 8);
	build_rule(now, AF_INET, 500, NULL, 8);
	for (unsigned i = 0; i < 2; i++) {
		tables_gone_note(&gone, before->rules, before->rule_count, now);
		assert_int_equal(gone.count, 2);
		assert_int_equal(gone.items[0].family, AF_INET);
		assert_int_equal(gone.items[0].table, 7);
		assert_int_equal(gone.items[1].family, AF_INET6);
	}
	for (unsigned i = 0; i < TABLES_GONE; i++)
		build_rule(before, AF_INET6, 200 + i, NULL, 1000 + i);
	tables_gone_note(&gone, before->rules, before->rule_count, now);
	assert_int_equal(gone.count, TABLES_GONE);
	assert_int_equal(gone.items[0].table, 1000);
	assert_int_equal(gone.items[TABLES_GONE - 1].table, 1000 + TABLES_GONE - 1);
	facts_free(before);
	facts_free(now);
}

static void filter_strictly(struct facts *facts)
{
	struct device *device = &facts->devices[1];
	device->rp_filter_raw = device->rp_filter_effective = 1;
}

static void delete_and_drop(struct facts *facts)
{
	delete_lookup(facts);
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
}

/* Loose mode would let the requests in, and the replies would leave by the wrong line. */
static void deleted_rules_are_put_back_where_requests_are_dropped(void **state)
{
	struct court court;
	(void)state;
	watch(&court, AF_INET, filter_strictly, delete_and_drop, 3);
	const struct finding *finding = court_find(&court, &rp_filter_drops_condition);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), "ip rule add pref 1001 from 198.51.100.10 lookup 101\n");
	court_close(&court);
}

static void lead_elsewhere(struct facts *facts)
{
	facts->paths[0].reply.devices.ifindex[0] = build_ifindex(facts, "eth0");
	facts->paths[0].arrival = build_ifindex(facts, "eth0");
}

static void delete_and_arrive_by_eth1(struct facts *facts)
{
	delete_lookup(facts);
	facts->paths[0].arrival = build_ifindex(facts, "eth1");
}

/* Its table led out of another device. */
static void other_rules_are_not_put_back(void **state)
{
	struct court court;
	(void)state;
	const struct finding *finding = watch(&court, AF_INET, lead_elsewhere, delete_and_arrive_by_eth1, 3);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), "");
	court_close(&court);
}

/* It was put back, but the table leads nowhere any more: once more would be of no use. */
static void rules_that_stand_are_not_put_back(void **state)
{
	static edit *const steps[] = { declare_nothing, delete_lookup, break_table, break_table };
	struct court court;
	struct facts *before = NULL;
	(void)state;
	court_open(&court);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		struct facts *now = healthy(AF_INET);
		steps[i](now);
		build_later(now, 1.0 + (double)i);
		assert_int_equal(changes_note(before, now), 0);
		court_judge(&court, now);
		facts_free(before);
		before = now;
	}
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_non_null(finding);
	assert_string_equal(court_remedy(finding), "");
	facts_free(before);
	court_close(&court);
}

static void what_changed_is_named_as_long_as_it_holds(void **state)
{
	(void)state;
	static const unsigned seconds[] = { 1, 3, 40 };
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		struct court court;
		const struct finding *finding =
			watch(&court, AF_INET, declare_nothing, delete_lookup, seconds[i]);
		assert_non_null(finding);
		assert_int_equal(finding->changed_count, 2);
		assert_int_equal(finding->changed[0]->kind, CHANGE_RULE);
		assert_int_equal(finding->changed[0]->event, CHANGE_WENT);
		assert_int_equal(finding->changed[1]->kind, CHANGE_REPLY_ROUTE);
		assert_false(finding->from_start);
		court_close(&court);
	}
}

static void what_stood_from_the_start_says_so(void **state)
{
	struct court court;
	(void)state;
	court_open(&court);
	struct facts *facts = incident_two_nics();
	assert_int_equal(changes_note(NULL, facts), 0);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_non_null(finding);
	assert_true(finding->from_start);
	assert_int_equal(finding->changed_count, 0);
	court_close(&court);
	/* Nobody watched: nothing is said. */
	court_open(&court);
	change_history_release(facts->changes);
	facts->changes = NULL;
	court_settle(&court, facts);
	assert_false(court_find(&court, &reply_wrong_device_condition)->from_start);
	court_close(&court);
	facts_free(facts);
}

static void changes_touch_their_subject(void **state)
{
	enum { ETH1 = 3, OTHER = 4 };
	const struct prefix own = { build_address("198.51.100.10"), 32 };
	const struct prefix network = { build_address("198.51.100.0"), 24 };
	const struct prefix strange = { build_address("203.0.113.0"), 24 };
	const struct {
		struct change change;
		bool service, device; /* touches what is about a translated service, about a device alone */
	} rows[] = {
		{ { .kind = CHANGE_RULE, .family = AF_INET }, true, true },
		{ { .kind = CHANGE_RULE, .family = AF_INET6 }, false, true },
		{ { .kind = CHANGE_RULE, .family = AF_INET, .prefix = strange }, false, true },
		{ { .kind = CHANGE_RULE,
			  .family = AF_INET,
			  .prefix = strange,
			  .rule = { { .invert = true } } },
			true, true },
		{ { .kind = CHANGE_REPLY_ROUTE, .family = AF_INET, .ifindex = ETH1, .prefix = strange },
			false, true },
		{ { .kind = CHANGE_REPLY_ROUTE, .family = AF_INET, .ifindex = OTHER }, false, false },
		{ { .kind = CHANGE_DEVICE, .ifindex = ETH1 }, true, true },
		{ { .kind = CHANGE_DEVICE, .ifindex = OTHER }, false, false },
		{ { .kind = CHANGE_RP_FILTER, .family = AF_INET, .ifindex = ETH1 }, true, true },
		{ { .kind = CHANGE_ADDRESS, .family = AF_INET, .ifindex = OTHER, .prefix = own }, true,
			false },
		{ { .kind = CHANGE_ADDRESS, .family = AF_INET, .ifindex = OTHER, .prefix = strange }, false,
			false },
		{ { .kind = CHANGE_FORWARDING, .family = AF_INET, .ifindex = OTHER }, true, false },
		{ { .kind = CHANGE_TRANSLATION, .family = AF_INET, .prefix = network }, true, false },
		{ { .kind = CHANGE_ELEMENT, .family = AF_INET, .prefix = strange }, false, false },
		{ { .kind = CHANGE_TARGET,
			  .family = AF_INET,
			  .prefix = strange,
			  .target = { build_address("10.0.0.2") } },
			true, false },
	};
	(void)state;
	struct finding service = { .device = ETH1,
		.has_service = true,
		.origin = ORIGIN_DNAT,
		.address = own.address,
		.target = build_address("10.0.0.2") };
	const struct finding device = { .device = ETH1 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (changed_touches(&service, &rows[i].change) != rows[i].service ||
			changed_touches(&device, &rows[i].change) != rows[i].device)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_rules_are_put_back),
		cmocka_unit_test(other_rules_are_not_put_back),
		cmocka_unit_test(what_its_table_holds_now_decides),
		cmocka_unit_test(tables_without_rules_are_known),
		cmocka_unit_test(rules_that_stand_are_not_put_back),
		cmocka_unit_test(deleted_rules_are_put_back_where_requests_are_dropped),
		cmocka_unit_test(what_changed_is_named_as_long_as_it_holds),
		cmocka_unit_test(what_stood_from_the_start_says_so),
		cmocka_unit_test(changes_touch_their_subject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
