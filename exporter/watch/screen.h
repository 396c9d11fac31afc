/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The screens of `oneway watch`: model, what the operator has chosen, and size go in, styled cells come out.
 * Pure; what a colour says stands there as a word or sign as well. */

#include "exporter/watch/events.h"
#include "exporter/watch/model.h"
#include "exporter/watch/paper.h"

enum watch_view { VIEW_FINDINGS, VIEW_MAP, VIEW_MATRIX, VIEW_LOG, VIEWS };

#define WATCH_KEY_SIZE 160

/* What the operator has chosen. All-zero at first. */
struct watch_state {
	enum watch_view view;
	bool open; /* the details of what is selected fill the screen */
	bool help;
	size_t scroll; /* of details or help */
	size_t left;   /* columns of the matrix that are scrolled away */
	struct {
		size_t at;                /* the selected row; watch_draw() keeps it on the same thing */
		char key[WATCH_KEY_SIZE]; /* which this names; "" when it was moved to another row */
	} lists[VIEWS];
	size_t page; /* rows that can be seen: by watch_draw() */
};

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

struct watch_scene {
	const struct watch_model *model; /* the last there was; NULL: none yet */
	const struct watch_events *events;
	const char *source;  /* who tells: "http://localhost:10150" */
	const char *trouble; /* why nothing new comes; "" if it does */
	bool early;          /* it has not looked for long: openings that it saw may still be undecided */
	int64_t trouble_since_ns; /* CLOCK_REALTIME, as the next two */
	int64_t begun_ns;         /* when watching began */
	int64_t now_ns;
	int64_t quiet_ns; /* for so long the source has judged nothing anew */
};

/* Fills the paper, which is blank and as large as the terminal, of any size; where memory is out it stays
 * blank in parts. */
void watch_draw(const struct watch_scene *scene, struct watch_state *state, const struct paper *screen);
