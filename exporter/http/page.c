// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/finding_tree.h"
#include "collectors/base/rfc3339.h"
#include "exporter/base/unwatched.h"
#include "exporter/base/version.h"
#include "exporter/base/wire_text.h"
#include "exporter/http/html.h"
#include "exporter/http/page_handshakes.h"
#include "exporter/metrics/families.h"

/* Beyond this many rows a table helps nobody; the API has them all. */
#define MOST_ROWS    500
#define MOST_CHANGES 50

static const char style[] =
	"body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;color:#1c2430;"
	"background:#fff}"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}"
	"p{margin:.4rem 0}a{color:#0b57a4}nav a{margin-right:1rem}.dim{color:#5b6572}"
	"article{border-left:.3rem solid #5b6572;padding:.4rem .8rem;margin:.8rem 0;background:#f5f6f8}"
	"article article{background:#fff}.critical{border-color:#b3261e}.warning{border-color:#b26a00}"
	".tag{font-size:.8rem;font-weight:600;margin-right:.5rem}.critical>h3 .tag{color:#b3261e}"
	".warning>h3 .tag{color:#8a5200}.good{border-color:#1b7f3b}"
	"pre{overflow-x:auto;background:#1c2430;color:#f5f6f8;padding:.6rem;margin:.4rem "
	"0;border-radius:.2rem}"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}"
	"th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5d9df}"
	".uncovered,.no_route,.failed{color:#b3261e;font-weight:600}.partly{color:#8a5200;font-weight:600}"
	"@media(prefers-color-scheme:dark){body{background:#14181f;color:#e4e7ec}article{background:#1d232c}"
	"article article{background:#14181f}a{color:#7ab8ff}.dim{color:#a3acb8}th,td{border-color:#343c48}"
	".critical>h3 .tag,.uncovered,.no_route,.failed{color:#ff8a80}.warning>h3 .tag,.partly{color:#ffc266}"
	"pre{background:#0b0e13}}";

static void page_put_change_list(struct buffer *out, const struct change *const *changes, size_t count)
{
	char time[RFC3339_SIZE];
	buffer_text(out, count ? "<ul>\n" : "");
	for (size_t i = 0; i < count; i++) {
		buffer_format(out, "<li><span class=\"dim\">%s %s %s</span> <code>",
			rfc3339_format(changes[i]->time_ns, time), change_kind_name(changes[i]->kind),
			change_event_name(changes[i]->event));
		html_text(out, changes[i]->text);
		buffer_text(out, "</code></li>\n");
	}
	buffer_text(out, count ? "</ul>\n" : "");
}

/* ---- findings ---- */

/* Leaves the element open, for symptoms to follow. */
static void page_begin_finding(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	const char *severity = severity_name(finding->severity);
	char since[RFC3339_SIZE];
	buffer_format(out, "<article class=\"%s\" id=\"f%s\"><h3><span class=\"tag\">%s</span>", severity,
		finding->id, severity);
	html_text(out, finding->summary);
	buffer_format(out, "</h3><p class=\"dim\">%s</p>", finding->condition->name);
	html_element(out, "p", finding->explanation);
	page_put_evidence(out, facts, finding);
	if (finding->changed_count || finding->from_start)
		buffer_format(out, "<p>%s</p>",
			finding->changed_count
				? "What changed before:"
				: "It stood from the start: nothing changed since watching began.");
	page_put_change_list(out, finding->changed, finding->changed_count);
	if (finding->remedy_count) {
		buffer_format(out, "<p>%s</p><pre>",
			finding->remedy_checked ? "What heals it, checked by route lookups:"
						: "What may heal it, not checked:");
		for (size_t i = 0; i < finding->remedy_count; i++) {
			html_text(out, finding->remedy[i]);
			buffer_text(out, "\n");
		}
		buffer_text(out, "</pre>");
	}
	buffer_format(out, "<p class=\"dim\">Since %s</p>", rfc3339_format(finding->since_ns, since));
}

static void page_end_findings(struct buffer *out, unsigned *open, unsigned depth)
{
	for (; *open > depth; (*open)--)
		buffer_text(out, "</article>\n");
}

struct rows {
	struct finding_row *items;
	size_t count;
};

/* Returns how many were met that no other explains. */
static size_t page_put_findings(
	struct buffer *out, const struct facts *facts, const struct rows *rows, bool intended)
{
	size_t met = 0;
	unsigned open = 0;
	for (size_t i = 0; i < rows->count; i++) {
		const struct finding_row *row = &rows->items[i];
		if (row->intended != intended)
			continue;
		met += row->depth == 0 ? 1 : 0;
		if (met > MOST_ROWS)
			continue;
		page_end_findings(out, &open, row->depth);
		if (met == 1 && row->depth == 0)
			html_element(out, "h2", intended ? "Declared as intended" : "Findings");
		page_begin_finding(out, facts, row->finding);
		open++;
	}
	page_end_findings(out, &open, 0);
	if (met > MOST_ROWS)
		buffer_format(out,
			"<p class=\"dim\">%zu more in <a href=\"/api/v1/findings\">JSON</a>.</p>\n",
			met - MOST_ROWS);
	return met;
}

