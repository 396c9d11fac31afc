// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/capture_clock.h"

#include <stdbool.h>

void capture_clock_set(struct capture_clock *clock, int64_t monotonic_ns, int64_t realtime_ns)
{
	int64_t offset_ns = monotonic_ns - realtime_ns, drift_ns = offset_ns - clock->offset_ns;
	bool first = clock->now_ns == 0;
	clock->now_ns = monotonic_ns;
	if (!first && drift_ns <= CAPTURE_CLOCK_DRIFT_NS && drift_ns >= -CAPTURE_CLOCK_DRIFT_NS)
		return;
	clock->old_ns = first ? offset_ns : clock->offset_ns;
	clock->offset_ns = offset_ns;
	clock->stepped_ns = monotonic_ns;
}

/* Of the possible times the latest: a ring is read soon after a packet came. */
int64_t capture_clock_monotonic(const struct capture_clock *clock, int64_t stamp_ns)
{
	int64_t latest_ns = clock->now_ns + CAPTURE_CLOCK_DRIFT_NS;
	int64_t time_ns = stamp_ns + clock->offset_ns, old_ns = stamp_ns + clock->old_ns;
	if (time_ns > latest_ns)
		time_ns = -1;
	if (clock->now_ns - clock->stepped_ns < CAPTURE_CLOCK_STEP_NS && old_ns <= latest_ns &&
		old_ns > time_ns)
		time_ns = old_ns;
	return time_ns;
}
