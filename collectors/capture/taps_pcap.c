// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A packet socket with a ring for each device, by libpcap: for kernels, builds and privileges without BPF
 * programs.
 *
 * Rings share RING_BUDGET: each new one gets a quarter of what is left, within TAP_RING_BYTES and
 * TAP_RING_LEAST. So five devices have the largest, about twenty spend it all, and each further one takes the
 * least: 500 devices need 23 MiB, 1,024 need 39 MiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/capture/ack_heavy_flows.h"
#include "collectors/capture/capture_filter.h"
#include "collectors/capture/tap.h"
#include "collectors/capture/taps.h"

#define BATCH 512 /* frames read of one device in its turn */
#define PIECE 256 /* frames read before the lock is given up */
/* How often rings that are not waited for are looked at. */
#define GLANCE_MS     20
#define GLANCE_NS     (GLANCE_MS * INT64_C(1000000))
#define RING_BUDGET   ((size_t)8 * 1024 * 1024)
#define EVENTS        256 /* taken from an epoll at a time */
#define REFILTER_MOST 4   /* filters replaced at a time: 0.1 ms each */
/* Descriptors that are needed beside those of the taps. */
#define OTHER_DESCRIPTORS 256

struct reader {
	struct tap *tap;
	int ifindex;
	size_t ring; /* bytes */
	int epoll;   /* of the taps, in which it is */

	/* under the lock */
	size_t place; /* among the readers */
	unsigned filter;
	bool failed;
};

struct taps {
	const struct taps_user *user;
	int wake;
	/* Epolls: of the wake-up and the readers with the largest rings, which are waited for, and of the
	 * others. */
	int wait, glance;

	/* under the user's lock */
	size_t glanced_at; /* readers */
	struct reader *readers[CAPTURE_DEVICES_MAX];
	size_t reader_count;
	unsigned generation; /* of the readers */

	struct bpf_program filter; /* without exceptions; fixed from the start */

	/* the reading thread's */
	int64_t glance_ns;
	struct ack_heavy_flows heavy;
	struct bpf_program ack_heavy_filter; /* with exceptions: the present one, unless its number is 0 */
	unsigned filter_number;
	unsigned refiltered; /* generation of the readers that all have the present filter */

	size_t ring_bytes; /* the opening thread's: of all readers */
};

static void enter(const struct taps *taps)
{
	taps->user->enter(taps->user->argument);
}

static void leave(const struct taps *taps)
{
	taps->user->leave(taps->user->argument);
}

/* ---- reading ---- */

/* A new reader begins with the filter that has no exceptions. */
static void refilter(struct taps *taps, unsigned generation)
{
	struct ack_heavy_flows *heavy = &taps->heavy;
	struct bpf_program filter;
	bool made = heavy->changed && capture_filter_make(heavy->flows, heavy->count, &filter) == 0;
	heavy->changed = false;
	if (made) {
		pcap_freecode(&taps->ack_heavy_filter);
		taps->ack_heavy_filter = filter;
		taps->filter_number++;
	}
	if (!taps->filter_number || (!made && taps->refiltered == generation))
		return;
	bool ended = false;
	for (size_t at = 0; !ended;) { /* few at a time under the lock */
		unsigned replaced = 0;
		enter(taps);
		for (; at < taps->reader_count && replaced < REFILTER_MOST; at++) {
			struct reader *reader = taps->readers[at];
			if (reader->filter == taps->filter_number)
				continue;
			if (tap_filter(reader->tap, &taps->ack_heavy_filter) < 0)
				reader->failed = true;
			reader->filter = taps->filter_number;
			replaced++;
		}
		ended = at >= taps->reader_count;
		leave(taps);
	}
	taps->refiltered = generation;
}

/* Returns how many frames. */
static int read_tap(struct taps *taps, struct reader *reader)
{
	int frames = tap_read(reader->tap, PIECE, taps->user->frame, taps->user->argument);
	if (frames < 0) {
		reader->failed = true;
		epoll_ctl(reader->epoll, EPOLL_CTL_DEL, tap_descriptor(reader->tap), NULL);
	}
	return frames;
}

/* Readers come and go beside; one that has gone is in no epoll, but may be among the events. */
static void read_ready(struct taps *taps, int epoll, int timeout_ms, unsigned generation)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
	for (int i = 0; i < count; i++) {
		uint64_t wakes;
		struct reader *reader = events[i].data.ptr;
		if (!reader) {
			if (read(taps->wake, &wakes, sizeof(wakes)) < 0)
				continue; /* somebody else's signal */
			return;
		}
		int frames = PIECE;
		for (unsigned done = 0; frames == PIECE && done < BATCH; done += PIECE) {
			enter(taps);
			bool current = taps->generation == generation;
			if (current)
				frames = read_tap(taps, reader);
			leave(taps);
			if (!current)
				return;
		}
	}
}

