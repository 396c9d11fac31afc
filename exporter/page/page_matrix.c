// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/wire_rows.h"
#include "exporter/base/wire_text.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"

/* Beyond these a table helps nobody; the API has them all. */
#define MOST_DEVICES 32
#define HEATS        5

/* The devices of one side: names, sorted and distinct, "" (not seen) last. */
struct side {
	const char *names[MOST_DEVICES];
	size_t count;
	bool more;
};

struct matrix {
	struct side rows, columns;
	uint64_t cells[MOST_DEVICES][MOST_DEVICES][HANDSHAKE_OUTCOMES];
};

/* Where the name stands, or would. */
static size_t side_place(const struct side *side, const char *name)
{
	size_t at = 0;
	while (at < side->count && *side->names[at] && (!*name || strcmp(side->names[at], name) < 0))
		at++;
	return at;
}

static bool side_has(const struct side *side, size_t at, const char *name)
{
	return at < side->count && strcmp(side->names[at], name) == 0;
}

static void side_add(struct side *side, const char *name)
{
	size_t at = side_place(side, name);
	if (side_has(side, at, name))
		return;
	if (side->count == MOST_DEVICES) {
		side->more = true;
		return;
	}
	memmove(&side->names[at + 1], &side->names[at], (side->count++ - at) * sizeof(*side->names));
	side->names[at] = name;
}

static void matrix_fill(struct matrix *matrix, const struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; i < report->pair_count; i++) {
		side_add(&matrix->rows, wire_name(facts, report->pairs[i].syn_device));
		side_add(&matrix->columns, wire_name(facts, report->pairs[i].synack_device));
	}
	for (size_t i = 0; i < report->pair_count; i++) {
		const struct handshake_pair *pair = &report->pairs[i];
		const char *syn = wire_name(facts, pair->syn_device);
		const char *synack = wire_name(facts, pair->synack_device);
		size_t row = side_place(&matrix->rows, syn), column = side_place(&matrix->columns, synack);
		if (side_has(&matrix->rows, row, syn) && side_has(&matrix->columns, column, synack))
			for (size_t j = 0; j < HANDSHAKE_OUTCOMES; j++)
				matrix->cells[row][column][j] += pair->counts[j];
	}
}

/* One more for each tenfold. */
static unsigned heat_of(uint64_t count)
{
	unsigned heat = 0;
	for (; count && heat < HEATS; count /= 10)
		heat++;
	return heat;
}

/* A bare number counts those that completed; others are named. */
static void matrix_put_cell(struct buffer *out, const uint64_t *counts, bool diagonal)
{
	bool failed = !diagonal && (counts[HANDSHAKE_ONE_WAY] || counts[HANDSHAKE_RETURN_ONLY]);
	uint64_t total = outcomes_total(counts);
	if (!total) {
		buffer_text(out, "<td></td>");
		return;
	}
	buffer_format(
		out, "<td class=\"%sh%u\">", failed ? "failed " : "", heat_of(counts[HANDSHAKE_COMPLETED]));
	if (counts[HANDSHAKE_COMPLETED])
		buffer_format(out, "%" PRIu64, counts[HANDSHAKE_COMPLETED]);
	for (int i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (i != HANDSHAKE_COMPLETED && counts[i])
			buffer_format(out, "<span%s>%" PRIu64 " %s</span>",
				i == HANDSHAKE_ONE_WAY || i == HANDSHAKE_RETURN_ONLY ? " class=\"fails\""
										     : "",
				counts[i], handshake_outcome_name((enum handshake_outcome)i));
	buffer_text(out, "</td>");
}

static void matrix_put_name(struct buffer *out, const char *scope, const char *name)
{
	buffer_format(out, "<th scope=\"%s\">", scope);
	html_text(out, *name ? name : "not seen");
	buffer_text(out, "</th>");
}

static void matrix_put(struct buffer *out, const struct matrix *matrix)
{
	buffer_text(out,
		"<p class=\"dim\">Row: the device of the SYN. Column: that of the SYN-ACK. Bare numbers completed. "
		"Since the start.</p><div class=\"scroll\" tabindex=\"0\" role=\"group\" "
		"aria-label=\"Handshakes by device\"><table class=\"heat\"><thead><tr><td>SYN \\ SYN-ACK</td>");
	for (size_t i = 0; i < matrix->columns.count; i++)
		matrix_put_name(out, "col", matrix->columns.names[i]);
	buffer_text(out, "</tr></thead><tbody>\n");
	for (size_t row = 0; row < matrix->rows.count; row++) {
		const char *name = matrix->rows.names[row];
		buffer_text(out, "<tr>");
		matrix_put_name(out, "row", name);
		for (size_t i = 0; i < matrix->columns.count; i++)
			matrix_put_cell(
				out, matrix->cells[row][i], strcmp(name, matrix->columns.names[i]) == 0);
		buffer_text(out, "</tr>\n");
	}
	buffer_text(out, "</tbody></table></div>\n");
	if (matrix->rows.more || matrix->columns.more)
		buffer_text(out, "<p class=\"dim\">More in <a href=\"/api/v1/handshakes\">JSON</a>.</p>\n");
}

void page_put_matrix(struct buffer *out, const struct snapshot *snapshot)
{
	const struct facts *facts = snapshot->facts;
	struct matrix *matrix = NULL;
	buffer_text(out, "<section id=\"matrix\" class=\"card\"><h2>Handshakes by device</h2>");
	if (!facts->handshakes) {
		buffer_text(out, "<p>Handshakes are not watched.</p>");
	} else if (facts->handshakes->pair_count == 0) {
		buffer_text(out, "<p>None has ended yet.</p>");
	} else if ((matrix = calloc(1, sizeof(*matrix)))) {
		matrix_fill(matrix, facts);
		matrix_put(out, matrix);
	} else {
		out->failed = true;
	}
	free(matrix);
	buffer_text(out, "</section>\n");
}
