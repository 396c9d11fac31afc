// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The collector `handshake`. One thread reads the taps and feeds the handshake table; the loop thread says
 * which devices are captured on (it stands in the namespace that is watched) and copies out what the table
 * learnt. They meet in struct capturing under one lock, held for one batch of frames or one copy at a time.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/base/name_pattern.h"
#include "collectors/capture/capture_clock.h"
#include "collectors/capture/capture_set.h"
#include "collectors/capture/reorder.h"
#include "collectors/capture/sampling.h"
#include "collectors/capture/taps.h"
#include "collectors/collector.h"
#include "collectors/handshake/handshake_metrics.h"

#define TICK_MS 100
/* A frame is handed over so long after it was captured, give or take the kernel's timer. */
#define SETTLE_NS     ((TICK_MS + 50) * INT64_C(1000000))
#define WAITING_MOST  4096 /* frames */
#define EVIDENCE_MOST 512
/* So many frames are released, or handshakes ended, before the lock is given up. */
#define PIECE 256

struct capturing {
	/* Who waits for the lock holds the turn, so that a busy capture thread cannot keep the loop out. */
	pthread_mutex_t turn, lock;
	pthread_t thread;
	bool has_thread;
	const struct taps_kind *kind;
	struct taps_user user;
	void *taps;
	int refused; /* why the first kind is not in use; 0: it is, or was not wanted */

	/* under the lock */
	bool stop;
	struct handshakes *handshakes;

	/* the capture thread's; the clock under the lock as well */
	struct capture_clock clock;
	struct reorder waiting;
	struct sampling sampling;
	uint32_t sampled; /* the ratio that the taps were told of; 0: as 1 */

	/* the loop thread's */
	struct capture_set set;
	int work;                 /* readable when the set has steps to do */
	regex_t include, exclude; /* compiled where the set has them */
};

static void enter(void *argument)
{
	struct capturing *capturing = argument;
	pthread_mutex_lock(&capturing->turn);
	pthread_mutex_lock(&capturing->lock);
	pthread_mutex_unlock(&capturing->turn);
}

