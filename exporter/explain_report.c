// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/explain_report.h"

#include <stdlib.h>

#include "exporter/json.h"
#include "exporter/text.h"
#include "exporter/value.h"

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

static void put_word(FILE *out, const struct report_style *style, const struct outcome_look *look)
{
	fprintf(out, "%*s%s%-8s%s", STEP_INDENT, "", style->colour ? look->ink : "", look->word,
		style->colour ? "\033[0m" : "");
}

static void put_step(
	FILE *out, const struct report_style *style, enum step_kind kind, const struct step *step)
{
	char *text = NULL;
	size_t size = 0;
	put_word(out, style, &looks[step->outcome]);
	fprintf(out, "%-*s", NAME_WIDTH, step_name(kind));
	FILE *wrapped = open_memstream(&text, &size);
	if (!wrapped)
		return;
	text_wrap(wrapped, step->text, TEXT_INDENT, style->width);
	if (fclose(wrapped) == 0 && size > TEXT_INDENT)
		fputs(text + TEXT_INDENT, out);
	free(text);
}

static void put_title(FILE *out, const struct explanation *explanation)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
	fprintf(out, "%s to %s port %u\n\n", address_format(&explanation->client, client),
		address_format(&explanation->service, service), explanation->port);
}

static void put_remedy(FILE *out, const struct finding *finding)
{
	fprintf(out, "\nRemedy (%s)\n",
		finding->remedy_checked ? "checked by lookups on this host" : "not checked");
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
	if (finding->remedy_count)
		put_remedy(out, finding);
}

void explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation)
{
	put_title(out, explanation);
	for (int kind = 0; kind < STEPS; kind++)
		if (explanation->steps[kind].present)
			put_step(out, style, (enum step_kind)kind, &explanation->steps[kind]);
	if (explanation->flow) {
		fputs("\nIn conntrack now:\n", out);
		text_wrap(out, explanation->flow, STEP_INDENT, style->width);
	}
	fprintf(out, "\n%s.\n", explanation->conclusion);
	for (size_t i = 0; i < explanation->findings->count; i++)
		if (finding_is_alarm(&explanation->findings->items[i]))
			put_finding(out, style, &explanation->findings->items[i]);
	if (explanation->trace)
		explain_trace_write(out, style, explanation->trace);
}

static json_t *json_steps(const struct explanation *explanation)
{
	json_t *steps = json_array();
	for (int kind = 0; kind < STEPS; kind++) {
		const struct step *step = &explanation->steps[kind];
		const struct value_member members[] = {
			{ "step", value_text(step_name((enum step_kind)kind)) },
			{ "outcome", value_text(step_outcome_name(step->outcome)) },
			{ "text", value_text_or_null(step->text) },
		};
		json_t *item = VALUE_OBJECT(members);
		if (step->present)
			value_append(&steps, item);
		else
			json_decref(item);
	}
	return steps;
}

json_t *explain_json(const struct explanation *explanation)
{
	enum step_kind broken = explanation_break(explanation);
	bool translated = !address_equal(&explanation->service, &explanation->target);
	const struct value_member members[] = {
		{ "client", value_address(&explanation->client) },
		{ "service", value_address(&explanation->service) },
		{ "port", json_integer(explanation->port) },
		{ "target", translated ? value_address(&explanation->target) : json_null() },
		{ "rule", value_text_or_null(explanation->rule) },
		{ "device", value_text_or_null(explanation->device) },
		{ "steps", json_steps(explanation) },
		{ "breaks_at", value_text_or_null(broken == STEPS ? NULL : step_name(broken)) },
		{ "flow", value_text_or_null(explanation->flow) },
		{ "conclusion", value_text(explanation->conclusion) },
		{ "findings", json_findings(explanation->findings, NULL) },
		{ "trace", explanation->trace ? explain_trace_json(explanation->trace) : json_null() },
	};
	return VALUE_OBJECT(members);
}