/* What was looked at where there are no findings, and what could not be looked at. */
static void page_put_looked_at(struct buffer *out, const struct facts *facts, bool found)
{
	struct unwatched_part part;
	if (!found)
		buffer_format(out,
			"<h2>Findings</h2><article class=\"good\"><h3>No findings</h3><p>Looked at %zu "
			"devices, %zu service addresses and %zu ways of requests and their "
			"replies.</p></article>\n",
			facts->device_count, facts->service_count, facts->path_count);
	for (size_t position = 0; unwatched_next(facts, &position, &part);) {
		bool all = strcmp(part.part, "all") == 0;
		buffer_format(out, "<article class=\"warning\"><h3>%s: %s</h3><p>",
			all ? "Not looked at" : "Not watched", part.collector);
		if (!all)
			buffer_format(out, "%" PRIu64 " ", part.count);
		html_text(out, part.text);
		buffer_format(out, all ? "</p></article>\n" : " (%s)</p></article>\n", part.reason);
	}
}

/* ---- addresses ---- */

static void page_put_service(
	struct buffer *out, const struct facts *facts, const struct service *service, enum verdict verdict)
{
	char names[DEVICE_NAMES_SIZE], address[ADDRESS_TEXT_SIZE];
	buffer_text(out, "<tr>");
	html_element(out, "td", address_format(&service->address, address));
	html_element(out, "td", origin_name(service->origin));
	html_element(out, "td", address_format(&service->target, address));
	html_element(out, "td", facts_device_names(facts, &service->arrival, ",", names));
	buffer_format(out, "<td class=\"%s\">%s</td></tr>\n", verdict_name(verdict), verdict_name(verdict));
}

static void page_put_services(struct buffer *out, const struct facts *facts, const struct verdicts *verdicts)
{
	if (facts->service_count == 0)
		return;
	buffer_text(out,
		"<h2>Service addresses</h2><div class=\"wide\"><table><thead><tr><th>Address</th>"
		"<th>Origin</th><th>Target</th><th>Arrival device</th><th>Reply route</th></tr></thead>"
		"<tbody>\n");
	for (size_t i = 0; i < facts->service_count && i < MOST_ROWS; i++)
		page_put_service(out, facts, &facts->services[i], verdicts->services[i]);
	buffer_text(out, "</tbody></table></div>\n");
	if (facts->service_count > MOST_ROWS)
		buffer_format(out,
			"<p class=\"dim\">%zu more in <a href=\"/api/v1/addresses\">JSON</a>.</p>\n",
			facts->service_count - MOST_ROWS);
}

/* ---- changes ---- */

static void page_put_changes(struct buffer *out, const struct change_history *history)
{
	char time[RFC3339_SIZE];
	const struct change *newest[MOST_CHANGES];
	size_t count = 0;
	if (!history)
		return;
	while (count < MOST_CHANGES && count < history->count) {
		newest[count] = history->items[history->count - 1 - count];
		count++;
	}
	buffer_format(out, "<h2>What changed</h2><p class=\"dim\">%s %s</p>\n",
		count ? "Since" : "Nothing since", rfc3339_format(history->began_ns, time));
	page_put_change_list(out, newest, count);
	if (history->count > count)
		buffer_format(out, "<p class=\"dim\">%zu more in <a href=\"/api/v1/changes\">JSON</a>.</p>\n",
			history->count - count);
}

static void page_put_all(struct buffer *out, const struct snapshot *snapshot, const struct rows *rows)
{
	char time[RFC3339_SIZE];
	page_put_looked_at(out, snapshot->facts, page_put_findings(out, snapshot->facts, rows, false) > 0);
	page_put_findings(out, snapshot->facts, rows, true);
	page_put_changes(out, snapshot->facts->changes);
	page_put_handshakes(out, snapshot->facts);
	page_put_services(out, snapshot->facts, &snapshot->findings->verdicts);
	buffer_format(out, "<p class=\"dim\">As of %s</p>\n", rfc3339_format(snapshot->facts->time_ns, time));
}

static int page_put_snapshot(struct buffer *out, const struct snapshot *snapshot)
{
	struct rows rows = { 0 };
	int result = finding_tree(snapshot->findings, &rows.items, &rows.count);
	if (result == 0)
		page_put_all(out, snapshot, &rows);
	free(rows.items);
	return result;
}

int page_write(struct buffer *out, const struct snapshot *snapshot, const char *telemetry_path)
{
	buffer_format(out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		"<title>oneway</title><style>%s</style></head>\n<body>\n<header><h1>oneway</h1>"
		"<p class=\"dim\">Finds one-way connectivity on this host. Version ",
		style);
	html_text(out, version_number);
	buffer_text(out, " (");
	html_text(out, version_revision);
	buffer_text(out, ")</p><nav><a href=\"");
	html_text(out, telemetry_path);
	buffer_text(out, "\">Metrics</a> <a href=\"/api/v1/findings\">Findings (JSON)</a> "
			 "<a href=\"/api/v1/addresses\">Addresses (JSON)</a> "
			 "<a href=\"/api/v1/changes\">Changes (JSON)</a> "
			 "<a href=\"/api/v1/handshakes\">Handshakes (JSON)</a></nav></header>\n");
	if (!snapshot)
		buffer_text(out, "<h2>Findings</h2><p>Not looked yet: the first judgement is due.</p>\n");
	else if (page_put_snapshot(out, snapshot) < 0)
		return -ENOMEM;
	buffer_text(out, "</body></html>\n");
	return out->failed ? -ENOMEM : 0;
}
