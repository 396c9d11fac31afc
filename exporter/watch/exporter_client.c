// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/exporter_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/buffer.h"

#define CONNECT_MS  3000L
#define ANSWER_MS   10000L
#define ANSWER_MOST (64 << 20) /* bytes */

struct exporter_client {
	const char *url;
	CURLM *multi; /* which can be woken by a descriptor of ours */
	CURL *easy;
	struct buffer body;
	char error[CURL_ERROR_SIZE];
};

static size_t take_body(char *data, size_t one, size_t size, void *argument)
{
	struct buffer *body = argument;
	(void)one;
	if (size > ANSWER_MOST - body->size)
		return 0;
	buffer_add(body, data, size);
	return body->failed ? 0 : size;
}

int exporter_client_open(const char *url, const char *ca_file, struct exporter_client **out)
{
	struct exporter_client *client = calloc(1, sizeof(*client));
	bool ready = client && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!ready) {
		free(client);
		return -ENOMEM;
	}
	client->url = url;
	client->multi = curl_multi_init();
	client->easy = curl_easy_init();
	if (!client->multi || !client->easy) {
		exporter_client_close(client);
		return -ENOMEM;
	}
	CURL *easy = client->easy;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_DEFAULT_PROTOCOL, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, ANSWER_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &client->body);
	if (ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	*out = client;
	return 0;
}

void exporter_client_close(struct exporter_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->easy);
	curl_multi_cleanup(client->multi);
	curl_global_cleanup();
	buffer_clear(&client->body);
	free(client);
}

/* 0 and the result, or -ECANCELED. */
static int perform(struct exporter_client *client, int cancel, CURLcode *result)
{
	struct curl_waitfd wait = { .fd = cancel, .events = CURL_WAIT_POLLIN };
	const CURLMsg *message = NULL;
	int running = 1, left, ended = 0;
	*result = CURLE_OUT_OF_MEMORY;
	if (curl_multi_add_handle(client->multi, client->easy) != CURLM_OK)
		return 0;
	while (running && ended == 0) {
		if (curl_multi_perform(client->multi, &running) != CURLM_OK)
			break;
		if (running && curl_multi_poll(client->multi, &wait, 1, (int)ANSWER_MS, NULL) != CURLM_OK)
			break;
		ended = running && wait.revents ? -ECANCELED : 0;
	}
	if (!running && (message = curl_multi_info_read(client->multi, &left)))
		*result = message->data.result;
	curl_multi_remove_handle(client->multi, client->easy);
	return ended;
}

/* Of an answer that is not what was asked for: the status, and the first line of what it says. */
static int refuse(const struct exporter_client *client, long status, char *message, size_t size)
{
	const struct buffer *body = &client->body;
	size_t length = 0;
	while (length < body->size && length < 200 && body->data[length] && body->data[length] != '\n')
		length++;
	if (status == 401)
		snprintf(message, size, "it wants a name and password: put them into ~/.netrc");
	else
		snprintf(message, size, "it answers %ld: %.*s", status, (int)length,
			body->data ? body->data : "");
	return -EPROTO;
}

int exporter_client_get(struct exporter_client *client, const char *path, int cancel, json_t **out,
	char *message, size_t size)
{
	char *url;
	size_t length = strlen(client->url);
	long status = 0;
	CURLcode result;
	while (length && client->url[length - 1] == '/')
		length--;
	if (asprintf(&url, "%.*s%s", (int)length, client->url, path) < 0)
		return -ENOMEM;
	buffer_clear(&client->body);
	client->error[0] = '\0';
	curl_easy_setopt(client->easy, CURLOPT_URL, url);
	int cancelled = perform(client, cancel, &result);
	free(url);
	if (cancelled < 0)
		return cancelled;
	if (result != CURLE_OK) {
		long number = 0;
		curl_easy_getinfo(client->easy, CURLINFO_OS_ERRNO, &number);
		if (number)
			snprintf(client->error, sizeof(client->error), "%s", strerror((int)number));
		snprintf(message, size, "%s", *client->error ? client->error : curl_easy_strerror(result));
		return result == CURLE_COULDNT_CONNECT ? -ECONNREFUSED : -EIO;
	}
	curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status);
	*out = NULL;
	if (status == 404)
		return 0;
	if (status != 200)
		return refuse(client, status, message, size);
	*out = json_loadb(client->body.data ? client->body.data : "", client->body.size, 0, NULL);
	if (*out)
		return 0;
	snprintf(message, size, "what it answers to %s is no JSON", path);
	return -EPROTO;
}
