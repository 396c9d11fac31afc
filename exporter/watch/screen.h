/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The screens of `oneway watch`: model, what the operator has chosen, and size go in, styled cells come out.
 * Pure; what a colour says stands there as a word or sign as well. */

#include "exporter/watch/scene.h"

enum watch_key {
	WATCH_NONE,
	WATCH_UP,
	WATCH_DOWN,
	WATCH_PAGE_UP,
	WATCH_PAGE_DOWN,
	WATCH_FIRST,
	WATCH_LAST,
	WATCH_LEFT,
	WATCH_RIGHT,
	WATCH_ENTER,
	WATCH_BACK,
	WATCH_NEXT, /* view */
	WATCH_PREVIOUS,
	WATCH_VIEW, /* WATCH_VIEW + i is view i */
	WATCH_HELP = WATCH_VIEW + VIEWS,
	WATCH_REDRAW, /* these two are the caller's */
	WATCH_QUIT,
};

void watch_press(struct watch_state *state, enum watch_key key);

/* Fills the paper, which is blank and as large as the terminal, of any size; where memory is out it stays
 * blank in parts. */
void watch_draw(const struct watch_scene *scene, struct watch_state *state, const struct paper *screen);
