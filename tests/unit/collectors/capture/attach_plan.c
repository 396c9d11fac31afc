// SPDX-License-Identifier: GPL-2.0-or-later
/* A host that does what the plan says, and sometimes fails to. */
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>

#include "collectors/capture/attach_plan.h"

#define SECOND  INT64_C(1000000000)
#define DEVICES 40
#define STEPS   200 /* more than any test needs */

struct host {
	struct attach_plan plan;
	int64_t now_ns;
	int fails[ATTACH_POINTS], tcx_fails; /* negative errno, or 0 */
	unsigned tried[ATTACH_POINTS], tcx_tried;
	bool attached[ATTACH_POINTS], tcx[DEVICES];
	enum packets_place place[DEVICES];
};

/* Wherever a device is seen, that is attached. */
static void check_all_are_seen(const struct host *host)
{
	for (size_t i = 0; i < host->plan.count; i++) {
		int device = host->plan.devices[i].ifindex;
		if (host->place[device] == PACKETS_AT_TCX)
			assert_true(host->tcx[device]);
		if (host->place[device] == PACKETS_AT_SOCKET)
			assert_true(host->attached[ATTACH_SOCKET]);
	}
}

/* All steps that are due; returns when the next is. */
static int64_t settle(struct host *host)
{
	for (unsigned i = 0; i < STEPS; i++) {
		struct attach_step step = attach_plan_next(&host->plan, host->now_ns);
		int error = 0;
		switch (step.action) {
		case ATTACH_WAIT:
			return step.due_ns;
		case ATTACH_POINT:
			assert_false(host->attached[step.point]);
			host->tried[step.point]++;
			error = host->fails[step.point];
			host->attached[step.point] = error == 0;
			break;
		case DETACH_POINT:
			assert_true(host->attached[step.point]);
			host->attached[step.point] = false;
			break;
		case ATTACH_TCX:
			host->tcx_tried++;
			error = host->tcx_fails;
			host->tcx[step.ifindex] = error == 0;
			step.links = (struct attach_links){ step.ifindex, step.ifindex + 1000 };
			break;
		case DETACH_TCX:
			assert_int_equal(step.links.egress, step.links.ingress + 1000);
			assert_true(host->tcx[step.links.ingress]);
			host->tcx[step.links.ingress] = false;
			break;
		case ATTACH_PLACE:
			host->place[step.ifindex] = step.place;
			break;
		}
		attach_plan_done(&host->plan, &step, error, host->now_ns);
		check_all_are_seen(host);
	}
	fail_msg("no end of steps");
	return 0;
}

static void add(struct host *host, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		assert_int_equal(attach_plan_add(&host->plan, i), 0);
		host->place[i] = attach_plan_place(&host->plan);
	}
	attach_plan_news(&host->plan, host->now_ns);
}

static struct host host_with(bool has_tcx)
{
	return (struct host){ .plan = { .has_tcx = has_tcx }, .now_ns = 100 * SECOND };
}

static void a_new_device_is_traced_until_it_is_at_tcx(void **state)
{
	(void)state;
	struct host host = host_with(true);
	attach_plan_news(&host.plan, host.now_ns);
	assert_int_equal(settle(&host), host.now_ns + ATTACH_NEWS_NS);
	assert_true(host.attached[ATTACH_INGRESS_TRACEPOINT] && host.attached[ATTACH_EGRESS_TRACEPOINT]);
	add(&host, 1, 2);
	assert_int_equal(host.place[1], PACKETS_AT_TRACEPOINTS);
	settle(&host);
	assert_true(host.place[1] == PACKETS_AT_TCX && host.place[2] == PACKETS_AT_TCX);
	assert_true(host.attached[ATTACH_INGRESS_TRACEPOINT]);
	host.now_ns += ATTACH_NEWS_NS;
	assert_true(settle(&host) == INT64_MAX);
	assert_false(host.attached[ATTACH_INGRESS_TRACEPOINT] || host.attached[ATTACH_EGRESS_TRACEPOINT]);
	assert_int_equal(host.tried[ATTACH_SOCKET], 0);
	assert_int_equal(attach_plan_remove(&host.plan, 1), 0);
	assert_int_equal(attach_plan_remove(&host.plan, 1), -ENOENT);
	settle(&host);
	assert_true(!host.tcx[1] && host.tcx[2]);
	attach_plan_destroy(&host.plan);
}

