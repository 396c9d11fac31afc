// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/page/diagram.h"

#include <stdio.h>

#include "exporter/page/html.h"
#include "exporter/page/svg.h"

/* Pixels of a drawing that is not scaled. */
#define WIDE_WIDTH  1120
#define WIDE_HEIGHT 190
#define TALL_WIDTH  340
#define BOX_HEIGHT  46
#define PADDING     10
#define MARGIN      16

static const char *const strokes[STROKES] = {
	[STROKE_NONE] = "",
	[STROKE_GOOD] = "good",
	[STROKE_DASHED] = "good dashed",
	[STROKE_UNSEEN] = "unseen dashed",
	[STROKE_BAD] = "bad",
	[STROKE_LOST] = "bad dashed",
};

struct place {
	int x, y, width, height;
};

/* Where the columns stand along the way. */
struct layout {
	enum diagram_shape shape;
	int begin[DIAGRAM_COLUMNS], size[DIAGRAM_COLUMNS];
	int length;
};

static bool column_has(const struct diagram_column *column, int lane)
{
	return *column->boxes[column->spans ? 0 : lane].title;
}

static bool column_is_there(const struct diagram_column *column)
{
	return column_has(column, LANE_REQUEST) || column_has(column, LANE_REPLY);
}

/* The gap before a column; words about what is outside stand there. */
static int gap_of(const struct diagram *diagram, int column, int before, enum diagram_shape shape)
{
	bool outside = diagram->columns[column].outside;
	if (shape == DIAGRAM_TALL)
		return 54;
	if (before == 0) /* what is counted and what is lost stands there */
		return 150;
	return outside || before > 1 ? 60 : 104;
}

static struct layout layout_of(const struct diagram *diagram, enum diagram_shape shape)
{
	struct layout layout = { .shape = shape, .length = MARGIN };
	int before = -1, wish = 4;
	for (int i = 0; i < DIAGRAM_COLUMNS; i++) {
		const struct diagram_column *column = &diagram->columns[i];
		if (!column_is_there(column))
			continue;
		layout.length += before < 0 ? 0 : gap_of(diagram, i, before, shape);
		layout.begin[i] = layout.length;
		layout.size[i] = shape == DIAGRAM_TALL ? BOX_HEIGHT : (int)column->width;
		layout.length += layout.size[i];
		before = i;
	}
	layout.length += MARGIN;
	/* All are as long as the longest, so that their scale is the same. */
	for (int spare = WIDE_WIDTH - layout.length; shape == DIAGRAM_WIDE && spare > 0 && wish; wish = 0) {
		int gaps = 0, seen = 0;
		for (int i = 0; i < DIAGRAM_COLUMNS; i++)
			gaps += column_is_there(&diagram->columns[i]) ? 1 : 0;
		for (int i = 0; i < DIAGRAM_COLUMNS; i++)
			if (column_is_there(&diagram->columns[i]))
				layout.begin[i] += gaps > 1 ? spare * seen++ / (gaps - 1) : 0;
		layout.length = WIDE_WIDTH;
	}
	return layout;
}

static struct place place_of(const struct layout *layout, const struct diagram *diagram, int column, int lane)
{
	bool spans = diagram->columns[column].spans;
	int across = spans ? 0 : lane;
	if (layout->shape == DIAGRAM_WIDE)
		return (struct place){ layout->begin[column], 34 + across * 86, layout->size[column],
			spans ? 86 + BOX_HEIGHT : BOX_HEIGHT };
	return (struct place){ 12 + across * 161, layout->begin[column], spans ? 316 : 155, BOX_HEIGHT };
}

static void put_box(struct buffer *out, const struct diagram_box *box, const struct diagram_column *column,
	enum diagram_shape shape, const struct place *place)
{
	char note[2 * DIAGRAM_TEXT];
	int middle = place->y + place->height / 2, center = place->x + place->width / 2;
	int room = place->width - 2 * PADDING;
	svg_box(out,
		box->bad          ? "box bad"
		: column->outside ? "box far"
				  : "box",
		place->x, place->y, place->width, place->height);
	svg_text(out, box->bad ? "title bad" : "title", ANCHOR_MIDDLE, center, middle + (*box->note ? -3 : 5),
		room, box->title);
	snprintf(note, sizeof(note), "%s%s", box->note, shape == DIAGRAM_WIDE ? box->more : "");
	svg_text(out, "note", ANCHOR_MIDDLE, center, middle + 14, room, note);
}

/* The arrow's words stand above and below it, or beside it. */
static void put_words(struct buffer *out, const struct diagram_arrow *arrow, int lane,
	enum diagram_shape shape, const struct place *from, const struct place *to)
{
	bool bad = arrow->stroke == STROKE_BAD || arrow->stroke == STROKE_LOST;
	const char *label = bad ? "label bad" : "label", *note = bad ? "note bad" : "note";
	if (shape == DIAGRAM_WIDE) {
		int left = from->x < to->x ? from->x + from->width : to->x + to->width;
		int right = from->x < to->x ? to->x : from->x;
		int y = lane == LANE_REQUEST ? 34 + BOX_HEIGHT / 2 : 34 + 86 + BOX_HEIGHT / 2;
		svg_text(out, label, ANCHOR_MIDDLE, (left + right) / 2, y - 8, right - left - 12,
			arrow->label);
		svg_text(
			out, note, ANCHOR_MIDDLE, (left + right) / 2, y + 19, right - left - 12, arrow->note);
		return;
	}
	int top = from->y < to->y ? from->y + from->height : to->y + to->height;
	int x = lane == LANE_REQUEST ? 52 : TALL_WIDTH - 52;
	enum svg_anchor anchor = lane == LANE_REQUEST ? ANCHOR_START : ANCHOR_END;
	svg_text(out, label, anchor, x, top + (*arrow->note ? 24 : 31), 118, arrow->label);
	svg_text(out, note, anchor, x, top + (*arrow->label ? 40 : 31), 118, arrow->note);
}

