// SPDX-License-Identifier: GPL-2.0-or-later
/* Has the running kernel drop packets, a known number on each device, in namespaces of its own. */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "tests/support/parcel.h"

extern const struct collector link_collector;
extern const struct collector rpfilter_collector;
extern const struct collector drops_collector;

#define SKIPPED      77 /* SKIP_RETURN_CODE */
#define WAIT_SECONDS 10

/* What is sent into pva comes in by va. */
static const char *const scene[] = {
	"ip link set lo up",
	"for d in a b c; do ip link add name v$d type veth peer name pv$d || exit 1; done",
	"echo 1 | tee /proc/sys/net/ipv6/conf/*/disable_ipv6 >/dev/null",
	"echo 0 > /proc/sys/net/ipv6/conf/va/disable_ipv6",
	"echo 0 | tee /proc/sys/net/ipv4/conf/*/rp_filter >/dev/null",
	"for d in va vb vc; do echo 1 > /proc/sys/net/ipv4/conf/$d/rp_filter || exit 1; done",
	"for d in va pva vb pvb vc pvc; do ip link set $d up || exit 1; done",
	"ip addr add 10.1.0.1/24 dev va",
	"ip addr add 10.2.0.1/24 dev vb",
	"ip -6 addr add 2001:db8:1::1/64 dev va nodad",
	"ip link add name br0 type bridge",
	"ip link set vc master br0",
	"ip link set br0 up",
	"ip addr add 10.3.0.1/24 dev br0",
	"echo 1 > /proc/sys/net/ipv4/conf/br0/rp_filter",
	"echo 1 > /proc/sys/net/ipv4/conf/va/forwarding",
	"echo 1 > /proc/sys/net/ipv6/conf/va/forwarding",
	"nft 'table inet t { chain c { type filter hook prerouting priority raw; udp dport 9 drop; }; }'",
};

static const struct collector_settings settings = { .procfs = "/proc" };

/* link, rpfilter, drops */
struct bench {
	void *contexts[3];
	struct facts *facts; /* as last collected */
};

static const char *why(int error)
{
	for (const struct collector_lack *lack = drops_collector.lacks; lack->error; lack++)
		if (lack->error == error)
			return lack->text;
	return strerror(-error);
}

static const struct collector *const asked[] = { &link_collector, &rpfilter_collector, &drops_collector };
#define ASKED (sizeof(asked) / sizeof(*asked))

static int set_scene(void)
{
	for (size_t i = 0; i < sizeof(scene) / sizeof(*scene); i++)
		if (system(scene[i]) != 0) {
			printf("%s\n", scene[i]);
			return -1;
		}
	return 0;
}

static int open_bench(struct bench *bench)
{
	int error = 0;
	*bench = (struct bench){ 0 };
	for (size_t i = 0; i < ASKED && error == 0; i++)
		error = asked[i]->init(&settings, &bench->contexts[i]);
	return error;
}

static void close_bench(struct bench *bench)
{
	for (size_t i = 0; i < ASKED; i++)
		asked[i]->destroy(bench->contexts[i]);
	facts_free(bench->facts);
}

static int collect(struct bench *bench)
{
	struct timespec now;
	int error = 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	facts_free(bench->facts);
	bench->facts = facts_new();
	if (!bench->facts)
		return -ENOMEM;
	bench->facts->monotonic_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	for (size_t i = 0; i < ASKED && error == 0; i++)
		error = asked[i]->collect(bench->contexts[i], &settings, bench->facts);
	return error;
}

static uint64_t dropped(const struct bench *bench, const char *device, enum drop_reason reason)
{
	for (size_t i = 0; i < bench->facts->device_drop_count; i++)
		if (strcmp(bench->facts->device_drops[i].name, device) == 0 &&
			bench->facts->device_drops[i].reason == reason)
			return bench->facts->device_drops[i].packets;
	return 0;
}

/* Packets are taken in by the kernel's own threads where the machine is busy. */
static int await(struct bench *bench, const char *device, enum drop_reason reason, uint64_t packets)
{
	int error = collect(bench);
	for (int i = 0; i < WAIT_SECONDS * 50 && error == 0 && dropped(bench, device, reason) < packets;
		i++) {
		usleep(20000);
		error = collect(bench);
	}
	return error;
}

static const struct parcel to_va = { "va", NULL, "203.0.113.9", "10.1.0.1", 7 };
static const struct parcel to_vb = { "vb", NULL, "203.0.113.9", "10.2.0.1", 7 };

/* ---- tests ---- */

