/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The last hour of watching: what became of the handshakes of each device, in steps of TIMELINE_STEP_NS, and
 * the findings that were open. What changed meanwhile is in the facts: collectors/change/changes.h.
 *
 * Immutable and shared by reference; any thread. A new one is made when a step is over or a finding opens,
 * closes, or is told otherwise; until then the last one is shared. Pure: of facts and findings alone.
 *
 * Times are CLOCK_MONOTONIC, so that a clock that is set moves nothing; timeline_time() tells what they are
 * by the clock of the latest facts. While a host is suspended that clock stands still.
 *
 * Memory is fixed: at most TIMELINE_BYTES, and as much again while a new one is made.
 */

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/finding.h"
#include "collectors/base/clock.h"
#include "collectors/facts.h"

#define TIMELINE_NS           (3600 * SECOND_NS)
#define TIMELINE_STEP_NS      (10 * SECOND_NS)
#define TIMELINE_POINTS       360
#define TIMELINE_DEVICES      64
#define TIMELINE_FINDINGS     256
#define TIMELINE_SUMMARY_SIZE 192

/* Names of devices that the handshake table counts for at most, one for all without a name included. */
#define TIMELINE_COUNTERS 4098
#define TIMELINE_BYTES    (1024 * 1024)

/* One step: from the end of the one before to this. Longer than TIMELINE_STEP_NS where no judgement was made
 * in time. */
struct timeline_point {
	int64_t end_ns;
	bool watched;      /* handshakes were, at its end */
	uint32_t unplaced; /* devices with handshakes in it that have no row */
};

/* Handshakes that ended in each step, by the device of the SYN; of those without one by that of the SYN-ACK.
 */
struct timeline_device {
	char name[IF_NAMESIZE]; /* a device that comes back under its name goes on */
	bool line;              /* at the end of the last step */
	uint32_t counts[HANDSHAKE_OUTCOMES][TIMELINE_POINTS];
};

/* A finding from when it first held to when it closed. One that opens again is another. */
struct timeline_finding {
	char id[FINDING_ID_SIZE];
	char cause[FINDING_ID_SIZE]; /* "": none */
	char device[IF_NAMESIZE];    /* "": none */
	const struct condition *condition;
	enum severity severity; /* the last: it never falls */
	bool intended;
	bool has_service;
	struct address address;              /* if it has a service */
	char summary[TIMELINE_SUMMARY_SIZE]; /* as it opened; a longer one ends with "…" */
	int64_t since_ns;
	int64_t until_ns; /* 0: it is open */
};

struct timeline_counter;

struct timeline {
	atomic_uint holders;
	int64_t begin_ns; /* of the first point's step */
	size_t point_count;
	struct timeline_point points[TIMELINE_POINTS]; /* oldest first */
	/* Those that had handshakes. When all rows are taken, a line gets that of the device that had the
	 * fewest and is no line; others are counted in the rest. */
	size_t device_count;
	struct timeline_device *devices[TIMELINE_DEVICES];
	struct timeline_device rest; /* all without a row together; no name */
	/* By when they opened. When all places are taken the one that closed first gives way. */
	size_t finding_count;
	struct timeline_finding findings[TIMELINE_FINDINGS];
	uint64_t given_up;                 /* findings that gave way within their hour, since the start */
	size_t unplaced;                   /* findings that are open and found no place */
	struct timeline_counter *counters; /* at the end of the last step that was watched */
	size_t counter_count;
};

/* before: up to the last judgement, or NULL at the first. On success *out is the caller's to release. 0 or
 * -ENOMEM. */
int timeline_note(const struct timeline *before, const struct facts *now, const struct findings *findings,
	const struct timeline **out);

/* One more holder, one less; the last one frees it. Both accept NULL. */
const struct timeline *timeline_share(const struct timeline *timeline);
void timeline_release(const struct timeline *timeline);

/* CLOCK_REALTIME of a time of the timeline, as of these facts. */
int64_t timeline_time(const struct facts *now, int64_t monotonic_ns);
/* The most devices without a row of any one step. */
uint32_t timeline_unplaced_devices(const struct timeline *timeline);
