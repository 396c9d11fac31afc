// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/history.h"

#include "collectors/base/clock.h"

void history_add(struct history *history, int64_t now_ns, uint64_t value)
{
	if (!history->begun || value < history->last) {
		*history = (struct history){ .begun = true, .last = value };
		return;
	}
	uint64_t rise = value - history->last;
	history->last = value;
	if (rise == 0)
		return;
	int64_t second = now_ns / SECOND_NS;
	unsigned at = (unsigned)((uint64_t)second % HISTORY_SECONDS);
	if (history->second[at] != second) {
		history->second[at] = second;
		history->rise[at] = 0;
	}
	history->rise[at] += rise;
	history->risen_ns = now_ns;
}

uint64_t history_recent(const struct history *history, int64_t now_ns)
{
	int64_t second = now_ns / SECOND_NS;
	uint64_t sum = 0;
	for (unsigned i = 0; i < HISTORY_SECONDS; i++)
		if (history->second[i] > second - HISTORY_SECONDS && history->second[i] <= second)
			sum += history->rise[i];
	return sum;
}
