// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One capture of all devices of a network namespace, by a program in the kernel that picks out handshakes and
 * echo (collectors/capture/packets.bpf.c).
 *
 * Up to HOOKS devices are hooked, one after the other by a thread of its own, since that takes the kernel
 * long; until then, and where there are more or the kernel has no such hooks (before Linux 6.6), the packets
 * are picked out at tracepoints. These are there at once when a device appears. Nothing is left in the kernel
 * when the process ends, however it ends.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <pcap/sll.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/capture/packet_record.h"
#include "collectors/capture/taps.h"
#include "packets.skel.h"

/* linux/bpf.h of Linux 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define F_BEFORE    (1U << 3)

#define HOOKS 16
/* A device that was told of is there, and known, soon. */
#define EXPECT_NS (2 * INT64_C(1000000000))
/* So many packets are read before the lock is given up, and so many at a time. */
#define PIECE  256
#define PIECES 32

struct watched {
	int ifindex;
	bool hooked, failed;
	int in, out; /* links, of a hooked one */
};

struct taps {
	struct packets_bpf *object;
	struct ring_buffer *ring;
	int cpus;
	struct packets_counts *counts; /* of one device, one for each possible CPU */

	const struct taps_user *user;
	int wake, links; /* links: messages about devices */
	unsigned room;   /* the reading thread's: packets that may be read in this piece */

	pthread_t thread;
	bool has_thread;
	pthread_cond_t changed;
	pthread_mutex_t lock;

	/* under the lock */
	bool stop, hooks;                        /* hooks: they are to be had, and not too many are wanted */
	bool cannot_hook, traced;                /* traced: tracepoints are wanted */
	struct bpf_link *traced_in, *traced_out; /* NULL: no device needs them */
	int64_t expected_ns;
	struct watched *watched;
	size_t count;
	int *closing; /* links */
	size_t closing_count;
};

static int keep_quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

/* ---- frames ---- */

static uint16_t put_header(const struct packet_record *record, uint8_t *bytes)
{
	struct sll2_header header = {
		.sll2_protocol = record->tagged ? htons(ETH_P_8021Q) : record->protocol,
		.sll2_if_index = htonl(record->ifindex),
		.sll2_hatype = htons(ARPHRD_ETHER),
		.sll2_pkttype = record->leaves ? LINUX_SLL_OUTGOING : LINUX_SLL_HOST,
		.sll2_halen = 6,
	};
	memcpy(header.sll2_addr, record->address, sizeof(header.sll2_addr));
	memcpy(bytes, &header, SLL2_HDR_LEN);
	if (!record->tagged)
		return SLL2_HDR_LEN;
	const uint16_t tag[2] = { htons(record->tag), record->protocol };
	memcpy(bytes + SLL2_HDR_LEN, tag, sizeof(tag));
	return SLL2_HDR_LEN + sizeof(tag);
}

static int on_record(void *argument, void *data, size_t size)
{
	struct taps *taps = argument;
	const struct packet_record *record = data;
	uint8_t bytes[SLL2_HDR_LEN + 4 + PACKETS_BYTES];
	if (size < sizeof(*record) || record->size > PACKETS_BYTES)
		return 0;
	uint16_t header = put_header(record, bytes);
	memcpy(bytes + header, record->bytes, record->size);
	const struct tap_frame frame = { .time_ns = (int64_t)record->time_ns,
		.bytes = bytes,
		.size = (uint32_t)header + record->size,
		.length = header + record->length };
	taps->user->frame(taps->user->argument, &frame);
	return --taps->room ? 0 : -ECANCELED; /* the record is taken in either case */
}

static void read_packets(struct taps *taps)
{
	bool more = true;
	for (unsigned piece = 0; more && piece < PIECES; piece++) {
		taps->room = PIECE;
		taps->user->enter(taps->user->argument);
		ring_buffer__consume(taps->ring);
		taps->user->leave(taps->user->argument);
		more = taps->room == 0;
	}
}

/* ---- tracepoints ---- */

