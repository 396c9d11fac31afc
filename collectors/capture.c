// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The collector `handshake`. One thread reads the taps of all devices and feeds the handshake table; the loop
 * thread opens and closes taps (it stands in the namespace that is watched) and copies out what the table
 * learnt. They meet in struct capturing under one lock, held for one batch of frames or one copy at a time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/bulk.h"
#include "collectors/capture_set.h"
#include "collectors/clock.h"
#include "collectors/collector.h"
#include "collectors/handshake_metrics.h"
#include "collectors/name_pattern.h"
#include "collectors/reorder.h"
#include "collectors/sampling.h"
#include "collectors/tap.h"

#define BATCH   512 /* frames read at a time */
#define TICK_MS 100
/* A ring hands a frame over after TAP_DELAY_MS at most, give or take the kernel's timer. */
#define SETTLE_NS     ((TAP_DELAY_MS + 50) * INT64_C(1000000))
#define WAITING_MOST  4096 /* frames */
#define EVIDENCE_MOST 512

struct reader {
	struct tap *tap;
	int ifindex;
	bool failed;
};

struct capturing {
	/* Who waits for the lock holds the turn, so that a busy capture thread cannot keep the loop out. */
	pthread_mutex_t turn, lock;
	pthread_t thread;
	bool has_thread;
	int wake;

	/* under the lock */
	bool stop;
	struct handshakes *handshakes;
	struct reader readers[CAPTURE_DEVICES_MAX];
	size_t reader_count;
	unsigned generation; /* of the readers */

	/* the capture thread's */
	struct reorder waiting;
	struct bulk bulk;
	struct sampling sampling;

	/* the loop thread's */
	struct capture_set set;
	regex_t include, exclude;
	bool has_include, has_exclude;
};

static void enter(struct capturing *capturing)
{
	pthread_mutex_lock(&capturing->turn);
	pthread_mutex_lock(&capturing->lock);
	pthread_mutex_unlock(&capturing->turn);
}

static void leave(struct capturing *capturing)
{
	pthread_mutex_unlock(&capturing->lock);
}

/* ---- the capture thread ---- */

struct feeding {
	struct capturing *capturing;
	int ifindex;
};

static void feed(void *argument, const struct packet *packet, const struct sighting *sighting)
{
	struct capturing *capturing = argument;
	handshakes_feed(capturing->handshakes, packet, sighting);
}

static void note(void *argument, const struct tap_frame *frame)
{
	const struct feeding *feeding = argument;
	struct capturing *capturing = feeding->capturing;
	struct packet packet;
	if (packet_read(PACKET_SLL2, frame->bytes, frame->size, &packet) < 0)
		return;
	const struct sighting sighting = { .device = feeding->ifindex,
		.direction = packet.direction,
		.time_ns = frame->time_ns,
		.link = PACKET_SLL2,
		.frame = frame->bytes,
		.size = frame->size,
		.length = frame->length };
	bulk_feed(&capturing->bulk, &packet);
	reorder_put(&capturing->waiting, &packet, &sighting, feed, capturing);
}

static void refilter(struct capturing *capturing)
{
	const struct bulk *bulk = &capturing->bulk;
	for (size_t i = 0; i < capturing->reader_count; i++)
		if (tap_filter(capturing->readers[i].tap, bulk->flows, bulk->count) < 0)
			capturing->readers[i].failed = true;
}

static void read_tap(struct capturing *capturing, struct reader *reader)
{
	struct feeding feeding = { capturing, reader->ifindex };
	if (tap_read(reader->tap, BATCH, note, &feeding) < 0)
		reader->failed = true;
}

