/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The few shapes that the page's drawings are made of. Classes are static, texts any. */

#include "exporter/base/buffer.h"

enum svg_anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };

void svg_box(struct buffer *out, const char *class, int x, int y, int width, int height);
/* Squeezed if it would be wider than `width`; 0: it may be as wide as it is. */
void svg_text(struct buffer *out, const char *class, enum svg_anchor anchor, int x, int y, int width,
	const char *text);
/* A line with a head at its end; `bend`: it leaves and arrives along the x axis. */
void svg_arrow(struct buffer *out, const char *class, int x, int y, int to_x, int to_y, bool bend);
/* Where something ends. */
void svg_cross(struct buffer *out, const char *class, int x, int y);
