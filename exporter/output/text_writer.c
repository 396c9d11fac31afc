// SPDX-License-Identifier: GPL-2.0-or-later
/* For people, on a terminal. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/text.h"
#include "exporter/base/wire_text.h"
#include "exporter/output/writer.h"

/* What one line of the table says beside the count. */
static const char *const explanations[HANDSHAKE_OUTCOMES] = {
	[HANDSHAKE_COMPLETED] = "the SYN-ACK was acknowledged",
	[HANDSHAKE_REFUSED] = "an RST answered the SYN",
	[HANDSHAKE_ONE_WAY] = "SYN-ACK not acknowledged, and the SYN came again: the reply is lost",
	[HANDSHAKE_ABANDONED] = "SYN-ACK not acknowledged, and the SYN did not come again",
	[HANDSHAKE_UNANSWERED] = "neither SYN-ACK nor RST",
	[HANDSHAKE_RETURN_ONLY] = "SYN-ACK whose SYN is not in the file",
};

static void put_comments(FILE *out, const char *comments, unsigned width)
{
	for (const char *line = comments; line && *line;) {
		size_t size = strcspn(line, "\n");
		char *copy = strndup(line, size), clean[2048];
		fputs("The file says: ", out);
		text_wrap_on(out, text_format(copy ? copy : "", TEXT_PLAIN, clean, sizeof(clean)), 2, width);
		free(copy);
		line += size + (line[size] != '\0');
	}
}

static void put_counts(FILE *out, const struct capture_summary *summary)
{
	const struct handshake_report *report = summary->facts->handshakes;
	fprintf(out, "%" PRIu64 " packets in %.1f s, %" PRIu64 " handshakes\n", summary->packets,
		(double)(summary->last_ns - summary->first_ns) / 1e9, outcomes_total(report->outcomes));
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (report->outcomes[i])
			fprintf(out, "%10" PRIu64 "  %-12s %s\n", report->outcomes[i],
				handshake_outcome_name((enum handshake_outcome)i), explanations[i]);
	if (summary->unread)
		fprintf(out, "%" PRIu64 " packets are cut off or malformed and were not looked at\n",
			summary->unread);
	if (summary->skipped)
		fprintf(out, "%" PRIu64 " more packets are of a link type that is not read\n",
			summary->skipped);
	if (summary->implausible)
		fprintf(out,
			"%" PRIu64 " packets have an implausible time stamp, far from those around them\n",
			summary->implausible);
	if (report->evicted)
		fprintf(out, "%" PRIu64 " handshakes were too many at once to be followed\n",
			report->evicted);
}

/* Of a file that could not be read at all the error says everything. */
static int put_capture(FILE *out, const struct report_style *style, const struct capture_summary *summary)
{
	size_t shown;
	if (*summary->error && !summary->packets)
		return 0;
	put_comments(out, summary->comments, style->width);
	put_counts(out, summary);
	int result = report_count(summary->findings, &shown);
	if (result == 0 && shown)
		fputc('\n', out);
	return result < 0 ? result : report_findings(out, style, summary->facts, summary->findings);
}

static void put_clock(FILE *out, const struct viewpoint_clock *clock)
{
	if (!clock->known)
		fputs("no packet in common with the files before: its clock is not known to be theirs\n",
			out);
	else if (clock->offset_ns)
		fprintf(out, "its clock is %.6f s %s the first file's\n",
			fabs((double)clock->offset_ns) / 1e9, clock->offset_ns > 0 ? "ahead of" : "behind");
}

static int put_crossings(FILE *out, const struct report_style *style, const struct capture_summary *captures,
	const struct viewpoints *viewpoints)
{
	fprintf(out, "== together: %" PRIu64 " handshakes are in two files or more\n", viewpoints->common);
	for (size_t i = 0; i < viewpoints->crossing_count; i++) {
		const struct crossing *crossing = &viewpoints->crossings[i];
		char *said =
			crossing_text(crossing, captures[crossing->from].file, captures[crossing->to].file);
		char clean[1024];
		if (!said)
			return -ENOMEM;
		text_wrap(out, text_format(said, TEXT_PLAIN, clean, sizeof(clean)), 2, style->width);
		free(said);
	}
	if (!viewpoints->crossing_count)
		fputs("  no reply was lost between them\n", out);
	return 0;
}

static int text_capture(FILE *out, const struct report_style *style, const struct capture_summary *captures,
	size_t count, const struct viewpoints *viewpoints)
{
	char name[1024];
	uint64_t packets = 0;
	for (size_t i = 0; i < count; i++)
		packets += captures[i].packets;
	if (count == 1)
		return put_capture(out, style, captures);
	if (!packets)
		return 0;
	int result = put_crossings(out, style, captures, viewpoints);
	for (size_t i = 0; result == 0 && i < count; i++) {
		fprintf(out, "\n== %s\n", text_format(captures[i].file, TEXT_PLAIN, name, sizeof(name)));
		if (i)
			put_clock(out, &viewpoints->clocks[i]);
		result = put_capture(out, style, &captures[i]);
	}
	return result;
}

#define STEP_INDENT  2
#define NAME_WIDTH   14
#define TEXT_INDENT  (STEP_INDENT + 8 + NAME_WIDTH)
#define RULE_INDENT  8
#define MESSAGE_SIZE (2 * ADDRESS_TEXT_SIZE + 160)

