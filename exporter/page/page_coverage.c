// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdlib.h>

#include "exporter/page/html.h"
#include "exporter/page/parts.h"

/* Beyond this many rows a table helps nobody; the API has them all. */
#define MOST_ROWS 500

/* What is worse stands first; also the order of a column that is sorted by verdict. */
static const unsigned char ranks[VERDICTS] = {
	[VERDICT_NO_ROUTE] = 0,
	[VERDICT_UNCOVERED] = 1,
	[VERDICT_PARTLY] = 2,
	[VERDICT_UNKNOWN] = 3,
	[VERDICT_INTENDED] = 4,
	[VERDICT_COVERED] = 5,
};

static void put_devices(
	struct buffer *out, const struct facts *facts, const struct device_set *set, const char *none)
{
	char names[DEVICE_NAMES_SIZE];
	html_element(out, "td", set->count ? facts_device_names(facts, set, ", ", names) : none);
}

static void put_service(struct buffer *out, const struct facts *facts, const struct service *service,
	const struct device_set *replies, enum verdict verdict)
{
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
	const char *name = verdict_name(verdict);
	address_format(&service->address, address);
	address_format(&service->target, target);
	buffer_format(out, "<tr data-key=\"%s-%s-%u-%u-%u\"><th scope=\"row\">%s</th>", address, target,
		service->origin, service->protocol, service->port, address);
	if (service->origin == ORIGIN_LOCAL)
		buffer_text(out, "<td class=\"dim\">local</td>");
	else if (service->target_port)
		buffer_format(out, "<td>%s port %u</td>", target, service->target_port);
	else
		html_element(out, "td", target);
	put_devices(out, facts, &service->arrival, "not known");
	put_devices(out, facts, replies, verdict == VERDICT_NO_ROUTE ? "no route" : "not known");
	buffer_format(out, "<td class=\"number\">%" PRIu64 "</td><td class=\"number\">%" PRIu64 "</td>",
		service->open, service->half_open);
	buffer_format(out, "<td data-order=\"%u\"><span class=\"verdict %s\">%s</span></td></tr>\n",
		ranks[verdict], name, name);
}

/* All devices by which replies of each service leave. */
static struct device_set *replies_of(const struct facts *facts)
{
	struct device_set *replies = calloc(facts->service_count + 1, sizeof(*replies));
	for (size_t i = 0; replies && i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		if (path->service < facts->service_count && !path->answers &&
			path->reply.result == ROUTE_FOUND)
			for (unsigned j = 0; j < path->reply.devices.count; j++)
				device_set_add(&replies[path->service], path->reply.devices.ifindex[j]);
	}
	return replies;
}

static void put_rows(struct buffer *out, const struct snapshot *snapshot, const struct device_set *replies)
{
	const struct facts *facts = snapshot->facts;
	const enum verdict *verdicts = snapshot->findings->verdicts.services;
	size_t rows = 0;
	for (unsigned rank = 0; rank < VERDICTS; rank++)
		for (size_t i = 0; i < facts->service_count && rows < MOST_ROWS; i++)
			if (ranks[verdicts[i]] == rank) {
				put_service(out, facts, &facts->services[i], &replies[i], verdicts[i]);
				rows++;
			}
}

void page_put_coverage(struct buffer *out, const struct snapshot *snapshot)
{
	static const char *const columns[] = { "Address", "Translated to", "Requests arrive on",
		"Replies leave by", "Open", "Half open", "Reply route" };
	const struct facts *facts = snapshot->facts;
	buffer_text(out, "<section id=\"coverage\" class=\"card\"><h2>Service addresses</h2>");
	if (facts->service_count == 0 || !snapshot->findings->verdicts.services) {
		buffer_text(out, "<p>None is known.</p></section>\n");
		return;
	}
	struct device_set *replies = replies_of(facts);
	if (!replies) {
		out->failed = true;
		return;
	}
	buffer_text(out,
		"<p class=\"scripted filter\"><label for=\"coverage-filter\">Filter</label> <input id=\"coverage-filter\" "
		"type=\"search\" autocomplete=\"off\" spellcheck=\"false\"> <span id=\"coverage-count\" "
		"role=\"status\" data-keep></span></p><div class=\"scroll\" tabindex=\"0\" role=\"group\" "
		"aria-label=\"Service addresses\"><table class=\"sortable\"><thead><tr>");
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
		buffer_format(out, "<th scope=\"col\"%s>%s</th>", i == 4 || i == 5 ? " class=\"number\"" : "",
			columns[i]);
	buffer_text(out, "</tr></thead><tbody>\n");
	put_rows(out, snapshot, replies);
	buffer_text(out, "</tbody></table></div>\n");
	if (facts->service_count > MOST_ROWS)
		buffer_format(out,
			"<p class=\"dim\">%zu more in <a href=\"/api/v1/addresses\">JSON</a>.</p>\n",
			facts->service_count - MOST_ROWS);
	buffer_text(out, "</section>\n");
	free(replies);
}
