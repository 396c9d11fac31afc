// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "exporter/alertmanager/alert.h"
#include "exporter/metrics/families.h"
#include "tests/support/sample.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct alert_sender sender_of(const char *const *labels, size_t count)
{
	struct alert_sender sender;
	char message[256];
	const struct alert_sender_options options = { .labels = { (const char **)(uintptr_t)labels, count },
		.instance = "gw:10150",
		.generator_url = "http://gw:10150/\"",
		.runbook_url = "https://runbooks.example/" };
	assert_int_equal(alert_sender_make(&options, &sender, message, sizeof(message)), 0);
	return sender;
}

static struct alert_list alerts_of(
	const struct snapshot *snapshot, size_t most, const struct alert_sender *sender)
{
	struct selection shown;
	struct alert_list list;
	assert_int_equal(selection_make(snapshot->facts, snapshot->findings, most, &shown), 0);
	assert_int_equal(alert_list_make(snapshot->findings, &shown, sender, &list), 0);
	selection_clear(&shown);
	for (size_t i = 1; i < list.count; i++)
		assert_true(strcmp(list.items[i - 1].labels, list.items[i].labels) < 0);
	return list;
}

static struct finding *add(struct snapshot *snapshot, const struct condition *condition, const char *device,
	const char *service, enum severity severity)
{
	struct finding *finding = findings_add(snapshot->findings, condition);
	struct address address;
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", device);
	if (service) {
		assert_int_equal(address_parse(service, &address), 0);
		finding_set_service(finding, ORIGIN_LOCAL, &address, &address);
	}
	finding->open = true;
	finding->severity = severity;
	finding_identify(finding);
	return finding;
}

static char *expose(const struct snapshot *snapshot, size_t most)
{
	struct exposition exposition;
	struct metric_families families;
	struct buffer out = { 0 };
	assert_int_equal(exposition_make(snapshot, NULL, most, &exposition), 0);
	assert_int_equal(metric_families_make(&families), 0);
	assert_int_equal(metrics_expose(&out, METRICS_TEXT, &families, &exposition), 0);
	metric_families_clear(&families);
	exposition_clear(&exposition);
	buffer_add(&out, "", 1);
	return out.data;
}

/* {"device":"wan1"} of `device="wan1",address=""} 1`: an empty label is none. */
static json_t *labels_of_series(const char *at)
{
	json_t *labels = json_object();
	while (*at != '}') {
		char name[32], value[128];
		size_t used = 0;
		assert_int_equal(sscanf(at, "%31[a-z_]=\"", name), 1);
		for (at += strlen(name) + 2; *at != '"'; at++) {
			at += *at == '\\';
			value[used++] = at[-1] == '\\' && *at == 'n' ? '\n' : *at;
		}
		value[used] = '\0';
		if (used > 0)
			assert_int_equal(json_object_set_new(labels, name, json_string(value)), 0);
		at += at[1] == ',' ? 2 : 1;
	}
	return labels;
}

