// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/explain_report.h"

#include <stdlib.h>

#include "exporter/json.h"
#include "exporter/text.h"

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
	for (int kind = 0; steps && kind < STEPS; kind++) {
		const struct step *step = &explanation->steps[kind];
		if (!step->present)
			continue;
		json_t *item = json_pack("{s:s, s:s, s:s}", "step", step_name((enum step_kind)kind),
			"outcome", step_outcome_name(step->outcome), "text", step->text);
		if (json_array_append_new(steps, item) < 0) {
			json_decref(steps);
			return NULL;
		}
	}
	return steps;
}

json_t *explain_json(const struct explanation *explanation)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
	enum step_kind broken = explanation_break(explanation);
	bool translated = !address_equal(&explanation->service, &explanation->target);
	address_format(&explanation->client, client);
	address_format(&explanation->service, service);
	address_format(&explanation->target, target);
	json_t *trace = explanation->trace ? explain_trace_json(explanation->trace) : json_null();
	return json_pack("{s:s, s:s, s:i, s:s?, s:s?, s:s?, s:o, s:s?, s:s?, s:s, s:o, s:o}", "client",
		client, "service", service, "port", (int)explanation->port, "target",
		translated ? target : NULL, "rule", explanation->rule, "device",
		explanation->device[0] ? explanation->device : NULL, "steps", json_steps(explanation),
		"breaks_at", broken == STEPS ? NULL : step_name(broken), "flow", explanation->flow,
		"conclusion", explanation->conclusion, "findings", json_findings(explanation->findings, NULL),
		"trace", trace);
}
