// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/page_handshakes.h"

#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/wire_rows.h"
#include "exporter/base/rfc3339.h"
#include "exporter/http/html.h"
#include "exporter/output/evidence.h"
#include "exporter/output/wire_text.h"

/* Beyond these a table helps nobody; the API has them all. */
#define MOST_HANDSHAKES 5
#define MOST_DEVICES    32

/* ---- the handshakes of a finding ---- */

static void put_handshake(
	struct buffer *out, const struct facts *facts, const struct handshake_suspect *handshake)
{
	char time[RFC3339_SIZE], client[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE], way[WAY_TEXT_SIZE];
	endpoint_text(&handshake->client, handshake->client_port, client);
	endpoint_text(&handshake->server, handshake->server_port, server);
	buffer_text(out, "<tr>");
	html_element(out, "td", rfc3339_format(handshake->first_ns, time));
	html_element(out, "td", rfc3339_format(handshake->last_ns, time));
	buffer_format(out, "<td>%s → %s</td>", client, server);
	html_element(out, "td", way_text(facts, &handshake->syn, way));
	html_element(out, "td", way_text(facts, &handshake->synack, way));
	buffer_format(out, "<td>%u</td></tr>\n", handshake->repeats);
}

static void put_list(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	const struct handshake_suspect *handshakes[FINDING_HANDSHAKES];
	size_t count = evidence_handshakes(facts, finding, handshakes);
	if (count == 0)
		return;
	buffer_text(out,
		"<div class=\"wide\"><table><thead><tr><th>First packet</th><th>Last packet</th>"
		"<th>Handshake</th><th>SYN</th><th>SYN-ACK</th><th>Repeated SYNs</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < count && i < MOST_HANDSHAKES; i++)
		put_handshake(out, facts, handshakes[i]);
	buffer_text(out, "</tbody></table></div>\n");
	if (count > MOST_HANDSHAKES)
		buffer_format(out, "<p class=\"dim\">… and %zu more</p>\n", count - MOST_HANDSHAKES);
}

void page_put_evidence(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	put_list(out, facts, finding);
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

static bool comes_before(const char *name, const char *other)
{
	return *name && (!*other || strcmp(name, other) < 0);
}

struct matrix {
	struct side rows, columns;
	uint64_t cells[MOST_DEVICES][MOST_DEVICES][HANDSHAKE_OUTCOMES];
};

/* Where the name stands, or would. */
static size_t place_of(const struct side *side, const char *name)
{
	size_t at = 0;
	while (at < side->count && comes_before(side->names[at], name))
		at++;
	return at;
}

static bool has_name(const struct side *side, size_t at, const char *name)
{
	return at < side->count && strcmp(side->names[at], name) == 0;
}

static void add_name(struct side *side, const char *name)
{
	size_t at = place_of(side, name);
	if (has_name(side, at, name))
		return;
	if (side->count == MOST_DEVICES) {
		side->more = true;
		return;
	}
	memmove(&side->names[at + 1], &side->names[at], (side->count++ - at) * sizeof(*side->names));
	side->names[at] = name;
}

static void add_pair(struct matrix *matrix, const struct facts *facts, const struct handshake_pair *pair)
{
	const char *syn = wire_name(facts, pair->syn_device), *synack = wire_name(facts, pair->synack_device);
	size_t row = place_of(&matrix->rows, syn), column = place_of(&matrix->columns, synack);
	if (!has_name(&matrix->rows, row, syn) || !has_name(&matrix->columns, column, synack))
		return;
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		matrix->cells[row][column][i] += pair->counts[i];
}

static void fill_matrix(struct matrix *matrix, const struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; i < report->pair_count; i++) {
		add_name(&matrix->rows, wire_name(facts, report->pairs[i].syn_device));
		add_name(&matrix->columns, wire_name(facts, report->pairs[i].synack_device));
	}
	for (size_t i = 0; i < report->pair_count; i++)
		add_pair(matrix, facts, &report->pairs[i]);
}

static void put_cell(struct buffer *out, const uint64_t counts[static HANDSHAKE_OUTCOMES], bool diagonal)
{
	char text[OUTCOMES_TEXT_SIZE];
	bool failed = counts[HANDSHAKE_ONE_WAY] || counts[HANDSHAKE_RETURN_ONLY];
	buffer_text(out, failed && !diagonal ? "<td class=\"failed\">" : "<td>");
	html_text(out, outcomes_text(counts, text));
	buffer_text(out, "</td>");
}

static void put_name(struct buffer *out, const char *name)
{
	html_element(out, "th", *name ? name : "not seen");
}

static void put_row(struct buffer *out, const struct matrix *matrix, size_t row)
{
	const char *name = matrix->rows.names[row];
	buffer_text(out, "<tr>");
	put_name(out, name);
	for (size_t i = 0; i < matrix->columns.count; i++)
		put_cell(out, matrix->cells[row][i], strcmp(name, matrix->columns.names[i]) == 0);
	buffer_text(out, "</tr>\n");
}

static void put_matrix(struct buffer *out, const struct matrix *matrix)
{
	buffer_text(out,
		"<h2>Handshakes</h2><p class=\"dim\">By the device of the SYN (rows) and of the SYN-ACK "
		"(columns), since the start.</p><div class=\"wide\"><table><thead><tr><th>SYN \\ "
		"SYN-ACK</th>");
	for (size_t i = 0; i < matrix->columns.count; i++)
		put_name(out, matrix->columns.names[i]);
	buffer_text(out, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < matrix->rows.count; i++)
		put_row(out, matrix, i);
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
	fill_matrix(matrix, facts);
	put_matrix(out, matrix);
	free(matrix);
}
