/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the kernel says of this process, for the standard process_* metrics. */

#include <stdbool.h>

enum process_metric {
	PROCESS_CPU_SECONDS,
	PROCESS_OPEN_FDS,
	PROCESS_MAX_FDS,
	PROCESS_VIRTUAL_BYTES,
	PROCESS_VIRTUAL_MAX_BYTES,
	PROCESS_RESIDENT_BYTES,
	PROCESS_START_SECONDS, /* since the epoch */
	PROCESS_THREADS,
	PROCESS_METRICS
};

/* What cannot be read, and a limit that is none, is not known. */
struct process_stats {
	bool known[PROCESS_METRICS];
	double value[PROCESS_METRICS];
};

/* procfs: "/proc" or another mount of it. Any thread. */
void process_read(const char *procfs, struct process_stats *out);