static const struct {
	const char *word;
	const char *ink;
} looks[] = {
	[STEP_PASSES] = { "ok", "\033[32m" },
	[STEP_BREAKS] = { "BREAKS", "\033[1;31m" },
	[STEP_OPEN] = { "?", "\033[1;33m" },
};

static int explain_write_step(FILE *out, const struct report_style *style,
	const struct connection_path *connection, enum step_kind kind)
{
	enum step_outcome outcome = step_outcome_of(connection->steps[kind]);
	char *text;
	int result = connection_path_text(connection, kind, &text);
	if (result < 0 || !text)
		return result;
	fprintf(out, "%*s%s%-8s%s%-*s", STEP_INDENT, "", style->colour ? looks[outcome].ink : "",
		looks[outcome].word, style->colour ? "\033[0m" : "", NAME_WIDTH, step_name(kind));
	text_wrap_on(out, text, TEXT_INDENT, style->width);
	free(text);
	return 0;
}

/* Beneath a title, if there are any. */
static void explain_write_commands(FILE *out, const char *title, const struct finding *finding)
{
	if (finding->remedy_count)
		fprintf(out, "\n%s\n", title);
	for (size_t i = 0; i < finding->remedy_count; i++) {
		fprintf(out, "%*s", STEP_INDENT, "");
		text_put(out, finding->remedy[i], TEXT_PLAIN);
		fputc('\n', out);
	}
}

static void explain_write_trace(
	FILE *out, const struct report_style *style, const struct explain_trace *traced)
{
	const struct trace *trace = &traced->trace;
	char client[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE], ending[MESSAGE_SIZE];
	if (trace->end == TRACE_NOTHING) {
		fputs("\nNo request came while the trace was armed.\n", out);
		return;
	}
	address_format(&trace->target, target);
	fprintf(out, "\nTrace of a request from %s port %u\n\n", address_format(&trace->client, client),
		trace->client_port);
	if (trace->translated)
		fprintf(out, "%*stranslated to %s port %u\n", STEP_INDENT, "", target, trace->target_port);
	for (size_t i = 0; i < trace->step_count; i++) {
		const struct trace_step *step = &trace->steps[i];
		char *line = NULL, handle[32] = "";
		if (step->handle)
			snprintf(handle, sizeof(handle), ", rule %llu", (unsigned long long)step->handle);
		if (asprintf(&line, "%s %s %s%s: %s", trace_family_name(step->family), step->table,
			    step->chain, handle, step->verdict) < 0)
			continue;
		text_wrap(out, line, STEP_INDENT, style->width);
		free(line);
		if (step->rule)
			text_wrap(out, step->rule, RULE_INDENT, style->width);
	}
	fputc('\n', out);
	if (trace->place != TRACE_THROUGH)
		snprintf(ending, sizeof(ending), "It ended in %s.", trace_place_name(trace->place));
	else if (trace->leaving)
		snprintf(ending, sizeof(ending),
			"It got through all rules and left for %s port %u: if nothing answers, look there.",
			target, trace->target_port);
	else
		snprintf(ending, sizeof(ending), "It got through all rules, to port %u of this host.",
			trace->target_port);
	text_wrap(out, traced->told.explanation ? traced->told.explanation : ending, 0, style->width);
	explain_write_commands(out, "Would admit it (a matter of policy, not checked)", &traced->told);
}

/* The step has told which rule it is. */
static void explain_write_reading(FILE *out, const struct explain_trace *reading)
{
	explain_write_commands(out, "Would admit it (a matter of policy, not checked)", &reading->told);
}

static int explain_write(FILE *out, const struct report_style *style, const struct explanation *explanation)
{
	char client[ADDRESS_TEXT_SIZE], service[ADDRESS_TEXT_SIZE];
	const struct connection_path *connection = &explanation->connection;
	int result = 0;
	fprintf(out, "%s to %s port %u\n\n", address_format(&connection->path->destination, client),
		address_format(&connection->service->address, service), connection->path->port);
	for (size_t i = 0; explanation->with && i < explanation->with->count; i++) {
		fputs(i == 0 ? "As if these had been run:\n" : "", out);
		fprintf(out, "%*s", STEP_INDENT, "");
		text_put(out, explanation->with->items[i], TEXT_PLAIN);
		fputs(i + 1 == explanation->with->count ? "\n\n" : "\n", out);
	}
	for (int kind = 0; result == 0 && kind < STEPS; kind++)
		result = explain_write_step(out, style, connection, (enum step_kind)kind);
	if (explanation->flow) {
		fputs("\nIn conntrack now:\n", out);
		text_wrap(out, explanation->flow, STEP_INDENT, style->width);
	}
	fprintf(out, "\n%s.\n", connection_path_conclusion(connection));
	for (size_t i = 0; i < explanation->findings->count; i++) {
		const struct finding *finding = &explanation->findings->items[i];
		if (!finding_is_alarm(finding))
			continue;
		fputc('\n', out);
		text_wrap(out, finding->explanation, 0, style->width);
		explain_write_commands(out,
			finding->remedy_checked ? "Remedy (checked by lookups on this host)"
						: "Remedy (not checked)",
			finding);
	}
	if (explanation->reading && !explanation->trace)
		explain_write_reading(out, explanation->reading);
	if (explanation->trace)
		explain_write_trace(out, style, explanation->trace);
	return result;
}

const struct writer text_writer = {
	.name = "text",
	.findings = report_write,
	.explanation = explain_write,
	.capture = text_capture,
};
