// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/finding_tree.h"
#include "collectors/base/rfc3339.h"
#include "exporter/base/text.h"
#include "exporter/base/unwatched.h"
#include "exporter/base/wire_text.h"
#include "exporter/output/evidence.h"

enum ink { INK_BOLD, INK_DIM, INK_INFO, INK_WARNING, INK_CRITICAL, INK_GOOD, INKS };

static const char *const inks[INKS] = {
	[INK_BOLD] = "\033[1m",
	[INK_DIM] = "\033[2m",
	[INK_INFO] = "\033[1;36m",
	[INK_WARNING] = "\033[1;33m",
	[INK_CRITICAL] = "\033[1;31m",
	[INK_GOOD] = "\033[32m",
};

static const enum ink severity_inks[SEVERITIES] = {
	[SEVERITY_INFO] = INK_INFO,
	[SEVERITY_WARNING] = INK_WARNING,
	[SEVERITY_CRITICAL] = INK_CRITICAL,
};

struct report {
	FILE *out;
	const struct report_style *style;
	const struct facts *facts;
};

static void report_put(const struct report *report, enum ink ink, const char *text)
{
	if (report->style->colour)
		fputs(inks[ink], report->out);
	text_put(report->out, text, TEXT_PLAIN);
	if (report->style->colour)
		fputs("\033[0m", report->out);
}

static void report_put_title(const struct report *report, unsigned indent, const char *title)
{
	fprintf(report->out, "\n%*s", (int)indent, "");
	report_put(report, INK_BOLD, title);
	fputc('\n', report->out);
}

#define MOST_ROWS 5
#define GAP       2 /* columns between two cells */

static const struct handshake_cells heading = { {
	[COLUMN_FIRST] = "first (UTC)",
	[COLUMN_LAST] = "last",
	[COLUMN_HANDSHAKE] = "handshake",
	[COLUMN_SYN] = "SYN",
	[COLUMN_SYNACK] = "SYN-ACK",
	[COLUMN_REPEATS] = "repeats",
} };

/* As a terminal takes them. Of a time "03:04:05.678" is left: the day is today's, or known to who has the
 * file. */
static struct handshake_cells report_cells(
	const struct facts *facts, const struct handshake_suspect *handshake)
{
	const struct handshake_cells cells = handshake_cells(facts, handshake);
	struct handshake_cells shown;
	for (size_t i = 0; i < HANDSHAKE_COLUMNS; i++) {
		const char *text = cells.text[i];
		const char *clock = i <= COLUMN_LAST ? strchr(text, 'T') : NULL;
		text_format(clock   ? clock + 1
			    : *text ? text
				    : "-",
			TEXT_PLAIN, shown.text[i], clock ? sizeof("03:04:05.678") : HANDSHAKE_CELL_SIZE);
	}
	return shown;
}

/* A table of the first few handshakes that show the finding; nothing if there are none. */
static void report_put_handshakes(
	FILE *out, const struct facts *facts, const struct finding *finding, unsigned indent)
{
	const struct handshake_suspect *handshakes[FINDING_HANDSHAKES];
	struct handshake_cells rows[1 + MOST_ROWS] = { heading };
	size_t widths[HANDSHAKE_COLUMNS] = { 0 };
	size_t count = evidence_handshakes(facts, finding, handshakes);
	size_t shown = count < MOST_ROWS ? count : MOST_ROWS;
	if (count == 0)
		return;
	for (size_t i = 0; i < shown; i++)
		rows[1 + i] = report_cells(facts, handshakes[i]);
	for (size_t i = 0; i <= shown; i++)
		for (size_t j = 0; j < HANDSHAKE_COLUMNS; j++)
			if (text_width(rows[i].text[j]) > widths[j])
				widths[j] = text_width(rows[i].text[j]);
	for (size_t i = 0; i <= shown; i++) {
		fprintf(out, "%*s", (int)indent, "");
		for (size_t j = 0; j < HANDSHAKE_COLUMNS; j++) {
			const char *text = rows[i].text[j];
			bool last = j + 1 == HANDSHAKE_COLUMNS;
			fprintf(out, "%s%*s", text, last ? 0 : (int)(widths[j] - text_width(text) + GAP), "");
		}
		fputc('\n', out);
	}
	if (count > shown)
		fprintf(out, "%*s… and %zu more\n", (int)indent, "", count - shown);
}