static void trace(struct taps *taps, bool wanted)
{
	if (!wanted) {
		bpf_link__destroy(taps->traced_in);
		bpf_link__destroy(taps->traced_out);
		taps->traced_in = taps->traced_out = NULL;
		return;
	}
	if (!taps->traced_in)
		taps->traced_in = bpf_program__attach(taps->object->progs.traced_in);
	if (!taps->traced_out)
		taps->traced_out = bpf_program__attach(taps->object->progs.traced_out);
}

static int set_device(struct taps *taps, int ifindex, enum packets_device device)
{
	const __u32 key = (__u32)ifindex, value = device;
	return bpf_map_update_elem(bpf_map__fd(taps->object->maps.devices), &key, &value, BPF_ANY) < 0
		       ? -errno
		       : 0;
}

/* ---- hooks ---- */

static int hook(const struct bpf_program *program, int ifindex, enum bpf_attach_type where)
{
	/* Before those of others, who may drop or redirect. */
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = F_BEFORE);
	int link = bpf_link_create(bpf_program__fd(program), ifindex, where, &options);
	return link < 0 ? -errno : link;
}

static struct watched *find(const struct taps *taps, int ifindex)
{
	for (size_t i = 0; i < taps->count; i++)
		if (taps->watched[i].ifindex == ifindex)
			return &taps->watched[i];
	return NULL;
}

/* Gives up the lock meanwhile. */
static void hook_device(struct taps *taps, int ifindex)
{
	pthread_mutex_unlock(&taps->lock);
	int out = -1, in = hook(taps->object->progs.hooked_in, ifindex, TCX_INGRESS);
	if (in >= 0)
		out = hook(taps->object->progs.hooked_out, ifindex, TCX_EGRESS);
	pthread_mutex_lock(&taps->lock);
	struct watched *watched = find(taps, ifindex);
	bool hooked = out >= 0 && watched && set_device(taps, ifindex, PACKETS_HOOKED) == 0;
	if (hooked) {
		watched->hooked = true;
		watched->in = in;
		watched->out = out;
		return;
	}
	if (watched)
		watched->failed = true;
	/* Before Linux 6.6 the kernel does not know what is asked for. */
	taps->cannot_hook |= in == -EINVAL || in == -EPERM;
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
}

/* The links are closed by the thread; without memory to remember them, now. */
static void let_go(struct taps *taps, struct watched *watched)
{
	const int links[] = { watched->in, watched->out };
	for (size_t i = 0; watched->hooked && i < 2; i++) {
		int *closing = ARRAY_ADD(taps->closing, taps->closing_count);
		if (closing)
			*closing = links[i];
		else
			close(links[i]);
	}
	watched->hooked = false;
}

static void close_link(struct taps *taps)
{
	int link = taps->closing[--taps->closing_count];
	pthread_mutex_unlock(&taps->lock);
	close(link);
	pthread_mutex_lock(&taps->lock);
}

/* One step of it; returns whether there may be more. */
static bool arrange(struct taps *taps)
{
	size_t most = taps->hooks ? HOOKS : HOOKS * 3 / 4; /* lest they come and go */
	taps->hooks = !taps->cannot_hook && taps->count <= most;
	bool traced = false;
	for (size_t i = 0; i < taps->count; i++) {
		struct watched *watched = &taps->watched[i];
		if (!taps->hooks && watched->hooked &&
			set_device(taps, watched->ifindex, PACKETS_TRACED) == 0)
			let_go(taps, watched);
		if (taps->hooks && !watched->hooked && !watched->failed) {
			hook_device(taps, watched->ifindex);
			return true;
		}
		traced |= !watched->hooked;
	}
	if (taps->closing_count) {
		close_link(taps);
		return true;
	}
	taps->traced = traced || clock_ns(CLOCK_MONOTONIC) - taps->expected_ns < EXPECT_NS;
	trace(taps, taps->traced);
	return false;
}

static void *arranging(void *argument)
{
	struct taps *taps = argument;
	pthread_mutex_lock(&taps->lock);
	while (!taps->stop) {
		if (arrange(taps))
			continue;
		int64_t due_ns = clock_ns(CLOCK_MONOTONIC) + EXPECT_NS;
		const struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };
		bool attached = taps->traced_in && taps->traced_out; /* else it is tried again */
		if (taps->traced && (taps->hooks || !attached))
			pthread_cond_timedwait(&taps->changed, &taps->lock, &due);
		else
			pthread_cond_wait(&taps->changed, &taps->lock);
	}
	pthread_mutex_unlock(&taps->lock);
	return NULL;
}

