// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/rfc3339.h"
#include "collectors/change/changes.h"
#include "exporter/base/buffer.h"
#include "exporter/output/json.h"
#include "exporter/output/report.h"
#include "exporter/output/writer.h"
#include "tests/support/facts_builder.h"
#include "tests/support/sample.h"
#include "tests/support/sample_wire.h"

/* Takes the value over. */
static void assert_json(json_t *value, const char *expected)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void a_finding_has_its_shape(void **state)
{
	(void)state;
	struct findings *findings = sample_findings();
	char expected[2048];
	snprintf(expected, sizeof(expected),
		"{\"id\":\"%s\",\"condition\":\"reply_wrong_device\",\"severity\":\"critical\",\"device\":"
		"\"wan2\","
		"\"address\":\"198.51.100.7\",\"origin\":\"dnat\",\"target\":\"10.0.0.7\",\"reply_device\":"
		"\"wan1\","
		"\"since\":\"2026-01-02T03:03:00.678Z\",\"last_seen\":\"2026-01-02T03:04:05.678Z\","
		"\"changed\":[],\"from_start\":false,"
		"\"summary\":\"Summary of reply_wrong_device <wan2>\",\"explanation\":\"Explained & so on.\","
		"\"evidence\":{\"peer\":[\"203.0.113.5\",\"203.0.113.6\",\"203.0.113.7\"],\"odd\":\"a%%"
		"FF\\\"b\","
		"\"half_open\":3,\"share\":0.25},\"cause\":null,\"intended\":false,"
		"\"remedy\":[\"ip rule add from 10.0.0.7 lookup 100\","
		"\"ip route add default dev 'a&b' table 100\"],\"remedy_checked\":true}",
		findings->items[0].id);
	assert_json(json_finding(&findings->items[0], NULL), expected);
	findings_free(findings);
}

static void what_means_nothing_is_null(void **state)
{
	(void)state;
	struct findings *findings = sample_findings();
	json_t *object = json_finding(&findings->items[1], NULL);
	static const char *const nulls[] = { "address", "origin", "target", "reply_device" };
	for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++)
		assert_true(json_is_null(json_object_get(object, nulls[i])));
	assert_string_equal(json_string_value(json_object_get(object, "cause")), findings->items[0].id);
	assert_json(json_incref(json_object_get(object, "evidence")), "{}");
	assert_json(json_incref(json_object_get(object, "remedy")), "[]");
	json_decref(object);
	findings_free(findings);
}

static void a_finding_names_its_handshakes(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	json_t *object = json_finding(&snapshot.findings->items[0], snapshot.facts);
	json_t *evidence = json_object_get(object, "evidence");
	json_t *handshakes = json_object_get(evidence, "handshakes");
	assert_int_equal(json_array_size(handshakes), SAMPLE_HANDSHAKES);
	assert_json(json_incref(json_array_get(handshakes, 0)),
		"{\"client\":\"203.0.113.5\",\"client_port\":40107,\"server\":\"198.51.100.7\","
		"\"server_port\":22,\"first\":\"2026-01-02T03:04:02.678Z\","
		"\"last\":\"2026-01-02T03:04:05.678Z\",\"repeats\":2,"
		"\"syn\":{\"in\":\"wan2\",\"out\":null},\"synack\":{\"in\":null,\"out\":\"wan1\"},"
		"\"acknowledged\":false,\"translated\":{\"client\":\"203.0.113.5\","
		"\"client_port\":40107,\"server\":\"10.0.0.7\",\"server_port\":2222,"
		"\"syn\":{\"in\":null,\"out\":\"wan1\"},\"synack\":{\"in\":\"wan1\",\"out\":null}}}");
	assert_true(json_is_null(json_object_get(json_array_get(handshakes, 1), "translated")));
	assert_true(json_is_array(json_object_get(evidence, "peer")));
	json_decref(object);
	sample_free(&snapshot);
}

