// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What counting drops costs: packets per second that rp_filter drops, and that are forwarded, with and
 * without the counting program, in turns. Makes its own network namespace.
 *
 *	bench_drops [PACKETS [ROUNDS]]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collectors/drop/drop_program.h"
#include "tests/support/parcel.h"

#define SKIPPED    77
#define ROUNDS_MAX 101

static const char *const scene[] = {
	"ip link set lo up",
	"for d in a b; do ip link add name v$d type veth peer name pv$d || exit 1; done",
	"echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6 >/dev/null",
	"echo 0 | tee /proc/sys/net/ipv4/conf/*/rp_filter >/dev/null",
	"echo 1 > /proc/sys/net/ipv4/conf/va/rp_filter",
	"echo 1 > /proc/sys/net/ipv4/ip_forward",
	"for d in va pva vb pvb; do ip link set $d up || exit 1; done",
	"ip addr add 10.1.0.1/24 dev va",
	"ip addr add 10.2.0.1/24 dev vb",
	"ip neigh add 10.2.0.9 lladdr 02:00:00:00:00:02 nud permanent dev vb",
};

static const struct traffic {
	const char *name;
	struct parcel parcel;
} traffics[] = {
	{ "dropped", { "va", NULL, "203.0.113.9", "10.1.0.1", 7 } },
	{ "forwarded", { "va", NULL, "10.1.0.9", "10.2.0.9", 7 } },
};

/* One processor does all the work, so that none is waited for. */
static void stay(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static int set_scene(void)
{
	for (size_t i = 0; i < sizeof(scene) / sizeof(*scene); i++)
		if (system(scene[i]) != 0)
			return -EIO;
	return 0;
}

/* What was forwarded is taken away when it comes in by pvb, which is nobody's drop. */
static int sink(void)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_STOLEN },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "sink", "GPL", program, 2, NULL);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex("pvb"), .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = fd);
	int error = fd < 0 ? fd : bpf_tc_hook_create(&hook);
	return error < 0 ? error : bpf_tc_attach(&hook, &options);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Packets per second, or a negative errno. Loading the program leaves the caches cold in either case. */
static double rate(const struct parcel *parcel, int packets, bool counting)
{
	struct drop_program *program;
	int error = drop_program_open(&program);
	if (error < 0)
		return error;
	if (!counting) {
		drop_program_close(program);
		program = NULL;
	}
	error = parcel_post(parcel, packets / 10);
	double start = now();
	if (error == 0)
		error = parcel_post(parcel, packets);
	double seconds = now() - start;
	drop_program_close(program);
	return error < 0 ? error : packets / seconds;
}

/* The program that was loaded last. 0 or a negative errno. */
static int program_info(struct bpf_prog_info *info)
{
	__u32 id = 0, next, size = sizeof(*info);
	while (bpf_prog_get_next_id(id, &next) == 0)
		id = next;
	int fd = bpf_prog_get_fd_by_id(id);
	if (fd < 0)
		return fd;
	*info = (struct bpf_prog_info){ 0 };
	int error = bpf_obj_get_info_by_fd(fd, info, &size);
	close(fd);
	return error;
}

/* What the kernel itself says of the program, which counts while this traffic passes. */
static int measure_runs(const struct traffic *traffic, int packets)
{
	struct bpf_prog_info info;
	struct drop_program *program;
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	int error = stats < 0 ? stats : drop_program_open(&program);
	if (error < 0)
		return error;
	error = parcel_post(&traffic->parcel, packets);
	if (error == 0)
		error = program_info(&info);
	drop_program_close(program);
	close(stats);
	if (error == 0)
		printf("%s: the program ran %llu times for %d packets, %.0f ns each\n", traffic->name,
			(unsigned long long)info.run_cnt, packets,
			info.run_cnt ? (double)info.run_time_ns / (double)info.run_cnt : 0);
	return error;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *left = a, *right = b;
	return (*left > *right) - (*left < *right);
}

static int measure(const struct traffic *traffic, int packets, int rounds)
{
	double ratios[ROUNDS_MAX], best_plain = 0, best_counted = 0;
	for (int i = 0; i < rounds; i++) {
		double first = rate(&traffic->parcel, packets, i % 2);
		double second = rate(&traffic->parcel, packets, !(i % 2));
		if (first < 0 || second < 0)
			return (int)(first < 0 ? first : second);
		double counted = i % 2 ? first : second, plain = i % 2 ? second : first;
		ratios[i] = counted / plain;
		best_plain = plain > best_plain ? plain : best_plain;
		best_counted = counted > best_counted ? counted : best_counted;
	}
	qsort(ratios, (size_t)rounds, sizeof(*ratios), compare_doubles);
	printf("%s: %.0f packets/s, counted %.0f, %.0f ns a packet (best of %d); ratio %.3f, median of rounds "
	       "%.3f\n",
		traffic->name, best_plain, best_counted, 1e9 / best_counted - 1e9 / best_plain, rounds,
		best_counted / best_plain, ratios[rounds / 2]);
	return 0;
}

static int argument(int argc, char **argv, int position, int initial)
{
	int value = argc > position ? atoi(argv[position]) : initial;
	return value > 0 ? value : initial;
}

int main(int argc, char **argv)
{
	int packets = argument(argc, argv, 1, 100000), rounds = argument(argc, argv, 2, 41);
	int error = unshare(CLONE_NEWNET) < 0 ? -errno : set_scene();
	stay();
	if (error == 0)
		error = sink();
	for (size_t i = 0; i < sizeof(traffics) / sizeof(*traffics) && error == 0; i++)
		error = measure(&traffics[i], packets, rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX);
	for (size_t i = 0; i < sizeof(traffics) / sizeof(*traffics) && error == 0; i++)
		error = measure_runs(&traffics[i], packets);
	if (error < 0)
		printf("skipped: %s\n", strerror(-error));
	return error < 0 ? SKIPPED : 0;
}
