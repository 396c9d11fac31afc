/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is answered to which path: the table of routes, and who may ask. Called on HTTP threads. */

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#include "exporter/daemon/log.h"
#include "exporter/daemon/snapshot.h"
#include "exporter/http/auth.h"
#include "exporter/metrics/families.h"

/* What answers are made from; fixed from start to stop. */
struct http_server {
	char *telemetry_path;
	char *procfs; /* NULL: no process_* */
	unsigned max_requests;
	size_t max_addresses;
	struct metric_families families;
	bool exposed;      /* page and API answer everyone who may ask at all */
	struct auth *auth; /* NULL: nobody is asked for a name */
	struct response_cache *cache;
	int (*reload)(void *argument, char *message, size_t size); /* of struct http_callbacks */
	void *reload_argument;
	const struct alertmanagers *alertmanagers;
	struct latest_snapshot *latest;
	struct log *log;
};

/* A request whose headers are read. */
struct request {
	const struct http_server *server;
	struct MHD_Connection *connection;
	const char *path;
	const char *method;
};

/* May the client ask for this path? AUTH_UNKNOWN: auth_verify() is to tell, by the question. */
enum auth_result http_allowed(const struct request *request, struct auth_question *question);
/* No path takes a body. If one is announced, the request is refused, with its connection, before it is read:
 * true, and *result. */
bool http_refuses_body(const struct request *request, enum MHD_Result *result);
/* overloaded: too many requests are being answered already. Never blocks on another client. */
enum MHD_Result http_answer(const struct request *request, enum auth_result allowed, bool overloaded);
