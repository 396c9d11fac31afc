// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One capture of all devices of a network namespace, by a program in the kernel that picks out handshakes and
 * echo (collectors/capture/packets.bpf.c). Where it is attached, collectors/capture/attach_plan.h decides;
 * what takes the kernel long is done by a thread of its own. Nothing is left in the kernel when the process
 * ends, however it ends.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/capture/attach_plan.h"
#include "collectors/capture/record_frame.h"
#include "collectors/capture/taps.h"
#include "packets.skel.h"

/* linux/bpf.h of Linux 6.6 */
#define TCX_INGRESS 46
#define TCX_EGRESS  47
#define F_BEFORE    (1U << 3)

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* So many packets are read before the lock is given up, and so many at a time. */
#define PIECE  256
#define PIECES 32

struct taps {
	struct packets_bpf *object;
	struct ring_buffer *ring;
	int cpus;
	struct packets_counts *counts; /* of one device, one for each possible CPU */

	const struct taps_user *user;
	int wake, messages; /* messages: about devices */
	unsigned room;      /* the reading thread's: packets that may be read in this piece */

	pthread_t thread; /* attaches and detaches */
	bool has_thread;
	pthread_cond_t changed;
	pthread_mutex_t lock;

	/* under the lock */
	bool stop;
	struct attach_plan plan;
	struct bpf_link *tracepoints[ATTACH_SOCKET]; /* those that are attached */

	int socket; /* the attaching thread's; -1: not attached */
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

/* ---- packets ---- */

static int taps_on_record(void *argument, void *data, size_t size)
{
	struct taps *taps = argument;
	uint8_t bytes[RECORD_FRAME_BYTES];
	struct tap_frame frame;
	if (record_frame_read(data, size, bytes, &frame) == 0)
		taps->user->frame(taps->user->argument, &frame);
	return --taps->room ? 0 : -ECANCELED; /* the record is taken in either case */
}

static void taps_read_packets(struct taps *taps)
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

/* ---- attaching ---- */

static int taps_set_place(const struct taps *taps, int ifindex, enum packets_place place)
{
	const __u32 key = (__u32)ifindex, value = place;
	return bpf_map_update_elem(bpf_map__fd(taps->object->maps.devices), &key, &value, BPF_ANY) < 0
		       ? -errno
		       : 0;
}

static int attach_tcx(const struct bpf_program *program, int ifindex, enum bpf_attach_type where)
{
	/* Before those of others, who may drop or redirect. */
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = F_BEFORE);
	int link = bpf_link_create(bpf_program__fd(program), ifindex, where, &options);
	return link < 0 ? -errno : link;
}

static int attach_both_tcx(const struct packets_bpf *object, int ifindex, struct attach_links *links)
{
	int ingress = attach_tcx(object->progs.tcx_ingress, ifindex, TCX_INGRESS);
	if (ingress < 0)
		return ingress;
	int egress = attach_tcx(object->progs.tcx_egress, ifindex, TCX_EGRESS);
	if (egress < 0) {
		close(ingress);
		return egress;
	}
	*links = (struct attach_links){ ingress, egress };
	return 0;
}

static void close_links(const struct attach_links *links)
{
	close(links->ingress);
	close(links->egress);
}

