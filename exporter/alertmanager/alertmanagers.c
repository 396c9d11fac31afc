// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/alertmanagers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/hash_index.h"
#include "exporter/alertmanager/alert_book.h"
#include "exporter/alertmanager/target.h"
#include "exporter/metrics/finding_series.h"

/* After the first failure; twice as long after each further one. */
#define RETRY_FIRST_NS SECOND_NS
#define RETRY_MOST_NS  (30 * SECOND_NS)
#define RENEW_NS       (ALERT_RESEND_NS / 4)
#define WAIT_MOST_NS   ALERT_RESEND_NS

struct alertmanager {
	struct target target;
	struct alert_book book;
	size_t underway;        /* alerts in the request that is being made; 0: there is none */
	enum alert_result last; /* how the last one ended */
	bool asked;             /* there was one */
	int64_t retry_ns,
		wait_ns; /* monotonic, not before which; and how long it was waited after a failure */
	atomic_uint_least64_t sent, failed[ALERT_RESULTS], dropped, queued;
};

struct alertmanagers {
	struct alert_sender sender;
	struct alertmanager *items;
	size_t count, max_addresses;
	struct latest_snapshot *latest;
	struct log *log;
	int64_t seen_ns;      /* monotonic, of the snapshot that was looked at last */
	int64_t updated_ns;   /* monotonic, of that which the books are of */
	uint64_t fingerprint; /* of its findings */
	CURLM *multi;
	pthread_t thread;
	atomic_bool ended;
};

/* ---- start ---- */

static int add_alertmanager(struct alertmanagers *all, const char *url,
	const struct alertmanager_config *config, char *message, size_t size)
{
	int result = target_open(url, config, &all->items[all->count].target);
	if (result == -EINVAL) /* what was given may hold a password */
		snprintf(message, size,
			"--alertmanager.url, number %zu: expected http://HOST[:PORT][/PATH] or https://...",
			all->count + 1);
	if (result == 0)
		all->count++;
	return result;
}

static void alertmanagers_free(struct alertmanagers *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].underway)
			curl_multi_remove_handle(all->multi, all->items[i].target.easy);
		target_close(&all->items[i].target);
		alert_book_clear(&all->items[i].book);
	}
	if (all->multi)
		curl_multi_cleanup(all->multi);
	alert_sender_clear(&all->sender);
	free(all->items);
	free(all);
	curl_global_cleanup();
}

static int alertmanagers_new(
	const struct alertmanagers_options *options, struct alertmanagers **out, char *message, size_t size)
{
	struct alertmanager_config *config = NULL;
	const struct text_list *urls = &options->urls;
	if (urls->count > ALERTMANAGERS_MOST) {
		snprintf(message, size, "--alertmanager.url: expected at most %d", ALERTMANAGERS_MOST);
		return -EINVAL;
	}
	struct alertmanagers *all = calloc(1, sizeof(*all));
	snprintf(message, size, "out of memory");
	if (!all)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	all->max_addresses = options->max_addresses;
	all->items = calloc(urls->count + 1, sizeof(*all->items));
	all->multi = curl_multi_init();
	int result = all->items && all->multi ? 0 : -ENOMEM;
	if (result == 0)
		result = alertmanager_config_read(options->config_file, &config, message, size);
	if (result == 0)
		result = alert_sender_make(&options->sender, &all->sender, message, size);
	for (size_t i = 0; result == 0 && i < urls->count; i++)
		result = add_alertmanager(all, urls->items[i], config, message, size);
	alertmanager_config_free(config);
	if (result < 0)
		alertmanagers_free(all);
	else
		*out = all;
	return result;
}

int alertmanagers_check(const struct alertmanagers_options *options, char *message, size_t size)
{
	struct alertmanagers *all;
	int result = alertmanagers_new(options, &all, message, size);
	if (result == 0)
		alertmanagers_free(all);
	return result;
}

