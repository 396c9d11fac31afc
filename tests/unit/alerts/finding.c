// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/finding.h"
#include "alerts/settings.h"
#include "tests/support/facts_builder.h"

static struct finding subject(const struct condition *condition, const char *device, const char *address,
	const char *target, enum origin origin)
{
	struct finding finding = { .condition = condition, .origin = origin };
	snprintf(finding.device_name, sizeof(finding.device_name), "%s", device);
	finding.has_service = address != NULL;
	if (address)
		finding.address = build_address(address);
	if (target)
		finding.target = build_address(target);
	finding_identify(&finding);
	return finding;
}

static void ids_are_distinct_for_distinct_subjects(void **state)
{
	(void)state;
	const struct finding subjects[] = {
		subject(&reply_wrong_device_condition, "eth0", "192.0.2.1", "192.0.2.1", ORIGIN_LOCAL),
		subject(&no_reply_route_condition, "eth0", "192.0.2.1", "192.0.2.1", ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "eth1", "192.0.2.1", "192.0.2.1", ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "eth0", "192.0.2.2", "192.0.2.1", ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "eth0", "192.0.2.1", "192.0.2.2", ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "eth0", "192.0.2.1", "192.0.2.1", ORIGIN_DNAT),
		subject(&reply_wrong_device_condition, "eth0", NULL, NULL, ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "", NULL, NULL, ORIGIN_LOCAL),
		subject(&reply_wrong_device_condition, "eth0", "2001:db8::1", "2001:db8::1", ORIGIN_LOCAL),
	};
	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
		assert_int_equal(strspn(subjects[i].id, "0123456789abcdef"), 16);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(subjects[i].id, subjects[j].id);
	}
}

static void ids_are_the_same_on_every_day_and_machine(void **state)
{
	(void)state;
	struct finding finding = subject(&rp_filter_drops_condition, "eth1", NULL, NULL, ORIGIN_LOCAL);
	assert_string_equal(finding.id, "366b86af321558f5");
	finding.severity = SEVERITY_CRITICAL;
	finding.device = 7;
	finding.since_ns = 1;
	finding_identify(&finding);
	assert_string_equal(finding.id, "366b86af321558f5");
}

/* It may become known later who serves there. */
static void what_is_about_an_address_is_one_whoever_serves_there(void **state)
{
	(void)state;
	static const struct condition *const about_address[] = { &handshake_one_way_condition,
		&foreign_source_condition, &reply_from_other_address_condition };
	for (size_t i = 0; i < sizeof(about_address) / sizeof(*about_address); i++) {
		const struct finding first =
			subject(about_address[i], "eth0", "192.0.2.1", "192.0.2.1", ORIGIN_LOCAL);
		const struct finding same =
			subject(about_address[i], "eth0", "192.0.2.1", "10.0.0.1", ORIGIN_DNAT);
		const struct finding other =
			subject(about_address[i], "eth0", "192.0.2.2", "10.0.0.1", ORIGIN_DNAT);
		assert_string_equal(first.id, same.id);
		assert_string_not_equal(first.id, other.id);
	}
}

static void copies_are_deep(void **state)
{
	(void)state;
	struct finding from = subject(&rp_filter_drops_condition, "eth1", NULL, NULL, ORIGIN_LOCAL), to;
	finding_summarise(&from, "%s", "summary");
	finding_explain(&from, "%s", "one");
	finding_explain(&from, ", %d", 2);
	finding_explain(&from, ". End.");
	finding_explain(&from, "Another");
	for (int i = 0; i < 20; i++) {
		finding_add_evidence(&from, "key", "%d", i);
		finding_add_remedy(&from, "command %d", i);
	}
	finding_add_item(&from, "list", "alone");
	finding_copy(&to, &from);
	finding_clear(&from);
	assert_null(from.summary);
	assert_int_equal(from.evidence_count, 0);
	assert_string_equal(to.summary, "summary");
	assert_string_equal(to.explanation, "one, 2. End. Another");
	assert_false(to.failed);
	assert_int_equal(to.evidence_count, 21);
	assert_string_equal(to.evidence[19].text, "19");
	assert_false(to.evidence[19].item);
	assert_true(to.evidence[20].item);
	assert_string_equal(to.remedy[19], "command 19");
	/* The copy may grow further. */
	for (int i = 0; i < 20; i++)
		finding_add_remedy(&to, "more");
	finding_clear(&to);
}