/* A device that went and came back is one row. */
static void handshakes_have_their_shape(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	snapshot.facts->handshakes->device_count = 3;
	snapshot.facts->handshakes->devices[0].device = HANDSHAKE_OTHER_DEVICES;
	assert_json(json_handshakes(snapshot.facts),
		"{\"tracked\":17,\"limit\":32768,\"sampling_ratio\":0.25,\"evicted\":3,\"unwatched\":{\"pending\":0,"
		"\"limit\":2,\"descriptors\":0,\"memory\":1,\"error\":0},\"devices\":["
		"{\"device\":\"other\",\"packets\":{\"in\":{\"syn\":12,\"syn_repeat\":0,\"synack\":0,"
		"\"synack_repeat\":0,\"ack\":9,\"rst\":0},\"out\":{\"syn\":0,\"syn_repeat\":0,\"synack\":11,"
		"\"synack_repeat\":0,\"ack\":0,\"rst\":0}},\"echo\":{\"answered\":2,\"unanswered\":0,"
		"\"other_address\":1},\"captured\":null,\"dropped\":null},"
		"{\"device\":\"wan2\",\"packets\":{\"in\":{\"syn\":4,\"syn_repeat\":0,\"synack\":0,"
		"\"synack_repeat\":0,\"ack\":0,\"rst\":0},\"out\":{\"syn\":0,\"syn_repeat\":0,\"synack\":0,"
		"\"synack_repeat\":0,\"ack\":0,\"rst\":0}},\"echo\":{\"answered\":0,\"unanswered\":0,"
		"\"other_address\":0},\"captured\":37,\"dropped\":3}],\"pairs\":["
		"{\"syn_device\":\"wan1\",\"synack_device\":\"wan1\",\"outcomes\":{\"completed\":9}},"
		"{\"syn_device\":\"wan2\",\"synack_device\":\"wan1\",\"outcomes\":{\"one_way\":5}},"
		"{\"syn_device\":\"wan1\",\"synack_device\":null,\"outcomes\":{\"unanswered\":50}},"
		"{\"syn_device\":null,\"synack_device\":\"wan1\",\"outcomes\":{\"return_only\":6}}]}");
	sample_free(&snapshot);
}

static void only_open_findings_are_listed(void **state)
{
	(void)state;
	struct findings *findings = sample_findings();
	json_t *array = json_findings(findings, NULL);
	assert_int_equal(json_array_size(array), 4);
	assert_true(json_is_true(json_object_get(json_array_get(array, 2), "intended")));
	json_decref(array);
	findings_free(findings);
	findings = findings_new();
	assert_json(json_findings(findings, NULL), "[]");
	findings_free(findings);
}

static void addresses_have_their_shape(void **state)
{
	(void)state;
	struct snapshot snapshot = sample_snapshot();
	json_t *array = json_addresses(snapshot.facts, &snapshot.findings->verdicts);
	assert_int_equal(json_array_size(array), 5);
	assert_json(json_incref(json_array_get(array, 0)),
		"{\"address\":\"198.51.100.7\",\"origin\":\"dnat\",\"target\":\"10.0.0.7\","
		"\"arrival_devices\":[\"wan2\"],\"verdict\":\"uncovered\",\"flows\":{\"half_open\":3,"
		"\"open\":0},"
		"\"paths\":[{\"destination\":\"203.0.113.5\",\"kind\":\"peer\",\"arrival_device\":\"wan2\","
		"\"reply_devices\":[\"wan1\"],\"verdict\":\"uncovered\",\"table\":254,"
		"\"gateway\":\"192.0.2.254\"},"
		"{\"destination\":\"203.0.113.6\",\"kind\":\"set\",\"arrival_device\":\"wan2\","
		"\"reply_devices\":[\"wan1\"],\"verdict\":\"uncovered\",\"table\":254,"
		"\"gateway\":\"192.0.2.254\"},"
		"{\"destination\":\"203.0.113.7\",\"kind\":\"probe\",\"arrival_device\":\"wan2\","
		"\"reply_devices\":[\"wan1\",\"wan2\"],\"verdict\":\"partly\",\"table\":100,\"gateway\":null}"
		"]}");
	assert_json(json_incref(json_array_get(array, 2)),
		"{\"address\":\"2001:db8::1\",\"origin\":\"local\",\"target\":\"2001:db8::1\","
		"\"arrival_devices\":[\"wan1\"],\"verdict\":\"no_route\",\"flows\":{\"half_open\":0,\"open\":"
		"0},"
		"\"paths\":[{\"destination\":\"2001:db8:f::5\",\"kind\":\"neighbour\",\"arrival_device\":"
		"\"wan1\","
		"\"reply_devices\":[],\"verdict\":\"no_route\",\"table\":null,\"gateway\":null}]}");
	assert_json(json_incref(json_array_get(array, 4)),
		"{\"address\":\"192.0.2.9\",\"origin\":\"local\",\"target\":\"192.0.2.9\","
		"\"arrival_devices\":[\"a\\\"<\\\\%FF\"],\"verdict\":\"unknown\","
		"\"flows\":{\"half_open\":0,\"open\":0},\"paths\":[]}");
	json_decref(array);
	sample_free(&snapshot);
}