static void a_tracepoint_that_failed_is_attached_later(void **state)
{
	(void)state;
	struct host host = host_with(true);
	host.fails[ATTACH_INGRESS_TRACEPOINT] = -ENOMEM;
	add(&host, 1, 1);
	host.tcx_fails = -ENOMEM; /* so that it needs them */
	host.fails[ATTACH_SOCKET] = -EPERM;
	assert_int_equal(settle(&host), host.now_ns + ATTACH_RETRY_NS);
	assert_true(host.attached[ATTACH_EGRESS_TRACEPOINT]);
	assert_int_equal(host.tried[ATTACH_INGRESS_TRACEPOINT], 1);
	host.now_ns += ATTACH_RETRY_NS - 1;
	settle(&host);
	assert_int_equal(host.tried[ATTACH_INGRESS_TRACEPOINT], 1);
	host.now_ns++; /* and no device is expected any more */
	assert_int_equal(settle(&host), host.now_ns + ATTACH_RETRY_NS);
	assert_int_equal(host.tried[ATTACH_INGRESS_TRACEPOINT], 2);
	host.now_ns += ATTACH_RETRY_NS;
	host.fails[ATTACH_INGRESS_TRACEPOINT] = 0;
	assert_true(settle(&host) == INT64_MAX);
	assert_true(host.attached[ATTACH_INGRESS_TRACEPOINT]);
	assert_int_equal(host.place[1], PACKETS_AT_TRACEPOINTS);
	assert_int_equal(host.tried[ATTACH_EGRESS_TRACEPOINT], 1);
	assert_int_equal(host.tried[ATTACH_SOCKET], 1); /* what is not permitted is not tried again */
	assert_int_equal(host.tcx_tried, 1);
	attach_plan_destroy(&host.plan);
}

static void without_tcx_incoming_packets_are_seen_at_a_socket(void **state)
{
	(void)state;
	struct host host = host_with(false);
	add(&host, 1, 3);
	settle(&host);
	host.now_ns += ATTACH_NEWS_NS;
	assert_true(settle(&host) == INT64_MAX);
	assert_int_equal(host.tcx_tried, 0);
	assert_int_equal(host.place[3], PACKETS_AT_SOCKET);
	assert_true(host.attached[ATTACH_SOCKET] && host.attached[ATTACH_EGRESS_TRACEPOINT]);
	assert_false(host.attached[ATTACH_INGRESS_TRACEPOINT]);
	add(&host, 4, 1);
	assert_int_equal(host.place[4], PACKETS_AT_SOCKET);
	for (int device = 1; device <= 4; device++)
		assert_int_equal(attach_plan_remove(&host.plan, device), 0);
	host.now_ns += ATTACH_NEWS_NS;
	assert_true(settle(&host) == INT64_MAX);
	assert_false(host.attached[ATTACH_SOCKET] || host.attached[ATTACH_EGRESS_TRACEPOINT]);
	attach_plan_destroy(&host.plan);
}

static void many_devices_are_not_each_at_tcx(void **state)
{
	(void)state;
	struct host host = host_with(true);
	add(&host, 1, ATTACH_TCX_MAX * 3 / 4);
	settle(&host);
	add(&host, 13, ATTACH_TCX_MAX - 12);
	settle(&host);
	assert_int_equal(host.place[ATTACH_TCX_MAX], PACKETS_AT_TCX);
	assert_int_equal(host.tried[ATTACH_SOCKET], 0);
	add(&host, ATTACH_TCX_MAX + 1, 1);
	settle(&host);
	for (int device = 1; device <= ATTACH_TCX_MAX + 1; device++)
		assert_true(host.place[device] == PACKETS_AT_SOCKET && !host.tcx[device]);
	assert_int_equal(attach_plan_remove(&host.plan, 1), 0); /* as many as before, and still too many */
	settle(&host);
	assert_int_equal(host.place[2], PACKETS_AT_SOCKET);
	for (int device = 2; device <= 5; device++)
		assert_int_equal(attach_plan_remove(&host.plan, device), 0);
	settle(&host);
	host.now_ns += ATTACH_NEWS_NS;
	assert_true(settle(&host) == INT64_MAX);
	for (int device = 6; device <= ATTACH_TCX_MAX + 1; device++)
		assert_int_equal(host.place[device], PACKETS_AT_TCX);
	assert_false(host.attached[ATTACH_SOCKET]);
	attach_plan_destroy(&host.plan);
}

static void a_device_that_goes_while_it_is_attached_leaves_nothing(void **state)
{
	(void)state;
	struct host host = host_with(true);
	add(&host, 1, 1);
	struct attach_step step;
	do {
		step = attach_plan_next(&host.plan, host.now_ns);
		if (step.action == ATTACH_POINT)
			attach_plan_done(&host.plan, &step, 0, host.now_ns);
	} while (step.action == ATTACH_POINT);
	assert_int_equal(step.action, ATTACH_TCX);
	assert_int_equal(attach_plan_remove(&host.plan, 1), 0);
	assert_false(attach_plan_done(&host.plan, &step, 0, host.now_ns));
	assert_int_equal(attach_plan_next(&host.plan, host.now_ns).action, ATTACH_WAIT);
	/* One that was gone already is no reason for a socket. */
	host.tcx_fails = -ENODEV;
	add(&host, 2, 1);
	host.attached[ATTACH_INGRESS_TRACEPOINT] = host.attached[ATTACH_EGRESS_TRACEPOINT] = true;
	settle(&host);
	assert_int_equal(host.tcx_tried, 1);
	assert_int_equal(host.tried[ATTACH_SOCKET], 0);
	attach_plan_destroy(&host.plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_device_is_traced_until_it_is_at_tcx),
		cmocka_unit_test(a_tracepoint_that_failed_is_attached_later),
		cmocka_unit_test(without_tcx_incoming_packets_are_seen_at_a_socket),
		cmocka_unit_test(many_devices_are_not_each_at_tcx),
		cmocka_unit_test(a_device_that_goes_while_it_is_attached_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
