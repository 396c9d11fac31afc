// SPDX-License-Identifier: GPL-2.0-or-later
/* What an addition costs: a condition is what stands between the first two lines, and one row of the table.
 */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/judge_context.h"
#include "exporter/metrics/families.h"
#include "tests/support/incidents.h"

extern const struct condition toy_condition, first_symptom_condition, second_symptom_condition;

static void add_tunnels(
	const struct judge_context *context, const struct condition *condition, struct findings *candidates)
{
	for (size_t i = 0; i < context->now->device_count; i++) {
		const struct device *device = &context->now->devices[i];
		if (device->kind != DEVICE_TUNNEL)
			continue;
		struct finding *finding = findings_add(candidates, condition);
		finding_summarise(finding, "%s is a toy", device->name);
		finding->device = device->ifindex;
		finding->severity = SEVERITY_WARNING;
		memcpy(finding->device_name, device->name, sizeof(finding->device_name));
	}
}

/* ---- toy.c ---- */

static void toy_find(const struct judge_context *context, struct findings *candidates)
{
	add_tunnels(context, &toy_condition, candidates);
}

const struct condition toy_condition = {
	.name = "toy",
	.help = "there is a tunnel",
	.severity = "warning",
	.find = toy_find,
};

/* ---- its symptoms, which may be one another's ---- */

static void first_symptom_find(const struct judge_context *context, struct findings *candidates)
{
	add_tunnels(context, &first_symptom_condition, candidates);
}

const struct condition first_symptom_condition = {
	.name = "first_symptom",
	.find = first_symptom_find,
	.explained_by = {
		{ &toy_condition, explains_on_device },
		{ &second_symptom_condition, explains_on_device },
	},
};

static void second_symptom_find(const struct judge_context *context, struct findings *candidates)
{
	add_tunnels(context, &second_symptom_condition, candidates);
}

const struct condition second_symptom_condition = {
	.name = "second_symptom",
	.find = second_symptom_find,
	.explained_by = {
		{ &first_symptom_condition, explains_on_device },
		{ &toy_condition, explains_on_device },
	},
};

/* ---- alerts/condition/conditions.c ---- */

const struct condition *const conditions[] = { &toy_condition, &second_symptom_condition,
	&first_symptom_condition, NULL };

/* ---- */

static void a_toy_is_judged_and_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_tunnel();
	court_open(&court);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 0);
	build_later(facts, 5);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 3);
	const struct finding *finding = court_alarm(&court);
	assert_ptr_equal(finding, court_find(&court, &toy_condition));
	assert_string_equal(finding->summary, "tun_a is a toy");
	struct finding same = { .condition = &toy_condition, .device_name = "tun_a" };
	finding_identify(&same);
	assert_string_equal(finding->id, same.id);
	court_close(&court);
	facts_free(facts);
}

static void of_several_causes_the_first_in_order_counts(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_tunnel();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *toy = court_find(&court, &toy_condition);
	const struct finding *first = court_find(&court, &first_symptom_condition);
	const struct finding *second = court_find(&court, &second_symptom_condition);
	assert_string_equal(toy->cause, "");
	assert_string_equal(first->cause, toy->id);
	assert_string_equal(second->cause, first->id);
	court_close(&court);
	facts_free(facts);
}

static void a_toy_is_counted(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_tunnel();
	court_open(&court);
	court_settle(&court, facts);
	struct snapshot snapshot = { .facts = facts, .findings = court.findings };
	struct exposition exposition;
	struct metric_families families;
	struct buffer out = { 0 };
	assert_int_equal(metric_families_make(&families), 0);
	assert_int_equal(exposition_make(&snapshot, NULL, 256, &exposition), 0);
	assert_int_equal(metrics_expose(&out, METRICS_TEXT, &families, &exposition), 0);
	buffer_add(&out, "", 1);
	assert_non_null(strstr(out.data, "\noneway_findings{condition=\"toy\",severity=\"info\"} 0\n"
					 "oneway_findings{condition=\"toy\",severity=\"warning\"} 1\n"
					 "oneway_findings{condition=\"toy\",severity=\"critical\"} 0\n"));
	assert_non_null(strstr(out.data, "\noneway_finding{condition=\"toy\",severity=\"warning\","
					 "device=\"tun_a\",address=\"\",origin=\"\",cause=\"true\"} 1\n"));
	assert_null(strstr(out.data, "reply_wrong_device"));
	free(out.data);
	exposition_clear(&exposition);
	metric_families_clear(&families);
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_toy_is_judged_and_named),
		cmocka_unit_test(of_several_causes_the_first_in_order_counts),
		cmocka_unit_test(a_toy_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
