// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/explain_report.h"

#include <stdlib.h>

#include "alerts/nat_rule_text.h"
#include "exporter/base/text.h"
#include "exporter/base/value.h"
#include "exporter/output/json.h"

#define STEP_INDENT 2
#define NAME_WIDTH  14
#define TEXT_INDENT (STEP_INDENT + 8 + NAME_WIDTH)

struct outcome_look {
	const char *word;
	const char *ink;
};

static const struct outcome_look looks[] = {
	[STEP_PASSES] = { "ok", "\033[32m" },
	[STEP_BREAKS] = { "BREAKS", "\033[1;31m" },
	[STEP_OPEN] = { "?", "\033[1;33m" },
};

static int put_step(FILE *out, const struct report_style *style, const struct connection_path *connection,
	enum step_kind kind)
{
	const struct outcome_look *look = &looks[step_outcome_of(connection->steps[kind])];
	char *text;
	int result = connection_path_text(connection, kind, &text);
	if (result < 0 || !text)
		return result;
	fprintf(out, "%*s%s%-8s%s%-*s", STEP_INDENT, "", style->colour ? look->ink : "", look->word,
		style->colour ? "\033[0m" : "", NAME_WIDTH, step_name(kind));
	text_wrap_on(out, text, TEXT_INDENT, style->width);
	free(text);
	return 0;
}

void explain_write_commands(FILE *out, const char *title, const struct finding *finding)
{
	if (finding->remedy_count)
		fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < finding->remedy_count; i++) {
		fprintf(out, "%*s", STEP_INDENT, "");
		text_put(out, finding->remedy[i], TEXT_PLAIN);
		fputc('\n', out);
	}
}

static void put_finding(FILE *out, const struct report_style *style, const struct finding *finding)
{
	fputc('\n', out);
	text_wrap(out, finding->explanation, 0, style->width);
	explain_write_commands(out,
		finding->remedy_checked ? "Remedy (checked by lookups on this host)" : "Remedy (not checked)",
		finding);
}

int explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
	const struct connection_path *connection = &explanation->connection;
	int result = 0;
	fprintf(out, "%s to %s port %u\n\n", address_format(&connection->path->destination, client),
		address_format(&connection->service->address, service), connection->path->port);
	for (int kind = 0; result == 0 && kind < STEPS; kind++)
		result = put_step(out, style, connection, (enum step_kind)kind);
	if (explanation->flow) {
		fputs("\nIn conntrack now:\n", out);
		text_wrap(out, explanation->flow, STEP_INDENT, style->width);
	}
	fprintf(out, "\n%s.\n", connection_path_conclusion(connection));
	for (size_t i = 0; i < explanation->findings->count; i++)
		if (finding_is_alarm(&explanation->findings->items[i]))
			put_finding(out, style, &explanation->findings->items[i]);
	if (explanation->trace)
		explain_trace_write(out, style, explanation->trace);
	return result;
}

static json_t *json_steps(const struct connection_path *connection)
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
		{ "rule", connection->translation ? value_text(nat_rule_text(connection->translation, rule))
						  : json_null() },
		{ "device", device ? value_text(device->name) : json_null() },
		{ "steps", json_steps(connection) },
		{ "breaks_at", broken == STEPS ? json_null() : value_text(step_name(broken)) },
		{ "flow", value_text_or_null(explanation->flow) },
		{ "conclusion", value_text(connection_path_conclusion(connection)) },
		{ "findings", json_findings(explanation->findings, NULL) },
		{ "trace", explanation->trace ? explain_trace_json(explanation->trace) : json_null() },
	};
	return VALUE_OBJECT(members);
}
