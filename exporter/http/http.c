// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/http/acceptor.h"
#include "exporter/http/connections.h"
#include "exporter/http/http_routes.h"
#include "exporter/http/response_cache.h"
#include "exporter/http/web_config.h"

#define THREADS          4
#define TIMEOUT_SECONDS  15 /* without a byte; connections.h bounds the whole */
#define CONNECTION_BYTES 16384
#define TLS_VERSIONS     "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define PROBLEM_SIZE 256

_Static_assert(HTTP_DESCRIPTORS >= CONNECTIONS_MOST + CONNECTIONS_CLOSING + 4 * THREADS, "descriptors");

struct http {
	struct http_server server;
	struct web_config *web_config;
	struct connections *connections;
	struct acceptor *acceptor;
	struct MHD_Daemon *daemons[THREADS]; /* each is one thread */
	unsigned daemon_count;
	unsigned turn; /* of the acceptor */
	atomic_uint in_flight;
	pthread_t starter;
	char problem[PROBLEM_SIZE]; /* what libmicrohttpd said last on the thread that starts it */
};

/* ---- connections ---- */

static bool take_connection(void *argument, int descriptor, const struct sockaddr *client, socklen_t length)
{
	struct http *http = argument;
	struct MHD_Daemon *daemon = http->daemons[http->turn++ % THREADS];
	return MHD_add_connection(daemon, descriptor, client, length) == MHD_YES;
}

/* libmicrohttpd says that a connection is closed before it closes the socket. */
static void connection_changed(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *http = argument;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	switch (code) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		*context = info ? connection_opened(http->connections, info->connect_fd) : NULL;
		break;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		connection_closed(http->connections, *context);
		*context = NULL;
		break;
	}
}

static struct connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

/* ---- requests ---- */

/* Lives from the end of a request's headers to its answer's last byte. */
struct exchange {
	struct auth_question question; /* first: see resume() */
	struct MHD_Connection *connection;
	bool asked;
};

static void exchange_end(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct http *http = argument;
	struct exchange *exchange = *context;
	(void)code;
	if (!exchange)
		return;
	connection_answered(http->connections, connection_of(connection), clock_ns(CLOCK_MONOTONIC));
	auth_question_clear(&exchange->question);
	free(exchange);
	*context = NULL;
}

static void resume(struct auth_question *question)
{
	struct exchange *exchange = (struct exchange *)question;
	MHD_resume_connection(exchange->connection);
}

/* libmicrohttpd calls this once for the headers and once at the end, which is the same moment as there is no
 * body: only then an answer may be queued if the connection is to be kept. The second call is repeated when a
 * password has been verified. */
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **context)
{
	struct http *http = argument;
	struct exchange *exchange = *context;
	const struct request request = { &http->server, connection, url, method };
	enum MHD_Result result = MHD_YES;
	(void)version;
	(void)data;
	if (!exchange) {
		*context = exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->connection = connection;
		exchange->question.answered = resume;
		connection_answering(http->connections, connection_of(connection), clock_ns(CLOCK_MONOTONIC));
		http_refuses_body(&request, &result);
		return result;
	}
	if (*size > 0)
		return MHD_NO;
	if (!exchange->asked) {
		exchange->asked = true;
		exchange->question.result = http_allowed(&request, &exchange->question);
		if (exchange->question.result == AUTH_UNKNOWN) {
			MHD_suspend_connection(connection);
			auth_verify(http->server.auth, &exchange->question);
			return MHD_YES;
		}
	}
	bool overloaded = atomic_fetch_add(&http->in_flight, 1) >= http->server.max_requests;
	result = http_answer(&request, exchange->question.result, overloaded);
	atomic_fetch_sub(&http->in_flight, 1);
	return result;
}

/* ---- start ---- */

__attribute__((format(printf, 2, 0))) static void library_says(
	void *argument, const char *format, va_list arguments)
{
	struct http *http = argument;
	char text[PROBLEM_SIZE];
	vsnprintf(text, sizeof(text), format, arguments);
	text[strcspn(text, "\n")] = '\0';
	if (pthread_equal(pthread_self(), http->starter))
		memcpy(http->problem, text, sizeof(text));
	log_debug(http->server.log, "libmicrohttpd", { "message", text });
}

