/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What happened while somebody watched, one line each: findings that opened, closed or became worse, and the
 * exporter that went or came. Intended findings are none. */

#include "exporter/watch/model.h"

#define WATCH_EVENTS 200 /* the last so many are kept */

struct watch_event {
	int64_t time_ns; /* CLOCK_REALTIME */
	bool good;
	enum severity severity; /* if it is not good */
	char *text;             /* as it came: it may hold any characters */
};

struct watch_events {
	struct watch_event *items; /* oldest first */
	size_t count;
	uint64_t total; /* also those that are no longer kept */
};

/* Memory that runs out loses the event. */
void watch_events_add(struct watch_events *events, const struct watch_event *event);
/* Adds what differs; before: NULL at first, and then what is open is told as `open`. */
void watch_events_compare(
	struct watch_events *events, const struct watch_model *before, const struct watch_model *now);
void watch_events_clear(struct watch_events *events);