/* ---- what is to be told ---- */

/* Other alerts have another: what each is about, how bad, and whether it is a cause. */
static uint64_t fingerprint(const struct findings *findings)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		const uint8_t rest[] = { (uint8_t)finding->severity, *finding->cause != '\0' };
		if (!finding_is_counted(finding))
			continue;
		hash = hash_bytes(hash, finding->id, sizeof(finding->id));
		hash = hash_bytes(hash, rest, sizeof(rest));
	}
	return hash;
}

static int update_books(struct alertmanagers *all, const struct snapshot *snapshot)
{
	struct selection shown;
	struct alert_list firing = { 0 };
	int64_t now_ns = clock_ns(CLOCK_REALTIME), monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	int result = selection_make(snapshot->facts, snapshot->findings, all->max_addresses, &shown);
	if (result < 0)
		return result;
	result = alert_list_make(snapshot->findings, &shown, &all->sender, &firing);
	for (size_t i = 0; result == 0 && i < all->count; i++)
		result = alert_book_update(&all->items[i].book, &firing, now_ns, monotonic_ns);
	alert_list_clear(&firing);
	selection_clear(&shown);
	return result;
}

/* Texts cost time, so those of the same alerts are made anew only before they are told again. Without memory
 * it is tried again with the next snapshot. */
static void look(struct alertmanagers *all)
{
	const struct snapshot *snapshot = latest_snapshot_take(all->latest);
	if (!snapshot)
		return;
	const int64_t now_ns = snapshot->facts->monotonic_ns;
	if (now_ns != all->seen_ns) {
		uint64_t now = fingerprint(snapshot->findings);
		all->seen_ns = now_ns;
		if ((now != all->fingerprint || now_ns - all->updated_ns >= RENEW_NS) &&
			update_books(all, snapshot) == 0) {
			all->fingerprint = now;
			all->updated_ns = now_ns;
		}
	}
	snapshot_release(snapshot);
}

/* ---- telling ---- */

static void begin_request(struct alertmanagers *all, struct alertmanager *one, int64_t monotonic_ns)
{
	if (one->underway || monotonic_ns < one->retry_ns || alert_book_next_ns(&one->book) > monotonic_ns)
		return;
	one->underway = alert_book_write(
		&one->book, all->sender.generator, clock_ns(CLOCK_REALTIME), monotonic_ns, &one->target.body);
	if (target_post(&one->target, all->multi, one) == 0)
		return;
	alert_book_told(&one->book, false, monotonic_ns);
	one->underway = 0;
	one->retry_ns = monotonic_ns + RETRY_FIRST_NS;
}

/* Once for each change. */
static void say_result(const struct alertmanagers *all, struct alertmanager *one, enum alert_result result)
{
	bool changed = !one->asked || one->last != result;
	one->asked = true;
	one->last = result;
	if (changed && result == ALERTS_TAKEN)
		log_info(all->log, "Alertmanager takes alerts", { "alertmanager", one->target.url });
	else if (changed)
		log_warn(all->log, "Alertmanager takes no alerts", { "alertmanager", one->target.url },
			{ "reason", alert_result_name(result) }, { "error", one->target.error });
}

static void end_request(struct alertmanagers *all, struct alertmanager *one, CURLcode code)
{
	int64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	enum alert_result result = target_finish(&one->target, all->multi, code);
	if (result == ALERTS_TAKEN) {
		atomic_fetch_add(&one->sent, one->underway);
		one->wait_ns = 0;
	} else {
		atomic_fetch_add(&one->failed[result], one->underway);
		one->wait_ns = one->wait_ns ? 2 * one->wait_ns : RETRY_FIRST_NS;
		if (one->wait_ns > RETRY_MOST_NS)
			one->wait_ns = RETRY_MOST_NS;
	}
	one->retry_ns = monotonic_ns + one->wait_ns;
	alert_book_told(&one->book, result == ALERTS_TAKEN, monotonic_ns);
	one->underway = 0;
	say_result(all, one, result);
}

