/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When to judge next. Pure: all times are handed in, nanoseconds of one monotonic clock.
 *
 * A judgement comes every SCHEDULE_TICK_NS, on whole ticks of the clock. A change brings it forward: it waits
 * SCHEDULE_SETTLE_NS, since changes come in groups. Between the end of one judgement and the next lies a
 * pause of SCHEDULE_PAUSE_NS or SCHEDULE_SHARE times what the last one cost, whichever is more, but never
 * more than a tick: churn costs a bounded share of one CPU and is still seen within a second.
 */

#include <stdint.h>

#define SCHEDULE_TICK_NS   INT64_C(1000000000)
#define SCHEDULE_SETTLE_NS INT64_C(20000000)
#define SCHEDULE_PAUSE_NS  INT64_C(200000000)
#define SCHEDULE_SHARE     4

struct schedule {
	int64_t ended_ns;   /* end of the last judgement; 0: none yet */
	int64_t cost_ns;    /* how long it took */
	int64_t changed_ns; /* the first change since it began; 0: none */
};

int64_t schedule_next(const struct schedule *schedule);

/* How long a source of errors is left alone after so many of them in a row: 0 for the first, then from 10 ms
 * to 1 s. */
int64_t schedule_backoff(unsigned failures);
