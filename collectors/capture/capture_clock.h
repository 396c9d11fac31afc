/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel stamps packets with CLOCK_REALTIME, which may be stepped; the handshake table must live by a
 * clock that only goes on. The offset between both is held until they have drifted apart by
 * CAPTURE_CLOCK_DRIFT_NS, so that equal stamps stay equal. Packets that were stamped before the clock was
 * stepped and are read after it are told by this: with the new offset they would lie in the future, or much
 * further in the past than with the old one. Pure.
 */

#include <stdint.h>

#define CAPTURE_CLOCK_DRIFT_NS (5 * INT64_C(1000000))
/* So long after a step packets of before it may still be read. */
#define CAPTURE_CLOCK_STEP_NS INT64_C(1000000000)

struct capture_clock {
	int64_t now_ns;    /* monotonic, as last set */
	int64_t offset_ns; /* monotonic - realtime */
	int64_t old_ns;    /* the same, before the last step */
	int64_t stepped_ns;
};

/* To be called before each batch of packets, with readings of one moment. All-zero is fit for the first. */
void capture_clock_set(struct capture_clock *clock, int64_t monotonic_ns, int64_t realtime_ns);
/* The monotonic time of a packet's stamp; -1 if that lies in the future: the clock is to be set again. If it
 * still does, the packet's time is now_ns. */
int64_t capture_clock_monotonic(const struct capture_clock *clock, int64_t stamp_ns);
