/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whom to trace next: services whose requests come in, are repeated, get no answer and are not seen leaving,
 * one at a time. One that was traced has its turn again after a while, or sooner if it was answered in
 * between or the ruleset has changed. Pure: facts in, one subject out.
 */

#include "collectors/facts.h"
#include "collectors/trace/trace_table.h"

#define TRACE_AGAIN_NS (60 * INT64_C(1000000000)) /* the same service */
#define TRACE_SOON_NS  (5 * INT64_C(1000000000))  /* the same, but it was answered, or nothing came */
/* The same, but the ruleset has changed; some change all the time. */
#define TRACE_RULESET_NS (20 * INT64_C(1000000000))
/* Services that may be translated but need not be: scanners knock at many ports of a firewall. */
#define TRACE_DOUBTFUL_NS (20 * INT64_C(1000000000))
#define TRACE_MEMORY      64

struct trace_turn {
	struct trace_subject subject;
	int64_t ended_ns; /* monotonic */
	int64_t asked_ns; /* CLOCK_REALTIME of the last SYN known then */
	uint32_t ruleset; /* the ruleset's generation then */
	bool seen;        /* a request came */
};

struct trace_schedule {
	struct trace_turn turns[TRACE_MEMORY];
	unsigned count;
	int64_t doubtful_ns; /* monotonic time of the last doubtful one; 0: none */
};

/* ruleset: its generation now, 0 if that is not known. True if somebody is to be traced now. */
bool trace_schedule_next(const struct trace_schedule *schedule, const struct facts *facts, uint32_t ruleset,
	struct trace_subject *out);
/* The trace of `subject` is over. facts: the latest. */
void trace_schedule_note(
	struct trace_schedule *schedule, const struct facts *facts, const struct trace_turn *turn);
