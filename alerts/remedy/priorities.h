/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The priorities of policy rules that are taken: by the host's rules, and by those printed in a judgement. */

#include <stddef.h>
#include <stdint.h>

#include "collectors/facts.h"

struct priorities {
	struct priority_run {
		uint32_t first, last;
	} * runs; /* that are taken: ascending, with a gap between any two */
	size_t count;
};

/* 0 or -ENOMEM; to be closed in either case. */
int priorities_open(struct priorities *priorities, const struct facts *facts, uint8_t family);
void priorities_close(struct priorities *priorities);
/* Takes the highest `count` free priorities in a row that are all below `ceiling` and above 0, and gives the
 * first of them; 0 in *first if there are none. 0 or -ENOMEM. */
int priorities_take(struct priorities *priorities, uint32_t ceiling, uint32_t count, uint32_t *first);
