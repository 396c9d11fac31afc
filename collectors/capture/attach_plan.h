/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Where in the kernel the capturing program is to be attached so that the packets of each device are seen
 * once, and what has to be done next for that. Pure: the caller does each step and says how it went.
 *
 * Up to ATTACH_TCX_MAX devices are to have the program at tcx, one after the other. Others, those whose turn
 * has not come, and all where the kernel has no tcx, are seen at a packet socket and the tracepoint of
 * outgoing packets; until that socket is there, and where it cannot be had, at both tracepoints. Both are
 * attached for a while whenever a device may be new.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet_record.h"

#define ATTACH_TCX_MAX 16
#define ATTACH_NEWS_NS                                                                                      \
	(2 * INT64_C(1000000000))                 /* a device that was told of is there, and known, so soon \
						   */
#define ATTACH_RETRY_NS (2 * INT64_C(1000000000)) /* what failed is tried again */

/* What is attached once for all devices. */
enum attach_point { ATTACH_INGRESS_TRACEPOINT, ATTACH_EGRESS_TRACEPOINT, ATTACH_SOCKET, ATTACH_POINTS };

enum attach_action {
	ATTACH_WAIT, /* until due_ns, or until something is added, removed or told */
	ATTACH_POINT,
	DETACH_POINT,
	ATTACH_TCX,   /* both directions of the device */
	DETACH_TCX,   /* closes the links, which are the caller's now */
	ATTACH_PLACE, /* tells the program where it is to see the device's packets */
};

struct attach_links {
	int ingress, egress;
};

struct attach_step {
	enum attach_action action;
	enum attach_point point;
	int ifindex;
	enum packets_place place;
	struct attach_links
		links;  /* ATTACH_TCX: to be filled in by the caller before it calls attach_plan_done() */
	int64_t due_ns; /* INT64_MAX: never */
};

struct attach_device {
	int ifindex;
	enum packets_place place;
	int error; /* why it has no links, of the only time they were tried */
	bool linked;
	struct attach_links links;
};

struct attach_plan {
	bool has_tcx;  /* set by the caller before the first step */
	bool uses_tcx; /* not too many devices */
	bool attached[ATTACH_POINTS];
	int64_t retry_ns[ATTACH_POINTS], place_retry_ns;
	int64_t news_ns;
	struct attach_device *devices;
	size_t count;
	struct attach_links *closing;
	size_t closing_count;
};

/* Accepts zeros. The links of DETACH_TCX steps must have been taken before. */
void attach_plan_destroy(struct attach_plan *plan);

/* Some device may be new: until ATTACH_NEWS_NS have passed. */
void attach_plan_news(struct attach_plan *plan, int64_t now_ns);
/* At attach_plan_place(), which the caller has told the program. 0 or -ENOMEM. */
int attach_plan_add(struct attach_plan *plan, int ifindex);
enum packets_place attach_plan_place(const struct attach_plan *plan);
/* 0; -ENOENT: there is no such device; -ENOMEM: it stays. */
int attach_plan_remove(struct attach_plan *plan, int ifindex);
bool attach_plan_has(const struct attach_plan *plan, int ifindex);

/* ATTACH_POINT or ATTACH_WAIT: what is to be attached for all devices and is not, tracepoints first. */
struct attach_step attach_plan_next_point(const struct attach_plan *plan, int64_t now_ns);
/* What comes of that first. A step but ATTACH_WAIT and DETACH_TCX is given again until
 * attach_plan_done() was called. */
struct attach_step attach_plan_next(struct attach_plan *plan, int64_t now_ns);
/* error: 0 or negative errno. Returns whether links were taken over: those of ATTACH_TCX are not where the
 * device has gone meanwhile. */
bool attach_plan_done(struct attach_plan *plan, const struct attach_step *step, int error, int64_t now_ns);
