// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/report_handshakes.h"

#include <inttypes.h>
#include <string.h>

#include "exporter/base/rfc3339.h"
#include "exporter/base/text.h"
#include "exporter/output/evidence.h"
#include "exporter/output/wire_text.h"

#define MOST_ROWS 5
#define CELL_SIZE (2 * ENDPOINT_TEXT_SIZE + 8)
#define GAP       2 /* columns between two cells */

enum column {
	COLUMN_FIRST,
	COLUMN_LAST,
	COLUMN_HANDSHAKE,
	COLUMN_SYN,
	COLUMN_SYNACK,
	COLUMN_REPEATS,
	COLUMNS
};

struct row {
	char cells[COLUMNS][CELL_SIZE];
};

static const struct row heading = { {
	[COLUMN_FIRST] = "first (UTC)",
	[COLUMN_LAST] = "last",
	[COLUMN_HANDSHAKE] = "handshake",
	[COLUMN_SYN] = "SYN",
	[COLUMN_SYNACK] = "SYN-ACK",
	[COLUMN_REPEATS] = "repeats",
} };

/* "03:04:05.678": the day is today's, or known to who has the file. */
static void set_time(int64_t time_ns, char cell[static CELL_SIZE])
{
	char time[RFC3339_SIZE];
	const char *clock = strchr(rfc3339_format(time_ns, time), 'T');
	snprintf(cell, CELL_SIZE, "%.12s", clock ? clock + 1 : time);
}

static void set_way(const struct facts *facts, const struct device_pair *way, char cell[static CELL_SIZE])
{
	char text[WAY_TEXT_SIZE];
	way_text(facts, way, text);
	text_format(*text ? text : "-", TEXT_PLAIN, cell, CELL_SIZE);
}

static struct row row_of(const struct facts *facts, const struct handshake_suspect *handshake)
{
	struct row row;
	char client[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE];
	endpoint_text(&handshake->client, handshake->client_port, client);
	endpoint_text(&handshake->server, handshake->server_port, server);
	set_time(handshake->first_ns, row.cells[COLUMN_FIRST]);
	set_time(handshake->last_ns, row.cells[COLUMN_LAST]);
	snprintf(row.cells[COLUMN_HANDSHAKE], CELL_SIZE, "%s → %s", client, server);
	set_way(facts, &handshake->syn, row.cells[COLUMN_SYN]);
	set_way(facts, &handshake->synack, row.cells[COLUMN_SYNACK]);
	snprintf(row.cells[COLUMN_REPEATS], CELL_SIZE, "%" PRIu32, handshake->repeats);
	return row;
}

static void widen(size_t widths[static COLUMNS], const struct row *row)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (text_width(row->cells[i]) > widths[i])
			widths[i] = text_width(row->cells[i]);
}

static void put_row(FILE *out, const struct row *row, const size_t widths[static COLUMNS], unsigned indent)
{
	fprintf(out, "%*s", (int)indent, "");
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t rest = i + 1 < COLUMNS ? widths[i] - text_width(row->cells[i]) + GAP : 0;
		fprintf(out, "%s%*s", row->cells[i], (int)rest, "");
	}
	fputc('\n', out);
}

static void put_table(FILE *out, const struct row *rows, size_t count, unsigned indent)
{
	size_t widths[COLUMNS] = { 0 };
	widen(widths, &heading);
	for (size_t i = 0; i < count; i++)
		widen(widths, &rows[i]);
	put_row(out, &heading, widths, indent);
	for (size_t i = 0; i < count; i++)
		put_row(out, &rows[i], widths, indent);
}

void report_put_handshakes(
	FILE *out, const struct facts *facts, const struct finding *finding, unsigned indent)
{
	const struct handshake_suspect *handshakes[FINDING_HANDSHAKES];
	struct row rows[MOST_ROWS];
	size_t count = evidence_handshakes(facts, finding, handshakes);
	size_t shown = count < MOST_ROWS ? count : MOST_ROWS;
	if (count == 0)
		return;
	for (size_t i = 0; i < shown; i++)
		rows[i] = row_of(facts, handshakes[i]);
	put_table(out, rows, shown, indent);
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