static void times_are_utc(void **state)
{
	(void)state;
	char text[RFC3339_SIZE];
	assert_string_equal(rfc3339_format(0, text), "1970-01-01T00:00:00.000Z");
	assert_string_equal(rfc3339_format(-1, text), "1969-12-31T23:59:59.999Z");
	assert_string_equal(rfc3339_format(INT64_C(951827696005999999), text), "2000-02-29T12:34:56.005Z");
}

/* Names are bytes, and jansson takes none but UTF-8. */
static void an_explanation_may_name_anything(void **state)
{
	(void)state;
	char odd[] = "a\xff\x01";
	char *remedy[] = { odd };
	struct trace_step step = { .table = odd, .chain = odd, .verdict = odd, .rule = odd };
	struct explain_trace trace = { .trace = { .end = TRACE_RULE,
					       .table = odd,
					       .chain = odd,
					       .rule = odd,
					       .set = odd,
					       .element = odd,
					       .steps = &step,
					       .step_count = 1 },
		.told = { .explanation = odd, .remedy = remedy, .remedy_count = 1 } };
	struct settings settings = { 0 };
	struct facts *facts = build_facts();
	struct device *device = build_device(facts, odd);
	struct path *path =
		build_path(facts, build_service(facts, "192.0.2.1", NULL, odd), "203.0.113.9", odd);
	const struct explanation explanation = {
		.connection = connection_path_of(&settings, facts, path, odd),
		.findings = findings_new(),
		.flow = odd,
		.trace = &trace,
	};
	assert_string_equal(device->name, odd);
	json_t *value = explain_json(&explanation);
	char *text = json_dumps(value, JSON_COMPACT);
	unsigned names = 0;
	assert_non_null(text);
	for (const char *at = text; (at = strstr(at, "a%FF%01")); at++)
		names++;
	assert_int_equal(names, 17); /* device, 4 in steps, flow; 7 of the trace, 4 of its step */
	free(text);
	json_decref(value);
	findings_free(explanation.findings);
	facts_free(facts);
}

/* sample_facts() with a rule that came since. */
static struct facts *changed_facts(void)
{
	struct facts *before = sample_facts(), *now = sample_facts();
	assert_int_equal(changes_note(NULL, before), 0);
	build_later(now, 1);
	build_rule(now, AF_INET, 5, NULL, 7);
	snprintf(build_rule(now, AF_INET, 7, NULL, 8)->iif, IF_NAMESIZE, "<b>");
	assert_int_equal(changes_note(before, now), 0);
	facts_free(before);
	return now;
}

/* Those that a finding carries: JSON and terminal. */
static void what_changed_before_a_finding_is_written(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	struct snapshot snapshot = { .facts = changed_facts(), .findings = sample_findings() };
	sample_judge(&snapshot);
	struct finding *finding = &snapshot.findings->items[0];
	finding->changed[finding->changed_count++] = change_share(snapshot.facts->changes->items[0]);
	json_t *object = json_finding(finding, NULL);
	const json_t *first = json_array_get(json_object_get(object, "changed"), 0);
	assert_string_equal(
		json_string_value(json_object_get(first, "text")), "ip rule add pref 5 from all lookup 7");
	json_decref(object);
	FILE *out = open_memstream(&text, &size);
	const struct report_style style = { .width = 80 };
	assert_int_equal(report_findings(out, &style, snapshot.facts, snapshot.findings), 0);
	fclose(out);
	assert_non_null(strstr(text, "What changed before\n"));
	assert_non_null(strstr(text, "Z  ip rule add pref 5 from all lookup 7\n"));
	free(text);
	change_release(finding->changed[--finding->changed_count]);
	sample_free(&snapshot);
}