static void tick(struct capturing *capturing)
{
	int64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC), settled_ns = clock_ns(CLOCK_REALTIME) - SETTLE_NS;
	reorder_release(&capturing->waiting, settled_ns, feed, capturing);
	handshakes_advance(capturing->handshakes, settled_ns);
	bulk_advance(&capturing->bulk, monotonic_ns);
	if (capturing->bulk.changed)
		refilter(capturing);
	capturing->bulk.changed = false;
	const struct sampling_load load = { clock_ns(CLOCK_THREAD_CPUTIME_ID),
		handshakes_load(capturing->handshakes) };
	handshakes_sample(capturing->handshakes, sampling_step(&capturing->sampling, monotonic_ns, &load));
}

struct round {
	struct pollfd polled[CAPTURE_DEVICES_MAX + 1]; /* the last is the wake-up */
	size_t count;
	unsigned generation;
};

static bool prepare_round(struct capturing *capturing, struct round *round)
{
	enter(capturing);
	bool goes_on = !capturing->stop;
	round->count = capturing->reader_count;
	round->generation = capturing->generation;
	for (size_t i = 0; i < round->count; i++) {
		const struct reader *reader = &capturing->readers[i];
		int descriptor = reader->failed ? -1 : tap_descriptor(reader->tap);
		round->polled[i] = (struct pollfd){ .fd = descriptor, .events = POLLIN };
	}
	round->polled[round->count] = (struct pollfd){ .fd = capturing->wake, .events = POLLIN };
	leave(capturing);
	return goes_on;
}

/* False when the readers have changed: what was polled is not what there is. */
static bool read_one(struct capturing *capturing, const struct round *round, size_t at)
{
	enter(capturing);
	bool current = capturing->generation == round->generation;
	if (current)
		read_tap(capturing, &capturing->readers[at]);
	leave(capturing);
	return current;
}

static void read_round(struct capturing *capturing, const struct round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (round->polled[i].revents && !read_one(capturing, round, i))
			return;
}

static void *capture_thread(void *argument)
{
	struct capturing *capturing = argument;
	struct round round;
	uint64_t wakes;
	while (prepare_round(capturing, &round)) {
		if (poll(round.polled, round.count + 1, TICK_MS) > 0) {
			if (round.polled[round.count].revents &&
				read(capturing->wake, &wakes, sizeof(wakes)) < 0)
				continue; /* somebody else's signal */
			read_round(capturing, &round);
		}
		enter(capturing);
		tick(capturing);
		leave(capturing);
	}
	return NULL;
}

static void wake(const struct capturing *capturing)
{
	const uint64_t one = 1;
	ssize_t written = write(capturing->wake, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- taps, for the set ---- */

static int open_tap(void *argument, int ifindex, void **out)
{
	struct capturing *capturing = argument;
	struct tap *tap;
	int error = tap_open(ifindex, &tap);
	if (error < 0)
		return error;
	enter(capturing);
	capturing->readers[capturing->reader_count++] = (struct reader){ .tap = tap, .ifindex = ifindex };
	capturing->generation++;
	capturing->bulk.changed = true; /* the new one gets its filter, too */
	leave(capturing);
	wake(capturing);
	*out = tap;
	return 0;
}

static struct reader *find_reader(struct capturing *capturing, const struct tap *tap)
{
	struct reader *reader = capturing->readers;
	while (reader->tap != tap)
		reader++;
	return reader;
}

static void close_tap(void *argument, void *item)
{
	struct capturing *capturing = argument;
	enter(capturing);
	struct reader *reader = find_reader(capturing, item);
	*reader = capturing->readers[--capturing->reader_count];
	capturing->generation++;
	leave(capturing);
	tap_close(item);
}

static bool count_tap(void *argument, void *tap, uint32_t *received, uint32_t *dropped)
{
	struct capturing *capturing = argument;
	enter(capturing);
	bool works = !find_reader(capturing, tap)->failed && tap_counts(tap, received, dropped) == 0;
	leave(capturing);
	return works;
}

static const struct capture_source taps = {
	.open = open_tap,
	.close = close_tap,
	.counts = count_tap,
};

/* ---- the collector ---- */

static int probe_permission(void)
{
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
	close(descriptor);
	return 0;
}

static int compile(const char *text, regex_t *expression, bool *has, const regex_t **used)
{
	if (!text)
		return 0;
	int result = name_pattern_compile(text, expression);
	*has = result == 0;
	*used = expression;
	return result;
}

static int start_thread(struct capturing *capturing)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&capturing->thread, NULL, capture_thread, capturing);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	capturing->has_thread = error == 0;
	return -error;
}

