// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>

#include "alerts/describe.h"
#include "exporter/base/value.h"
#include "exporter/output/json.h"
#include "exporter/output/writer.h"

static json_t *table_value(uint8_t family, const char *table)
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

static json_t *trace_steps_array(const struct trace *trace)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < trace->step_count; i++) {
		const struct trace_step *step = &trace->steps[i];
		const struct value_member members[] = {
			{ "table", table_value(step->family, step->table) },
			{ "chain", value_text(step->chain) },
			{ "handle", step->handle ? value_count(step->handle) : json_null() },
			{ "verdict", value_text(step->verdict) },
			{ "rule", value_text_or_null(step->rule) },
		};
		value_append(&steps, VALUE_OBJECT(members));
	}
	return steps;
}

static json_t *trace_object(const struct explain_trace *traced)
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
		{ "table", table_value(trace->table_family, trace->table) },
		{ "chain", value_text_or_null(trace->chain) },
		{ "handle", trace->handle ? value_count(trace->handle) : json_null() },
		{ "rule", value_text_or_null(trace->rule) },
		{ "set", value_text_or_null(trace->set) },
		{ "missing_element", value_text_or_null(trace->element) },
		{ "steps", trace_steps_array(trace) },
		{ "explanation", value_text_or_null(traced->told.explanation) },
		{ "remedy", json_remedy(&traced->told) },
	};
	return VALUE_OBJECT(members);
}

static json_t *steps_array(const struct connection_path *connection)
{
	json_t *steps = json_array();
	for (int i = 0; i < STEPS; i++) {
		char *text = NULL;
		enum step_kind kind = (enum step_kind)i;
		if (connection->steps[kind] == STEP_ABSENT)
			continue;
		connection_path_text(connection, kind, &text);
		const struct value_member members[] = {
			{ "step", value_text(step_name(kind)) },
			{ "outcome",
				value_text(step_outcome_name(step_outcome_of(connection->steps[kind]))) },
			{ "text", text ? value_text(text) : NULL },
		};
		value_append(&steps, VALUE_OBJECT(members));
		free(text);
	}
	return steps;
}

static json_t *with_array(const struct text_list *with)
{
	json_t *commands = json_array();
	for (size_t i = 0; with && i < with->count; i++)
		value_append(&commands, value_text(with->items[i]));
	return commands;
}

json_t *explain_json(const struct explanation *explanation)
{
	const struct connection_path *connection = &explanation->connection;
	const struct device *device = facts_device(connection->facts, connection->path->arrival);
	enum step_kind broken = connection_path_break(connection);
	char rule[NAT_RULE_TEXT_SIZE];
	const struct value_member members[] = {
		{ "client", value_address(&connection->path->destination) },
		{ "service", value_address(&connection->service->address) },
		{ "port", json_integer(connection->path->port) },
		{ "target", address_equal(&connection->service->address, &connection->service->target)
				    ? json_null()
				    : value_address(&connection->service->target) },
		{ "rule", connection->translation
				  ? value_text(describe_nat_rule(connection->translation, rule))
				  : json_null() },
		{ "device", device ? value_text(device->name) : json_null() },
		{ "steps", steps_array(connection) },
		{ "breaks_at", broken == STEPS ? json_null() : value_text(step_name(broken)) },
		{ "with", with_array(explanation->with) },
		{ "flow", value_text_or_null(explanation->flow) },
		{ "conclusion", value_text(connection_path_conclusion(connection)) },
		{ "findings", json_findings(explanation->findings, NULL) },
		{ "trace", explanation->trace ? trace_object(explanation->trace) : json_null() },
		{ "reading", explanation->reading ? trace_object(explanation->reading) : json_null() },
	};
	return VALUE_OBJECT(members);
}
