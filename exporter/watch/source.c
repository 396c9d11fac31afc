// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/source.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "exporter/cli/oneshot.h"
#include "exporter/config/namespace.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/output/json.h"
#include "exporter/watch/exporter_client.h"

#define DEFAULT_URL "http://localhost:10150"

#define EVERY_NS SECOND_NS
/* Of its time, asking and taking in may take one part in so many. */
#define IDLE_PARTS 10

struct watch_source {
	struct options options;
	const char *url;
	bool local, may_look; /* whether it may look by itself if nobody listens */
	int stop, news;       /* eventfd */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards the next */
	struct watch_news latest;
};

/* Without what stands before an @: a password may. */
static void name_of_url(const char *url, char name[static WATCH_NAME_SIZE])
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
	size_t length = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', length);
	snprintf(name, WATCH_NAME_SIZE, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
}

/* Takes the model over; NULL: there is none, as message says. */
static void post(struct watch_source *source, struct watch_model *model, const char *message, bool over)
{
	pthread_mutex_lock(&source->mutex);
	struct watch_news *latest = &source->latest;
	if (model) {
		watch_model_free(latest->model);
		latest->model = model;
	}
	snprintf(latest->trouble, sizeof(latest->trouble), "%s", model ? "" : message);
	latest->over = over;
	pthread_mutex_unlock(&source->mutex);
	eventfd_write(source->news, 1);
}

static void set_name(struct watch_source *source, const char *name)
{
	pthread_mutex_lock(&source->mutex);
	snprintf(source->latest.name, sizeof(source->latest.name), "%s", name);
	pthread_mutex_unlock(&source->mutex);
}

/* Until then, or until it shall stop: then true. */
static bool wait_until(const struct watch_source *source, int64_t until_ns)
{
	struct pollfd stop = { .fd = source->stop, .events = POLLIN };
	int64_t left_ns = until_ns - clock_ns(CLOCK_MONOTONIC);
	return poll(&stop, 1, left_ns > 0 ? (int)(left_ns / MILLISECOND_NS) + 1 : 0) > 0;
}

/* ---- by itself ---- */

static struct watch_model *model_of(const struct oneshot *oneshot)
{
	struct watch_model *model = NULL;
	const struct facts *facts = oneshot->facts;
	json_t *handshakes = facts->handshakes ? json_handshakes(facts) : NULL;
	watch_model_make(json_report(oneshot->findings, facts), json_address_report(oneshot->findings, facts),
		handshakes, &model);
	return model;
}

static void look_by_itself(struct watch_source *source)
{
	char message[ONESHOT_MESSAGE_SIZE];
	struct oneshot oneshot;
	int result = oneshot_open(&oneshot, &source->options, NULL, message, sizeof(message));
	source->latest.looking_ns = clock_ns(CLOCK_MONOTONIC); /* nobody has had news yet */
	bool stopped = wait_until(source, 0);
	while (result == 0 && !stopped) {
		result = oneshot_judge(&oneshot);
		snprintf(message, sizeof(message), "%s", strerror(-result));
		struct watch_model *model = result == 0 ? model_of(&oneshot) : NULL;
		if (result == 0)
			post(source, model, "out of memory", false);
		if (result == 0)
			result = collector_io_run_until(oneshot.observer, EVERY_NS, source->stop);
		stopped = wait_until(source, 0);
	}
	if (result < 0)
		post(source, NULL, message, true);
	oneshot_close(&oneshot);
}

/* ---- an exporter ---- */

static int ask(struct watch_source *source, struct exporter_client *client, struct watch_model **out,
	char message[static WATCH_TROUBLE_SIZE])
{
	static const char *const paths[] = { "/api/v1/findings", "/api/v1/addresses", "/api/v1/handshakes" };
	json_t *answers[3] = { NULL };
	int result = 0;
	for (size_t i = 0; result == 0 && i < 3; i++)
		result = exporter_client_get(
			client, paths[i], source->stop, &answers[i], message, WATCH_TROUBLE_SIZE);
	if (result < 0) {
		for (size_t i = 0; i < 3; i++)
			json_decref(answers[i]);
		return result;
	}
	result = watch_model_make(answers[0], answers[1], answers[2], out);
	if (result < 0)
		snprintf(message, WATCH_TROUBLE_SIZE, "%s",
			result == -EINVAL ? "it answers, but is no exporter of oneway" : strerror(-result));
	return result;
}