/* One thread. A pool of them needs a listening socket of libmicrohttpd's own. */
static struct MHD_Daemon *start_daemon(struct http *http)
{
	const struct web_config *config = http->web_config;
	const struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, config->certificate },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, config->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_VERSIONS },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem *end = &tls[sizeof(tls) / sizeof(*tls) - 1];
	unsigned flags =
		MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
		(config->certificate ? MHD_USE_TLS : 0) |
		(MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES ? MHD_USE_EPOLL_INTERNAL_THREAD
									: MHD_USE_AUTO_INTERNAL_THREAD);
	/* The logger comes first. connections.h sets the limits. */
	return MHD_start_daemon(flags, 0, NULL, NULL, handle, http, MHD_OPTION_EXTERNAL_LOGGER, library_says,
		http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)(CONNECTIONS_MOST + CONNECTIONS_CLOSING),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_end, http, MHD_OPTION_ARRAY,
		config->certificate ? tls : end, MHD_OPTION_END);
}

static int start_serving(struct http *http, const struct http_options *options, char *message, size_t size)
{
	const struct acceptor_target target = { take_connection, http };
	http->connections = connections_new();
	int result = http->connections ? acceptor_new(http->connections, &target, http->server.log,
						 options->listen_count, &http->acceptor)
				       : -ENOMEM;
	if (result < 0)
		snprintf(message, size, "cannot accept connections: %s", strerror(-result));
	for (size_t i = 0; result == 0 && i < options->listen_count; i++)
		result = acceptor_listen(http->acceptor, options->listen[i], message, size);
	while (result == 0 && http->daemon_count < THREADS) {
		struct MHD_Daemon *daemon = start_daemon(http);
		if (daemon) {
			http->daemons[http->daemon_count++] = daemon;
			continue;
		}
		snprintf(message, size, "cannot serve on %s: %s", options->listen[0],
			*http->problem ? http->problem : "libmicrohttpd does not start");
		return -EIO;
	}
	if (result == 0) {
		result = acceptor_start(http->acceptor, http->web_config->certificate);
		if (result < 0)
			snprintf(message, size, "cannot accept connections: %s", strerror(-result));
	}
	return result;
}

static int read_web_config(struct http *http, const char *path, char *message, size_t size)
{
	int result = web_config_read(path, &http->web_config, message, size);
	if (result < 0)
		return result;
	if (http->web_config->certificate && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
		snprintf(message, size, "%s: tls_server_config: this libmicrohttpd was built without TLS",
			path);
		return -EOPNOTSUPP;
	}
	if (http->web_config->user_count == 0)
		return 0;
	result = auth_new(http->web_config->users, http->web_config->user_count, &http->server.auth);
	if (result < 0)
		snprintf(message, size, "%s: basic_auth_users: %s", path,
			result == -ENOSYS ? "this libcrypt has no bcrypt" : strerror(-result));
	return result;
}

int http_start(const struct http_options *options, const struct http_callbacks *callbacks,
	struct latest_snapshot *latest, struct log *log, struct http **out, char *message, size_t size)
{
	struct http *http = calloc(1, sizeof(*http));
	if (!http) {
		snprintf(message, size, "out of memory");
		return -ENOMEM;
	}
	struct http_server *server = &http->server;
	sigset_t all, before;
	/* Signals are the loop's: a thread takes its mask from the one that makes it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	http->starter = pthread_self();
	server->reload = callbacks->reload;
	server->reload_argument = callbacks->argument;
	server->alertmanagers = options->alertmanagers;
	server->latest = latest;
	server->log = log;
	server->max_requests = options->max_requests;
	server->max_addresses = options->max_addresses ? options->max_addresses : HTTP_MAX_ADDRESSES;
	int result = read_web_config(http, options->web_config, message, size);
	if (result == 0) {
		server->exposed = options->expose_api || server->auth;
		server->telemetry_path = strdup(options->telemetry_path);
		if (options->exporter_metrics)
			server->procfs = strdup(options->procfs);
		server->cache = response_cache_new();
		bool complete = server->telemetry_path && server->cache &&
				(server->procfs || !options->exporter_metrics);
		result = complete ? metric_families_make(&server->families) : -ENOMEM;
		if (result < 0)
			snprintf(message, size, "out of memory");
	}
	if (result == 0)
		result = start_serving(http, options, message, size);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result < 0)
		http_stop(http);
	else
		*out = http;
	return result;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	acceptor_free(http->acceptor);
	/* No connection may be suspended when its daemon is stopped. */
	auth_stop(http->server.auth);
	for (unsigned i = 0; i < http->daemon_count; i++)
		MHD_stop_daemon(http->daemons[i]);
	response_cache_free(http->server.cache);
	connections_free(http->connections);
	auth_free(http->server.auth);
	web_config_free(http->web_config);
	metric_families_clear(&http->server.families);
	free(http->server.telemetry_path);
	free(http->server.procfs);
	free(http);
}