/* ---- devices ---- */

/* Some device has come or changed: one that is not known yet is looked at from now on. Under the lock. */
static void expect(struct taps *taps)
{
	taps->expected_ns = clock_ns(CLOCK_MONOTONIC);
	trace(taps, true);
	pthread_cond_signal(&taps->changed);
}

static int watch(void *argument, int ifindex, void **tap)
{
	struct taps *taps = argument;
	pthread_mutex_lock(&taps->lock);
	struct watched *watched = ARRAY_ADD(taps->watched, taps->count);
	int error = watched ? set_device(taps, ifindex, PACKETS_TRACED) : -ENOMEM;
	if (error == 0)
		*watched = (struct watched){ .ifindex = ifindex };
	else if (watched)
		taps->count--;
	expect(taps);
	pthread_mutex_unlock(&taps->lock);
	*tap = (void *)(intptr_t)ifindex;
	return error == -E2BIG ? -ENOMEM : error;
}

static void forget(void *argument, void *tap)
{
	struct taps *taps = argument;
	const __u32 key = (__u32)(intptr_t)tap;
	pthread_mutex_lock(&taps->lock);
	struct watched *watched = find(taps, (int)key);
	if (watched) {
		let_go(taps, watched);
		*watched = taps->watched[--taps->count];
	}
	bpf_map_delete_elem(bpf_map__fd(taps->object->maps.devices), &key);
	bpf_map_delete_elem(bpf_map__fd(taps->object->maps.counts), &key);
	pthread_cond_signal(&taps->changed);
	pthread_mutex_unlock(&taps->lock);
}

static bool read_counts(void *argument, void *tap, uint32_t *received, uint32_t *dropped)
{
	struct taps *taps = argument;
	const __u32 key = (__u32)(intptr_t)tap;
	*received = *dropped = 0;
	if (bpf_map_lookup_elem(bpf_map__fd(taps->object->maps.counts), &key, taps->counts) < 0)
		return true; /* none yet */
	for (int i = 0; i < taps->cpus; i++) {
		*received += (uint32_t)taps->counts[i].passed;
		*dropped += (uint32_t)taps->counts[i].dropped;
	}
	return true;
}

/* Whether the messages tell of a device that is not watched. */
static bool is_news(struct taps *taps, char *bytes, ssize_t size)
{
	unsigned left = (unsigned)size;
	for (struct nlmsghdr *message = (struct nlmsghdr *)bytes; NLMSG_OK(message, left);
		message = NLMSG_NEXT(message, left)) {
		const struct ifinfomsg *link = NLMSG_DATA(message);
		if (message->nlmsg_type == RTM_NEWLINK && message->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)) &&
			!find(taps, link->ifi_index))
			return true;
	}
	return false;
}

