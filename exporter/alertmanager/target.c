// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exporter/base/version.h"

#define PATH           "/api/v2/alerts"
#define CONNECT_MS     5000L
#define TIMEOUT_MS     10000L
#define RECEIVED_MOST  65536 /* of an answer, which nobody reads */
#define SET(name, ...) (curl_easy_setopt(easy, CURLOPT_##name, __VA_ARGS__) == CURLE_OK)

static size_t count_answer(char *data, size_t size, size_t count, void *argument)
{
	struct target *target = argument;
	(void)data;
	target->received += size * count;
	return target->received > RECEIVED_MOST ? 0 : size * count;
}

static bool add_header(struct target *target, const char *line)
{
	struct curl_slist *headers = curl_slist_append(target->headers, line);
	if (headers)
		target->headers = headers;
	return headers != NULL;
}

/* Everything that must not depend on the environment, and what bounds a request. Redirects stay unfollowed:
 * they would lead alerts and a password to wherever an answer says. */
static bool set_common(struct target *target)
{
	CURL *easy = target->easy;
	return add_header(target, "Content-Type: application/json") && add_header(target, "Expect:") &&
	       SET(NOSIGNAL, 1L) && SET(PROXY, "") && SET(PROTOCOLS_STR, "http,https") &&
	       SET(FOLLOWLOCATION, 0L) && SET(NETRC, (long)CURL_NETRC_IGNORED) && SET(QUICK_EXIT, 1L) &&
	       SET(CONNECTTIMEOUT_MS, CONNECT_MS) && SET(TIMEOUT_MS, TIMEOUT_MS) &&
	       SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(WRITEFUNCTION, count_answer) &&
	       SET(WRITEDATA, target) && SET(ERRORBUFFER, target->error) &&
	       SET(HTTPAUTH, (long)CURLAUTH_BASIC) && SET(HTTPHEADER, target->headers);
}