static void leave(void *argument)
{
	struct capturing *capturing = argument;
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

static void enter_to_read(void *argument)
{
	struct capturing *capturing = argument;
	enter(capturing);
	if (!capturing->kind->monotonic)
		set_clock(capturing);
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

static int64_t time_of(struct capturing *capturing, const struct tap_frame *frame)
{
	if (capturing->kind->monotonic)
		return frame->time_ns;
	int64_t time_ns = capture_clock_monotonic(&capturing->clock, frame->time_ns);
	if (time_ns < 0) {
		set_clock(capturing);
		time_ns = capture_clock_monotonic(&capturing->clock, frame->time_ns);
	}
	return time_ns < 0 ? capturing->clock.now_ns : time_ns;
}

static void note(void *argument, const struct tap_frame *frame)
{
	struct capturing *capturing = argument;
	struct packet packet;
	if (packet_read(PACKET_SLL2, frame->bytes, frame->size, &packet) < 0)
		return;
	const struct sighting sighting = { .device = packet.ifindex,
		.direction = packet.direction,
		.time_ns = time_of(capturing, frame),
		.frame = frame->bytes,
		.size = frame->size,
		.length = frame->length,
		.recalled = frame->recalled };
	if (capturing->kind->note)
		capturing->kind->note(capturing->taps, &packet);
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
	set_clock(capturing);
	while (!settle(capturing, monotonic_ns - SETTLE_NS)) {
		leave(capturing);
		enter(capturing);
	}
	const struct sampling_load load = { clock_ns(CLOCK_THREAD_CPUTIME_ID),
		handshakes_load(capturing->handshakes) };
	handshakes_sample(capturing->handshakes, sampling_step(&capturing->sampling, monotonic_ns, &load));
	leave(capturing);
	if (capturing->kind->sample && capturing->sampled != capturing->sampling.ratio) {
		capturing->sampled = capturing->sampling.ratio;
		capturing->kind->sample(capturing->taps, capturing->sampled);
	}
}

static void *capture_thread(void *argument)
{
	struct capturing *capturing = argument;
	for (;;) {
		enter(capturing);
		bool stop = capturing->stop;
		leave(capturing);
		if (stop)
			return NULL;
		capturing->kind->read(capturing->taps, TICK_MS);
		tick(capturing);
	}
}

static void signal_event(int event)
{
	const uint64_t one = 1;
	ssize_t written = write(event, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- the collector ---- */

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

/* BPF if it works, since that costs the host less. Without its privileges, or on another kernel, libpcap. */
static int open_taps(struct capturing *capturing, const char *wanted, bool all)
{
	int error = 0;
	capturing->kind = &taps_bpf;
	if (!wanted || strcmp(wanted, taps_bpf.name) == 0)
		error = capturing->refused = taps_bpf.open(&capturing->user, all, &capturing->taps);
	if (wanted ? strcmp(wanted, taps_pcap.name) == 0 : error < 0) {
		capturing->kind = &taps_pcap;
		error = taps_pcap.open(&capturing->user, all, &capturing->taps);
	}
	capturing->set.source = &capturing->kind->devices;
	capturing->set.argument = capturing->taps;
	return error;
}

static int start(struct capturing *capturing, const struct collector_settings *settings)
{
	capturing->work = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (capturing->work < 0 || getrandom(&capturing->user.seed, sizeof(uint64_t), 0) != sizeof(uint64_t))
		return -errno;
	int result = compile(settings->device_include, &capturing->include, &capturing->set.include);
	if (result == 0)
		result = compile(settings->device_exclude, &capturing->exclude, &capturing->set.exclude);
	if (result == 0)
		result = handshakes_new(
			&handshake_limits_default, capturing->user.seed, &capturing->handshakes);
	if (result == 0)
		result = reorder_init(&capturing->waiting, WAITING_MOST);
	if (result == 0)
		result = open_taps(
			capturing, settings->tap, !capturing->set.include && !capturing->set.exclude);
	if (result < 0)
		return result;
	note_missed(capturing);
	return start_thread(capturing);
}

static void stop_thread(struct capturing *capturing)
{
	if (!capturing->has_thread)
		return;
	enter(capturing);
	capturing->stop = true;
	leave(capturing);
	capturing->kind->wake(capturing->taps);
	pthread_join(capturing->thread, NULL);
}

static void handshake_destroy(void *context)
{
	struct capturing *capturing = context;
	if (!capturing)
		return;
	stop_thread(capturing);
	capture_set_clear(&capturing->set);
	if (capturing->taps)
		capturing->kind->close(capturing->taps);
	handshakes_free(capturing->handshakes);
	reorder_destroy(&capturing->waiting);
	if (capturing->set.include)
		regfree(&capturing->include);
	if (capturing->set.exclude)
		regfree(&capturing->exclude);
	if (capturing->work >= 0)
		close(capturing->work);
	pthread_mutex_destroy(&capturing->turn);
	pthread_mutex_destroy(&capturing->lock);
	free(capturing);
}

static int handshake_init(const struct collector_settings *settings, void **context)
{
	struct capturing *capturing = calloc(1, sizeof(*capturing));
	if (!capturing)
		return -ENOMEM;
	capturing->work = -1;
	capturing->user = (struct taps_user){
		.argument = capturing, .enter = enter_to_read, .leave = leave, .frame = note
	};
	pthread_mutex_init(&capturing->turn, NULL);
	pthread_mutex_init(&capturing->lock, NULL);
	int result = start(capturing, settings);
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
	facts->tap = capturing->kind->name;
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

static void handshake_describe(const void *context, char text[static COLLECTOR_ERROR_SIZE])
{
	const struct capturing *capturing = context;
	const char *why = capturing->refused == -EOPNOTSUPP ? taps_bpf.lacks
			  : capturing->refused == -EPERM    ? taps_bpf.needs
							    : strerror(-capturing->refused);
	if (capturing->refused)
		snprintf(text, COLLECTOR_ERROR_SIZE, "%s; no BPF: %s", capturing->kind->name, why);
	else
		snprintf(text, COLLECTOR_ERROR_SIZE, "%s", capturing->kind->name);
}

static const struct collector_lack lacks[] = {
	{ -EOPNOTSUPP, "kernel",
		"this kernel or build has no packet sockets, or not the BPF programs that were asked for" },
	{ 0 },
};

const struct collector handshake_collector = {
	.name = "handshake",
	.summary = "TCP handshakes and ICMP echo on the wire, captured on every device",
	.needs = "CAP_NET_RAW, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
	.init = handshake_init,
	.collect = handshake_collect,
	.destroy = handshake_destroy,
	.families = handshake_metrics,
	.descriptor = handshake_descriptor,
	.advance = handshake_advance,
	.describe = handshake_describe,
	.lacks = lacks,
};
