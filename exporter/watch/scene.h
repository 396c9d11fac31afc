/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a screen is made from, beside its size. */

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
