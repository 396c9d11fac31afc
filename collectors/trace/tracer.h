/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Traces requests for one service: arms a table of its own (collectors/trace/trace_table.h), reads what the
 * kernel tells of the first packet it marks, takes the table away as soon as that packet's end is known or
 * the time is over, and says what became of it. Used on one thread; the ruleset of the namespace that thread
 * stands in when it opens it. Needs CAP_NET_ADMIN and Linux 5.12.
 */

#include "collectors/facts.h"
#include "collectors/trace/trace_table.h"

struct tracer;

/* 0, or negative errno: -ENOMEM. Changes nothing yet, and loads nothing. */
int tracer_open(struct tracer **out);
/* Opens its sockets, which loads nf_tables; unless it was called before arming does so. 0, or negative errno:
 * -EPERM, -EOPNOTSUPP (no nf_tables), -ENOMEM. */
int tracer_connect(struct tracer *tracer);
/* Takes the table away if there is one. Accepts NULL. */
void tracer_close(struct tracer *tracer);

/* The descriptor that is readable when the kernel has told something; -1 before it is connected. */
int tracer_descriptor(const struct tracer *tracer);
/* Number of changes to the ruleset so far, those of tracing included; 0: not known, or not connected. */
uint32_t tracer_generation(struct tracer *tracer);

/* Begins a trace, which ends at now_ns + duration_ns at the latest. 0, or negative errno: -EBUSY (one is
 * armed), -EOPNOTSUPP (no tables with an owner), -EPERM, -EEXIST (another has a table of that name). */
int tracer_arm(
	struct tracer *tracer, const struct trace_subject *subject, int64_t now_ns, int64_t duration_ns);
/* Reads what is there and ends what is due; to be called when the descriptor is readable and at tracer_due().
 * 0, the negative errno of taking the table away, which is tried again, or that of listening to the kernel.
 */
int tracer_advance(struct tracer *tracer, int64_t now_ns);
bool tracer_is_armed(const struct tracer *tracer);
/* A trace is over and waits for tracer_take(). */
bool tracer_is_over(const struct tracer *tracer);
/* When tracer_advance() wants to be called, readable or not; INT64_MAX: never. */
int64_t tracer_due(const struct tracer *tracer);

/* What became of it, when it is over: *trace and *subject are the caller's. 0 or -ENOMEM. facts: devices and
 * addresses, and the time. */
int tracer_take(struct tracer *tracer, const struct facts *facts, bool steps, struct trace_subject *subject,
	struct trace *trace);
