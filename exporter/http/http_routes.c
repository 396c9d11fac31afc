// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/http_routes.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/alertmanager/alertmanagers.h"
#include "exporter/base/value.h"
#include "exporter/http/compress.h"
#include "exporter/http/guard.h"
#include "exporter/http/negotiate.h"
#include "exporter/http/response_cache.h"
#include "exporter/metrics/families.h"
#include "exporter/output/evidence.h"
#include "exporter/output/json.h"
#include "exporter/page/assets.h"
#include "exporter/page/page.h"

#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_JSON "application/json; charset=utf-8"
#define TYPE_HTML "text/html; charset=UTF-8"
/* None is registered for pcapng (that of pcap is application/vnd.tcpdump.pcap, another format); Wireshark
 * takes this one. */
#define TYPE_PCAPNG "application/x-pcapng"

#define FINDING_PREFIX "/api/v1/findings/"

/* Less is not worth a compressor's memory. */
#define COMPRESS_LEAST 256

#define RELOAD_MESSAGE_SIZE 1024

/* AUTH_FORGIVE_NS */
#define RETRY_SECONDS "6"

struct answer {
	unsigned status;
	const char *content_type;
	const char *vary;
	const char *header, *header_value; /* one more, or NULL */
	bool last;                         /* the connection is closed after it */
	bool gzip;                         /* wanted */
	bool shared;                       /* the same for all who ask, by its key */
	struct response_key key;
	bool queued; /* with this result; there is nothing else to send */
	enum MHD_Result result;
	char tag[sizeof("W/\"0123456789abcdef\"")]; /* "": none */
	char file_name[sizeof("attachment; filename=\"oneway-.pcapng\"") + FINDING_ID_SIZE];
	struct buffer body;
};

static const char *header_of(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* An answer of one line. */
static void say(struct answer *answer, unsigned status, const char *line)
{
	buffer_clear(&answer->body);
	answer->status = status;
	answer->content_type = TYPE_TEXT;
	buffer_text(&answer->body, line);
	buffer_text(&answer->body, "\n");
}

/* ---- routes ---- */

static int answer_metrics(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	const struct http_server *server = request->server;
	struct negotiated negotiated = negotiate_format(header_of(request, MHD_HTTP_HEADER_ACCEPT));
	struct exposition exposition;
	struct process_stats process;
	struct alertmanager_stats alertmanagers[ALERTMANAGERS_MOST];
	answer->content_type = negotiated.content_type;
	answer->vary = "Accept, Accept-Encoding";
	answer->shared = true;
	answer->key = (struct response_key){ negotiated.content_type, answer->gzip, snapshot };
	answer->queued =
		response_cache_queue(server->cache, &answer->key, request->connection, &answer->result);
	if (answer->queued)
		return 0;
	if (server->procfs)
		process_read(server->procfs, &process);
	int result = exposition_make(
		snapshot, server->procfs ? &process : NULL, server->max_addresses, &exposition);
	if (result < 0)
		return result;
	exposition.log_lines_lost = log_lines_lost(server->log);
	exposition.alertmanagers = alertmanagers;
	exposition.alertmanager_count = alertmanagers_stats(server->alertmanagers, alertmanagers);
	result = metrics_expose(&answer->body, negotiated.format, &server->families, &exposition);
	exposition_clear(&exposition);
	return result;
}

/* Takes the value over. */
static int put_json(struct answer *answer, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
	json_decref(value);
	if (!text)
		return -ENOMEM;
	answer->content_type = TYPE_JSON;
	buffer_text(&answer->body, text);
	buffer_text(&answer->body, "\n");
	free(text);
	return 0;
}

static int answer_findings(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)request;
	return put_json(answer, json_report(snapshot->findings, snapshot->facts));
}

static int answer_addresses(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)request;
	return put_json(answer, json_address_report(snapshot->findings, snapshot->facts));
}

static int answer_handshakes(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)request;
	if (snapshot->facts->handshakes)
		return put_json(answer, json_handshakes(snapshot->facts));
	say(answer, MHD_HTTP_NOT_FOUND, "Handshakes are not watched: see the collector handshake.");
	return 0;
}

static int answer_changes(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)request;
	if (snapshot->facts->changes)
		return put_json(answer, json_changes(snapshot->facts->changes));
	say(answer, MHD_HTTP_NOT_FOUND, "Changes are not watched.");
	return 0;
}

static int answer_history(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	static const char type[] = TYPE_JSON; /* its address is the key: other answers are JSON as well */
	answer->shared = true;
	answer->key = (struct response_key){ type, answer->gzip, snapshot };
	answer->queued = response_cache_queue(
		request->server->cache, &answer->key, request->connection, &answer->result);
	return answer->queued ? 0 : put_json(answer, json_history(snapshot->timeline, snapshot->facts));
}