static void changes_are_written(void **state)
{
	(void)state;
	struct snapshot snapshot = { .facts = changed_facts(), .findings = findings_new() };
	sample_judge(&snapshot);
	json_t *object = json_changes(snapshot.facts->changes), *list = json_object_get(object, "changes");
	assert_int_equal(json_array_size(list), 2);
	const json_t *last = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(last, "kind")), "rule");
	assert_string_equal(json_string_value(json_object_get(last, "event")), "came");
	assert_string_equal(
		json_string_value(json_object_get(last, "text")), "ip rule add pref 5 from all lookup 7");
	assert_int_equal(json_integer_value(json_object_get(object, "untold")), 0);
	assert_string_not_equal(json_string_value(json_object_get(object, "since")),
		json_string_value(json_object_get(last, "time")));
	json_decref(object);
	sample_free(&snapshot);
}

/* Two steps; the clock is set back a day in between. */
static void the_last_hour_is_written(void **state)
{
	(void)state;
	struct snapshot snapshot = { .facts = changed_facts(), .findings = sample_findings() };
	struct handshake_report *report = snapshot.facts->handshakes;
	struct handshake_pair *pair = &report->pairs[0];
	const struct timeline *timeline[3];
	sample_judge(&snapshot);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(timeline_note(i ? timeline[i - 1] : NULL, snapshot.facts, snapshot.findings,
					 &timeline[i]),
			0);
		pair->counts[HANDSHAKE_ONE_WAY] += 3;
		if (i < 2)
			build_later(snapshot.facts, 10);
	}
	snapshot.facts->time_ns -= 24 * 3600 * SECOND_NS;
	json_t *object = json_history(timeline[2], snapshot.facts);
	char *text = json_dumps(json_object_get(object, "times"), JSON_COMPACT);
	assert_string_equal(text, "[\"2026-01-01T03:04:16.678Z\",\"2026-01-01T03:04:26.678Z\"]");
	free(text);
	assert_string_equal(json_string_value(json_object_get(object, "until")), "2026-01-01T03:04:26.678Z");
	assert_string_equal(json_string_value(json_object_get(object, "since")), "2026-01-01T03:04:06.678Z");
	text = json_dumps(json_object_get(object, "watched"), JSON_COMPACT);
	assert_string_equal(text, "[true,true]");
	free(text);
	const json_t *devices = json_object_get(object, "devices");
	text = json_dumps(json_array_get(devices, 0), JSON_COMPACT);
	assert_string_equal(text,
		"{\"device\":\"wan1\",\"line\":false,\"outcomes\":{\"completed\":[9,0],\"one_way\":[3,3],"
		"\"unanswered\":[50,0],\"return_only\":[6,0]}}");
	free(text);
	const json_t *first = json_array_get(json_object_get(object, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "id")), timeline[2]->findings[0].id);
	assert_true(json_is_null(json_object_get(first, "until")));
	const json_t *changes = json_object_get(object, "changes");
	assert_int_equal(json_array_size(changes), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(changes, 0), "time")),
		"2026-01-01T03:04:06.678Z");
	for (const char *const *name = (const char *const[]){ "devices_omitted", "findings_omitted",
		     "changes_omitted", NULL };
		*name; name++)
		assert_int_equal(json_integer_value(json_object_get(object, *name)), 0);
	json_decref(object);
	for (int i = 0; i < 3; i++)
		timeline_release(timeline[i]);
	sample_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_hour_is_written),
		cmocka_unit_test(changes_are_written),
		cmocka_unit_test(what_changed_before_a_finding_is_written),
		cmocka_unit_test(a_finding_has_its_shape),
		cmocka_unit_test(what_means_nothing_is_null),
		cmocka_unit_test(a_finding_names_its_handshakes),
		cmocka_unit_test(handshakes_have_their_shape),
		cmocka_unit_test(only_open_findings_are_listed),
		cmocka_unit_test(addresses_have_their_shape),
		cmocka_unit_test(times_are_utc),
		cmocka_unit_test(an_explanation_may_name_anything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
