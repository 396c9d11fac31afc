// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/attach_plan.h"

#include <errno.h>
#include <stdlib.h>

#include "collectors/base/array.h"

void attach_plan_destroy(struct attach_plan *plan)
{
	free(plan->devices);
	free(plan->closing);
}

void attach_plan_news(struct attach_plan *plan, int64_t now_ns)
{
	plan->news_ns = now_ns + ATTACH_NEWS_NS;
}

static struct attach_device *plan_find(const struct attach_plan *plan, int ifindex)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->devices[i].ifindex == ifindex)
			return &plan->devices[i];
	return NULL;
}

bool attach_plan_has(const struct attach_plan *plan, int ifindex)
{
	return plan_find(plan, ifindex) != NULL;
}

enum packets_place attach_plan_place(const struct attach_plan *plan)
{
	return plan->attached[ATTACH_SOCKET] ? PACKETS_AT_SOCKET : PACKETS_AT_TRACEPOINTS;
}

int attach_plan_add(struct attach_plan *plan, int ifindex)
{
	struct attach_device *device = ARRAY_ADD(plan->devices, plan->count);
	if (!device)
		return -ENOMEM;
	*device = (struct attach_device){ .ifindex = ifindex, .place = attach_plan_place(plan) };
	return 0;
}

int attach_plan_remove(struct attach_plan *plan, int ifindex)
{
	struct attach_device *device = plan_find(plan, ifindex);
	if (!device)
		return -ENOENT;
	struct attach_links *closing = device->linked ? ARRAY_ADD(plan->closing, plan->closing_count) : NULL;
	if (device->linked && !closing)
		return -ENOMEM;
	if (closing)
		*closing = device->links;
	*device = plan->devices[--plan->count];
	return 0;
}

static bool plan_to_tcx(const struct attach_plan *plan, const struct attach_device *device)
{
	return plan->uses_tcx && !device->error;
}

static enum packets_place plan_place_of(const struct attach_plan *plan, const struct attach_device *device)
{
	return device->linked && plan_to_tcx(plan, device) ? PACKETS_AT_TCX : attach_plan_place(plan);
}

/* One that has gone needs no socket. */
static void plan_want(const struct attach_plan *plan, int64_t now_ns, bool wanted[static ATTACH_POINTS])
{
	wanted[ATTACH_INGRESS_TRACEPOINT] = wanted[ATTACH_EGRESS_TRACEPOINT] = now_ns < plan->news_ns;
	wanted[ATTACH_SOCKET] = false;
	for (size_t i = 0; i < plan->count; i++) {
		const struct attach_device *device = &plan->devices[i];
		wanted[ATTACH_INGRESS_TRACEPOINT] |= device->place == PACKETS_AT_TRACEPOINTS;
		wanted[ATTACH_EGRESS_TRACEPOINT] |= device->place != PACKETS_AT_TCX;
		wanted[ATTACH_SOCKET] |= device->place == PACKETS_AT_SOCKET ||
					 (!plan_to_tcx(plan, device) && device->error != -ENODEV);
	}
}

static bool plan_device_step(const struct attach_plan *plan, struct attach_device *device, int64_t now_ns,
	struct attach_step *step)
{
	enum packets_place place = plan_place_of(plan, device);
	*step = (struct attach_step){ .ifindex = device->ifindex, .place = place };
	if (device->place != place) {
		step->action = ATTACH_PLACE;
		return now_ns >= plan->place_retry_ns;
	}
	if (device->linked && place != PACKETS_AT_TCX) {
		step->action = DETACH_TCX;
		step->links = device->links;
		device->linked = false;
		return true;
	}
	step->action = ATTACH_TCX;
	return !device->linked && plan_to_tcx(plan, device);
}

static struct attach_step plan_wait(const struct attach_plan *plan, int64_t now_ns, const bool *wanted)
{
	struct attach_step step = { .action = ATTACH_WAIT, .due_ns = INT64_MAX };
	if (now_ns < plan->news_ns)
		step.due_ns = plan->news_ns;
	if (now_ns < plan->place_retry_ns && plan->place_retry_ns < step.due_ns)
		step.due_ns = plan->place_retry_ns;
	for (unsigned point = 0; point < ATTACH_POINTS; point++)
		if (wanted[point] && !plan->attached[point] && plan->retry_ns[point] < step.due_ns)
			step.due_ns = plan->retry_ns[point];
	return step;
}

struct attach_step attach_plan_next_point(const struct attach_plan *plan, int64_t now_ns)
{
	bool wanted[ATTACH_POINTS];
	plan_want(plan, now_ns, wanted);
	for (enum attach_point point = 0; point < ATTACH_POINTS; point++)
		if (wanted[point] && !plan->attached[point] && now_ns >= plan->retry_ns[point])
			return (struct attach_step){ .action = ATTACH_POINT, .point = point };
	return plan_wait(plan, now_ns, wanted);
}

struct attach_step attach_plan_next(struct attach_plan *plan, int64_t now_ns)
{
	size_t most = plan->uses_tcx ? ATTACH_TCX_MAX : ATTACH_TCX_MAX * 3 / 4; /* lest they come and go */
	plan->uses_tcx = plan->has_tcx && plan->count <= most;
	struct attach_step wait = attach_plan_next_point(plan, now_ns), step;
	if (wait.action == ATTACH_POINT)
		return wait;
	for (size_t i = 0; i < plan->count; i++)
		if (plan_device_step(plan, &plan->devices[i], now_ns, &step))
			return step;
	if (plan->closing_count)
		return (struct attach_step){ .action = DETACH_TCX,
			.links = plan->closing[--plan->closing_count] };
	bool wanted[ATTACH_POINTS];
	plan_want(plan, now_ns, wanted);
	for (enum attach_point point = 0; point < ATTACH_POINTS; point++)
		if (!wanted[point] && plan->attached[point])
			return (struct attach_step){ .action = DETACH_POINT, .point = point };
	return wait;
}

bool attach_plan_done(struct attach_plan *plan, const struct attach_step *step, int error, int64_t now_ns)
{
	struct attach_device *device = plan_find(plan, step->ifindex);
	switch (step->action) {
	case ATTACH_POINT:
		plan->attached[step->point] = error == 0;
		/* A privilege that is lacking does not come back. */
		plan->retry_ns[step->point] = error == -EPERM ? INT64_MAX : now_ns + ATTACH_RETRY_NS;
		return false;
	case DETACH_POINT:
		plan->attached[step->point] = false;
		plan->retry_ns[step->point] = 0;
		return false;
	case ATTACH_TCX:
		if (!device || device->linked)
			return false;
		device->error = error;
		device->linked = error == 0;
		device->links = step->links;
		return device->linked;
	case ATTACH_PLACE:
		if (error < 0)
			plan->place_retry_ns = now_ns + ATTACH_RETRY_NS;
		else if (device)
			device->place = step->place;
		return false;
	case ATTACH_WAIT:
	case DETACH_TCX:
		break;
	}
	return false;
}