static void put_arrow(struct buffer *out, const struct diagram_arrow *arrow, int lane,
	enum diagram_shape shape, const struct place *from, const struct place *to)
{
	const char *class = strokes[arrow->stroke];
	bool lost = arrow->stroke == STROKE_LOST;
	if (arrow->stroke == STROKE_NONE)
		return;
	if (shape == DIAGRAM_WIDE) {
		int y = 34 + lane * 86 + BOX_HEIGHT / 2;
		int begin = from->x < to->x ? from->x + from->width + 2 : from->x - 2;
		int end = from->x < to->x ? to->x - 3 : to->x + to->width + 3;
		int stop = lost ? end + (begin - end) / 5 : end;
		svg_arrow(out, class, begin, y, stop, y, false);
		if (lost)
			svg_cross(out, "bad", end + (begin - end) / 10, y);
	} else {
		int x = lane == LANE_REQUEST ? 40 : TALL_WIDTH - 40;
		int begin = from->y < to->y ? from->y + from->height + 2 : from->y - 2;
		int end = from->y < to->y ? to->y - 3 : to->y + to->height + 3;
		int stop = lost ? end + (begin - end) / 3 : end;
		svg_arrow(out, class, x, begin, x, stop, false);
		if (lost)
			svg_cross(out, "bad", x, end + (begin - end) / 6);
	}
	put_words(out, arrow, lane, shape, from, to);
}

static void put_lane(struct buffer *out, const struct diagram *diagram, const struct layout *layout, int lane)
{
	int before = -1;
	for (int i = 0; i < DIAGRAM_COLUMNS; i++) {
		const struct diagram_column *column = &diagram->columns[i];
		if (!column_has(column, lane))
			continue;
		struct place here = place_of(layout, diagram, i, lane);
		if (before >= 0) {
			struct place there = place_of(layout, diagram, before, lane);
			const struct diagram_arrow *arrow = &diagram->arrows[lane][before];
			put_arrow(out, arrow, lane, layout->shape, lane == LANE_REQUEST ? &there : &here,
				lane == LANE_REQUEST ? &here : &there);
		}
		if (lane == LANE_REQUEST || !column->spans)
			put_box(out, &column->boxes[lane], column, layout->shape, &here);
		before = i;
	}
}

/* A frame around what is this host's: it runs through its outermost boxes. */
static void put_host(struct buffer *out, const struct diagram *diagram, const struct layout *layout)
{
	int first = -1, last = -1;
	for (int i = 0; i < DIAGRAM_COLUMNS; i++) {
		if (!column_is_there(&diagram->columns[i]) || diagram->columns[i].outside)
			continue;
		first = first < 0 ? i : first;
		last = i;
	}
	if (first < 0)
		return;
	int begin = layout->begin[first] - 12, end = layout->begin[last] + layout->size[last] + 12;
	if (layout->shape == DIAGRAM_WIDE) {
		svg_box(out, "host", begin, 6, end - begin, WIDE_HEIGHT - 12);
		svg_text(out, "note", ANCHOR_START, begin + 12, 24, 0, "this host");
	} else {
		svg_box(out, "host", 2, begin, TALL_WIDTH - 4, end - begin);
	}
}

void diagram_write(struct buffer *out, const struct diagram *diagram, enum diagram_shape shape)
{
	const struct layout layout = layout_of(diagram, shape);
	bool wide = shape == DIAGRAM_WIDE;
	int width = wide ? WIDE_WIDTH : TALL_WIDTH, height = wide ? WIDE_HEIGHT : layout.length;
	buffer_format(out, "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
		wide ? "wide" : "tall", width, height);
	diagram_say(out, diagram);
	buffer_text(out, "\">");
	put_host(out, diagram, &layout);
	for (int lane = 0; lane < DIAGRAM_LANES; lane++)
		put_lane(out, diagram, &layout, lane);
	buffer_text(out, "</svg>\n");
}

static void say_lane(struct buffer *out, const struct diagram *diagram, int lane)
{
	int order[DIAGRAM_COLUMNS], count = 0;
	for (int i = 0; i < DIAGRAM_COLUMNS; i++) {
		int column = lane == LANE_REQUEST ? i : DIAGRAM_COLUMNS - 1 - i;
		if (column_has(&diagram->columns[column], lane))
			order[count++] = column;
	}
	for (int i = 0; i < count; i++) {
		const struct diagram_column *column = &diagram->columns[order[i]];
		int leg = i == 0 ? 0 : lane == LANE_REQUEST ? order[i - 1] : order[i];
		const struct diagram_arrow *arrow = i == 0 ? NULL : &diagram->arrows[lane][leg];
		bool bad = arrow && (arrow->stroke == STROKE_BAD || arrow->stroke == STROKE_LOST ||
					    arrow->stroke == STROKE_UNSEEN);
		if (arrow && arrow->stroke == STROKE_NONE) {
			buffer_text(out, ", no further");
			break;
		}
		buffer_text(out, i == 0 ? "" : bad ? ", not as it should (" : ", ");
		if (bad) {
			html_text(out, *arrow->note ? arrow->note : arrow->label);
			buffer_text(out, ") to ");
		}
		html_text(out, column->boxes[column->spans ? 0 : lane].title);
	}
}

void diagram_say(struct buffer *out, const struct diagram *diagram)
{
	buffer_text(out, "Request: ");
	say_lane(out, diagram, LANE_REQUEST);
	buffer_text(out, ". Reply: ");
	say_lane(out, diagram, LANE_REPLY);
	buffer_text(out, ".");
}
