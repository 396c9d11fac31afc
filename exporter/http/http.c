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

#include "exporter/http/http_routes.h"
#include "exporter/http/listen.h"
#include "exporter/http/web_config.h"

#define THREADS          4
#define CONNECTIONS      256
#define CONNECTIONS_EACH 64 /* of one client's address */
#define TIMEOUT_SECONDS  15
#define CONNECTION_BYTES 16384
#define BODY_MOST        65536 /* nobody needs to send one: it is read and thrown away */
#define TLS_VERSIONS     "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define PROBLEM_SIZE 256

struct http {
	struct http_server server;
	struct web_config *web_config;
	struct MHD_Daemon **daemons;
	size_t daemon_count;
	atomic_uint in_flight;
	pthread_t starter;
	char problem[PROBLEM_SIZE]; /* what libmicrohttpd said last on the thread that starts it */
};

/* ---- requests ---- */

/* Lives from a request's first line to its answer's last byte. */
struct exchange {
	bool overloaded;
	size_t body;
};

static void exchange_end(void *argument, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct http *http = argument;
	(void)connection;
	(void)code;
	if (!*context)
		return;
	atomic_fetch_sub(&http->in_flight, 1);
	free(*context);
	*context = NULL;
}

/* libmicrohttpd calls this once for the headers, once for each piece of a body, and once at the end: only
 * then an answer may be queued if the connection is to be kept. */
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **context)
{
	struct http *http = argument;
	struct exchange *exchange = *context;
	(void)version;
	(void)data;
	if (!exchange) {
		*context = exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->overloaded = atomic_fetch_add(&http->in_flight, 1) >= http->server.max_requests;
		return MHD_YES;
	}
	if (*size > 0) {
		exchange->body += *size;
		*size = 0;
		return exchange->body <= BODY_MOST ? MHD_YES : MHD_NO;
	}
	return http_answer(&http->server, connection, url, method, exchange->overloaded);
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

/* libmicrohttpd closes the socket when it is stopped. */
static struct MHD_Daemon *start_daemon(struct http *http, int descriptor)
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
		MHD_USE_ERROR_LOG | (config->certificate ? MHD_USE_TLS : 0) |
		(MHD_is_feature_supported(MHD_FEATURE_EPOLL) == MHD_YES ? MHD_USE_EPOLL_INTERNAL_THREAD
									: MHD_USE_AUTO_INTERNAL_THREAD);
	sigset_t all, before;
	sigfillset(&all);
	/* Signals are the loop's: a thread takes its mask from the one that makes it. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle,
		http, /* the logger comes first: */
		MHD_OPTION_EXTERNAL_LOGGER, library_says, http, MHD_OPTION_LISTEN_SOCKET, descriptor,
		MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_EACH,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, http, MHD_OPTION_ARRAY,
		config->certificate ? tls : end, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return daemon;
}

static int start_listening(struct http *http, const char *address, char *message, size_t size)
{
	char name[LISTEN_NAME_SIZE];
	int descriptor = listen_open(address, message, size);
	if (descriptor < 0)
		return descriptor;
	struct MHD_Daemon *daemon = start_daemon(http, descriptor);
	if (!daemon) {
		/* Whether the socket was closed depends on how far it came; the caller ends anyway. */
		snprintf(message, size, "cannot serve on %s: %s", address,
			*http->problem ? http->problem : "libmicrohttpd does not start");
		return -EIO;
	}
	http->daemons[http->daemon_count++] = daemon;
	log_info(http->server.log, "Listening on", { "address", listen_name(descriptor, name) },
		{ "tls", http->web_config->certificate ? "true" : "false" });
	return 0;
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
	http->starter = pthread_self();
	server->reload = callbacks->reload;
	server->reload_argument = callbacks->argument;
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
		http->daemons = calloc(options->listen_count, sizeof(struct MHD_Daemon *));
		bool complete = server->telemetry_path && http->daemons &&
				(server->procfs || !options->exporter_metrics);
		result = complete ? metric_families_make(&server->families) : -ENOMEM;
		if (result < 0)
			snprintf(message, size, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < options->listen_count; i++)
		result = start_listening(http, options->listen[i], message, size);
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
	for (size_t i = 0; i < http->daemon_count; i++)
		MHD_stop_daemon(http->daemons[i]);
	free(http->daemons);
	auth_free(http->server.auth);
	web_config_free(http->web_config);
	metric_families_clear(&http->server.families);
	free(http->server.telemetry_path);
	free(http->server.procfs);
	free(http);
}