#define STEP 2 /* columns of one more indentation */

static void report_put_evidence(const struct report *report, const struct finding *finding, unsigned indent)
{
	const struct evidence *evidence = finding->evidence;
	bool has_handshakes = evidence_has_handshakes(report->facts, finding);
	size_t column = 0;
	if (!finding->evidence_count && !has_handshakes)
		return;
	report_put_title(report, indent, "Evidence");
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strlen(evidence[i].key) > column)
			column = strlen(evidence[i].key);
	for (size_t i = 0; i < finding->evidence_count; i++) {
		/* items of one list share a line */
		if (i > 0 && evidence[i].item && strcmp(evidence[i].key, evidence[i - 1].key) == 0)
			fputs(", ", report->out);
		else
			fprintf(report->out, "%s%*s%-*s  ", i ? "\n" : "", (int)(indent + STEP), "",
				(int)column, evidence[i].key);
		text_put(report->out, evidence[i].text, TEXT_PLAIN);
	}
	fputs(finding->evidence_count ? "\n" : "", report->out);
	if (finding->evidence_count && has_handshakes)
		fputc('\n', report->out);
	report_put_handshakes(report->out, report->facts, finding, indent + STEP);
}

static void report_put_changed(const struct report *report, const struct finding *finding, unsigned indent)
{
	char time[RFC3339_SIZE];
	if (finding->changed_count)
		report_put_title(report, indent, "What changed before");
	for (unsigned i = 0; i < finding->changed_count; i++) {
		fprintf(report->out, "%*s%s  ", (int)(indent + STEP), "",
			rfc3339_format(finding->changed[i]->time_ns, time));
		text_put(report->out, finding->changed[i]->text, TEXT_PLAIN);
		fputc('\n', report->out);
	}
}

static void report_put_remedy(const struct report *report, const struct finding *finding, unsigned indent)
{
	if (!finding->remedy_count)
		return;
	report_put_title(report, indent,
		finding->remedy_checked ? "Remedy (checked by lookups on this host)"
					: "Remedy (not checked: read it before you run it)");
	for (size_t i = 0; i < finding->remedy_count; i++) {
		fprintf(report->out, "%*s", (int)(indent + STEP), "");
		text_put(report->out, finding->remedy[i], TEXT_PLAIN);
		fputc('\n', report->out);
	}
}

/* With what stands beneath it; returns the position of what does not. */
static size_t report_put_finding(
	const struct report *report, const struct finding_row *rows, size_t count, size_t at)
{
	const struct finding_row *row = &rows[at++];
	const struct finding *finding = row->finding;
	unsigned indent = row->depth * 2 * STEP;
	fprintf(report->out, "%*s", (int)indent, "");
	report_put(report, severity_inks[finding->severity], severity_name(finding->severity));
	fputc(' ', report->out);
	report_put(report, INK_BOLD, finding->condition->name);
	fputc('\n', report->out);
	text_wrap(report->out, finding->summary ? finding->summary : "", indent + STEP, report->style->width);
	if (row->depth == 0 && finding->explanation && *finding->explanation) {
		fputc('\n', report->out);
		text_wrap(report->out, finding->explanation, STEP, report->style->width);
	}
	report_put_evidence(report, finding, indent + STEP);
	report_put_changed(report, finding, indent + STEP);
	if (at < count && rows[at].depth > row->depth)
		report_put_title(report, indent + STEP, "It explains");
	while (at < count && rows[at].depth > row->depth)
		at = report_put_finding(report, rows, count, at);
	if (row->depth == 0) {
		report_put_remedy(report, finding, STEP);
		fputc('\n', report->out);
	}
	return at;
}

