// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The collector `handshake`. One thread reads the taps of all devices and feeds the handshake table; the loop
 * thread opens and closes taps (it stands in the namespace that is watched) and copies out what the table
 * learnt. They meet in struct capturing under one lock, held for one batch of frames or one copy at a time.
 *
 * Rings share RING_BUDGET: each new one gets a quarter of what is left, within TAP_RING_BYTES and
 * TAP_RING_LEAST. So five devices have the largest, about twenty spend it all, and each further one takes the
 * least: 500 devices need 23 MiB, 1,024 need 39 MiB.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/base/name_pattern.h"
#include "collectors/capture/ack_heavy_flows.h"
#include "collectors/capture/capture_clock.h"
#include "collectors/capture/capture_filter.h"
#include "collectors/capture/capture_set.h"
#include "collectors/capture/reorder.h"
#include "collectors/capture/sampling.h"
#include "collectors/capture/tap.h"
#include "collectors/collector.h"
#include "collectors/handshake/handshake_metrics.h"

#define BATCH   512 /* frames read of one device in its turn */
#define TICK_MS 100
/* How often rings that are not waited for are looked at. */
#define GLANCE_MS 20
#define GLANCE_NS (GLANCE_MS * INT64_C(1000000))
/* A ring hands a frame over after TAP_DELAY_MS at most, give or take the kernel's timer. */
#define SETTLE_NS     ((TAP_DELAY_MS + 50) * INT64_C(1000000))
#define WAITING_MOST  4096 /* frames */
#define EVIDENCE_MOST 512
#define RING_BUDGET   ((size_t)8 * 1024 * 1024)
#define EVENTS        256 /* taken from an epoll at a time */
#define REFILTER_MOST 4   /* filters replaced at a time: 0.1 ms each */
/* So many frames are read or released, or handshakes ended, before the lock is given up. */
#define PIECE 256
/* Descriptors that are needed beside those of the taps. */
#define OTHER_DESCRIPTORS 256

struct reader {
	struct capturing *capturing;
	struct tap *tap;
	int ifindex;
	size_t ring; /* bytes */
	int epoll;   /* of capturing, in which it is */

	/* under the lock */
	size_t place; /* among the readers */
	unsigned filter;
	bool failed;
};

struct capturing {
	/* Who waits for the lock holds the turn, so that a busy capture thread cannot keep the loop out. */
	pthread_mutex_t turn, lock;
	pthread_t thread;
	bool has_thread;
	int wake;
	/* Epolls: of the wake-up and the readers with the largest rings, which are waited for, and of the
	 * others. */
	int wait, glance;

	/* under the lock */
	bool stop;
	size_t glanced_at; /* readers */
	struct handshakes *handshakes;
	struct reader *readers[CAPTURE_DEVICES_MAX];
	size_t reader_count;
	unsigned generation; /* of the readers */

	struct bpf_program filter; /* without exceptions; fixed from the start */

	/* the capture thread's; the clock under the lock as well */
	struct capture_clock clock;
	struct reorder waiting;
	struct ack_heavy_flows heavy;
	struct bpf_program ack_heavy_filter; /* with exceptions: the present one, unless its number is 0 */
	unsigned filter_number;
	unsigned refiltered; /* generation of the readers that all have the present filter */
	struct sampling sampling;

