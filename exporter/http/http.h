/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The HTTP face, on libmicrohttpd: threads that answer from the latest snapshot, one that accepts connections
 * (connections.h), one that verifies passwords (auth.h). Listening sockets are bound when http_start() is
 * called, in the namespace of the calling thread; the loop may enter another afterwards.
 */

#include <stdbool.h>
#include <stddef.h>

#include "exporter/daemon/log.h"
#include "exporter/daemon/snapshot.h"

#define HTTP_MAX_ADDRESSES 256
/* As many connections as there may be, those that are being closed, and its threads' own. */
#define HTTP_DESCRIPTORS 544

struct alertmanagers;

struct http_options {
	const char *const *listen; /* "HOST:PORT", ":PORT", "[V6]:PORT"; at least one */
	size_t listen_count;
	const char *telemetry_path; /* "/metrics" */
	const char *web_config;     /* path of the web configuration file, or NULL */
	const char *procfs;         /* for process_* metrics */
	unsigned max_requests;      /* requests answered at once; more get 503 */
	size_t max_addresses;       /* service addresses that become label values; 0: HTTP_MAX_ADDRESSES */
	bool expose_api;            /* answer page and API to everyone, not loopback alone */
	bool exporter_metrics;      /* process_* */
	const struct alertmanagers
		*alertmanagers; /* of which metrics tell, or NULL; lent until http_stop() */
};

struct http_callbacks {
	/* POST /-/reload: reads the settings anew. 0, or a negative errno with a one-line message naming
	 * file, line and key. Called on an HTTP thread. */
	int (*reload)(void *argument, char *message, size_t size);
	void *argument;
};

struct http;

/* The options are lent for the length of the call, the callbacks' argument, latest and log until http_stop().
 * 0 or negative errno; what went wrong is in message, naming the address or the file and line. */
int http_start(const struct http_options *options, const struct http_callbacks *callbacks,
	struct latest_snapshot *latest, struct log *log, struct http **out, char *message, size_t size);
/* Ends all connections and threads. Accepts NULL. */
void http_stop(struct http *http);
