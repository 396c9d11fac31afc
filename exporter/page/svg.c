// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/svg.h"

#include <string.h>

#include "exporter/base/text.h"
#include "exporter/page/html.h"

/* On average, of the 12 pixels that page.css sets, as few fonts are narrower; titles are bold. */
#define CHARACTER_WIDTH 6
#define TITLE_WIDTH     7
#define HEAD            8 /* length of an arrow's head */

void svg_box(struct buffer *out, const char *class, int x, int y, int width, int height)
{
	buffer_format(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"7\"/>",
		class, x, y, width, height);
}

/* As it is shown: with what cannot be printed as %XX. */
static int text_columns(const char *text)
{
	struct buffer shown = { 0 };
	buffer_escaped(&shown, text, NULL);
	buffer_add(&shown, "", 1);
	int columns = shown.failed ? 0 : (int)text_width(shown.data);
	buffer_clear(&shown);
	return columns;
}

void svg_text(struct buffer *out, const char *class, enum svg_anchor anchor, int x, int y, int width,
	const char *text)
{
	static const char *const anchors[] = { [ANCHOR_START] = "",
		[ANCHOR_MIDDLE] = " text-anchor=\"middle\"",
		[ANCHOR_END] = " text-anchor=\"end\"" };
	if (!*text)
		return;
	buffer_format(out, "<text class=\"%s\" x=\"%d\" y=\"%d\"%s", class, x, y, anchors[anchor]);
	int each = strncmp(class, "title", strlen("title")) == 0 ? TITLE_WIDTH : CHARACTER_WIDTH;
	if (width > 0 && text_columns(text) * each > width)
		buffer_format(out, " textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\"", width);
	buffer_text(out, ">");
	html_text(out, text);
	buffer_text(out, "</text>");
}

void svg_arrow(struct buffer *out, const char *class, int x, int y, int to_x, int to_y, bool bend)
{
	bool level = bend || y == to_y;
	int step_x = level ? (to_x > x ? HEAD : -HEAD) : 0, step_y = level ? 0 : (to_y > y ? HEAD : -HEAD);
	int end_x = to_x - step_x, end_y = to_y - step_y, middle = (x + end_x) / 2;
	buffer_format(out, "<path class=\"line %s\" d=\"M%d %d", class, x, y);
	if (bend && y != to_y)
		buffer_format(out, "C%d %d %d %d %d %d", middle, y, middle, to_y, end_x, end_y);
	else
		buffer_format(out, "L%d %d", end_x, end_y);
	buffer_format(out, "\"/><path class=\"head %s\" d=\"M%d %dL%d %dL%d %dz\"/>", class, to_x, to_y,
		end_x - step_y / 2, end_y - step_x / 2, end_x + step_y / 2, end_y + step_x / 2);
}

void svg_cross(struct buffer *out, const char *class, int x, int y)
{
	buffer_format(out, "<path class=\"line %s\" d=\"M%d %dl12 12m0 -12l-12 12\"/>", class, x - 6, y - 6);
}