static void each_device_counts_its_own(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(collect(bench), 0);
	uint64_t before = bench->facts->rpfilter.drops;
	uint64_t va = dropped(bench, "va", DROP_IP_RPFILTER), vb = dropped(bench, "vb", DROP_IP_RPFILTER);
	assert_int_equal(parcel_post(&to_va, 23), 0);
	assert_int_equal(parcel_post(&to_vb, 41), 0);
	assert_int_equal(await(bench, "va", DROP_IP_RPFILTER, va + 23), 0);
	assert_int_equal(await(bench, "vb", DROP_IP_RPFILTER, vb + 41), 0);
	assert_int_equal(collect(bench), 0);
	assert_int_equal(dropped(bench, "va", DROP_IP_RPFILTER) - va, 23);
	assert_int_equal(dropped(bench, "vb", DROP_IP_RPFILTER) - vb, 41);
	assert_int_equal(bench->facts->rpfilter.drops - before, 23 + 41);
	const struct device_drop *row =
		facts_device_drop(bench->facts, (int)if_nametoindex("vb"), DROP_IP_RPFILTER);
	assert_non_null(row);
	assert_int_equal(row->recent, vb + 41);
	assert_true(row->risen_ns > 0);
}

static void many_packets_are_all_counted(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(collect(bench), 0);
	uint64_t before = bench->facts->rpfilter.drops, va = dropped(bench, "va", DROP_IP_RPFILTER);
	assert_int_equal(parcel_post(&to_va, 20000), 0);
	assert_int_equal(await(bench, "va", DROP_IP_RPFILTER, va + 20000), 0);
	uint64_t counted = dropped(bench, "va", DROP_IP_RPFILTER) - va;
	uint64_t uncounted = bench->facts->device_drops_uncounted;
	assert_true(counted <= 20000 && counted + uncounted >= 20000);
	assert_true(bench->facts->rpfilter.drops - before == 20000);
}

/* In a namespace of its own the same happens; 0 if it sees its own packets alone. */
static int act_as_another(void)
{
	struct bench bench;
	if (unshare(CLONE_NEWNET) < 0 || set_scene() < 0 || open_bench(&bench) < 0)
		return 1;
	if (parcel_post(&to_va, 7) < 0 || await(&bench, "va", DROP_IP_RPFILTER, 7) < 0)
		return 2;
	int status = dropped(&bench, "va", DROP_IP_RPFILTER) == 7 ? 0 : 3;
	close_bench(&bench);
	return status;
}

static void other_namespaces_do_not_count(void **state)
{
	struct bench *bench = *state;
	int status;
	assert_int_equal(collect(bench), 0);
	uint64_t before = dropped(bench, "va", DROP_IP_RPFILTER);
	pid_t child = fork();
	if (child == 0)
		_exit(act_as_another());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(collect(bench), 0);
	assert_int_equal(dropped(bench, "va", DROP_IP_RPFILTER), before);
}

static const struct {
	struct parcel parcel;
	const char *device;
	enum drop_reason reason;
} reasons[] = {
	{ { "br0", "pvc", "203.0.113.9", "10.3.0.1", 7 }, "br0", DROP_IP_RPFILTER },
	{ { "va", NULL, "10.1.0.1", "10.1.0.1", 7 }, "va", DROP_IP_LOCAL_SOURCE },
	{ { "va", NULL, "224.0.0.9", "10.1.0.1", 7 }, "va", DROP_IP_INVALID_SOURCE },
	{ { "va", NULL, "127.0.0.1", "10.1.0.1", 7 }, "va", DROP_IP_LOCALNET },
	{ { "va", NULL, "10.1.0.9", "0.0.0.0", 7 }, "va", DROP_IP_INVALID_DEST },
	{ { "va", NULL, "10.1.0.9", "198.51.100.9", 7 }, "va", DROP_IP_INNOROUTES },
	{ { "va", NULL, "2001:db8:1::9", "2001:db8:99::9", 7 }, "va", DROP_IP_INNOROUTES },
	{ { "vb", NULL, "10.2.0.9", "198.51.100.9", 7 }, "vb", DROP_IP_INADDRERRORS },
	{ { "vb", NULL, "10.2.0.9", "10.2.0.1", 9 }, "vb", DROP_NETFILTER_DROP },
	{ { "va", NULL, "2001:db8:1::9", "2001:db8:1::1", 9 }, "va", DROP_NETFILTER_DROP },
};

static void reasons_are_told_apart(void **state)
{
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		enum drop_reason reason = reasons[i].reason;
		const char *device = reasons[i].device;
		assert_int_equal(collect(bench), 0);
		uint64_t before = dropped(bench, device, reason);
		if (!(bench->facts->drop_reasons >> reason & 1)) {
			print_message("  %s: not told by this kernel\n", drop_reason_name(reason));
			continue;
		}
		print_message("  %s on %s\n", drop_reason_name(reason), device);
		assert_int_equal(parcel_post(&reasons[i].parcel, 3), 0);
		assert_int_equal(await(bench, device, reason, before + 3), 0);
		assert_int_equal(dropped(bench, device, reason), before + 3);
	}
}

