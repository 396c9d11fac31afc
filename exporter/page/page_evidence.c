// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "alerts/round_trip.h"
#include "collectors/handshake/wire_rows.h"
#include "exporter/base/wire_text.h"
#include "exporter/output/evidence.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"

/* Beyond these a table helps nobody; the API has them all. */
#define MOST_HANDSHAKES 5

/* A packet's way: the device it came in by on one side, and left by on the other. */
static void put_devices(
	struct buffer *out, const struct facts *facts, struct device_pair pair, struct device_pair other)
{
	int in = pair.in ? pair.in : other.in, leaves = pair.out ? pair.out : other.out;
	buffer_text(out, in ? "<td>in " : "<td>");
	html_text(out, wire_name(facts, in));
	buffer_text(out, in && leaves ? ", out " : leaves ? "out " : "");
	html_text(out, wire_name(facts, leaves));
	buffer_text(out, "</td>");
}

static void put_handshake(
	struct buffer *out, const struct facts *facts, const struct handshake_suspect *handshake)
{
	const struct handshake_cells cells = handshake_cells(facts, handshake);
	struct device_pair none = { 0 };
	char address[ADDRESS_TEXT_SIZE];
	buffer_format(out, "<tr data-key=\"h%" PRIu64 "\"><td>", handshake->id);
	html_time(out, handshake->last_ns, facts->time_ns);
	buffer_text(out, "</td><td>");
	html_text(out, cells.text[COLUMN_HANDSHAKE]);
	if (handshake->joined && !address_equal(&handshake->server, &handshake->other_server))
		buffer_format(out, " <span class=\"dim\">as %s:%u</span>",
			address_format(&handshake->other_server, address), handshake->other_server_port);
	if (handshake->joined && !address_equal(&handshake->client, &handshake->other_client))
		buffer_format(out, " <span class=\"dim\">from %s:%u</span>",
			address_format(&handshake->other_client, address), handshake->other_client_port);
	buffer_text(out, "</td>");
	put_devices(out, facts, handshake->syn, handshake->joined ? handshake->other_syn : none);
	put_devices(out, facts, handshake->synack, handshake->joined ? handshake->other_synack : none);
	buffer_format(out, "<td class=\"number\">%s</td></tr>\n", cells.text[COLUMN_REPEATS]);
}

static void put_handshakes(struct buffer *out, const struct facts *facts,
	const struct handshake_suspect *const *handshakes, size_t count)
{
	if (count == 0)
		return;
	buffer_text(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Handshakes\"><table><thead><tr>"
		"<th scope=\"col\">Last packet</th><th scope=\"col\">Handshake</th><th scope=\"col\">SYN</th>"
		"<th scope=\"col\">SYN-ACK</th><th scope=\"col\" class=\"number\">Repeated SYNs</th></tr></thead>"
		"<tbody>\n");
	for (size_t i = 0; i < count && i < MOST_HANDSHAKES; i++)
		put_handshake(out, facts, handshakes[i]);
	buffer_text(out, "</tbody></table></div>\n");
	if (count > MOST_HANDSHAKES)
		buffer_format(out, "<p class=\"dim\">… and %zu more</p>\n", count - MOST_HANDSHAKES);
}

static void put_items(struct buffer *out, const struct finding *finding)
{
	const struct evidence *evidence = finding->evidence;
	if (!finding->evidence_count)
		return;
	buffer_text(out, "<dl class=\"facts\">");
	for (size_t i = 0; i < finding->evidence_count; i++) {
		bool goes_on = i > 0 && evidence[i].item && strcmp(evidence[i].key, evidence[i - 1].key) == 0;
		if (goes_on)
			buffer_text(out, ", ");
		else
			buffer_format(out, "%s<div><dt>%s</dt><dd>", i ? "</dd></div>" : "", evidence[i].key);
		html_text(out, evidence[i].text);
	}
	buffer_text(out, "</dd></div></dl>\n");
}

/* Each in a line, for the handshakes above show it as well; deeper ones within. */
static void put_symptoms(
	struct buffer *out, const struct facts *facts, const struct finding_row *row, size_t count)
{
	unsigned open = 0;
	if (count == 0)
		return;
	buffer_text(out, "<h4>It explains</h4>");
	for (size_t i = 1; i <= count; i++) {
		const struct finding *finding = row[i].finding;
		for (; open >= row[i].depth - row->depth; open--)
			buffer_text(out, "</article>\n");
		buffer_format(out,
			"<article class=\"symptom\" data-symptom=\"%s\" data-key=\"%s\" id=\"f%s\"><p><span class=\"tag\">%s"
			"</span> ",
			finding->id, finding->id, finding->id, finding->condition->name);
		html_text(out, finding->summary);
		buffer_text(out, ", since ");
		html_time(out, finding->since_ns, facts->time_ns);
		buffer_text(out, "</p>");
		open++;
	}
	for (; open > 0; open--)
		buffer_text(out, "</article>\n");
}

void page_put_evidence(
	struct buffer *out, const struct facts *facts, const struct finding_row *row, size_t symptoms)
{
	const struct finding *finding = row->finding;
	const struct handshake_suspect *handshakes[FINDING_HANDSHAKES];
	size_t count = round_trip_handshakes(facts, finding, handshakes);
	bool packets = evidence_has_packets(facts, finding);
	if (!count && !symptoms && !finding->evidence_count && !packets)
		return;
	buffer_text(out, "<div class=\"evidence\"><details><summary>Evidence");
	if (count) {
		buffer_text(out, ": ");
		html_count(out, count, "handshake", "handshakes");
	}
	if (symptoms) {
		buffer_text(out, count ? ", " : ": ");
		html_count(out, symptoms, "symptom", "symptoms");
	}
	buffer_text(out, "</summary>");
	put_handshakes(out, facts, handshakes, count);
	put_items(out, finding);
	put_symptoms(out, facts, row, symptoms);
	buffer_text(out, "</details>");
	if (packets)
		buffer_format(out,
			"<a class=\"download\" href=\"/api/v1/findings/%s/evidence.pcap\" download>Download the packets "
			"(pcapng)</a>",
			finding->id);
	buffer_text(out, "</div>\n");
}
