/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The observer owns the collectors and the judge's memory. The daemon's loop and `oneway check` drive it
 * alike: collect facts, judge them, remember both for the next time. Used on one
 * thread, observer_complete() aside.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/judge.h"
#include "collectors/collector.h"
#include "exporter/daemon/log.h"

/* All there are, in the order in which they are asked; ends with NULL. A collector's number is its position.
 */
extern const struct collector *const observer_collectors[];
size_t observer_collector_count(void);

struct observer;

/* enabled[i]: whether observer_collectors[i] is wanted. A collector that cannot start is said once in the
 * log, with what it lacks, and is reported as not successful; the others go on. 0 or -ENOMEM. */
int observer_open(const bool *enabled, const struct collector_settings *settings, const struct log *log,
	struct observer **out);
/* Accepts NULL. */
void observer_close(struct observer *observer);

/* The descriptor of one collector, or -1. */
int observer_descriptor(const struct observer *observer, size_t collector);
/* Lets one collector do a piece of its work; see struct collector's advance. 0, or its negative errno, which
 * was said once in the log; *schedule is filled in either way. */
int observer_advance(
	struct observer *observer, size_t collector, int64_t now_ns, struct collector_schedule *schedule);

/* Collects anew. 0 or -ENOMEM; *facts is the caller's, and not fit to be judged before it is completed. */
int observer_collect(
	struct observer *observer, const struct collector_settings *settings, struct facts **facts);
/* What of it takes long; may be called on another thread, on which nothing but observer_advance() may be
 * called meanwhile. 0 or -ENOMEM. */
int observer_complete(
	struct observer *observer, const struct collector_settings *settings, struct facts *facts);

/* Whether the first look of all collectors is complete. They are collected from to no other end: conntrack's
 * first sweep waits for the addresses of link. */
bool observer_is_settled(const struct observer *observer);
