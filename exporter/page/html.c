// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/html.h"

#include <inttypes.h>
#include <stdio.h>

#include "collectors/base/clock.h"
#include "collectors/base/rfc3339.h"

static const struct replacement html_escapes[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
	{ '"', "&quot;" }, { '\'', "&#39;" }, { 0, NULL } };

void html_text(struct buffer *out, const char *text)
{
	buffer_escaped(out, text ? text : "", html_escapes);
}

void html_element(struct buffer *out, const char *element, const char *text)
{
	buffer_format(out, "<%s>", element);
	html_text(out, text);
	buffer_format(out, "</%s>", element);
}

void html_cut(struct buffer *out, const char *id)
{
	buffer_format(out, "<!--cut %s-->", id);
}

void html_end(struct buffer *out)
{
	buffer_text(out, "<!--end-->\n");
}

const char *duration_text(int64_t duration_ns, char text[static DURATION_TEXT_SIZE])
{
	int64_t seconds = duration_ns < 0 ? 0 : duration_ns / SECOND_NS;
	if (seconds < 120)
		snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 " s", seconds);
	else if (seconds < 7200)
		snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 " min", seconds / 60);
	else if (seconds < 172800)
		snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 " h", seconds / 3600);
	else
		snprintf(text, DURATION_TEXT_SIZE, "%" PRId64 " d", seconds / 86400);
	return text;
}

void html_time(struct buffer *out, int64_t time_ns, int64_t now_ns)
{
	char exact[RFC3339_SIZE], ago[DURATION_TEXT_SIZE];
	rfc3339_format(time_ns, exact);
	buffer_format(out, "<time datetime=\"%s\" title=\"%s\">%s ago</time>", exact, exact,
		duration_text(now_ns - time_ns, ago));
}

void html_count(struct buffer *out, uint64_t count, const char *one, const char *many)
{
	buffer_format(out, "%" PRIu64 " %s", count, count == 1 ? one : many);
}