	/* the loop thread's */
	struct capture_set set;
	size_t ring_bytes;        /* of all readers */
	int work;                 /* readable when the set has steps to do */
	regex_t include, exclude; /* compiled where the set has them */
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

/* Under the lock. Between both readings the thread may have had to wait. */
static void set_clock(struct capturing *capturing)
{
	int64_t before_ns, realtime_ns, after_ns;
	unsigned tries = 0;
	do {
		before_ns = clock_ns(CLOCK_MONOTONIC);
		realtime_ns = clock_ns(CLOCK_REALTIME);
		after_ns = clock_ns(CLOCK_MONOTONIC);
	} while (after_ns - before_ns > CAPTURE_CLOCK_DRIFT_NS / 10 && ++tries < 10);
	capture_clock_set(&capturing->clock, after_ns, realtime_ns);
	handshakes_set_wall(capturing->handshakes, -capturing->clock.offset_ns);
}

static void note_missed(struct capturing *capturing)
{
	enter(capturing);
	handshakes_missed(capturing->handshakes, clock_ns(CLOCK_MONOTONIC));
	leave(capturing);
}

/* ---- the capture thread ---- */

static void feed(void *argument, const struct packet *packet, const struct sighting *sighting)
{
	struct capturing *capturing = argument;
	handshakes_feed(capturing->handshakes, packet, sighting);
}

static void note(void *argument, const struct tap_frame *frame)
{
	const struct reader *reader = argument;
	struct capturing *capturing = reader->capturing;
	struct packet packet;
	if (packet_read(PACKET_SLL2, frame->bytes, frame->size, &packet) < 0)
		return;
	int64_t time_ns = capture_clock_monotonic(&capturing->clock, frame->time_ns);
	if (time_ns < 0) {
		set_clock(capturing);
		time_ns = capture_clock_monotonic(&capturing->clock, frame->time_ns);
	}
	const struct sighting sighting = { .device = reader->ifindex,
		.direction = packet.direction,
		.time_ns = time_ns < 0 ? capturing->clock.now_ns : time_ns,
		.frame = frame->bytes,
		.size = frame->size,
		.length = frame->length };
	ack_heavy_feed(&capturing->heavy, &packet);
	reorder_put(&capturing->waiting, &packet, &sighting, feed, capturing);
}

/* Returns whether all was done that is due. */
static bool settle(struct capturing *capturing, int64_t settled_ns)
{
	return reorder_release(&capturing->waiting, settled_ns, PIECE, feed, capturing) &&
	       handshakes_advance_some(capturing->handshakes, settled_ns, PIECE);
}

static void tick(struct capturing *capturing)
{
	int64_t monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	enter(capturing);
	while (!settle(capturing, monotonic_ns - SETTLE_NS)) {
		leave(capturing);
		enter(capturing);
	}
	ack_heavy_advance(&capturing->heavy, monotonic_ns);
	const struct sampling_load load = { clock_ns(CLOCK_THREAD_CPUTIME_ID),
		handshakes_load(capturing->handshakes) };
	handshakes_sample(capturing->handshakes, sampling_step(&capturing->sampling, monotonic_ns, &load));
	leave(capturing);
}

/* A new reader begins with the filter that has no exceptions. */
static void refilter(struct capturing *capturing, unsigned generation)
{
	struct ack_heavy_flows *heavy = &capturing->heavy;
	struct bpf_program filter;
	bool made = heavy->changed && capture_filter_make(heavy->flows, heavy->count, &filter) == 0;
	heavy->changed = false;
	if (made) {
		pcap_freecode(&capturing->ack_heavy_filter);
		capturing->ack_heavy_filter = filter;
		capturing->filter_number++;
	}
	if (!capturing->filter_number || (!made && capturing->refiltered == generation))
		return;
	bool ended = false;
	for (size_t at = 0; !ended;) { /* few at a time under the lock */
		unsigned replaced = 0;
		enter(capturing);
		for (; at < capturing->reader_count && replaced < REFILTER_MOST; at++) {
			struct reader *reader = capturing->readers[at];
			if (reader->filter == capturing->filter_number)
				continue;
			if (tap_filter(reader->tap, &capturing->ack_heavy_filter) < 0)
				reader->failed = true;
			reader->filter = capturing->filter_number;
			replaced++;
		}
		ended = at >= capturing->reader_count;
		leave(capturing);
	}
	capturing->refiltered = generation;
}

/* Returns how many frames. */
static int read_tap(struct capturing *capturing, struct reader *reader)
{
	set_clock(capturing);
	int frames = tap_read(reader->tap, PIECE, note, reader);
	if (frames < 0) {
		reader->failed = true;
		epoll_ctl(reader->epoll, EPOLL_CTL_DEL, tap_descriptor(reader->tap), NULL);
	}
	return frames;
}

/* Readers come and go beside; one that has gone is in no epoll, but may be among the events. */
static void read_ready(struct capturing *capturing, int epoll, int timeout_ms, unsigned generation)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
	for (int i = 0; i < count; i++) {
		uint64_t wakes;
		struct reader *reader = events[i].data.ptr;
		if (!reader) {
			if (read(capturing->wake, &wakes, sizeof(wakes)) < 0)
				continue; /* somebody else's signal */
			return;
		}
		int frames = PIECE;
		for (unsigned done = 0; frames == PIECE && done < BATCH; done += PIECE) {
			enter(capturing);
			bool current = capturing->generation == generation;
			if (current)
				frames = read_tap(capturing, reader);
			leave(capturing);
			if (!current)
				return;
		}
	}
}

