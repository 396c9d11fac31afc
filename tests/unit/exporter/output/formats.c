// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings for machines: node_exporter's textfile collector, and Nagios. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "exporter/metrics/families.h"
#include "exporter/output/writer.h"
#include "tests/support/sample.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct writer *writer_of(const char *name)
{
	for (size_t i = 0; writers[i]; i++)
		if (strcmp(writers[i]->name, name) == 0)
			return writers[i];
	fail();
	return NULL;
}

static char *written(const char *name, const struct facts *facts, const struct findings *findings)
{
	const struct report_style style = { .width = 80 };
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(writer_of(name)->findings(out, &style, facts, findings), 0);
	fclose(out);
	return text;
}

static struct finding *add(struct findings *findings, const struct condition *condition,
	enum severity severity, const char *summary)
{
	struct finding *finding = findings_add(findings, condition);
	finding->open = true;
	finding->severity = severity;
	finding_summarise(finding, "%s", summary);
	finding_identify(finding);
	return finding;
}

/* ---- prometheus ---- */

static void gauges_are_those_of_the_exporter(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	char *text = written("prometheus", snapshot.facts, snapshot.findings), *all = strdup(text);
	struct exposition exposition;
	struct metric_families families;
	struct buffer served = { 0 };
	assert_int_equal(exposition_make(&snapshot, NULL, 256, &exposition), 0);
	assert_int_equal(metric_families_make(&families), 0);
	assert_int_equal(metrics_expose(&served, METRICS_TEXT, &families, &exposition), 0);
	buffer_add(&served, "", 1);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char whole[1024];
		snprintf(whole, sizeof(whole), "%s\n", line);
		assert_non_null(strstr(served.data, whole));
		assert_true(strncmp(line, "# HELP oneway_", 14) == 0 ||
			    strncmp(line, "# TYPE oneway_", 14) == 0 || strncmp(line, "oneway_", 7) == 0);
	}
	assert_non_null(strstr(all, "\noneway_finding{condition=\"reply_wrong_device\","));
	assert_non_null(strstr(all, "\noneway_finding_info{condition=\"reply_wrong_device\","));
	assert_non_null(strstr(all, "\noneway_findings{condition=\"reply_wrong_device\","));
	assert_non_null(strstr(all, "\noneway_last_judgement_timestamp_seconds "));
	assert_non_null(strstr(served.data, "_total"));
	assert_null(strstr(all, "_total"));
	assert_null(strstr(all, "histogram"));
	assert_int_equal(writer_of("prometheus")->status(snapshot.facts, snapshot.findings), 0);
	assert_int_equal(writer_of("prometheus")->status(NULL, NULL), 2);
	buffer_clear(&served);
	metric_families_clear(&families);
	exposition_clear(&exposition);
	free(text);
	free(all);
	sample_free(&snapshot);
}

/* ---- nagios ---- */

static const struct {
	enum severity severities[3];
	size_t count;
	int status;
	const char *line;
} cases[] = {
	{ { 0 }, 0, 0,
		"ONEWAY OK - no one-way connectivity found | critical=0;;0;0; warning=0;0;;0; info=0;;;0;\n" },
	{ { SEVERITY_INFO }, 1, 0,
		"ONEWAY OK - foreign_source: it | critical=0;;0;0; warning=0;0;;0; info=1;;;0;\ninfo " },
	{ { SEVERITY_WARNING, SEVERITY_INFO }, 2, 1,
		"ONEWAY WARNING - foreign_source: it, and 1 more | critical=0;;0;0; warning=1;0;;0; "
		"info=1;;;0;\nwarning " },
	{ { SEVERITY_CRITICAL, SEVERITY_WARNING, SEVERITY_WARNING }, 3, 2,
		"ONEWAY CRITICAL - foreign_source: it, and 2 more | critical=1;;0;0; warning=2;0;;0; "
		"info=0;;;0;\ncritical " },
};

static void the_worst_alarm_is_the_status(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct findings *findings = findings_new();
		for (size_t j = 0; j < cases[i].count; j++)
			add(findings, &foreign_source_condition, cases[i].severities[j], "it");
		char *text = written("nagios", facts, findings);
		if (strncmp(text, cases[i].line, strlen(cases[i].line)) != 0)
			fail_msg("%s", text);
		assert_int_equal(writer_of("nagios")->status(facts, findings), cases[i].status);
		free(text);
		findings_free(findings);
	}
	facts_free(facts);
}

static void what_is_no_alarm_is_none_here(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	add(findings, &foreign_source_condition, SEVERITY_CRITICAL, "it")->intended = true;
	add(findings, &foreign_source_condition, SEVERITY_CRITICAL, "it")->open = false;
	strcpy(add(findings, &foreign_source_condition, SEVERITY_CRITICAL, "it")->cause, "0123");
	char *text = written("nagios", facts, findings);
	assert_string_equal(text,
		"ONEWAY OK - no one-way connectivity found | critical=0;;0;0; warning=0;0;;0; info=0;;;0;\n");
	assert_int_equal(writer_of("nagios")->status(facts, findings), 0);
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void names_cannot_begin_another_line_or_performance_data(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	struct finding *finding =
		add(findings, &foreign_source_condition, SEVERITY_WARNING, "from a|b\nOK\033[0m \xff leave");
	finding_add_remedy(finding, "ip rule add iif 'a|b' lookup 7");
	finding->remedy_checked = true;
	char *text = written("nagios", facts, findings), *expected = NULL;
	assert_true(
		asprintf(&expected, "ONEWAY WARNING - foreign_source: from a\u00a6b\\nOK%%1B[0m %%FF leave | "
				    "critical=0;;0;0; warning=1;0;;0; info=0;;;0;\n"
				    "warning foreign_source: from a\u00a6b\\nOK%%1B[0m %%FF leave\n"
				    "  remedy (checked by lookups):\n"
				    "    ip rule add iif 'a\u00a6b' lookup 7\n") > 0);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
	findings_free(findings);
	facts_free(facts);
}

static void who_cannot_look_does_not_know(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	struct collector_status *status = ARRAY_ADD(facts->collectors, facts->collector_count);
	status->name = "route";
	snprintf(status->error, sizeof(status->error), "a|b");
	char *text = written("nagios", facts, findings);
	assert_string_equal(text, "ONEWAY UNKNOWN - devices or routes could not be read | critical=0;;0;0; "
				  "warning=0;0;;0; info=0;;;0;\ncould not look route: a\u00a6b\n");
	assert_int_equal(writer_of("nagios")->status(facts, findings), 3);
	assert_int_equal(writer_of("prometheus")->status(facts, findings), 2);
	free(text);
	findings_free(findings);
	facts_free(facts);
	size_t size;
	FILE *out = open_memstream(&text, &size);
	writer_of("nagios")->failure(out, "no | such\nthing");
	fclose(out);
	assert_string_equal(text, "ONEWAY UNKNOWN - no \u00a6 such\\nthing\n");
	assert_int_equal(writer_of("nagios")->status(NULL, NULL), 3);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gauges_are_those_of_the_exporter),
		cmocka_unit_test(the_worst_alarm_is_the_status),
		cmocka_unit_test(what_is_no_alarm_is_none_here),
		cmocka_unit_test(names_cannot_begin_another_line_or_performance_data),
		cmocka_unit_test(who_cannot_look_does_not_know),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
