/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How many handshakes are followed under a flood: one of `ratio`. It rises as soon as open ones had to be
 * given up or the capture thread is busy, and falls after SAMPLING_CALM_NS of calm. Pure.
 */

#include <stdint.h>

#include "collectors/handshake/handshake.h"

#define SAMPLING_STEP_NS INT64_C(500000000)
#define SAMPLING_CALM_NS (10 * INT64_C(1000000000))
#define SAMPLING_MOST    1024

struct sampling {
	uint32_t ratio;  /* one flow of so many is to be captured; 0: not begun, as 1 */
	uint32_t before; /* the last step's */
	int64_t step_ns;
	int64_t calm_ns; /* since when nothing was too much */
	int64_t cpu_ns;
	uint64_t evicted;
};

/* Readings at monotonic now_ns. */
struct sampling_load {
	int64_t cpu_ns; /* spent by the thread so far */
	struct handshake_load table;
};

/* To be called several times a second; returns the ratio by which captured flows are to be followed. It falls
 * a step later than the other, as what is captured is not followed at once. */
uint32_t sampling_step(struct sampling *sampling, int64_t now_ns, const struct sampling_load *load);