static void end_requests(struct alertmanagers *all)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(all->multi, &left));) {
		char *owner = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
		end_request(all, (struct alertmanager *)(void *)owner, code);
	}
}

/* How long there is nothing to do but for requests that are being made. */
static int wait_ms(const struct alertmanagers *all, int64_t monotonic_ns)
{
	int64_t wait_ns = WAIT_MOST_NS;
	for (size_t i = 0; i < all->count; i++) {
		const struct alertmanager *one = &all->items[i];
		int64_t next_ns = alert_book_next_ns(&one->book);
		if (one->underway || next_ns == INT64_MAX)
			continue;
		next_ns = (next_ns > one->retry_ns ? next_ns : one->retry_ns) - monotonic_ns;
		wait_ns = next_ns < wait_ns ? next_ns : wait_ns;
	}
	return wait_ns > 0 ? (int)(wait_ns / MILLISECOND_NS) + 1 : 0;
}

static void *alertmanagers_run(void *argument)
{
	struct alertmanagers *all = argument;
	while (!atomic_load(&all->ended)) {
		int running;
		look(all);
		int64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC);
		for (size_t i = 0; i < all->count; i++)
			begin_request(all, &all->items[i], monotonic_ns);
		curl_multi_perform(all->multi, &running);
		end_requests(all);
		monotonic_ns = clock_ns(CLOCK_MONOTONIC);
		for (size_t i = 0; i < all->count; i++) {
			atomic_store(
				&all->items[i].queued, alert_book_due(&all->items[i].book, monotonic_ns));
			atomic_store(&all->items[i].dropped, all->items[i].book.dropped);
		}
		curl_multi_poll(all->multi, NULL, 0, wait_ms(all, monotonic_ns), NULL);
	}
	return NULL;
}

int alertmanagers_start(const struct alertmanagers_options *options, struct latest_snapshot *latest,
	struct log *log, struct alertmanagers **out, char *message, size_t size)
{
	struct alertmanagers *all;
	sigset_t blocked, before;
	if (options->urls.count == 0) {
		*out = NULL;
		return 0;
	}
	int result = alertmanagers_new(options, &all, message, size);
	if (result < 0)
		return result;
	all->latest = latest;
	all->log = log;
	/* Signals are the loop's. */
	sigfillset(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	result = -pthread_create(&all->thread, NULL, alertmanagers_run, all);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result < 0) {
		snprintf(message, size, "cannot start a thread: %s", strerror(-result));
		alertmanagers_free(all);
		return result;
	}
	pthread_setname_np(all->thread, "alertmanagers");
	for (size_t i = 0; i < all->count; i++)
		log_info(log, "Sending alerts", { "alertmanager", all->items[i].target.url });
	*out = all;
	return 0;
}

void alertmanagers_wake(struct alertmanagers *all)
{
	if (all)
		curl_multi_wakeup(all->multi);
}

void alertmanagers_stop(struct alertmanagers *all)
{
	if (!all)
		return;
	atomic_store(&all->ended, true);
	curl_multi_wakeup(all->multi);
	pthread_join(all->thread, NULL);
	alertmanagers_free(all);
}

size_t alertmanagers_stats(
	const struct alertmanagers *all, struct alertmanager_stats out[static ALERTMANAGERS_MOST])
{
	for (size_t i = 0; all && i < all->count; i++) {
		const struct alertmanager *one = &all->items[i];
		out[i] = (struct alertmanager_stats){ .url = one->target.url,
			.sent = atomic_load(&one->sent),
			.dropped = atomic_load(&one->dropped),
			.queued = atomic_load(&one->queued) };
		for (size_t j = 0; j < ALERT_RESULTS; j++)
			out[i].failed[j] = atomic_load(&one->failed[j]);
	}
	return all ? all->count : 0;
}