/* A socket whose packet finds no route has no device. */
static void what_has_no_device_is_counted_without(void **state)
{
	struct bench *bench = *state;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_in to = { AF_INET, htons(9), { inet_addr("10.1.0.77") }, { 0 } };
	assert_int_equal(
		system("nft 'table inet u { chain c { type filter hook output priority 0; udp dport 9 drop; }; }'"),
		0);
	assert_int_equal(collect(bench), 0);
	uint64_t before = dropped(bench, "", DROP_NETFILTER_DROP);
	assert_int_equal(sendto(fd, "", 1, 0, (const struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(await(bench, "", DROP_NETFILTER_DROP, before + 1), 0);
	assert_int_equal(dropped(bench, "", DROP_NETFILTER_DROP), before + 1);
	close(fd);
	assert_int_equal(system("nft delete table inet u"), 0);
}

static void a_device_that_goes_keeps_its_count(void **state)
{
	struct bench *bench = *state;
	assert_int_equal(parcel_post(&to_vb, 5), 0);
	assert_int_equal(collect(bench), 0);
	assert_int_equal(await(bench, "vb", DROP_IP_RPFILTER, 5), 0);
	uint64_t before = dropped(bench, "vb", DROP_IP_RPFILTER);
	assert_int_equal(
		system("ip link del vb && ip link add name vb type veth peer name pvb && "
		       "ip link set vb up && ip link set pvb up && ip addr add 10.2.0.1/24 dev vb && "
		       "echo 1 > /proc/sys/net/ipv4/conf/vb/rp_filter"),
		0);
	assert_int_equal(parcel_post(&to_vb, 6), 0);
	assert_int_equal(await(bench, "vb", DROP_IP_RPFILTER, before + 6), 0);
	assert_int_equal(dropped(bench, "vb", DROP_IP_RPFILTER), before + 6);
}

/* 0 if the program cannot be loaded by a process that lacks the privilege, and says so. */
static int open_without_types(void)
{
	void *context;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "/sys/kernel/btf", "tmpfs", 0, NULL) < 0)
		return 1;
	int error = drops_collector.init(&settings, &context);
	return error == -ENOENT && strstr(why(error), "has no BTF") ? 0 : 2;
}

static int open_unprivileged(void)
{
	void *context;
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	return drops_collector.init(&settings, &context) == -EPERM ? 0 : 2;
}

/* With so few descriptors to come it cannot open what it needs; it must not say that the kernel lacks it. */
static void descriptors_that_are_out_are_told(void **state)
{
	(void)state;
	void *context;
	struct rlimit before, few;
	int least = open("/", O_PATH | O_CLOEXEC);
	assert_true(least >= 0 && close(least) == 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned spare = 0; spare < 64; spare++) {
		few = (struct rlimit){ (rlim_t)least + spare, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		int error = drops_collector.init(&settings, &context);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (error == 0)
			drops_collector.destroy(context);
		else
			assert_int_equal(error, -EMFILE);
		assert_true(error < 0 || spare > 3);
	}
}

static void check_in_child(int (*check)(void))
{
	int status;
	pid_t child = fork();
	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void without_privilege_it_says_so(void **state)
{
	(void)state;
	check_in_child(open_unprivileged);
}

static void a_kernel_without_types_is_told(void **state)
{
	(void)state;
	check_in_child(open_without_types);
}

static const char *why_skipped(struct bench *bench)
{
	if (unshare(CLONE_NEWNET) < 0)
		return "no network namespace of our own";
	if (set_scene() < 0)
		return "the scene cannot be set";
	int error = open_bench(bench);
	if (error == -EPERM)
		return drops_collector.needs;
	return error < 0 ? why(error) : NULL;
}

int main(void)
{
	static struct bench bench;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(each_device_counts_its_own, &bench),
		cmocka_unit_test_prestate(many_packets_are_all_counted, &bench),
		cmocka_unit_test_prestate(other_namespaces_do_not_count, &bench),
		cmocka_unit_test_prestate(reasons_are_told_apart, &bench),
		cmocka_unit_test_prestate(what_has_no_device_is_counted_without, &bench),
		cmocka_unit_test_prestate(a_device_that_goes_keeps_its_count, &bench),
		cmocka_unit_test_prestate(descriptors_that_are_out_are_told, &bench),
		cmocka_unit_test_prestate(a_kernel_without_types_is_told, &bench),
		cmocka_unit_test_prestate(without_privilege_it_says_so, &bench),
	};
	/* The namespace goes with this process. */
	const char *skipped = why_skipped(&bench);
	if (skipped) {
		printf("skipped: %s\n", skipped);
		return SKIPPED;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	close_bench(&bench);
	return failed;
}