/* The path names an open finding by its id. */
static int answer_evidence(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	char id[FINDING_ID_SIZE];
	const char *begin = request->path + strlen(FINDING_PREFIX);
	size_t length = strcspn(begin, "/");
	const struct finding *finding = NULL;
	if (length < sizeof(id)) {
		memcpy(id, begin, length);
		id[length] = '\0';
		finding = findings_find(snapshot->findings, id);
	}
	if (!finding || !finding->open) {
		say(answer, MHD_HTTP_NOT_FOUND, "No open finding has this id.");
		return 0;
	}
	int result = evidence_write(&answer->body, snapshot->facts, finding);
	if (result == -ENOENT) {
		say(answer, MHD_HTTP_NOT_FOUND,
			"No packets are kept for this finding: its evidence is not from the wire, or it is "
			"too old.");
		return 0;
	}
	answer->content_type = TYPE_PCAPNG;
	snprintf(answer->file_name, sizeof(answer->file_name), "attachment; filename=\"oneway-%s.pcapng\"",
		finding->id);
	answer->header = MHD_HTTP_HEADER_CONTENT_DISPOSITION;
	answer->header_value = answer->file_name;
	return result;
}

static int answer_healthy(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)snapshot;
	int64_t age_ns = latest_snapshot_age_ns(request->server->latest);
	char line[64];
	snprintf(line, sizeof(line), "Unhealthy: no judgement for %" PRId64 " s.", age_ns / SECOND_NS);
	if (age_ns > SNAPSHOT_STALE_NS)
		say(answer, MHD_HTTP_SERVICE_UNAVAILABLE, line);
	else
		say(answer, MHD_HTTP_OK, "Healthy.");
	return 0;
}

static int answer_ready(const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	(void)request;
	(void)snapshot;
	say(answer, MHD_HTTP_OK, "Ready.");
	return 0;
}

static int answer_reload(
	const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	char message[RELOAD_MESSAGE_SIZE] = "";
	const struct http_server *server = request->server;
	(void)snapshot;
	if (!server->reload)
		say(answer, MHD_HTTP_NOT_IMPLEMENTED, "There is nothing to reload.");
	else if (server->reload(server->reload_argument, message, sizeof(message)) < 0)
		say(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, message);
	else
		say(answer, MHD_HTTP_OK, "Reloaded.");
	return 0;
}

static int answer_page(const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	char host[HOST_NAME_MAX + 1] = "";
	gethostname(host, sizeof(host) - 1);
	const struct page_setting setting = { .telemetry_path = request->server->telemetry_path,
		.host = *host ? host : NULL,
		.age_ns = latest_snapshot_age_ns(request->server->latest) };
	const char *known = header_of(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
	uint64_t tag;
	answer->content_type = TYPE_HTML;
	answer->header = "Content-Security-Policy";
	answer->header_value = PAGE_POLICY;
	int result = page_write(&answer->body, snapshot, &setting, &tag);
	if (result < 0)
		return result;
	snprintf(answer->tag, sizeof(answer->tag), "W/\"%016" PRIx64 "\"", tag);
	if (known && strcmp(known, answer->tag) == 0) {
		buffer_clear(&answer->body);
		answer->status = MHD_HTTP_NOT_MODIFIED;
	}
	return 0;
}

/* What the page loads; the path names it. */
static int answer_asset(const struct request *request, const struct snapshot *snapshot, struct answer *answer)
{
	const struct asset *asset = assets;
	(void)snapshot;
	while (asset->path && strcmp(asset->path, request->path) != 0)
		asset++;
	if (!asset->path) {
		say(answer, MHD_HTTP_NOT_FOUND, "Not found.");
		return 0;
	}
	answer->content_type = asset->content_type;
	buffer_add(&answer->body, asset->data, asset->size);
	return 0;
}

static const struct route {
	const char *path; /* * stands for one segment; NULL: the telemetry path */
	bool writes;      /* POST; else GET and HEAD */
	bool private;     /* names peers or acts: see guard() */
	bool always;      /* answered to everyone, however many others are being answered */
	bool early;       /* answered before the first judgement, with no snapshot */
	int (*answer)(const struct request *request, const struct snapshot *snapshot, struct answer *answer);
} routes[] = {
	{ .path = NULL, .early = true, .answer = answer_metrics },
	{ .path = "/", .private = true, .early = true, .answer = answer_page },
	{ .path = "/page.css", .private = true, .early = true, .answer = answer_asset },
	{ .path = "/page.js", .private = true, .early = true, .answer = answer_asset },
	{ .path = "/icon.svg", .private = true, .early = true, .answer = answer_asset },
	{ .path = "/api/v1/findings", .private = true, .answer = answer_findings },
	{ .path = "/api/v1/addresses", .private = true, .answer = answer_addresses },
	{ .path = "/api/v1/changes", .private = true, .answer = answer_changes },
	{ .path = "/api/v1/history", .private = true, .answer = answer_history },
	{ .path = FINDING_PREFIX "*/evidence.pcap", .private = true, .answer = answer_evidence },
	{ .path = "/api/v1/handshakes", .private = true, .answer = answer_handshakes },
	{ .path = "/-/healthy", .always = true, .early = true, .answer = answer_healthy },
	{ .path = "/-/ready", .always = true, .answer = answer_ready },
	{ .path = "/-/reload", .writes = true, .private = true, .early = true, .answer = answer_reload },
};

static const struct route *route_of(const struct request *request)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		const char *path = routes[i].path;
		if (path ? fnmatch(path, request->path, FNM_PATHNAME) == 0
			 : strcmp(request->server->telemetry_path, request->path) == 0)
			return &routes[i];
	}
	return NULL;
}

