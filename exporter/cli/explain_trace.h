/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `oneway explain --trace`: waits for one request and shows its way through the rules. */

#include "collectors/trace/trace_table.h"
#include "exporter/output/writer.h"

struct trace_wait {
	struct trace_subject subject;
	int64_t duration_ns;
	bool probe; /* opens one connection to the subject's service from here */
};

/* Arms the trace, waits until a request's end is known, the time is over, or SIGINT or SIGTERM comes
 * (-EINTR), and takes everything back. *out is the caller's and written on success only. 0, or negative errno
 * with one line in message. */
int explain_trace_wait(const struct trace_wait *wait, const struct facts *facts, struct explain_trace *out,
	char *message, size_t size);
void explain_trace_clear(struct explain_trace *traced);

/* A request came, and it did not get through. */
bool explain_trace_breaks(const struct explain_trace *traced);
