// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/schedule.h"

#define BACKOFF_LEAST_NS INT64_C(10000000)
#define BACKOFF_MOST_NS  INT64_C(1000000000)

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t schedule_next(const struct schedule *schedule)
{
	if (!schedule->ended_ns)
		return 0;
	int64_t pause =
		smaller(larger(SCHEDULE_PAUSE_NS, SCHEDULE_SHARE * schedule->cost_ns), SCHEDULE_TICK_NS);
	int64_t due = (schedule->ended_ns / SCHEDULE_TICK_NS + 1) * SCHEDULE_TICK_NS;
	if (schedule->changed_ns)
		due = smaller(due, schedule->changed_ns + SCHEDULE_SETTLE_NS);
	return larger(due, schedule->ended_ns + pause);
}

int64_t schedule_backoff(unsigned failures)
{
	if (failures < 2)
		return 0;
	return failures > 8 ? BACKOFF_MOST_NS : smaller(BACKOFF_LEAST_NS << (failures - 2), BACKOFF_MOST_NS);
}
