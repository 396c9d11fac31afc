/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Alerts on their way to Alertmanagers, all to each: a thread of its own takes the latest findings and makes
 * requests, by libcurl, none of which waits for another. Whoever judges or answers never waits for it, and
 * what one Alertmanager that is slow or away costs is bounded (alert_book.h). Nothing is told at the end: an
 * exporter that is started again goes on with the same alerts, and what is over by then ends by itself.
 */

#include <stdint.h>

#include "exporter/alertmanager/alert.h"
#include "exporter/alertmanager/alertmanager_stats.h"
#include "exporter/daemon/log.h"
#include "exporter/daemon/snapshot.h"

struct alertmanagers_options {
	struct text_list urls;   /* of Alertmanagers' pages */
	const char *config_file; /* or NULL */
	struct alert_sender_options sender;
	size_t max_addresses; /* as for metrics */
};

struct alertmanagers;

/* Whether the options and the files that they name are right; none is opened to the network. 0 or negative
 * errno with a message, which never has a password. */
int alertmanagers_check(const struct alertmanagers_options *options, char *message, size_t size);

/* Requests are made in the namespace of the calling thread. The options are lent for the length of the call
 * (runbook_url: until the end), latest and log until alertmanagers_stop(). *out is NULL without a URL. As
 * alertmanagers_check(). */
int alertmanagers_start(const struct alertmanagers_options *options, struct latest_snapshot *latest,
	struct log *log, struct alertmanagers **out, char *message, size_t size);
/* Breaks requests off. Accepts NULL. */
void alertmanagers_stop(struct alertmanagers *alertmanagers);
/* There is a new snapshot. On any thread; accepts NULL. */
void alertmanagers_wake(struct alertmanagers *alertmanagers);

/* Returns how many were written; on any thread; accepts NULL. */
size_t alertmanagers_stats(
	const struct alertmanagers *alertmanagers, struct alertmanager_stats out[static ALERTMANAGERS_MOST]);