static void read_links(struct taps *taps)
{
	_Alignas(struct nlmsghdr) char bytes[16384];
	for (unsigned i = 0; i < PIECES; i++) {
		ssize_t size = recv(taps->links, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (size < 0 && errno != ENOBUFS)
			return;
		pthread_mutex_lock(&taps->lock);
		if (size < 0 || is_news(taps, bytes, size))
			expect(taps);
		pthread_mutex_unlock(&taps->lock);
	}
}

static void taps_read(void *argument, int timeout_ms)
{
	struct taps *taps = argument;
	uint64_t wakes;
	struct pollfd waited[] = { { .fd = taps->wake, .events = POLLIN },
		{ .fd = ring_buffer__epoll_fd(taps->ring), .events = POLLIN },
		{ .fd = taps->links, .events = POLLIN } };
	if (poll(waited, sizeof(waited) / sizeof(*waited), timeout_ms) > 0) {
		if (waited[0].revents && read(taps->wake, &wakes, sizeof(wakes)) > 0)
			return;
		if (waited[2].revents)
			read_links(taps);
	}
	read_packets(taps);
}

static void taps_wake(void *argument)
{
	const uint64_t one = 1;
	ssize_t written = write(((struct taps *)argument)->wake, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- opening ---- */

/* The inode of the network namespace that the thread stands in. */
static int read_namespace(uint32_t *number)
{
	struct stat status;
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return -errno;
	int space = ioctl(descriptor, SIOCGSKNS);
	int error = space < 0 || fstat(space, &status) < 0 ? -errno : 0;
	if (space >= 0)
		close(space);
	close(descriptor);
	if (error == 0)
		*number = (uint32_t)status.st_ino;
	return error;
}

static int load(struct taps *taps, bool all)
{
	taps->cpus = libbpf_num_possible_cpus();
	if (taps->cpus < 0)
		return taps->cpus;
	taps->counts = calloc((size_t)taps->cpus, sizeof(*taps->counts));
	taps->object = packets_bpf__open();
	if (!taps->counts || !taps->object)
		return taps->counts ? -errno : -ENOMEM;
	uint32_t number = 0;
	int error = read_namespace(&number);
	if (error < 0)
		return error;
	taps->object->rodata->watched_namespace = number;
	taps->object->rodata->watches_unknown = all;
	error = packets_bpf__load(taps->object);
	if (error < 0)
		return error;
	taps->ring = ring_buffer__new(bpf_map__fd(taps->object->maps.packets), on_record, taps, NULL);
	if (!taps->ring)
		return -errno;
	expect(taps);
	return taps->traced_in && taps->traced_out ? 0 : -EOPNOTSUPP;
}

static int open_descriptors(struct taps *taps)
{
	const struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	taps->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	taps->links = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (taps->wake < 0 || taps->links < 0 ||
		bind(taps->links, (const struct sockaddr *)&links, sizeof(links)) < 0)
		return -errno;
	return 0;
}

static int start_thread(struct taps *taps)
{
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	int error = pthread_create(&taps->thread, NULL, arranging, taps);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	taps->has_thread = error == 0;
	return -error;
}

static void taps_close(void *argument)
{
	struct taps *taps = argument;
	if (taps->has_thread) {
		pthread_mutex_lock(&taps->lock);
		taps->stop = true;
		pthread_cond_signal(&taps->changed);
		pthread_mutex_unlock(&taps->lock);
		pthread_join(taps->thread, NULL);
	}
	for (size_t i = 0; i < taps->count; i++)
		let_go(taps, &taps->watched[i]);
	while (taps->closing_count)
		close(taps->closing[--taps->closing_count]);
	trace(taps, false);
	ring_buffer__free(taps->ring);
	packets_bpf__destroy(taps->object);
	if (taps->wake >= 0)
		close(taps->wake);
	if (taps->links >= 0)
		close(taps->links);
	pthread_cond_destroy(&taps->changed);
	pthread_mutex_destroy(&taps->lock);
	free(taps->counts);
	free(taps->watched);
	free(taps->closing);
	free(taps);
}

static int taps_open(const struct taps_user *user, bool all, void **out)
{
	struct taps *taps = calloc(1, sizeof(*taps));
	pthread_condattr_t monotonic;
	if (!taps)
		return -ENOMEM;
	libbpf_set_print(keep_quiet);
	taps->user = user;
	taps->wake = taps->links = -1;
	pthread_mutex_init(&taps->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&taps->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int error = open_descriptors(taps);
	if (error == 0)
		error = load(taps, all);
	if (error == 0)
		error = start_thread(taps);
	if (error < 0) {
		taps_close(taps);
		/* The verifier's refusals, and what an older kernel does not know, are no lack of privilege.
		 */
		return error == -EPERM || error == -ENOMEM || error == -EMFILE ? error : -EOPNOTSUPP;
	}
	*out = taps;
	return 0;
}

const struct taps_kind taps_bpf = {
	.name = "bpf",
	.monotonic = true,
	.open = taps_open,
	.close = taps_close,
	.devices = { .open = watch, .close = forget, .counts = read_counts, .seamless = true },
	.read = taps_read,
	.wake = taps_wake,
	.needs = "not permitted: needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
	.lacks = "this kernel has no BTF, or no BPF ring buffer (Linux 5.8)",
};