static void taps_read(void *argument, int timeout_ms)
{
	struct taps *taps = argument;
	enter(taps);
	bool glances = taps->glanced_at > 0;
	unsigned generation = taps->generation;
	leave(taps);
	read_ready(taps, taps->wait, glances && GLANCE_MS < timeout_ms ? GLANCE_MS : timeout_ms, generation);
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	if (glances && now_ns - taps->glance_ns >= GLANCE_NS) {
		read_ready(taps, taps->glance, 0, generation);
		taps->glance_ns = now_ns;
	}
	ack_heavy_advance(&taps->heavy, now_ns);
	refilter(taps, generation);
}

static void taps_note(void *argument, const struct packet *packet)
{
	ack_heavy_feed(&((struct taps *)argument)->heavy, packet);
}

static void taps_wake(void *argument)
{
	const uint64_t one = 1;
	ssize_t written = write(((struct taps *)argument)->wake, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- devices ---- */

static size_t ring_size(const struct taps *taps)
{
	size_t share = taps->ring_bytes < RING_BUDGET ? (RING_BUDGET - taps->ring_bytes) / 4 : 0;
	share -= share % TAP_RING_LEAST;
	return share < TAP_RING_LEAST ? TAP_RING_LEAST : share < TAP_RING_BYTES ? share : TAP_RING_BYTES;
}

static int open_tap(void *argument, int ifindex, void **out)
{
	struct taps *taps = argument;
	struct reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->ifindex = ifindex;
	reader->ring = ring_size(taps);
	int error = tap_open(ifindex, reader->ring, &taps->filter, &reader->tap);
	if (error < 0) {
		free(reader);
		return error;
	}
	bool waited_for = reader->ring == TAP_RING_BYTES;
	reader->epoll = waited_for ? taps->wait : taps->glance;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = reader };
	enter(taps);
	if (epoll_ctl(reader->epoll, EPOLL_CTL_ADD, tap_descriptor(reader->tap), &event) < 0) {
		error = -errno;
	} else {
		reader->place = taps->reader_count++;
		taps->readers[reader->place] = reader;
		taps->glanced_at += !waited_for;
		taps->generation++;
	}
	leave(taps);
	if (error < 0) {
		tap_close(reader->tap);
		free(reader);
		return error;
	}
	taps->ring_bytes += reader->ring;
	*out = reader;
	return 0;
}

static void close_tap(void *argument, void *item)
{
	struct taps *taps = argument;
	struct reader *reader = item;
	enter(taps);
	struct reader *last = taps->readers[--taps->reader_count];
	last->place = reader->place;
	taps->readers[last->place] = last;
	taps->glanced_at -= reader->epoll == taps->glance;
	taps->generation++;
	epoll_ctl(reader->epoll, EPOLL_CTL_DEL, tap_descriptor(reader->tap), NULL);
	leave(taps);
	taps->ring_bytes -= reader->ring;
	tap_close(reader->tap);
	free(reader);
}

static bool count_tap(void *argument, void *item, uint32_t *received, uint32_t *dropped)
{
	struct taps *taps = argument;
	const struct reader *reader = item;
	enter(taps);
	bool works = !reader->failed && tap_counts(reader->tap, received, dropped) == 0;
	leave(taps);
	return works;
}

/* ---- opening ---- */

static int probe_permission(void)
{
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
	close(descriptor);
	return 0;
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

static void taps_close(void *argument)
{
	struct taps *taps = argument;
	const int descriptors[] = { taps->wake, taps->wait, taps->glance };
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(*descriptors); i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	pcap_freecode(&taps->filter);
	pcap_freecode(&taps->ack_heavy_filter);
	free(taps);
}

static int taps_open(const struct taps_user *user, bool all, void **out)
{
	(void)all;
	int error = probe_permission();
	if (error < 0)
		return error;
	struct taps *taps = calloc(1, sizeof(*taps));
	if (!taps)
		return -ENOMEM;
	taps->user = user;
	taps->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	taps->wait = epoll_create1(EPOLL_CLOEXEC);
	taps->glance = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	if (taps->wake < 0 || taps->wait < 0 || taps->glance < 0 ||
		epoll_ctl(taps->wait, EPOLL_CTL_ADD, taps->wake, &event) < 0)
		error = -errno;
	if (error == 0)
		error = capture_filter_make(NULL, 0, &taps->filter);
	if (error < 0) {
		taps_close(taps);
		return error;
	}
	raise_descriptor_limit();
	*out = taps;
	return 0;
}

const struct taps_kind taps_pcap = {
	.name = "libpcap",
	.open = taps_open,
	.close = taps_close,
	.devices = { .open = open_tap, .close = close_tap, .counts = count_tap },
	.read = taps_read,
	.wake = taps_wake,
	.note = taps_note,
};
