/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The way of one traced packet, put together from the kernel's messages. Pure. The trace's own table has an
 * empty base chain at the beginning and the end of the hooks: those say where the packet is, and with which
 * addresses, whatever other chains there are.
 *
 * A packet that the kernel copies on its way goes on under another id; its sequence number is the same.
 */

#include "collectors/trace/trace.h"
#include "collectors/trace/trace_message.h"

#define TRACE_WAY_STEPS 128
/* Messages of one packet follow one another within microseconds, but for queues to programs. */
#define TRACE_WAY_SILENCE_NS (400 * INT64_C(1000000))

struct trace_way {
	bool begun, over;
	uint32_t id;
	struct trace_headers asked;  /* as it arrived */
	struct trace_headers latest; /* as seen last */
	int iif, oif;                /* likewise */
	enum trace_place place;
	enum trace_end end;                          /* if it is over */
	int64_t last_ns;                             /* monotonic, of the last message */
	struct trace_message steps[TRACE_WAY_STEPS]; /* those of the trace's own table left out */
	unsigned count;
	bool more; /* steps were left out */
};

/* own: name of the trace's table. Takes a message in; those of other packets are ignored. */
void trace_way_add(
	struct trace_way *way, const char *own, const struct trace_message *message, int64_t now_ns);
/* Lets time pass: a packet of which nothing is heard any more has vanished. */
void trace_way_advance(struct trace_way *way, int64_t now_ns);
/* The last step: what ended it, if it was dropped or queued; NULL if there is none. */
const struct trace_message *trace_way_last(const struct trace_way *way);
