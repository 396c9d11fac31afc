/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where `oneway watch` has it from: a thread that asks an exporter once a second, or looks at this host by
 * itself, as --url, --local and --netns say. Where none of them and no ONEWAY_URL does and the first question
 * finds nobody listening, it looks by itself from then on.
 */

#include <stdbool.h>

#include "exporter/cli/options.h"
#include "exporter/watch/model.h"

#define WATCH_NAME_SIZE    256
#define WATCH_TROUBLE_SIZE 512

struct watch_news {
	struct watch_model *model;        /* the caller's; NULL: no newer one */
	char name[WATCH_NAME_SIZE];       /* who tells: no password in it; "" before it is known */
	char trouble[WATCH_TROUBLE_SIZE]; /* why the last question brought nothing; "": it did. May hold any
					     characters. */
	bool over;                        /* the trouble is for good */
	int64_t looking_ns; /* CLOCK_MONOTONIC since when it looks by itself: at first it has seen little; 0:
			       an exporter tells */
};

struct watch_source;

/* On the main thread, which enters the namespace of --netns. The thread blocks the signals that the caller
 * does. The options are lent until watch_source_free(). 0, or negative errno with a message. */
int watch_source_new(const struct options *options, struct watch_source **out, char *message, size_t size);
/* Readable when there are news. */
int watch_source_descriptor(const struct watch_source *source);
void watch_source_take(struct watch_source *source, struct watch_news *out);
/* Ends what it is doing. Accepts NULL. */
void watch_source_free(struct watch_source *source);
