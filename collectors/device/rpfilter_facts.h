/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What reverse-path filtering dropped. */

#include <stdbool.h>
#include <stdint.h>

struct rpfilter_counters {
	bool known;               /* /proc/net/netstat could be read */
	uint64_t drops;           /* TcpExt IPReversePathFilter, this namespace */
	int64_t drops_risen_ns;   /* monotonic time of the last rise that was seen; 0 if none was */
	uint64_t drops_recent;    /* rise within the last RPFILTER_RECENT_NS */
	bool martians_known;      /* /proc/net/stat/rt_cache could be read */
	uint64_t martian_sources; /* host-wide, all namespaces: never evidence */
	uint64_t martian_destinations;
};

#define RPFILTER_RECENT_NS (60 * INT64_C(1000000000))
