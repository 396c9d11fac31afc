/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is counted of one Alertmanager; for metrics, which need nothing of how alerts are sent. */

#include <stdint.h>

enum alert_result {
	ALERTS_TAKEN,
	ALERTS_CONNECT, /* no connection, or it broke off */
	ALERTS_TIMEOUT,
	ALERTS_TLS,
	ALERTS_STATUS, /* answered with something else than 2xx; a redirect is that, too */
	ALERT_RESULTS
};

/* "connect" */
const char *alert_result_name(enum alert_result result);

/* Since the start. */
struct alertmanager_stats {
	const char *url;                /* without name and password */
	uint64_t sent;                  /* alerts that were taken */
	uint64_t failed[ALERT_RESULTS]; /* alerts of requests that ended so */
	uint64_t dropped;               /* alerts that found no place */
	uint64_t queued;                /* alerts that are due now */
};

#define ALERTMANAGERS_MOST 16
#define ALERTS_MOST        1024 /* that wait for one; what finds no place is counted */
