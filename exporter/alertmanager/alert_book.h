/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What one Alertmanager was told and is to be told: a state, not a queue of events, so that one that is away
 * for an hour costs no more memory than one that is there, and is told what is so when it comes back. Alerts
 * that fire are told again before they end by themselves; what has ended is told until it was taken, or would
 * have ended by itself.
 *
 * Times: now_ns is CLOCK_REALTIME, which Alertmanager reads; monotonic_ns decides when. Sizes are bounded.
 */

#include "exporter/alertmanager/alert.h"
#include "exporter/alertmanager/alertmanager_stats.h"
#include "exporter/base/buffer.h"

/* Prometheus' own: told again after a minute, and ended where four of these pass in silence. */
#define ALERT_RESEND_NS INT64_C(60000000000)
#define ALERT_ENDS_NS   (4 * ALERT_RESEND_NS)

#define ALERTS_BATCH_MOST 64 /* of one request */

struct alert_entry {
	struct alert alert;
	int64_t ended_ns;     /* CLOCK_REALTIME; 0: it fires */
	int64_t forgotten_ns; /* monotonic, when an ended one is dropped though nobody took it */
	int64_t due_ns;       /* monotonic, when it is to be told */
	bool tried;           /* it may have been taken */
	bool underway;        /* in the request that is being made */
};

struct alert_book {
	struct alert_entry *entries; /* sorted by labels */
	size_t count;
	size_t omitted;   /* alerts that found no place now */
	uint64_t dropped; /* and since the start */
};

void alert_book_clear(struct alert_book *book);

/* From now on these fire and no others. 0, or -ENOMEM: then the book is as it was. */
int alert_book_update(
	struct alert_book *book, const struct alert_list *firing, int64_t now_ns, int64_t monotonic_ns);

/* How many are to be told now. */
size_t alert_book_due(const struct alert_book *book, int64_t monotonic_ns);
/* When the next one is; INT64_MAX: none. */
int64_t alert_book_next_ns(const struct alert_book *book);

/* Writes a request of API v2 with some of those that are due; returns how many. generator: a JSON string.
 * Between this and alert_book_told() the book may be updated. */
size_t alert_book_write(struct alert_book *book, const char *generator, int64_t now_ns, int64_t monotonic_ns,
	struct buffer *body);
/* How the request ended. What was not taken stays due. */
void alert_book_told(struct alert_book *book, bool taken, int64_t monotonic_ns);