/* False if nobody listens and it may look by itself. */
static bool ask_exporter(struct watch_source *source, struct exporter_client *client)
{
	for (bool first = true, stopped = false; !stopped; first = false) {
		char message[WATCH_TROUBLE_SIZE] = "";
		struct watch_model *model = NULL;
		int64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
		int result = ask(source, client, &model, message);
		if (result == -ECONNREFUSED && first && source->may_look)
			return false;
		if (result == -ECANCELED)
			return true;
		post(source, model, message, false);
		int64_t now_ns = clock_ns(CLOCK_MONOTONIC), rest_ns = (now_ns - begun_ns) * IDLE_PARTS;
		stopped = wait_until(source, now_ns + (rest_ns > EVERY_NS ? rest_ns : EVERY_NS));
	}
	return true;
}

static void *run(void *argument)
{
	struct watch_source *source = argument;
	struct exporter_client *client = NULL;
	char name[WATCH_NAME_SIZE], told[WATCH_NAME_SIZE + 64] = "this host, by itself";
	if (!source->local) {
		name_of_url(source->url, name);
		set_name(source, name);
		if (exporter_client_open(source->url, source->options.ca_file, &client) < 0) {
			post(source, NULL, strerror(ENOMEM), true);
			return NULL;
		}
		bool asked = ask_exporter(source, client);
		exporter_client_close(client);
		if (asked)
			return NULL;
		snprintf(told, sizeof(told), "this host, by itself: no exporter at %s", name);
	}
	told[WATCH_NAME_SIZE - 1] = '\0';
	set_name(source, told);
	look_by_itself(source);
	return NULL;
}

int watch_source_new(const struct options *options, struct watch_source **out, char *message, size_t size)
{
	const char *named = getenv("ONEWAY_URL");
	struct watch_source *source = calloc(1, sizeof(*source));
	if (!source) {
		snprintf(message, size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	source->options = *options;
	source->local = options->local || (options->netns && !options->url);
	source->may_look = !options->url && !(named && *named);
	source->url = options->url ? options->url : source->may_look ? DEFAULT_URL : named;
	source->stop = eventfd(0, EFD_CLOEXEC);
	source->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int result = source->stop < 0 || source->news < 0 ? -EMFILE : 0;
	snprintf(message, size, "%s", strerror(-result));
	if (result == 0 && source->local && options->netns)
		result = namespace_enter(options->netns, message, size);
	source->options.netns = NULL; /* the thread stands in it */
	pthread_mutex_init(&source->mutex, NULL);
	if (result == 0) {
		result = -pthread_create(&source->thread, NULL, run, source);
		snprintf(message, size, "%s", strerror(-result));
	}
	if (result == 0) {
		*out = source;
		return 0;
	}
	close(source->stop);
	close(source->news);
	free(source);
	return result;
}

int watch_source_descriptor(const struct watch_source *source)
{
	return source->news;
}

void watch_source_take(struct watch_source *source, struct watch_news *out)
{
	eventfd_t ignored;
	eventfd_read(source->news, &ignored);
	pthread_mutex_lock(&source->mutex);
	*out = source->latest;
	source->latest.model = NULL;
	pthread_mutex_unlock(&source->mutex);
}

void watch_source_free(struct watch_source *source)
{
	if (!source)
		return;
	eventfd_write(source->stop, 1);
	pthread_join(source->thread, NULL);
	watch_model_free(source->latest.model);
	pthread_mutex_destroy(&source->mutex);
	close(source->stop);
	close(source->news);
	free(source);
}
