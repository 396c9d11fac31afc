// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/page_handshakes.h"

#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/wire_rows.h"
#include "exporter/base/wire_text.h"
#include "exporter/http/html.h"
#include "exporter/output/evidence.h"

/* Beyond these a table helps nobody; the API has them all. */
#define MOST_HANDSHAKES 5
#define MOST_DEVICES    32

/* ---- the handshakes of a finding ---- */

static void page_put_rows(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	const struct handshake_suspect *handshakes[FINDING_HANDSHAKES];
	size_t count = evidence_handshakes(facts, finding, handshakes);
	if (count == 0)
		return;
	buffer_text(out,
		"<div class=\"wide\"><table><thead><tr><th>First packet</th><th>Last packet</th>"
		"<th>Handshake</th><th>SYN</th><th>SYN-ACK</th><th>Repeated SYNs</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < count && i < MOST_HANDSHAKES; i++) {
		const struct handshake_cells cells = handshake_cells(facts, handshakes[i]);
		buffer_text(out, "<tr>");
		for (size_t j = 0; j < HANDSHAKE_COLUMNS; j++)
			html_element(out, "td", cells.text[j]);
		buffer_text(out, "</tr>\n");
	}
	buffer_text(out, "</tbody></table></div>\n");
	if (count > MOST_HANDSHAKES)
		buffer_format(out, "<p class=\"dim\">… and %zu more</p>\n", count - MOST_HANDSHAKES);
}

void page_put_evidence(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	page_put_rows(out, facts, finding);
	if (evidence_has_packets(facts, finding))
		buffer_format(out,
			"<p><a href=\"/api/v1/findings/%s/evidence.pcap\">Packets of these handshakes</a> "
			"(pcapng)</p>\n",
			finding->id);
}

/* ---- the matrix ---- */

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

static void matrix_put_name(struct buffer *out, const char *name)
{
	html_element(out, "th", *name ? name : "not seen");
}

static void matrix_put(struct buffer *out, const struct matrix *matrix)
{
	buffer_text(out,
		"<h2>Handshakes</h2><p class=\"dim\">By the device of the SYN (rows) and of the SYN-ACK "
		"(columns), since the start.</p><div class=\"wide\"><table><thead><tr><th>SYN \\ "
		"SYN-ACK</th>");
	for (size_t i = 0; i < matrix->columns.count; i++)
		matrix_put_name(out, matrix->columns.names[i]);
	buffer_text(out, "</tr></thead><tbody>\n");
	for (size_t row = 0; row < matrix->rows.count; row++) {
		const char *name = matrix->rows.names[row];
		buffer_text(out, "<tr>");
		matrix_put_name(out, name);
		for (size_t i = 0; i < matrix->columns.count; i++) {
			const uint64_t *counts = matrix->cells[row][i];
			char text[OUTCOMES_TEXT_SIZE];
			bool failed = counts[HANDSHAKE_ONE_WAY] || counts[HANDSHAKE_RETURN_ONLY];
			bool diagonal = strcmp(name, matrix->columns.names[i]) == 0;
			buffer_text(out, failed && !diagonal ? "<td class=\"failed\">" : "<td>");
			html_text(out, outcomes_text(counts, text));
			buffer_text(out, "</td>");
		}
		buffer_text(out, "</tr>\n");
	}
	buffer_text(out, "</tbody></table></div>\n");
	if (matrix->rows.more || matrix->columns.more)
		buffer_text(out, "<p class=\"dim\">More in <a href=\"/api/v1/handshakes\">JSON</a>.</p>\n");
}

void page_put_handshakes(struct buffer *out, const struct facts *facts)
{
	if (!facts->handshakes || facts->handshakes->pair_count == 0)
		return;
	struct matrix *matrix = calloc(1, sizeof(*matrix));
	if (!matrix) {
		out->failed = true;
		return;
	}
	matrix_fill(matrix, facts);
	matrix_put(out, matrix);
	free(matrix);
}