/* Of incoming packets of all devices, of which the socket itself gets none. */
static int attach_socket(const struct bpf_program *program, int *out)
{
	const struct sockaddr_ll every = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int descriptor = bpf_program__fd(program), on = 1;
	int attached = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (attached < 0)
		return -errno;
	/* Spares outgoing packets their clones; without it (before Linux 4.20) they are left out by the
	 * program. */
	setsockopt(attached, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (setsockopt(attached, SOL_SOCKET, SO_ATTACH_BPF, &descriptor, sizeof(descriptor)) < 0 ||
		bind(attached, (const struct sockaddr *)&every, sizeof(every)) < 0) {
		int error = -errno;
		close(attached);
		return error;
	}
	*out = attached;
	return 0;
}

static int attach_tracepoint(struct taps *taps, enum attach_point point)
{
	const struct bpf_program *programs[ATTACH_SOCKET] = {
		[ATTACH_INGRESS_TRACEPOINT] = taps->object->progs.tracepoint_ingress,
		[ATTACH_EGRESS_TRACEPOINT] = taps->object->progs.tracepoint_egress,
	};
	taps->tracepoints[point] = bpf_program__attach(programs[point]);
	return taps->tracepoints[point] ? 0 : -errno;
}

/* Under the lock. Without these a new device is missed, so whichever thread learns of it attaches them at
 * once. */
static void taps_attach_tracepoints(struct taps *taps)
{
	for (;;) {
		int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		struct attach_step step = attach_plan_next_point(&taps->plan, now_ns);
		if (step.action != ATTACH_POINT || step.point == ATTACH_SOCKET)
			return;
		attach_plan_done(&taps->plan, &step, attach_tracepoint(taps, step.point), now_ns);
	}
}

/* Gives up the lock meanwhile, and so is told of first. */
static void taps_detach_point(struct taps *taps, const struct attach_step *step)
{
	attach_plan_done(&taps->plan, step, 0, 0);
	struct bpf_link *tracepoint = NULL;
	int attached = -1;
	if (step->point == ATTACH_SOCKET) {
		attached = taps->socket;
		taps->socket = -1;
	} else {
		tracepoint = taps->tracepoints[step->point];
		taps->tracepoints[step->point] = NULL;
	}
	pthread_mutex_unlock(&taps->lock);
	bpf_link__destroy(tracepoint);
	if (attached >= 0)
		close(attached);
	pthread_mutex_lock(&taps->lock);
}

/* Under the lock, which is given up for what takes the kernel long. */
static void taps_do(struct taps *taps, struct attach_step *step)
{
	int error = 0;
	switch (step->action) {
	case ATTACH_WAIT:
		return;
	case DETACH_POINT:
		taps_detach_point(taps, step);
		return;
	case DETACH_TCX:
		pthread_mutex_unlock(&taps->lock);
		close_links(&step->links);
		pthread_mutex_lock(&taps->lock);
		return;
	case ATTACH_PLACE:
		error = taps_set_place(taps, step->ifindex, step->place);
		break;
	case ATTACH_POINT:
		if (step->point != ATTACH_SOCKET) {
			error = attach_tracepoint(taps, step->point);
			break;
		}
		pthread_mutex_unlock(&taps->lock);
		error = attach_socket(taps->object->progs.socket_ingress, &taps->socket);
		pthread_mutex_lock(&taps->lock);
		break;
	case ATTACH_TCX:
		pthread_mutex_unlock(&taps->lock);
		error = attach_both_tcx(taps->object, step->ifindex, &step->links);
		pthread_mutex_lock(&taps->lock);
		break;
	}
	bool kept = attach_plan_done(&taps->plan, step, error, clock_ns(CLOCK_MONOTONIC));
	if (step->action == ATTACH_TCX && error == 0 && !kept)
		close_links(&step->links);
}

static void *attaching_thread(void *argument)
{
	struct taps *taps = argument;
	pthread_mutex_lock(&taps->lock);
	while (!taps->stop) {
		struct attach_step step = attach_plan_next(&taps->plan, clock_ns(CLOCK_MONOTONIC));
		const struct timespec due = { step.due_ns / 1000000000, step.due_ns % 1000000000 };
		if (step.action != ATTACH_WAIT)
			taps_do(taps, &step);
		else if (step.due_ns == INT64_MAX)
			pthread_cond_wait(&taps->changed, &taps->lock);
		else
			pthread_cond_timedwait(&taps->changed, &taps->lock, &due);
	}
	pthread_mutex_unlock(&taps->lock);
	return NULL;
}

/* ---- devices ---- */

/* Under the lock. */
static void taps_expect_device(struct taps *taps)
{
	attach_plan_news(&taps->plan, clock_ns(CLOCK_MONOTONIC));
	taps_attach_tracepoints(taps);
	pthread_cond_signal(&taps->changed);
}

static int taps_add_device(void *argument, int ifindex, void **tap)
{
	struct taps *taps = argument;
	pthread_mutex_lock(&taps->lock);
	int error = attach_plan_add(&taps->plan, ifindex);
	if (error == 0)
		error = taps_set_place(taps, ifindex, attach_plan_place(&taps->plan));
	if (error < 0)
		attach_plan_remove(&taps->plan, ifindex);
	taps_expect_device(taps);
	pthread_mutex_unlock(&taps->lock);
	*tap = (void *)(intptr_t)ifindex;
	return error == -E2BIG ? -ENOMEM : error;
}

static void taps_remove_device(void *argument, void *tap)
{
	struct taps *taps = argument;
	const __u32 key = (__u32)(intptr_t)tap;
	pthread_mutex_lock(&taps->lock);
	attach_plan_remove(&taps->plan, (int)key);
	bpf_map_delete_elem(bpf_map__fd(taps->object->maps.devices), &key);
	bpf_map_delete_elem(bpf_map__fd(taps->object->maps.counts), &key);
	pthread_cond_signal(&taps->changed);
	pthread_mutex_unlock(&taps->lock);
}

static bool taps_read_counts(void *argument, void *tap, uint32_t *received, uint32_t *dropped)
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
static bool tells_of_unknown_device(const struct attach_plan *plan, char *bytes, ssize_t size)
{
	unsigned left = (unsigned)size;
	for (struct nlmsghdr *message = (struct nlmsghdr *)bytes; NLMSG_OK(message, left);
		message = NLMSG_NEXT(message, left)) {
		const struct ifinfomsg *link = NLMSG_DATA(message);
		if (message->nlmsg_type == RTM_NEWLINK && message->nlmsg_len >= NLMSG_LENGTH(sizeof(*link)) &&
			!attach_plan_has(plan, link->ifi_index))
			return true;
	}
	return false;
}

static void taps_read_messages(struct taps *taps)
{
	_Alignas(struct nlmsghdr) char bytes[16384];
	for (unsigned i = 0; i < PIECES; i++) {
		ssize_t size = recv(taps->messages, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (size < 0 && errno != ENOBUFS)
			return;
		pthread_mutex_lock(&taps->lock);
		if (size < 0 || tells_of_unknown_device(&taps->plan, bytes, size))
			taps_expect_device(taps);
		pthread_mutex_unlock(&taps->lock);
	}
}

static void taps_read(void *argument, int timeout_ms)
{
	struct taps *taps = argument;
	uint64_t wakes;
	struct pollfd waited[] = { { .fd = taps->wake, .events = POLLIN },
		{ .fd = ring_buffer__epoll_fd(taps->ring), .events = POLLIN },
		{ .fd = taps->messages, .events = POLLIN } };
	if (poll(waited, sizeof(waited) / sizeof(*waited), timeout_ms) > 0) {
		if (waited[0].revents && read(taps->wake, &wakes, sizeof(wakes)) > 0)
			return;
		if (waited[2].revents)
			taps_read_messages(taps);
	}
	taps_read_packets(taps);
}

static void taps_wake(void *argument)
{
	const uint64_t one = 1;
	ssize_t written = write(((struct taps *)argument)->wake, &one, sizeof(one));
	(void)written; /* a full counter wakes as well */
}

/* ---- sampling ---- */

/* Without memory for those that are left out none is: the user follows fewer of them then. */
static void taps_sample(void *argument, uint32_t ratio)
{
	struct taps *taps = argument;
	const int outer = bpf_map__fd(taps->object->maps.left_out);
	const __u32 first = 0;
	__u32 there;
	if (ratio <= 1) {
		taps->object->data->ratio = 1;
		bpf_map_delete_elem(outer, &first);
		return;
	}
	if (bpf_map_lookup_elem(outer, &first, &there) < 0) {
		int slots = bpf_map_create(BPF_MAP_TYPE_ARRAY, "left_out", sizeof(__u32),
			sizeof(struct packets_left_out), PACKETS_LEFT_OUT_MAX, NULL);
		int error = slots < 0 ? -1 : bpf_map_update_elem(outer, &first, &slots, BPF_ANY);
		if (slots >= 0)
			close(slots); /* the outer map keeps it */
		if (error < 0)
			return;
	}
	taps->object->data->ratio = ratio;
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

/* Before Linux 6.6 there is no such question. */
static bool kernel_has_tcx(void)
{
	__u32 flags = 0, count = 0;
	return bpf_prog_query(LOOPBACK_IFINDEX, TCX_INGRESS, 0, &flags, NULL, &count) == 0;
}

static int taps_load(struct taps *taps, bool all)
{
	taps->cpus = libbpf_num_possible_cpus();
	if (taps->cpus < 0)
		return taps->cpus;
	taps->counts = calloc((size_t)taps->cpus, sizeof(*taps->counts));
	taps->object = packets_bpf__open();
	if (!taps->counts || !taps->object)
		return taps->counts ? -errno : -ENOMEM;
	taps->object->rodata->seed = taps->user->seed;
	uint32_t number = 0;
	int error = read_namespace(&number);
	if (error < 0)
		return error;
	taps->object->rodata->watched_namespace = number;
	taps->object->rodata->watches_unknown = all;
	taps->plan.has_tcx = kernel_has_tcx();
	bpf_program__set_autoload(taps->object->progs.tcx_ingress, taps->plan.has_tcx);
	bpf_program__set_autoload(taps->object->progs.tcx_egress, taps->plan.has_tcx);
	error = packets_bpf__load(taps->object);
	if (error < 0)
		return error;
	taps->ring = ring_buffer__new(bpf_map__fd(taps->object->maps.packets), taps_on_record, taps, NULL);
	if (!taps->ring)
		return -errno;
	taps_expect_device(taps);
	return taps->plan.attached[ATTACH_INGRESS_TRACEPOINT] && taps->plan.attached[ATTACH_EGRESS_TRACEPOINT]
		       ? 0
		       : -EOPNOTSUPP;
}

static int taps_open_descriptors(struct taps *taps)
{
	const struct sockaddr_nl every = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	taps->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	taps->messages = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (taps->wake < 0 || taps->messages < 0 ||
		bind(taps->messages, (const struct sockaddr *)&every, sizeof(every)) < 0)
		return -errno;
	return 0;
}

static int taps_start_thread(struct taps *taps)
{
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	int error = pthread_create(&taps->thread, NULL, attaching_thread, taps);
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
	for (size_t i = 0; i < taps->plan.count; i++)
		if (taps->plan.devices[i].linked)
			close_links(&taps->plan.devices[i].links);
	for (size_t i = 0; i < taps->plan.closing_count; i++)
		close_links(&taps->plan.closing[i]);
	for (enum attach_point point = 0; point < ATTACH_SOCKET; point++)
		bpf_link__destroy(taps->tracepoints[point]);
	if (taps->socket >= 0)
		close(taps->socket);
	ring_buffer__free(taps->ring);
	packets_bpf__destroy(taps->object);
	if (taps->wake >= 0)
		close(taps->wake);
	if (taps->messages >= 0)
		close(taps->messages);
	pthread_cond_destroy(&taps->changed);
	pthread_mutex_destroy(&taps->lock);
	attach_plan_destroy(&taps->plan);
	free(taps->counts);
	free(taps);
}

static int taps_open(const struct taps_user *user, bool all, void **out)
{
	struct taps *taps = calloc(1, sizeof(*taps));
	pthread_condattr_t monotonic;
	if (!taps)
		return -ENOMEM;
	libbpf_set_print(print_nothing);
	taps->user = user;
	taps->wake = taps->messages = taps->socket = -1;
	pthread_mutex_init(&taps->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&taps->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int error = taps_open_descriptors(taps);
	if (error == 0)
		error = taps_load(taps, all);
	if (error == 0)
		error = taps_start_thread(taps);
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
	.devices = { .open = taps_add_device,
		.close = taps_remove_device,
		.counts = taps_read_counts,
		.seamless = true },
	.read = taps_read,
	.wake = taps_wake,
	.sample = taps_sample,
	.needs = "not permitted: needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN",
	.lacks = "this kernel has no BTF, or no BPF ring buffer (Linux 5.8)",
};
