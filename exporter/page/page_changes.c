// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/html.h"
#include "exporter/page/parts.h"

/* Beyond so many the API has them all; beyond a few they are folded. */
#define MOST_CHANGES 50
#define FEW_CHANGES  8

void page_put_change_list(
	struct buffer *out, int64_t now_ns, const struct change *const *changes, size_t count)
{
	static const char *const signs[] = {
		[CHANGE_CAME] = "+", [CHANGE_WENT] = "−", [CHANGE_CHANGED] = "~"
	};
	buffer_text(out, count ? "<ul class=\"changes\">\n" : "");
	for (size_t i = 0; i < count; i++) {
		buffer_format(out, "<li class=\"%s\">", change_event_name(changes[i]->event));
		html_time(out, changes[i]->time_ns, now_ns);
		buffer_format(out,
			" <span class=\"dim\">%s %s</span> <code><span aria-hidden=\"true\">%s </span>",
			change_kind_name(changes[i]->kind), change_event_name(changes[i]->event),
			signs[changes[i]->event]);
		html_text(out, changes[i]->text);
		buffer_text(out, "</code></li>\n");
	}
	buffer_text(out, count ? "</ul>\n" : "");
}

void page_put_changes(struct buffer *out, const struct snapshot *snapshot)
{
	const struct change_history *history = snapshot->facts->changes;
	const struct change *newest[MOST_CHANGES] = { NULL };
	int64_t now_ns = snapshot->facts->time_ns;
	size_t count = 0;
	buffer_text(out, "<section id=\"changes\" class=\"card\"><h2>What changed</h2>");
	while (history && count < MOST_CHANGES && count < history->count) {
		newest[count] = history->items[history->count - 1 - count];
		count++;
	}
	if (!history)
		buffer_text(out, "<p>Changes are not watched.</p>");
	else if (count == 0)
		buffer_text(out, "<p>Nothing since watching began.</p>");
	size_t few = count < FEW_CHANGES ? count : FEW_CHANGES;
	page_put_change_list(out, now_ns, newest, few);
	if (count > few) {
		buffer_format(out, "<details><summary>%zu earlier ones</summary>", count - few);
		page_put_change_list(out, now_ns, newest + few, count - few);
		buffer_text(out, "</details>");
	}
	if (history && history->count > count)
		buffer_format(out, "<p class=\"dim\">%zu more in <a href=\"/api/v1/changes\">JSON</a>.</p>\n",
			history->count - count);
	buffer_text(out, "</section>\n");
}
