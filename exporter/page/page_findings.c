// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "alerts/round_trip.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"
#include "exporter/page/picture.h"

/* Beyond so many a page helps nobody; the API has them all. */
#define MOST_CARDS 200
/* Beyond so many the rest are folded. */
#define OPEN_CARDS 5

struct card {
	const struct facts *facts;
	const struct finding_row *row;
	size_t symptoms; /* rows behind it that it explains */
};

static void card_put_numbers(struct buffer *out, const struct card *card, const struct round_trip *trip)
{
	const struct finding *finding = card->row->finding;
	const char *severity = card->row->intended ? "intended" : severity_name(finding->severity);
	buffer_format(out, "<p class=\"meta\"><span class=\"tag %s\">%s</span> <code>%s</code> since ",
		severity, severity, finding->condition->name);
	html_time(out, finding->since_ns, card->facts->time_ns);
	if (trip->connections) {
		buffer_text(out, trip->more ? " · at least " : " · ");
		html_count(out, trip->connections, "connection", "connections");
		buffer_text(out, " of ");
		html_count(out, trip->clients, "client", "clients");
		buffer_text(out, finding->severity == SEVERITY_CRITICAL ? " failed lately" : " seen lately");
	}
	if (card->symptoms) {
		buffer_text(out, " · explains ");
		html_count(out, card->symptoms, "symptom", "symptoms");
	}
	buffer_text(out, "</p>");
}

static void card_put_picture(struct buffer *out, const struct round_trip *trip)
{
	struct diagram diagram;
	picture_of(trip, &diagram);
	buffer_text(out, "<figure class=\"picture\">");
	diagram_write(out, &diagram, DIAGRAM_WIDE);
	diagram_write(out, &diagram, DIAGRAM_TALL);
	buffer_text(out, "</figure>");
}

static void card_put_remedy(struct buffer *out, const struct finding *finding)
{
	if (!finding->remedy_count) {
		buffer_text(out, "<p>No command is known that heals it from this host.</p>");
		return;
	}
	buffer_format(out, "<p class=\"meta\">%s</p><div class=\"remedy\"><pre id=\"r%s\">",
		finding->remedy_checked ? "Checked by route lookups on this host."
					: "Not checked: read it before you run it.",
		finding->id);
	for (size_t i = 0; i < finding->remedy_count; i++) {
		html_text(out, finding->remedy[i]);
		buffer_text(out, "\n");
	}
	buffer_format(out,
		"</pre><button type=\"button\" class=\"scripted\" data-keep data-copy=\"r%s\" aria-label=\"Copy the "
		"commands\">Copy</button></div>",
		finding->id);
}

static void card_put_body(struct buffer *out, const struct card *card, const struct round_trip *trip)
{
	const struct finding *finding = card->row->finding;
	card_put_picture(out, trip);
	buffer_text(out, "<div class=\"reasons\">");
	if (finding->changed_count) {
		buffer_text(out, "<div><h4>What changed before</h4>");
		page_put_change_list(out, card->facts->time_ns, finding->changed, finding->changed_count);
		buffer_text(out, "</div>");
	}
	buffer_text(out, "<div class=\"heals\"><h4>What heals it</h4>");
	card_put_remedy(out, finding);
	buffer_text(out, "</div><div><h4>Why</h4>");
	html_element(out, "p", finding->explanation);
	if (finding->from_start)
		buffer_text(out, "<p class=\"dim\">It stood from the start: nothing changed since watching "
				 "began.</p>");
	buffer_text(out, "</div></div>\n");
	page_put_evidence(out, card->facts, card->row, card->symptoms);
}

static void card_cut(struct buffer *out, char letter, const char *id)
{
	char cut[1 + FINDING_ID_SIZE];
	snprintf(cut, sizeof(cut), "%c%s", letter, id);
	html_cut(out, cut);
}

static void card_put(struct buffer *out, const struct card *card, bool folded)
{
	const struct finding *finding = card->row->finding;
	const char *severity = card->row->intended ? "intended" : severity_name(finding->severity);
	struct round_trip trip;
	round_trip_of(card->facts, finding, &trip);
	buffer_format(out,
		"<article class=\"finding %s\" data-finding=\"%s\" data-key=\"%s\" id=\"f%s\" "
		"aria-labelledby=\"t%s\">",
		severity, finding->id, finding->id, finding->id, finding->id);
	card_cut(out, 'h', finding->id);
	buffer_format(out, "<div id=\"h%s\"><h3 id=\"t%s\">", finding->id, finding->id);
	html_text(out, finding->summary);
	buffer_text(out, "</h3>");
	card_put_numbers(out, card, &trip);
	buffer_text(out, "</div>");
	html_end(out);
	card_cut(out, 'b', finding->id);
	buffer_format(out,
		folded ? "<details id=\"b%s\"><summary>Picture, cause and remedy</summary>"
		       : "<div id=\"b%s\">",
		finding->id);
	card_put_body(out, card, &trip);
	buffer_text(out, folded ? "</details>" : "</div>");
	html_end(out);
	buffer_text(out, "</article>\n");
}

/* Returns how many causes there are. */
static size_t put_cards(
	struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows, bool intended)
{
	size_t cards = 0;
	for (size_t i = 0; i < rows->count;) {
		struct card card = { .facts = snapshot->facts, .row = &rows->items[i++] };
		while (i < rows->count && rows->items[i].depth > card.row->depth &&
			rows->items[i].intended == card.row->intended) {
			card.symptoms++;
			i++;
		}
		if (card.row->intended == intended && cards++ < MOST_CARDS)
			card_put(out, &card, intended || cards > OPEN_CARDS);
	}
	if (cards > MOST_CARDS)
		buffer_format(out,
			"<p class=\"meta\">%zu more in <a href=\"/api/v1/findings\">JSON</a>.</p>\n",
			cards - MOST_CARDS);
	return cards;
}

void page_put_findings(struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows)
{
	struct buffer declared = { 0 };
	buffer_text(
		out, "<section id=\"findings\" aria-label=\"Findings\" tabindex=\"-1\"><h2>Findings</h2>");
	if (put_cards(out, snapshot, rows, false) == 0)
		buffer_format(out,
			"<p>No findings. Looked at %zu devices, %zu service addresses and %zu ways of requests "
			"and their replies.</p>\n",
			snapshot->facts->device_count, snapshot->facts->service_count,
			snapshot->facts->path_count);
	buffer_text(out, "</section>\n");
	if (put_cards(&declared, snapshot, rows, true)) {
		buffer_text(out, "<section id=\"intended\"><h2>Declared as intended</h2>");
		buffer_add(out, declared.data, declared.size);
		buffer_text(out, "</section>\n");
	}
	out->failed |= declared.failed;
	buffer_clear(&declared);
}
