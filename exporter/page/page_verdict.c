// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <string.h>

#include "exporter/base/unwatched.h"
#include "exporter/base/wire_text.h"
#include "exporter/output/report.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"

/* Beyond so many incidents, a list of them leads to their cards. */
#define FEW_INCIDENTS 2
#define MOST_LISTED   100

static size_t incidents_of(const struct page_rows *rows)
{
	return rows->severities[SEVERITY_CRITICAL] + rows->severities[SEVERITY_WARNING];
}

static void put_headline(
	struct buffer *out, const struct facts *facts, const struct page_rows *rows, int64_t age_ns)
{
	size_t incidents = incidents_of(rows);
	char age[DURATION_TEXT_SIZE];
	const char *class = incidents == 0                        ? "good"
			    : rows->severities[SEVERITY_CRITICAL] ? "critical"
								  : "warning";
	struct unwatched_part part;
	bool whole = !unwatched_next(facts, &(size_t){ 0 }, &part);
	bool blind = report_could_not_look(facts), stale = age_ns > SNAPSHOT_STALE_NS;
	buffer_format(out, "<section id=\"verdict\" class=\"%s\"><h1>", stale || blind ? "unknown" : class);
	if (stale)
		buffer_format(out, "No judgement for %s", duration_text(age_ns, age));
	else if (incidents)
		html_count(out, incidents, "incident", "incidents");
	else
		buffer_text(out, blind   ? "Could not look"
				 : whole ? "All is well"
					 : "All that is watched is well");
	buffer_text(out, "</h1>");
}

/* Since when, how severe, and what works all the same. */
static void put_incidents(struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows)
{
	const struct facts *facts = snapshot->facts;
	int64_t since_ns = facts->time_ns;
	const char *separator = "";
	enum severity least = incidents_of(rows) ? SEVERITY_WARNING : SEVERITY_INFO;
	for (size_t i = 0; i < rows->count; i++) {
		const struct finding_row *row = &rows->items[i];
		if (row->depth == 0 && !row->intended && row->finding->severity >= least &&
			row->finding->since_ns < since_ns)
			since_ns = row->finding->since_ns;
	}
	buffer_text(out, "<p class=\"lead\">");
	for (int i = SEVERITIES; i-- > 0;) {
		if (!rows->severities[i])
			continue;
		buffer_format(
			out, "%s%zu %s", separator, rows->severities[i], severity_name((enum severity)i));
		separator = ", ";
	}
	buffer_text(out, incidents_of(rows) > 1 ? " · the first began " : " · began ");
	html_time(out, since_ns, facts->time_ns);
	buffer_text(out, "</p>");
}

static void put_scope(struct buffer *out, const struct snapshot *snapshot)
{
	const struct facts *facts = snapshot->facts;
	const struct verdicts *verdicts = &snapshot->findings->verdicts;
	size_t covered = 0;
	char outcomes[OUTCOMES_TEXT_SIZE];
	uint64_t recent[HANDSHAKE_OUTCOMES] = { 0 };
	for (size_t i = 0; verdicts->services && i < facts->service_count; i++)
		covered +=
			verdicts->services[i] == VERDICT_COVERED || verdicts->services[i] == VERDICT_INTENDED;
	for (size_t i = 0; facts->handshakes && i < facts->handshakes->device_count; i++)
		for (int j = 0; j < HANDSHAKE_OUTCOMES; j++)
			recent[j] += facts->handshakes->devices[i].recent[j];
	buffer_format(out, "<p>Replies of %zu of ", covered);
	html_count(out, facts->service_count, "service address", "service addresses");
	buffer_text(out, " leave by the line the requests come by. ");
	if (facts->handshakes && outcomes_total(recent))
		buffer_format(out, "Handshakes in the last minute: %s. ", outcomes_text(recent, outcomes));
	if (facts->changes) {
		buffer_text(out, "Watching began ");
		html_time(out, facts->changes->began_ns, facts->time_ns);
		buffer_text(out, ".");
	}
	buffer_text(out, "</p>");
}

static void put_unwatched(struct buffer *out, const struct facts *facts)
{
	struct unwatched_part part;
	size_t position = 0;
	if (!unwatched_next(facts, &position, &part)) {
		buffer_text(out, "<p>Everything is watched.</p>");
		return;
	}
	buffer_text(out, "<h2>Not watched</h2><ul class=\"unwatched\">");
	do {
		buffer_format(out, "<li><b>%s</b> ", part.collector);
		if (strcmp(part.part, "all") != 0)
			buffer_format(out, "%" PRIu64 " ", part.count);
		html_text(out, part.text);
		if (strcmp(part.part, "all") != 0)
			buffer_format(out, " (%s)", part.reason);
		buffer_text(out, "</li>");
	} while (unwatched_next(facts, &position, &part));
	buffer_text(out, "</ul>");
}

static void put_list(struct buffer *out, const struct page_rows *rows)
{
	size_t listed = 0;
	if (incidents_of(rows) <= FEW_INCIDENTS)
		return;
	buffer_text(out, "<nav aria-label=\"Incidents\"><ol>");
	for (size_t i = 0; i < rows->count && listed < MOST_LISTED; i++) {
		const struct finding *finding = rows->items[i].finding;
		if (rows->items[i].depth || rows->items[i].intended)
			continue;
		buffer_format(out, "<li data-key=\"i%s\"><span class=\"tag %s\">%s</span> <a href=\"#f%s\">",
			finding->id, severity_name(finding->severity), severity_name(finding->severity),
			finding->id);
		html_text(out, finding->summary);
		buffer_text(out, "</a></li>\n");
		listed++;
	}
	buffer_text(out, "</ol></nav>");
}

void page_put_verdict(
	struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows, int64_t age_ns)
{
	const struct facts *facts = snapshot->facts;
	put_headline(out, facts, rows, age_ns);
	if (incidents_of(rows) + rows->severities[SEVERITY_INFO])
		put_incidents(out, snapshot, rows);
	if (!report_could_not_look(facts))
		put_scope(out, snapshot);
	put_list(out, rows);
	put_unwatched(out, facts);
	buffer_text(out, "</section>\n");
}
