// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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

/* Lines of text as an array. */
static json_t *json_lines(const char *text)
{
	json_t *lines = json_array();
	char *copy = strdup(text), *rest = copy, *line;
	if (!copy) {
		json_decref(lines);
		return NULL;
	}
	while ((line = strsep(&rest, "\n")))
		if (*line)
			value_append(&lines, value_text(line));
	free(copy);
	return lines;
}

static json_t *json_capture(const struct capture_summary *summary)
{
	const struct value_member members[] = {
		{ "packets", value_count(summary->packets) },
		{ "skipped", value_count(summary->skipped) },
		{ "implausible_times", value_count(summary->implausible) },
		{ "comments", json_lines(summary->comments ? summary->comments : "") },
		{ "handshakes", json_outcomes(summary->facts->handshakes->outcomes) },
		{ "findings", json_findings(summary->findings, summary->facts) },
		{ "error", *summary->error ? value_text(summary->error) : NULL },
	};
	return value_object(members, *summary->error ? 7 : 6);
}

static json_t *json_viewpoint(const struct capture_summary *summary, const struct viewpoint_clock *clock)
{
	json_t *viewpoint = json_capture(summary);
	value_set(&viewpoint, "file", value_text(summary->file));
	value_set(&viewpoint, "clock_offset_seconds",
		clock->known ? json_real((double)clock->offset_ns / 1e9) : json_null());
	return viewpoint;
}

static json_t *json_crossing(const struct capture_summary *captures, const struct crossing *crossing)
{
	static const char *const names[] = {
		[CROSSING_LOST] = "lost", [CROSSING_CHANGED] = "other_address", [CROSSING_BEYOND] = "beyond"
	};
	char *said = crossing_text(crossing, captures[crossing->from].file, captures[crossing->to].file);
	const struct value_member members[] = {
		{ "reply", value_text(names[crossing->kind]) },
		{ "passed", value_text(captures[crossing->from].file) },
		{ "missing_at", crossing->kind == CROSSING_BEYOND ? json_null()
								  : value_text(captures[crossing->to].file) },
		{ "server", value_address(&crossing->server) },
		{ "server_port", value_count(crossing->port) },
		{ "came_from", value_address(&crossing->other) },
		{ "count", value_count(crossing->count) },
		{ "client", value_address(&crossing->sample.client) },
		{ "client_port", value_count(crossing->sample.client_port) },
		{ "first", value_time(crossing->sample.syn_ns) },
		{ "summary", said ? value_text(said) : NULL },
	};
	free(said);
	return VALUE_OBJECT(members);
}

static json_t *json_together(
	const struct capture_summary *captures, size_t count, const struct viewpoints *viewpoints)
{
	json_t *files = json_array(), *crossings = json_array();
	for (size_t i = 0; i < count; i++)
		value_append(&files, json_viewpoint(&captures[i], &viewpoints->clocks[i]));
	for (size_t i = 0; i < viewpoints->crossing_count; i++)
		value_append(&crossings, json_crossing(captures, &viewpoints->crossings[i]));
	const struct value_member members[] = {
		{ "viewpoints", files },
		{ "common_handshakes", value_count(viewpoints->common) },
		{ "crossings", crossings },
	};
	return VALUE_OBJECT(members);
}

static int json_put_capture(FILE *out, const struct report_style *style,
	const struct capture_summary *captures, size_t count, const struct viewpoints *viewpoints)
{
	(void)style;
	return json_put(
		out, count == 1 ? json_capture(captures) : json_together(captures, count, viewpoints));
}

const struct writer json_writer = {
	.name = "json",
	.findings = json_put_findings,
	.explanation = json_put_explanation,
	.capture = json_put_capture,
};