static bool set_blob(CURL *easy, CURLoption option, const struct config_file *file)
{
	struct curl_blob blob = { file->text, file->text ? strlen(file->text) : 0, CURL_BLOB_COPY };
	return !file->text || curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

static bool set_tls(CURL *easy, const struct alertmanager_config *config)
{
	return set_blob(easy, CURLOPT_CAINFO_BLOB, &config->authority) &&
	       /* else the system's authorities would count beside it */
	       (!config->authority.text || SET(CAPATH, NULL)) &&
	       set_blob(easy, CURLOPT_SSLCERT_BLOB, &config->certificate) &&
	       set_blob(easy, CURLOPT_SSLKEY_BLOB, &config->key) &&
	       SET(SSL_VERIFYPEER, config->insecure ? 0L : 1L) &&
	       SET(SSL_VERIFYHOST, config->insecure ? 0L : 2L);
}

/* curl asks for, and verifies, the name in the URL: that is the wanted one then, which leads to the host. */
static bool set_server_name(struct target *target, CURLU *url, const char *name)
{
	CURL *easy = target->easy;
	char *host = NULL, *port = NULL, line[TARGET_URL_SIZE + 256];
	bool done = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK;
	if (done) {
		snprintf(line, sizeof(line), "::%s:%s", host, port);
		target->connect_to = curl_slist_append(NULL, line);
		snprintf(line, sizeof(line), "Host: %s:%s", host, port);
		done = add_header(target, line) && target->connect_to &&
		       SET(CONNECT_TO, target->connect_to) && SET(HTTPHEADER, target->headers);
	}
	curl_free(host);
	curl_free(port);
	return done;
}

/* Name and password leave the URL. */
static bool set_user(CURL *easy, CURLU *url, const struct alertmanager_config *config)
{
	char *user = NULL, *password = NULL;
	curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE);
	curl_url_get(url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
	bool own = user != NULL;
	const char *name = own ? user : config->username;
	const char *secret = own ? (password ? password : "") : config->password;
	bool done = curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
		    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
		    (!name || (SET(USERNAME, name) && SET(PASSWORD, secret)));
	if (password)
		explicit_bzero(password, strlen(password));
	curl_free(user);
	curl_free(password);
	return done;
}

/* http or https, nothing behind the path, and short enough to be named. */
static bool is_usable(CURLU *url)
{
	char *scheme = NULL, *query = NULL, *fragment = NULL;
	bool usable = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		      (!strcmp(scheme, "http") || !strcmp(scheme, "https")) &&
		      curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_NO_QUERY &&
		      curl_url_get(url, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_NO_FRAGMENT;
	curl_free(scheme);
	curl_free(query);
	curl_free(fragment);
	return usable;
}

/* To where requests go, without the user. */
static bool set_path(struct target *target, CURLU *url)
{
	char *path = NULL, *whole = NULL, longer[TARGET_URL_SIZE];
	bool done = curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK;
	if (done) {
		size_t length = strlen(path);
		while (length > 0 && path[length - 1] == '/')
			length--;
		done = (size_t)snprintf(longer, sizeof(longer), "%.*s" PATH, (int)length, path) <
			       sizeof(longer) &&
		       curl_url_set(url, CURLUPART_PATH, longer, 0) == CURLUE_OK &&
		       curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
		       (size_t)snprintf(target->url, sizeof(target->url), "%s", whole) < sizeof(target->url);
	}
	curl_free(path);
	curl_free(whole);
	return done;
}

int target_open(const char *text, const struct alertmanager_config *config, struct target *out)
{
	struct target *target = out;
	*target = (struct target){ .easy = curl_easy_init() };
	CURL *easy = target->easy;
	CURLU *url = curl_url();
	char *whole = NULL;
	int result = url && easy ? 0 : -ENOMEM;
	if (result == 0 && (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK || !is_usable(url)))
		result = -EINVAL;
	if (result == 0 && !(set_common(target) && set_user(easy, url, config)))
		result = -ENOMEM;
	if (result == 0 && !set_path(target, url))
		result = -EINVAL;
	if (result == 0 &&
		!(set_tls(easy, config) &&
			(!config->server_name || set_server_name(target, url, config->server_name)) &&
			curl_url_get(url, CURLUPART_URL, &whole, 0) == CURLUE_OK && SET(URL, whole)))
		result = -ENOMEM;
	curl_free(whole);
	curl_url_cleanup(url);
	if (result < 0)
		target_close(target);
	return result;
}

void target_close(struct target *target)
{
	curl_easy_cleanup(target->easy);
	curl_slist_free_all(target->headers);
	curl_slist_free_all(target->connect_to);
	buffer_clear(&target->body);
	*target = (struct target){ 0 };
}

int target_post(struct target *target, CURLM *multi, void *owner)
{
	CURL *easy = target->easy;
	char user_agent[64];
	snprintf(user_agent, sizeof(user_agent), "oneway_exporter/%s", version_number);
	target->received = 0;
	target->error[0] = '\0';
	bool done = !target->body.failed && SET(USERAGENT, user_agent) && SET(PRIVATE, owner) &&
		    SET(POSTFIELDSIZE_LARGE, (curl_off_t)target->body.size) &&
		    SET(POSTFIELDS, target->body.data) && curl_multi_add_handle(multi, easy) == CURLM_OK;
	if (!done)
		buffer_clear(&target->body);
	return done ? 0 : -ENOMEM;
}

static enum alert_result result_of(CURLcode code, long status)
{
	switch ((int)code) {
	case CURLE_OK:
		return status / 100 == 2 ? ALERTS_TAKEN : ALERTS_STATUS;
	case CURLE_OPERATION_TIMEDOUT:
		return ALERTS_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return ALERTS_TLS;
	default:
		return ALERTS_CONNECT;
	}
}

enum alert_result target_finish(struct target *target, CURLM *multi, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(target->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(multi, target->easy);
	buffer_clear(&target->body);
	enum alert_result result = result_of(code, status);
	if (result == ALERTS_STATUS)
		snprintf(target->error, sizeof(target->error), "answered with HTTP status %ld", status);
	else if (!*target->error)
		snprintf(target->error, sizeof(target->error), "%s", curl_easy_strerror(code));
	return result;
}
