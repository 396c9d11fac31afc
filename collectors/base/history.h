/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much a counter rose lately: one bucket per second, for a minute. All-zero is empty. */

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_SECONDS 60

struct history {
	bool begun;
	uint64_t last;
	int64_t risen_ns; /* time of the last rise; 0 if none was seen */
	int64_t second[HISTORY_SECONDS];
	uint64_t rise[HISTORY_SECONDS];
};

/* Takes a reading made at monotonic `now_ns`. The first is the baseline; one that is lower than its
 * predecessor (the counter was reset) forgets everything and is the baseline again. */
void history_add(struct history *history, int64_t now_ns, uint64_t value);
/* The rise within the HISTORY_SECONDS before now_ns. */
uint64_t history_recent(const struct history *history, int64_t now_ns);