/* ---- who may ask ---- */

/* Each of these returns true, or false with the refusal in the answer. */

static bool check_user(enum auth_result allowed, struct answer *answer)
{
	switch (allowed) {
	case AUTH_GRANTED:
		return true;
	case AUTH_BUSY:
		say(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many passwords to verify, try again later.");
		return false;
	case AUTH_LIMITED:
		say(answer, MHD_HTTP_TOO_MANY_REQUESTS, "Too many wrong passwords, try again later.");
		answer->header = MHD_HTTP_HEADER_RETRY_AFTER;
		answer->header_value = RETRY_SECONDS;
		return false;
	case AUTH_UNKNOWN:
	case AUTH_DENIED:
		break;
	}
	say(answer, MHD_HTTP_UNAUTHORIZED, "Unauthorized.");
	answer->header = MHD_HTTP_HEADER_WWW_AUTHENTICATE;
	answer->header_value = "Basic realm=\"oneway\", charset=\"UTF-8\"";
	return false;
}

static bool check_method(const struct request *request, const struct route *route, struct answer *answer)
{
	bool reads = strcmp(request->method, MHD_HTTP_METHOD_GET) == 0 ||
		     strcmp(request->method, MHD_HTTP_METHOD_HEAD) == 0;
	bool allowed = route->writes ? strcmp(request->method, MHD_HTTP_METHOD_POST) == 0 : reads;
	if (allowed)
		return true;
	say(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "Method not allowed.");
	answer->header = MHD_HTTP_HEADER_ALLOW;
	answer->header_value = route->writes ? "POST" : "GET, HEAD";
	return false;
}

static const struct sockaddr *client_of(const struct request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	return info ? info->client_addr : NULL;
}

static bool is_forwarded(const struct request *request)
{
	for (const char *const *name = guard_forwarding_headers; *name; name++)
		if (header_of(request, *name))
			return true;
	return false;
}

static bool check_client(const struct request *request, const struct route *route, struct answer *answer)
{
	if (!route->private || request->server->exposed)
		return true;
	if (!guard_is_loopback(client_of(request)))
		say(answer, MHD_HTTP_FORBIDDEN,
			"This shows peers' addresses and answers this host alone. Open it with users in "
			"--web.config.file, or with --web.expose-api.");
	else if (is_forwarded(request))
		say(answer, MHD_HTTP_FORBIDDEN,
			"This shows peers' addresses and answers this host alone, and a proxy has forwarded "
			"the request from elsewhere. Open it with users in --web.config.file, or with "
			"--web.expose-api.");
	else if (!guard_host_is_own(header_of(request, MHD_HTTP_HEADER_HOST)))
		say(answer, MHD_HTTP_FORBIDDEN,
			"This answers only under an IP address or localhost. Open it to other names with "
			"users in --web.config.file, or with --web.expose-api.");
	else
		return true;
	return false;
}

/* A browser sends the password it knows with what another site's page asks it to send. */
static bool check_origin(const struct request *request, const struct route *route, struct answer *answer)
{
	if (!route->writes ||
		guard_origin_is_own(header_of(request, MHD_HTTP_HEADER_ORIGIN),
			header_of(request, "Sec-Fetch-Site"), header_of(request, MHD_HTTP_HEADER_HOST)))
		return true;
	say(answer, MHD_HTTP_FORBIDDEN, "This is not done for a page of another site.");
	return false;
}

enum auth_result http_allowed(const struct request *request, struct auth_question *question)
{
	const struct route *route = route_of(request);
	const struct sockaddr *client = client_of(request);
	if (!request->server->auth || (route && route->always))
		return AUTH_GRANTED;
	question->name = MHD_basic_auth_get_username_password(request->connection, &question->password);
	if (!question->name || !question->password)
		return AUTH_DENIED;
	question->client = client ? guard_client(client) : (struct address){ 0 };
	return auth_recall(request->server->auth, question);
}

static void make_answer(
	const struct request *request, enum auth_result allowed, bool overloaded, struct answer *answer)
{
	const struct route *route = route_of(request);
	if (overloaded && !(route && route->always)) {
		say(answer, MHD_HTTP_SERVICE_UNAVAILABLE,
			"Limit of concurrent requests reached, try again later.");
		return;
	}
	if (!check_user(allowed, answer))
		return;
	if (!route) {
		say(answer, MHD_HTTP_NOT_FOUND, "Not found.");
		return;
	}
	if (!check_method(request, route, answer) || !check_client(request, route, answer) ||
		!check_origin(request, route, answer))
		return;
	const struct snapshot *snapshot = latest_snapshot_take(request->server->latest);
	if (!snapshot && !route->early)
		say(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "Not ready: the first judgement is due.");
	else if (route->answer(request, snapshot, answer) < 0 || answer->body.failed)
		say(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, "Out of memory.");
	if (snapshot)
		snapshot_release(snapshot);
}

/* ---- sending ---- */

/* Takes the body over. NULL when memory is out. */
static struct MHD_Response *make_response(struct answer *answer)
{
	struct buffer small = { 0 };
	bool compressed = answer->gzip && answer->body.size >= COMPRESS_LEAST &&
			  compress_gzip(answer->body.data, answer->body.size, &small) == 0;
	if (compressed) {
		buffer_clear(&answer->body);
		answer->body = small;
	} else {
		buffer_clear(&small);
	}
	struct MHD_Response *response = answer->body.failed
						? NULL
						: MHD_create_response_from_buffer(answer->body.size,
							  answer->body.data, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		buffer_clear(&answer->body);
		return NULL;
	}
	const char *const headers[][2] = {
		{ MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type },
		{ MHD_HTTP_HEADER_VARY, answer->vary },
		{ MHD_HTTP_HEADER_CACHE_CONTROL, "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ MHD_HTTP_HEADER_CONTENT_ENCODING, compressed ? "gzip" : NULL },
		{ answer->header, answer->header_value },
		{ MHD_HTTP_HEADER_ETAG, *answer->tag ? answer->tag : NULL },
		{ MHD_HTTP_HEADER_CONNECTION, answer->last ? "close" : NULL },
	};
	bool complete = true;
	for (size_t i = 0; complete && i < sizeof(headers) / sizeof(*headers); i++)
		if (headers[i][0] && headers[i][1])
			complete = MHD_add_response_header(response, headers[i][0], headers[i][1]) == MHD_YES;
	if (complete)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

/* MHD_NO closes the connection. */
static enum MHD_Result send_answer(const struct request *request, struct answer *answer)
{
	if (answer->queued)
		return answer->result;
	struct MHD_Response *response = make_response(answer);
	if (!response)
		return MHD_NO;
	enum MHD_Result result = MHD_queue_response(request->connection, answer->status, response);
	if (answer->shared && answer->status == MHD_HTTP_OK)
		response_cache_put(request->server->cache, &answer->key, response);
	else
		MHD_destroy_response(response);
	return result;
}

static enum MHD_Result finish(const struct request *request, struct answer *answer)
{
	log_debug(request->server->log, "Request", { "method", request->method }, { "path", request->path },
		{ "outcome", answer->status < 400 ? "answered" : "refused" });
	return send_answer(request, answer);
}

bool http_refuses_body(const struct request *request, enum MHD_Result *result)
{
	struct answer answer = { .content_type = TYPE_TEXT, .last = true };
	const struct route *route = route_of(request);
	const char *length = header_of(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (!header_of(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
		(!length || strspn(length, "0") == strlen(length)))
		return false;
	if (!route || check_method(request, route, &answer))
		say(&answer, MHD_HTTP_CONTENT_TOO_LARGE, "No path takes a body.");
	*result = finish(request, &answer);
	return true;
}

enum MHD_Result http_answer(const struct request *request, enum auth_result allowed, bool overloaded)
{
	struct answer answer = { .status = MHD_HTTP_OK,
		.content_type = TYPE_TEXT,
		.vary = MHD_HTTP_HEADER_ACCEPT_ENCODING,
		.gzip = negotiate_gzip(header_of(request, MHD_HTTP_HEADER_ACCEPT_ENCODING)) };
	make_answer(request, allowed, overloaded, &answer);
	return finish(request, &answer);
}