/* As the rule `oneway_finding{cause="true"} == 1` would make its alert of this series. */
static char *labels_by_rule(const char *series)
{
	json_t *labels = labels_of_series(strchr(series, '{') + 1);
	char name[64] = "Oneway";
	const char *condition = json_string_value(json_object_get(labels, "condition"));
	for (const char *at = condition; at; at = strchr(at, '_') ? strchr(at, '_') + 1 : NULL) {
		size_t used = strlen(name), length = strcspn(at, "_");
		snprintf(name + used, sizeof(name) - used, "%c%.*s", at[0] - 32, (int)length - 1, at + 1);
	}
	json_object_set_new(labels, "alertname", json_string(name));
	json_object_set_new(labels, "job", json_string("oneway"));
	json_object_set_new(labels, "instance", json_string("gw:10150"));
	char *text = json_dumps(labels, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(labels);
	return text;
}

static void assert_same_as_metrics(const struct snapshot *snapshot, size_t most, size_t expected)
{
	struct alert_sender sender = sender_of(NULL, 0);
	struct alert_list list = alerts_of(snapshot, most, &sender);
	char *metrics = expose(snapshot, most);
	size_t found = 0;
	for (char *line = metrics; (line = strstr(line, "\noneway_finding{")); line++) {
		char *cause = strstr(line, "cause=\"true\"");
		if (!cause || cause > strchr(line + 1, '\n'))
			continue;
		char *labels = labels_by_rule(line);
		bool met = false;
		for (size_t i = 0; i < list.count; i++)
			met |= strcmp(list.items[i].labels, labels) == 0;
		if (!met)
			fail_msg("no alert has %s", labels);
		free(labels);
		found++;
	}
	assert_int_equal(found, expected);
	assert_int_equal(found, list.count);
	free(metrics);
	alert_list_clear(&list);
	alert_sender_clear(&sender);
}

static void labels_are_those_that_a_rule_makes_of_the_metric(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct snapshot healthy = { .facts = facts_new(), .findings = findings_new() };
	assert_same_as_metrics(&healthy, 256, 0);
	sample_free(&healthy);
	assert_same_as_metrics(&snapshot, 256, 1); /* neither symptoms nor what is intended or over */
	add(&snapshot, &foreign_source_condition, "a\"<\\\xff", "192.0.2.1", SEVERITY_INFO);
	add(&snapshot, &foreign_source_condition, "a\"<\\\xff", "192.0.2.1", SEVERITY_CRITICAL);
	add(&snapshot, &return_only_condition, "new\nline|", NULL, SEVERITY_WARNING);
	add(&snapshot, &handshake_one_way_condition, "", "2001:db8::1", SEVERITY_CRITICAL);
	add(&snapshot, &handshake_one_way_condition, "", "192.0.2.77", SEVERITY_CRITICAL)->open = false;
	assert_same_as_metrics(&snapshot, 256, 5);
	sample_free(&snapshot);
}

static void what_no_label_names_is_an_alert_by_condition(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct alert_sender sender = sender_of(NULL, 0);
	struct alert_list list = alerts_of(&snapshot, 0, &sender);
	assert_int_equal(list.count, 1); /* of the sample's finding with an address; the other is a symptom */
	assert_string_equal(list.items[0].labels,
		"{\"alertname\":\"OnewayFindingUnnamed\",\"condition\":\"reply_wrong_device\","
		"\"instance\":\"gw:10150\",\"job\":\"oneway\",\"severity\":\"critical\"}");
	assert_non_null(strstr(list.items[0].annotations,
		"\"description\":\"gw:10150: 2 findings of reply_wrong_device have addresses beyond "
		"--metrics.max-addresses"));
	assert_non_null(strstr(list.items[0].annotations,
		"\"runbook_url\":\"https://runbooks.example/watching.md#onewayfindingunnamed\""));
	alert_list_clear(&list);
	alert_sender_clear(&sender);
	sample_free(&snapshot);
}

static void annotations_say_what_heals(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	struct alert_sender sender = sender_of(NULL, 0);
	struct alert_list list = alerts_of(&snapshot, 256, &sender);
	assert_string_equal(list.items[0].annotations,
		"{\"description\":\"gw:10150, device wan2, address 198.51.100.7, replies leave by wan1: requests "
		"for a service address arrive on one device and their replies leave by another: predicted by "
		"lookup, or seen on the wire. To heal it, begin with: ip rule add from 10.0.0.7 lookup 100 "
		"`oneway check` there shows the evidence, and the commands that heal it where there are some.\","
		"\"remedy\":\"ip rule add from 10.0.0.7 lookup 100\\nip route add default dev 'a&b' table 100\","
		"\"runbook_url\":\"https://runbooks.example/reply_wrong_device.md\","
		"\"summary\":\"Requests for a service address arrive on one device and their replies leave by "
		"another.\"}");
	assert_int_equal(list.items[0].since_ns, snapshot.findings->items[0].since_ns);
	alert_list_clear(&list);
	snapshot.findings->items[0].remedy_checked = false;
	list = alerts_of(&snapshot, 256, &sender);
	assert_null(strstr(list.items[0].annotations, "remedy"));
	assert_null(strstr(list.items[0].annotations, "ip rule"));
	alert_list_clear(&list);
	alert_sender_clear(&sender);
	sample_free(&snapshot);
}

static void labels_of_all_alerts_are_given(void **state)
{
	(void)state;
	static const char *const given[] = { "job=net", "instance=", "site=a=b", "_x9=" };
	struct snapshot snapshot = sample_snapshot();
	struct alert_sender sender = sender_of(given, COUNT(given));
	assert_string_equal(sender.generator, "\"http://gw:10150/\\\"\"");
	struct alert_list list = alerts_of(&snapshot, 256, &sender);
	assert_non_null(strstr(list.items[0].labels, "\"job\":\"net\""));
	assert_non_null(strstr(list.items[0].labels, "\"site\":\"a=b\""));
	assert_null(strstr(list.items[0].labels, "instance"));
	assert_null(strstr(list.items[0].labels, "_x9"));
	assert_non_null(strstr(list.items[0].annotations, "\"description\":\", device wan2"));
	alert_list_clear(&list);
	alert_sender_clear(&sender);
	sample_free(&snapshot);
}

static const struct {
	const char *label, *message;
} refused[] = {
	{ "site", "--alertmanager.label: expected NAME=VALUE, got \"site\"" },
	{ "=x", "--alertmanager.label: expected NAME=VALUE, got \"=x\"" },
	{ "9a=x", "--alertmanager.label: expected NAME=VALUE, got \"9a=x\"" },
	{ "a-b=x", "--alertmanager.label: expected NAME=VALUE, got \"a-b=x\"" },
	{ "severity=x", "--alertmanager.label: severity is what a finding says itself" },
	{ "alertname=x", "--alertmanager.label: alertname is what a finding says itself" },
};

static void other_labels_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		const char *label = refused[i].label;
		struct alert_sender sender;
		char message[256];
		const struct alert_sender_options options = {
			.labels = { &label, 1 }, .instance = "", .generator_url = "", .runbook_url = ""
		};
		assert_int_equal(alert_sender_make(&options, &sender, message, sizeof(message)), -EINVAL);
		assert_string_equal(message, refused[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_those_that_a_rule_makes_of_the_metric),
		cmocka_unit_test(what_no_label_names_is_an_alert_by_condition),
		cmocka_unit_test(annotations_say_what_heals),
		cmocka_unit_test(labels_of_all_alerts_are_given),
		cmocka_unit_test(other_labels_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
