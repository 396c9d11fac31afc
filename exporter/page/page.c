// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "collectors/base/rfc3339.h"
#include "exporter/base/version.h"
#include "exporter/page/html.h"
#include "exporter/page/parts.h"

static void page_put_title(struct buffer *out, const struct page_rows *rows, const char *host)
{
	size_t incidents = rows->severities[SEVERITY_CRITICAL] + rows->severities[SEVERITY_WARNING];
	buffer_text(out, "<title>");
	if (incidents) {
		html_count(out, incidents, "incident", "incidents");
		buffer_text(out, " – ");
	}
	html_text(out, host);
	buffer_text(out, host ? " – oneway</title>" : "oneway</title>");
}

static void page_put_scope(struct buffer *out, const struct facts *facts)
{
	size_t lines = 0;
	for (size_t i = 0; i < facts->line_count; i++) /* sorted by device; a family each */
		lines += i == 0 || facts->lines[i].ifindex != facts->lines[i - 1].ifindex ? 1 : 0;
	buffer_text(out, " · ");
	html_count(out, facts->device_count, "device", "devices");
	buffer_text(out, " · ");
	html_count(out, lines, "line", "lines");
	buffer_text(out, " · ");
	html_count(out, facts->service_count, "service address", "service addresses");
}

static void page_put_head(struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows,
	const struct page_setting *setting)
{
	buffer_text(out, "<!DOCTYPE html>\n<html lang=\"en\" data-version=\"");
	html_text(out, version_number);
	buffer_text(out, " ");
	html_text(out, version_revision);
	buffer_text(out, "\"><head><meta charset=\"utf-8\">"
			 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
			 "<meta name=\"color-scheme\" content=\"light dark\">");
	page_put_title(out, rows, setting->host);
	buffer_text(out, "<link rel=\"stylesheet\" href=\"/page.css\"><link rel=\"icon\" href=\"/icon.svg\">"
			 "<script src=\"/page.js\" defer></script></head>\n<body>\n"
			 "<a class=\"skip\" href=\"#findings\">Skip to the findings</a>\n<header><div>"
			 "<span class=\"brand\">oneway</span><p class=\"scope\">");
	html_text(out, setting->host);
	if (snapshot)
		page_put_scope(out, snapshot->facts);
	buffer_text(
		out, "</p><p id=\"live\" role=\"status\" data-keep></p><nav aria-label=\"Data\"><a href=\"");
	html_text(out, setting->telemetry_path);
	buffer_text(out, "\">Metrics</a> <a href=\"/api/v1/findings\">Findings</a> "
			 "<a href=\"/api/v1/addresses\">Addresses</a> "
			 "<a href=\"/api/v1/handshakes\">Handshakes</a> "
			 "<a href=\"/api/v1/changes\">Changes</a></nav></div></header>\n"
			 "<p id=\"trouble\" role=\"alert\" data-keep hidden></p>\n"
			 "<p id=\"said\" class=\"unseen\" role=\"status\" data-keep></p>\n<main>\n");
}

static void page_put_part(struct buffer *out, const char *id, const struct snapshot *snapshot,
	void (*put)(struct buffer *out, const struct snapshot *snapshot))
{
	html_cut(out, id);
	put(out, snapshot);
	html_end(out);
}

static void page_put_parts(
	struct buffer *out, const struct snapshot *snapshot, const struct page_rows *rows, int64_t age_ns)
{
	html_cut(out, "verdict");
	page_put_verdict(out, snapshot, rows, age_ns);
	html_end(out);
	page_put_findings(out, snapshot, rows);
	page_put_part(out, "map", snapshot, page_put_map);
	buffer_text(out, "<div class=\"columns\">");
	page_put_part(out, "matrix", snapshot, page_put_matrix);
	page_put_part(out, "timeline", snapshot, page_put_timeline);
	buffer_text(out, "</div>\n");
	page_put_part(out, "coverage", snapshot, page_put_coverage);
	buffer_text(out, "<div class=\"columns\">");
	page_put_part(out, "drops", snapshot, page_put_drops);
	page_put_part(out, "changes", snapshot, page_put_changes);
	buffer_text(out, "</div>\n");
}

static int rows_of(const struct snapshot *snapshot, struct page_rows *rows)
{
	int result = finding_tree(snapshot->findings, &rows->items, &rows->count);
	for (size_t i = 0; result == 0 && i < rows->count; i++)
		if (rows->items[i].depth == 0 && !rows->items[i].intended)
			rows->severities[rows->items[i].finding->severity]++;
	return result;
}

/* FNV-1a; nobody gains by two pages with the same one but who would see the older of them. */
static uint64_t tag_of(const struct buffer *buffer)
{
	uint64_t tag = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < buffer->size; i++)
		tag = (tag ^ (uint8_t)buffer->data[i]) * UINT64_C(0x100000001b3);
	return tag;
}

int page_write(struct buffer *out, const struct snapshot *snapshot, const struct page_setting *setting,
	uint64_t *tag)
{
	char time[RFC3339_SIZE];
	struct page_rows rows = { 0 };
	if (snapshot && rows_of(snapshot, &rows) < 0)
		return -ENOMEM;
	page_put_head(out, snapshot, &rows, setting);
	if (snapshot)
		page_put_parts(out, snapshot, &rows, setting->age_ns);
	else
		buffer_text(out, "<section id=\"verdict\" class=\"unknown\"><h1>Not looked yet</h1>"
				 "<p>The first judgement is due.</p></section>\n");
	free(rows.items);
	buffer_text(out, "</main>\n<footer><p>oneway ");
	html_text(out, version_number);
	buffer_text(out, " (");
	html_text(out, version_revision);
	buffer_text(out, ")");
	*tag = tag_of(out);
	if (snapshot) {
		rfc3339_format(snapshot->facts->time_ns, time);
		buffer_text(out, " · as of ");
		html_cut(out, "as-of");
		buffer_format(out, "<time id=\"as-of\" datetime=\"%s\">%s</time>", time, time);
		html_end(out);
		buffer_text(out, " · <a href=\"/\">reload</a>");
	}
	buffer_text(out, "</p></footer></body></html>\n");
	return out->failed ? -ENOMEM : 0;
}
