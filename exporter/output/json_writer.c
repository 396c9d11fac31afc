// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <jansson.h>

#include "exporter/base/value.h"
#include "exporter/output/json.h"
#include "exporter/output/writer.h"

/* Takes the value over. */
static int json_put(FILE *out, json_t *value)
{
	int result = value ? json_dumpf(value, out, JSON_INDENT(2)) : -1;
	json_decref(value);
	fputc('\n', out);
	return result < 0 ? -ENOMEM : 0;
}

static int json_put_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	(void)style;
	json_t *collectors = json_array();
	for (size_t i = 0; i < facts->collector_count; i++) {
		const struct collector_status *status = &facts->collectors[i];
		const struct value_member members[] = {
			{ "name", value_text(status->name) },
			{ "success", json_boolean(status->success) },
			{ "error", status->success ? json_null() : value_text(status->error) },
		};
		value_append(&collectors, VALUE_OBJECT(members));
	}
	const struct value_member members[] = {
		{ "findings", json_findings(findings, facts) },
		{ "handshakes",
			facts->handshakes ? json_outcomes(facts->handshakes->outcomes) : json_null() },
		{ "collectors", collectors },
	};
	return json_put(out, VALUE_OBJECT(members));
}

static int json_put_explanation(
	FILE *out, const struct report_style *style, const struct explanation *explanation)
{
	(void)style;
	return json_put(out, explain_json(explanation));
}

static int json_put_capture(
	FILE *out, const struct report_style *style, const struct capture_summary *summary, const char *error)
{
	(void)style;
	const struct value_member members[] = {
		{ "packets", value_count(summary->packets) },
		{ "skipped", value_count(summary->skipped) },
		{ "implausible_times", value_count(summary->implausible) },
		{ "handshakes", json_outcomes(summary->facts->handshakes->outcomes) },
		{ "findings", json_findings(summary->findings, summary->facts) },
		{ "error", error ? value_text(error) : NULL },
	};
	return json_put(out, value_object(members, error ? 6 : 5));
}

const struct writer json_writer = {
	.name = "json",
	.findings = json_put_findings,
	.explanation = json_put_explanation,
	.capture = json_put_capture,
};
