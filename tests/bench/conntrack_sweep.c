// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Usage: conntrack_sweep [ENTRIES [ROUNDS]]
 *
 * Fills the conntrack table of a new network namespace and reads it in three ways, in turns: a loop that only
 * receives the dump, the collector, `conntrack -L >/dev/null`. Prints the best round of each and the ratios.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collectors/base/netlink.h"
#include "collectors/collector.h"
#include "tests/support/conntrack_fill.h"

extern const struct collector conntrack_collector;

#define SECOND     INT64_C(1000000000)
#define SKIPPED    77
#define PIECES_MAX 10000000

static const struct collector_settings settings = { .procfs = "/proc" };

static int64_t read_clock(clockid_t clock)
{
	struct timespec time;
	clock_gettime(clock, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* CPU time, since nothing here ever waits for anything but the kernel's own work: on an idle machine it is
 * what a clock on the wall shows, on a busy one it still is. */
static int64_t now(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* A line of /proc/self/status, in kB. */
static long status_kilobytes(const char *name)
{
	char line[256];
	long value = -1;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name) + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static int request_dump(int fd)
{
	const struct {
		struct nlmsghdr header;
		struct nfgenmsg generic;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
	};
	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/* The dump's end comes in a piece of its own or as the last message of one: found by its type, at the end. */
static bool is_last(const char *piece, ssize_t size)
{
	const size_t done = NLMSG_LENGTH(sizeof(int));
	if (size < (ssize_t)done)
		return true;
	const struct nlmsghdr *header = (const struct nlmsghdr *)(piece + size - done);
	return header->nlmsg_type == NLMSG_DONE && header->nlmsg_len == done;
}

static int receive_only(int64_t *taken_ns)
{
	static _Alignas(struct nlmsghdr) char piece[NETLINK_BUFFER_SIZE];
	struct netlink *netlink;
	int error = netlink_open(NETLINK_NETFILTER, &netlink);
	if (error < 0)
		return error;
	int fd = netlink_descriptor(netlink);
	int64_t started_ns = now();
	error = request_dump(fd);
	for (int i = 0; i < PIECES_MAX && !error; i++) {
		ssize_t size = recv(fd, piece, sizeof(piece), 0);
		if (size < 0)
			error = -errno;
		else if (is_last(piece, size))
			break;
	}
	*taken_ns = now() - started_ns;
	netlink_close(netlink);
	return error;
}

static int give_addresses(void *context, uint64_t *entries, double *seconds)
{
	struct facts *facts = facts_new();
	if (!facts)
		return -ENOMEM;
	facts->addresses = malloc(sizeof(fill_addresses));
	if (facts->addresses) {
		memcpy(facts->addresses, fill_addresses, sizeof(fill_addresses));
		facts->address_count = sizeof(fill_addresses) / sizeof(fill_addresses[0]);
	}
	int error = conntrack_collector.collect(context, &settings, facts);
	*entries = facts->conntrack.entries;
	*seconds = facts->conntrack.seconds;
	facts_free(facts);
	return error;
}

/* As the loop does it: waits for the descriptor before each piece. */
static int run_sweep(void *context, int64_t *longest_ns)
{
	struct collector_schedule schedule = { 0 };
	for (int i = 0; i < PIECES_MAX && !schedule.changed; i++) {
		struct pollfd polled = { .fd = conntrack_collector.descriptor(context), .events = POLLIN };
		if (i > 0)
			poll(&polled, 1, 1000);
		int64_t before_ns = now();
		int error = conntrack_collector.advance(context, read_clock(CLOCK_MONOTONIC), &schedule);
		int64_t piece_ns = now() - before_ns;
		if (error < 0)
			return error;
		if (piece_ns > *longest_ns)
			*longest_ns = piece_ns;
	}
	return schedule.changed ? 0 : -ETIMEDOUT;
}

static int sweep(int64_t *taken_ns, int64_t *longest_ns, uint64_t *entries)
{
	void *context;
	double seconds;
	int error = conntrack_collector.init(&settings, &context);
	if (error < 0)
		return error;
	error = give_addresses(context, entries, &seconds);
	int64_t started_ns = now();
	if (!error)
		error = run_sweep(context, longest_ns);
	*taken_ns = now() - started_ns;
	if (!error)
		error = give_addresses(context, entries, &seconds);
	conntrack_collector.destroy(context);
	return error;
}

static int list(int64_t *taken_ns)
{
	int status;
	struct rusage usage;
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
			execlp("conntrack", "conntrack", "-L", (char *)NULL);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
		return -ECHILD;
	*taken_ns = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND +
		    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
	return 0;
}

struct result {
	int64_t receive_ns, sweep_ns, list_ns, longest_ns;
	uint64_t entries;
	long peak_before, peak_after;
};

static void keep_least(int64_t *least, int64_t value)
{
	if (*least == 0 || value < *least)
		*least = value;
}

static int measure(unsigned rounds, struct result *result)
{
	for (unsigned i = 0; i < rounds; i++) {
		int64_t receive_ns = 0, sweep_ns = 0, list_ns = 0;
		int error = receive_only(&receive_ns);
		if (i == 0)
			result->peak_before = status_kilobytes("VmHWM:");
		if (!error)
			error = sweep(&sweep_ns, &result->longest_ns, &result->entries);
		result->peak_after = status_kilobytes("VmHWM:");
		if (!error)
			error = list(&list_ns);
		if (error < 0)
			return error;
		keep_least(&result->receive_ns, receive_ns);
		keep_least(&result->sweep_ns, sweep_ns);
		keep_least(&result->list_ns, list_ns);
	}
	return 0;
}

static void print(const struct result *result)
{
	const double ms = 1e6;
	printf("entries          %ju\n", (uintmax_t)result->entries);
	printf("receive only     %.1f ms\n", (double)result->receive_ns / ms);
	printf("sweep            %.1f ms, %.3f of receive only (bar: 1.10)\n", (double)result->sweep_ns / ms,
		(double)result->sweep_ns / (double)result->receive_ns);
	printf("longest piece    %.2f ms\n", (double)result->longest_ns / ms);
	printf("conntrack -L     %.1f ms, %.2f of the sweep (bar: 1.75)\n", (double)result->list_ns / ms,
		(double)result->list_ns / (double)result->sweep_ns);
	printf("peak memory      %ld kB, %ld kB before the first sweep\n", result->peak_after,
		result->peak_before);
}

static unsigned number(const char *text, unsigned most)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	return errno || end == text || *end || value > most ? 0 : (unsigned)value;
}

int main(int argc, char **argv)
{
	unsigned entries = argc > 1 ? number(argv[1], FILL_MAX) : 200000;
	unsigned rounds = argc > 2 ? number(argv[2], 1000) : 5;
	struct result result = { 0 };
	if (!entries || !rounds || argc > 3) {
		fprintf(stderr, "usage: %s [ENTRIES [ROUNDS]]\n", argv[0]);
		return 2;
	}
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: a network namespace needs CAP_SYS_ADMIN: %s\n", strerror(errno));
		return SKIPPED;
	}
	int error = conntrack_fill(entries);
	if (!error)
		error = measure(rounds, &result);
	if (error < 0) {
		fprintf(stderr, "%s: %s%s\n", argv[0], strerror(-error),
			error == -ENOSPC ? ": net.netfilter.nf_conntrack_max is too small" : "");
		return 1;
	}
	print(&result);
	return result.entries == entries ? 0 : 1;
}
