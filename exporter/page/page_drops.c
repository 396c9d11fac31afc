// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>

#include "exporter/page/html.h"
#include "exporter/page/parts.h"

#define MOST_ROWS 100

static void put_devices(struct buffer *out, const struct facts *facts)
{
	buffer_text(out,
		"<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Dropped packets\"><table><thead><tr>"
		"<th scope=\"col\">Device</th><th scope=\"col\">Reason</th><th scope=\"col\" class=\"number\">Last "
		"minute</th><th scope=\"col\" class=\"number\">Since the start</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < facts->device_drop_count && i < MOST_ROWS; i++) {
		const struct device_drop *drop = &facts->device_drops[i];
		buffer_text(out, "<tr><th scope=\"row\">");
		html_text(out, *drop->name ? drop->name : "none yet");
		buffer_format(out,
			"</th><td>%s</td><td class=\"number%s\">%" PRIu64 "</td><td class=\"number\">%" PRIu64
			"</td></tr>\n",
			drop_reason_name(drop->reason), drop->recent ? " rising" : "", drop->recent,
			drop->packets);
	}
	buffer_text(out, "</tbody></table></div>\n");
}

static void put_traced(struct buffer *out, const struct facts *facts)
{
	if (facts->trace_drop_count)
		buffer_text(out, "<h3>Traced requests, by what dropped them</h3><ul>");
	for (size_t i = 0; i < facts->trace_drop_count && i < MOST_ROWS; i++) {
		const struct trace_drops *drop = &facts->trace_drops[i];
		buffer_format(out, "<li>%" PRIu64 " ", drop->packets);
		if (!*drop->table) {
			buffer_text(out, "elsewhere</li>");
			continue;
		}
		html_text(out, drop->table);
		buffer_text(out, " ");
		html_text(out, drop->chain);
		if (drop->handle)
			buffer_format(out, " rule %" PRIu64 "</li>", drop->handle);
		else
			buffer_text(out, " policy</li>");
	}
	buffer_text(out, facts->trace_drop_count ? "</ul>" : "");
}

void page_put_drops(struct buffer *out, const struct snapshot *snapshot)
{
	const struct facts *facts = snapshot->facts;
	buffer_text(out, "<section id=\"drops\" class=\"card\"><h2>Dropped packets</h2>");
	if (!facts->device_drops_known)
		buffer_text(out, "<p>They are not counted by device here.</p>");
	else if (facts->device_drop_count == 0)
		buffer_text(out, "<p>None since the start.</p>");
	else
		put_devices(out, facts);
	if (facts->rpfilter.known)
		buffer_format(out,
			"<p class=\"dim\">Dropped by reverse-path filtering on all devices: %" PRIu64
			", in the last minute %" PRIu64 ".</p>",
			facts->rpfilter.drops, facts->rpfilter.drops_recent);
	put_traced(out, facts);
	buffer_text(out, "</section>\n");
}