int report_count(const struct findings *findings, size_t *shown)
{
	struct finding_row *rows;
	size_t count, met = 0;
	int error = finding_tree(findings, &rows, &count);
	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++)
		met += rows[i].intended ? 0 : 1;
	free(rows);
	*shown = met;
	return 0;
}

static const char *plural(size_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

static size_t count_lines(const struct facts *facts)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->line_count; i++) {
		bool again = false; /* a line is listed once for each family */
		for (size_t j = 0; j < i; j++)
			again |= facts->lines[j].ifindex == facts->lines[i].ifindex;
		count += again ? 0 : 1;
	}
	return count;
}

bool report_could_not_look(const struct facts *facts)
{
	for (size_t i = 0; i < facts->collector_count; i++) {
		const struct collector_status *status = &facts->collectors[i];
		if (!status->success && (!strcmp(status->name, "link") || !strcmp(status->name, "route")))
			return true;
	}
	return false;
}

int report_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	const struct report report = { out, style, facts };
	struct finding_row *rows;
	size_t count;
	int error = finding_tree(findings, &rows, &count);
	if (error < 0)
		return error;
	for (size_t i = 0; i < count;)
		i = rows[i].intended ? i + 1 : report_put_finding(&report, rows, count, i);
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = rows[i].finding;
		if (!finding->intended)
			continue;
		report_put(&report, INK_DIM, "intended");
		fprintf(out, " %s: ", finding->condition->name);
		text_put(out, finding->summary ? finding->summary : "", TEXT_PLAIN);
		fputc('\n', out);
	}
	free(rows);
	return 0;
}

/* One line: how many handshakes were seen and how they ended; nothing if they were not watched. */
static void report_put_seen(FILE *out, const struct facts *facts)
{
	char outcomes[OUTCOMES_TEXT_SIZE];
	const struct handshake_report *report = facts->handshakes;
	if (!report)
		return;
	uint64_t ended = outcomes_total(report->outcomes), all = ended + report->tracked;
	if (all == 0) {
		fputs("Saw no handshakes.\n", out);
		return;
	}
	fprintf(out, "Saw %" PRIu64 " %s: %s", all, all == 1 ? "handshake" : "handshakes",
		outcomes_text(report->outcomes, outcomes));
	if (report->tracked)
		fprintf(out, "%s%" PRIu64 " still open", ended ? ", " : "", report->tracked);
	fputs(".\n", out);
}

int report_write(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	const struct report report = { out, style, facts };
	size_t shown, lines = count_lines(facts);
	struct unwatched_part part;
	int error = report_count(findings, &shown);
	if (error == 0)
		error = report_findings(out, style, facts, findings);
	if (error < 0)
		return error;
	if (shown == 0) {
		if (report_could_not_look(facts))
			report_put(&report, INK_WARNING, "Could not look: nothing can be said.");
		else
			report_put(&report, INK_GOOD, "No one-way connectivity found.");
		fputc('\n', out);
	}
	fprintf(out, "Looked at %zu service %s, %zu %s, %zu %s, %zu %s.\n", facts->service_count,
		plural(facts->service_count, "address", "addresses"), lines, plural(lines, "line", "lines"),
		facts->device_count, plural(facts->device_count, "device", "devices"), facts->path_count,
		plural(facts->path_count, "reply route", "reply routes"));
	if (shown == 0)
		report_put_seen(out, facts);
	for (size_t position = 0; unwatched_next(facts, &position, &part);) {
		bool all = strcmp(part.part, "all") == 0;
		report_put(&report, INK_WARNING, all ? "could not look" : "not watched");
		fprintf(out, " %s: ", part.collector);
		if (!all)
			fprintf(out, "%" PRIu64 " ", part.count);
		text_put(out, part.text, TEXT_PLAIN);
		fprintf(out, all ? "\n" : " (%s)\n", part.reason);
	}
	return 0;
}
