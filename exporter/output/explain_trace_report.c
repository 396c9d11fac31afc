// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>

#include "exporter/base/text.h"
#include "exporter/base/value.h"
#include "exporter/output/explain_report.h"
#include "exporter/output/json.h"

#define STEP_INDENT  2
#define RULE_INDENT  8
#define MESSAGE_SIZE (2 * ADDRESS_TEXT_SIZE + 160)

static void put_step(FILE *out, const struct report_style *style, const struct trace_step *step)
{
	char *line = NULL;
	int size = step->handle ? asprintf(&line, "%s %s %s, rule %llu: %s", trace_family_name(step->family),
					  step->table, step->chain, (unsigned long long)step->handle,
					  step->verdict)
				: asprintf(&line, "%s %s %s: %s", trace_family_name(step->family),
					  step->table, step->chain, step->verdict);
	if (size < 0)
		return;
	text_wrap(out, line, STEP_INDENT, style->width);
	free(line);
	if (step->rule)
		text_wrap(out, step->rule, RULE_INDENT, style->width);
}

static const char *ending_text(const struct trace *trace, char text[static MESSAGE_SIZE])
{
	char address[ADDRESS_TEXT_SIZE];
	address_format(&trace->target, address);
	if (trace->place != TRACE_THROUGH)
		snprintf(text, MESSAGE_SIZE, "It ended in %s.", trace_place_name(trace->place));
	else if (trace->leaving)
		snprintf(text, MESSAGE_SIZE,
			"It got through all rules and left for %s port %u: if nothing answers, look there.",
			address, trace->target_port);
	else
		snprintf(text, MESSAGE_SIZE, "It got through all rules, to port %u of this host.",
			trace->target_port);
	return text;
}

static void put_title(FILE *out, const struct trace *trace)
{
	char client[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
	fprintf(out, "\nTrace of a request from %s port %u\n\n", address_format(&trace->client, client),
		trace->client_port);
	if (trace->translated)
		fprintf(out, "%*stranslated to %s port %u\n", STEP_INDENT, "",
			address_format(&trace->target, target), trace->target_port);
}

void explain_trace_write(FILE *out, const struct report_style *style, const struct explain_trace *traced)
{
	const struct trace *trace = &traced->trace;
	char text[MESSAGE_SIZE];
	if (trace->end == TRACE_NOTHING) {
		fputs("\nNo request came while the trace was armed.\n", out);
		return;
	}
	put_title(out, trace);
	for (size_t i = 0; i < trace->step_count; i++)
		put_step(out, style, &trace->steps[i]);
	fputc('\n', out);
	text_wrap(out, traced->told.explanation ? traced->told.explanation : ending_text(trace, text), 0,
		style->width);
	explain_write_commands(out, "Would admit it (a matter of policy, not checked)", &traced->told);
}

/* ---- JSON ---- */

static json_t *json_table(uint8_t family, const char *table)
{
	char *text = NULL;
	if (!table)
		return json_null();
	if (asprintf(&text, "%s %s", trace_family_name(family), table) < 0)
		return NULL;
	json_t *value = value_text(text);
	free(text);
	return value;
}

static json_t *json_handle(uint64_t handle)
{
	return handle ? value_count(handle) : json_null();
}

static json_t *json_steps(const struct trace *trace)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < trace->step_count; i++) {
		const struct trace_step *step = &trace->steps[i];
		const struct value_member members[] = {
			{ "table", json_table(step->family, step->table) },
			{ "chain", value_text(step->chain) },
			{ "handle", json_handle(step->handle) },
			{ "verdict", value_text(step->verdict) },
			{ "rule", value_text_or_null(step->rule) },
		};
		value_append(&steps, VALUE_OBJECT(members));
	}
	return steps;
}

json_t *explain_trace_json(const struct explain_trace *traced)
{
	const struct trace *trace = &traced->trace;
	bool came = trace->end != TRACE_NOTHING;
	const struct value_member members[] = {
		{ "client", came ? value_address(&trace->client) : json_null() },
		{ "client_port", came ? json_integer(trace->client_port) : json_null() },
		{ "translated", json_boolean(trace->translated) },
		{ "target", value_address(&trace->target) },
		{ "target_port", json_integer(trace->target_port) },
		{ "end", value_text(trace_end_name(trace->end)) },
		{ "place", value_text_or_null(came ? trace_place_name(trace->place) : NULL) },
		{ "table", json_table(trace->table_family, trace->table) },
		{ "chain", value_text_or_null(trace->chain) },
		{ "handle", json_handle(trace->handle) },
		{ "rule", value_text_or_null(trace->rule) },
		{ "set", value_text_or_null(trace->set) },
		{ "missing_element", value_text_or_null(trace->element) },
		{ "steps", json_steps(trace) },
		{ "explanation", value_text_or_null(traced->told.explanation) },
		{ "remedy", json_remedy(&traced->told) },
	};
	return VALUE_OBJECT(members);
}