struct number_row {
	double value;
	const char *text;
	bool number;
};

static void numbers_are_json_numbers(void **state)
{
	(void)state;
	const struct number_row rows[] = {
		{ 0, "0", true },
		{ 5, "5", true },
		{ 0.1, "0.1", true },
		{ 9007199254740991.0, "9007199254740991", true },
		{ 1.0 / 3, NULL, true },
		{ DBL_MAX, NULL, true },
		{ NAN, NULL, false },
		{ INFINITY, NULL, false },
	};
	struct finding finding = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		finding_add_number(&finding, "key", rows[i].value);
		assert_int_equal(finding.evidence[i].number, rows[i].number);
		if (rows[i].text)
			assert_string_equal(finding.evidence[i].text, rows[i].text);
		if (rows[i].number)
			assert_true(strtod(finding.evidence[i].text, NULL) == rows[i].value);
	}
	finding_clear(&finding);
}

static void findings_are_found_by_id(void **state)
{
	(void)state;
	struct findings *findings = findings_new();
	assert_non_null(findings);
	for (int i = 0; i < 30; i++) {
		struct finding *finding = findings_add(findings, &reply_wrong_device_condition);
		snprintf(finding->id, sizeof(finding->id), "%016d", i);
	}
	assert_ptr_equal(findings_find(findings, "0000000000000017"), &findings->items[17]);
	assert_null(findings_find(findings, "0000000000000030"));
	assert_int_equal(findings_index(findings), 0);
	for (size_t i = 0; i < findings->count; i++)
		assert_ptr_equal(findings_find(findings, findings->items[i].id), &findings->items[i]);
	assert_null(findings_find(findings, "0000000000000030"));
	findings_free(findings);
	findings_free(NULL);
}

static void only_open_causes_are_alarms(void **state)
{
	(void)state;
	assert_true(finding_is_alarm(&(struct finding){ .open = true }));
	assert_false(finding_is_alarm(&(struct finding){ .open = false }));
	assert_false(finding_is_alarm(&(struct finding){ .open = true, .intended = true }));
	assert_false(finding_is_alarm(&(struct finding){ .open = true, .cause = "0" }));
}

static void every_name_is_told(void **state)
{
	(void)state;
	assert_string_equal(severity_name(SEVERITY_INFO), "info");
	assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
	assert_string_equal(severity_name(SEVERITY_CRITICAL), "critical");
	assert_string_equal(origin_name(ORIGIN_LOCAL), "local");
	assert_string_equal(origin_name(ORIGIN_DNAT), "dnat");
}

static void thresholds_have_one_row_each(void **state)
{
	(void)state;
	struct thresholds thresholds;
	memset(&thresholds, 0xff, sizeof(thresholds));
	thresholds_default(&thresholds);
	assert_int_equal(threshold_count * sizeof(double), sizeof(thresholds));
	assert_true(thresholds.open_judgements == 2 && thresholds.close_seconds == 60);
	assert_true(thresholds.pending_seconds == 30 && thresholds.rp_filter_drops == 2);
	for (size_t i = 0; i < threshold_count; i++) {
		const struct threshold *row = &threshold_table[i];
		assert_true(row->name[0] && row->help[0]);
		assert_true(row->least <= row->initial && row->initial <= row->most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_distinct_for_distinct_subjects),
		cmocka_unit_test(ids_are_the_same_on_every_day_and_machine),
		cmocka_unit_test(what_is_about_an_address_is_one_whoever_serves_there),
		cmocka_unit_test(copies_are_deep),
		cmocka_unit_test(numbers_are_json_numbers),
		cmocka_unit_test(findings_are_found_by_id),
		cmocka_unit_test(only_open_causes_are_alarms),
		cmocka_unit_test(every_name_is_told),
		cmocka_unit_test(thresholds_have_one_row_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
