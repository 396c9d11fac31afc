/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Requests and replies as an SVG: columns of boxes between which the request goes to the right and the reply
 * to the left, or on narrow screens down and up. Colours and strokes are page.css's; what they say is also
 * said in words, and in the drawing's label. Texts are any: they are escaped, and squeezed into their box.
 */

#include "exporter/base/buffer.h"

#define DIAGRAM_COLUMNS 5
#define DIAGRAM_TEXT    160

enum diagram_lane { LANE_REQUEST, LANE_REPLY, DIAGRAM_LANES };

struct diagram_box {
	char title[DIAGRAM_TEXT]; /* "": there is no box */
	char note[DIAGRAM_TEXT];
	char more[DIAGRAM_TEXT]; /* behind the note where there is room */
	bool bad;
};

struct diagram_column {
	struct diagram_box boxes[DIAGRAM_LANES];
	bool spans;     /* the first box stands for both lanes */
	bool outside;   /* it is not this host's */
	unsigned width; /* where lanes are rows */
};

enum diagram_stroke {
	STROKE_NONE,
	STROKE_GOOD,
	STROKE_DASHED,
	STROKE_UNSEEN,
	STROKE_BAD,
	STROKE_LOST,
	STROKES
};

/* From a column to the next one that has a box in its lane. */
struct diagram_arrow {
	enum diagram_stroke stroke;
	char label[DIAGRAM_TEXT], note[DIAGRAM_TEXT];
};

struct diagram {
	struct diagram_column columns[DIAGRAM_COLUMNS];
	struct diagram_arrow arrows[DIAGRAM_LANES][DIAGRAM_COLUMNS - 1];
};

enum diagram_shape { DIAGRAM_WIDE, DIAGRAM_TALL };

void diagram_write(struct buffer *out, const struct diagram *diagram, enum diagram_shape shape);
/* The same in words, escaped. */
void diagram_say(struct buffer *out, const struct diagram *diagram);
