// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/html.h"

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