static int start(struct capturing *capturing, const struct collector_settings *settings)
{
	uint64_t seed;
	capturing->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (capturing->wake < 0 || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	int result = compile(settings->device_include, &capturing->include, &capturing->has_include,
		&capturing->set.include);
	if (result == 0)
		result = compile(settings->device_exclude, &capturing->exclude, &capturing->has_exclude,
			&capturing->set.exclude);
	if (result == 0)
		result = handshakes_new(&handshake_limits_default, seed, &capturing->handshakes);
	if (result == 0)
		result = reorder_init(&capturing->waiting, WAITING_MOST);
	return result < 0 ? result : start_thread(capturing);
}

static void stop_thread(struct capturing *capturing)
{
	if (!capturing->has_thread)
		return;
	enter(capturing);
	capturing->stop = true;
	leave(capturing);
	wake(capturing);
	pthread_join(capturing->thread, NULL);
}

static void handshake_destroy(void *context)
{
	struct capturing *capturing = context;
	if (!capturing)
		return;
	stop_thread(capturing);
	capture_set_clear(&capturing->set);
	handshakes_free(capturing->handshakes);
	reorder_destroy(&capturing->waiting);
	if (capturing->has_include)
		regfree(&capturing->include);
	if (capturing->has_exclude)
		regfree(&capturing->exclude);
	if (capturing->wake >= 0)
		close(capturing->wake);
	pthread_mutex_destroy(&capturing->turn);
	pthread_mutex_destroy(&capturing->lock);
	free(capturing);
}

static int handshake_init(const struct collector_settings *settings, void **context)
{
	int result = probe_permission();
	if (result < 0)
		return result;
	struct capturing *capturing = calloc(1, sizeof(*capturing));
	if (!capturing)
		return -ENOMEM;
	pthread_mutex_init(&capturing->turn, NULL);
	pthread_mutex_init(&capturing->lock, NULL);
	capturing->set.source = &taps;
	capturing->set.argument = capturing;
	result = start(capturing, settings);
	if (result < 0) {
		handshake_destroy(capturing);
		return result;
	}
	*context = capturing;
	return 0;
}

static int copy_report(struct capturing *capturing, bool lost, struct facts *facts)
{
	struct handshake_report *report = calloc(1, sizeof(*report));
	struct frame *frames = calloc(EVIDENCE_MOST, sizeof(*frames));
	int result = report && frames ? 0 : -ENOMEM;
	if (result == 0) {
		enter(capturing);
		if (lost)
			handshakes_missed(capturing->handshakes, clock_ns(CLOCK_REALTIME));
		result = handshakes_report(capturing->handshakes, report);
		if (result == 0)
			facts->frame_count =
				handshakes_evidence(capturing->handshakes, frames, EVIDENCE_MOST);
		leave(capturing);
	}
	if (result < 0) {
		free(report);
		free(frames);
		return result;
	}
	facts->handshakes = report;
	facts->frames = frames;
	return 0;
}

static int handshake_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct capturing *capturing = context;
	bool lost;
	int error = capture_set_update(&capturing->set, facts, &lost);
	int result = capture_set_copy(&capturing->set, facts);
	if (result == 0)
		result = copy_report(capturing, lost, facts);
	return result < 0 ? result : error;
}

const struct collector handshake_collector = {
	.name = "handshake",
	.summary = "TCP handshakes and ICMP echo on the wire, captured on every device",
	.needs = "CAP_NET_RAW",
	.init = handshake_init,
	.collect = handshake_collect,
	.destroy = handshake_destroy,
	.families = handshake_metrics,
};