static void *capture_thread(void *argument)
{
	struct capturing *capturing = argument;
	int64_t glance_ns = 0;
	for (;;) {
		enter(capturing);
		bool stop = capturing->stop, glances = capturing->glanced_at > 0;
		unsigned generation = capturing->generation;
		leave(capturing);
		if (stop)
			return NULL;
		read_ready(capturing, capturing->wait, glances ? GLANCE_MS : TICK_MS, generation);
		int64_t now = clock_ns(CLOCK_MONOTONIC);
		if (glances && now - glance_ns >= GLANCE_NS) {
			read_ready(capturing, capturing->glance, 0, generation);
			glance_ns = now;
		}
		tick(capturing);
		refilter(capturing, generation);
	}
}

static void signal_event(int event)
{
	const uint64_t one = 1;
	ssize_t written = write(event, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- taps, for the set ---- */

static size_t ring_size(const struct capturing *capturing)
{
	size_t share = capturing->ring_bytes < RING_BUDGET ? (RING_BUDGET - capturing->ring_bytes) / 4 : 0;
	share -= share % TAP_RING_LEAST;
	return share < TAP_RING_LEAST ? TAP_RING_LEAST : share < TAP_RING_BYTES ? share : TAP_RING_BYTES;
}

static int open_tap(void *argument, int ifindex, void **out)
{
	struct capturing *capturing = argument;
	struct reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->capturing = capturing;
	reader->ifindex = ifindex;
	reader->ring = ring_size(capturing);
	int error = tap_open(ifindex, reader->ring, &capturing->filter, &reader->tap);
	if (error < 0) {
		free(reader);
		return error;
	}
	bool waited_for = reader->ring == TAP_RING_BYTES;
	reader->epoll = waited_for ? capturing->wait : capturing->glance;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = reader };
	enter(capturing);
	if (epoll_ctl(reader->epoll, EPOLL_CTL_ADD, tap_descriptor(reader->tap), &event) < 0) {
		error = -errno;
	} else {
		reader->place = capturing->reader_count++;
		capturing->readers[reader->place] = reader;
		capturing->glanced_at += !waited_for;
		capturing->generation++;
	}
	leave(capturing);
	if (error < 0) {
		tap_close(reader->tap);
		free(reader);
		return error;
	}
	capturing->ring_bytes += reader->ring;
	*out = reader;
	return 0;
}

static void close_tap(void *argument, void *item)
{
	struct capturing *capturing = argument;
	struct reader *reader = item;
	enter(capturing);
	struct reader *last = capturing->readers[--capturing->reader_count];
	last->place = reader->place;
	capturing->readers[last->place] = last;
	capturing->glanced_at -= reader->epoll == capturing->glance;
	capturing->generation++;
	epoll_ctl(reader->epoll, EPOLL_CTL_DEL, tap_descriptor(reader->tap), NULL);
	leave(capturing);
	capturing->ring_bytes -= reader->ring;
	tap_close(reader->tap);
	free(reader);
}

static bool count_tap(void *argument, void *item, uint32_t *received, uint32_t *dropped)
{
	struct capturing *capturing = argument;
	const struct reader *reader = item;
	enter(capturing);
	bool works = !reader->failed && tap_counts(reader->tap, received, dropped) == 0;
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

static int compile(const char *text, regex_t *expression, const regex_t **used)
{
	int result = text ? name_pattern_compile(text, expression) : 0;
	if (text && result == 0)
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

/* The usual limit of 1,024 is soft, for programs that use select(). */
static void raise_descriptor_limit(void)
{
	const rlim_t wanted = CAPTURE_DEVICES_MAX + OTHER_DESCRIPTORS;
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct capturing *capturing, const struct collector_settings *settings)
{
	uint64_t seed;
	capturing->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	capturing->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	capturing->wait = epoll_create1(EPOLL_CLOEXEC);
	capturing->glance = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	if (capturing->wake < 0 || capturing->work < 0 || capturing->wait < 0 || capturing->glance < 0 ||
		epoll_ctl(capturing->wait, EPOLL_CTL_ADD, capturing->wake, &event) < 0 ||
		getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -errno;
	int result = compile(settings->device_include, &capturing->include, &capturing->set.include);
	if (result == 0)
		result = compile(settings->device_exclude, &capturing->exclude, &capturing->set.exclude);
	if (result == 0)
		result = handshakes_new(&handshake_limits_default, seed, &capturing->handshakes);
	if (result == 0)
		result = reorder_init(&capturing->waiting, WAITING_MOST);
	if (result == 0)
		result = capture_filter_make(NULL, 0, &capturing->filter);
	raise_descriptor_limit();
	return result < 0 ? result : start_thread(capturing);
}

static void stop_thread(struct capturing *capturing)
{
	if (!capturing->has_thread)
		return;
	enter(capturing);
	capturing->stop = true;
	leave(capturing);
	signal_event(capturing->wake);
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
	if (capturing->set.include)
		regfree(&capturing->include);
	if (capturing->set.exclude)
		regfree(&capturing->exclude);
	pcap_freecode(&capturing->filter);
	pcap_freecode(&capturing->ack_heavy_filter);
	const int descriptors[] = { capturing->wake, capturing->work, capturing->wait, capturing->glance };
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(*descriptors); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
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
	capturing->wake = capturing->work = capturing->wait = capturing->glance = -1;
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

struct named_device {
	const char *name;
	struct handshake_presence presence;
};

static int by_name(const void *left, const void *right)
{
	const struct named_device *a = left, *b = right;
	int names = strcmp(a->name, b->name);
	int present = a->presence.present - b->presence.present;
	return names ? names : present ? present : a->presence.device - b->presence.device;
}

/* Of several that had one name the one that is there now, or was last, gets the others' counts. */
static int tell_devices(struct capturing *capturing, const struct facts *facts)
{
	size_t count = facts->capture_count;
	struct named_device *named = calloc(count + 1, sizeof(*named));
	struct handshake_presence *devices = calloc(count + 1, sizeof(*devices));
	if (!named || !devices) {
		free(named);
		free(devices);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		named[i] = (struct named_device){ facts->captures[i].name,
			{ .device = facts->captures[i].ifindex,
				.present = facts_device(facts, facts->captures[i].ifindex) } };
	qsort(named, count, sizeof(*named), by_name);
	for (size_t i = count, last = count; i-- > 0;) {
		last = last == count || strcmp(named[last].name, named[i].name) != 0 ? i : last;
		devices[i] = named[i].presence;
		if (last != i && !devices[i].present)
			devices[i].heir = devices[last].device;
	}
	enter(capturing);
	handshakes_devices(capturing->handshakes, devices, count);
	leave(capturing);
	free(named);
	free(devices);
	return 0;
}

/* In parts, so that the capture thread never waits for long. */
static int copy_report(struct capturing *capturing, struct facts *facts)
{
	struct handshake_report *report = calloc(1, sizeof(*report));
	struct frame *frames = calloc(EVIDENCE_MOST, sizeof(*frames));
	int result = report && frames ? tell_devices(capturing, facts) : -ENOMEM;
	enter(capturing);
	set_clock(capturing);
	leave(capturing);
	struct handshake_progress progress = { 0 };
	for (bool more = result == 0; more; more = result > 0) {
		enter(capturing);
		result = handshakes_report_part(capturing->handshakes, report, &progress);
		leave(capturing);
	}
	if (result < 0) {
		if (report)
			handshake_report_clear(report);
		free(report);
		free(frames);
		return result;
	}
	enter(capturing);
	facts->frame_count = handshakes_evidence(capturing->handshakes, frames, EVIDENCE_MOST);
	leave(capturing);
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
	if (capture_set_has_work(&capturing->set))
		signal_event(capturing->work);
	if (lost)
		note_missed(capturing);
	int result = capture_set_copy(&capturing->set, facts);
	if (result == 0)
		result = copy_report(capturing, facts);
	return result < 0 ? result : error;
}

static int handshake_descriptor(const void *context)
{
	return ((const struct capturing *)context)->work;
}

/* One device at a time: hundreds may come or go at once. */
static int handshake_advance(void *context, int64_t time_ns, struct collector_schedule *schedule)
{
	struct capturing *capturing = context;
	uint64_t ignored;
	bool lost = false;
	(void)time_ns;
	if (!capture_set_step(&capturing->set, &lost) &&
		read(capturing->work, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		return -errno;
	if (lost)
		note_missed(capturing);
	*schedule = (struct collector_schedule){ .due_ns = COLLECTOR_NEVER };
	return 0;
}

const struct collector handshake_collector = {
	.name = "handshake",
	.summary = "TCP handshakes and ICMP echo on the wire, captured on every device",
	.needs = "CAP_NET_RAW",
	.init = handshake_init,
	.collect = handshake_collect,
	.destroy = handshake_destroy,
	.families = handshake_metrics,
	.descriptor = handshake_descriptor,
	.advance = handshake_advance,
};
