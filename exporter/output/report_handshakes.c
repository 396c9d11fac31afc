// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/report_handshakes.h"

#include <inttypes.h>
#include <string.h>

#include "exporter/base/text.h"
#include "exporter/base/wire_text.h"
#include "exporter/output/evidence.h"

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

void report_put_handshakes(
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

void report_put_seen(FILE *out, const struct facts *facts)
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
