// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/priorities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

/* The first run that ends at `priority` or above, or count. */
static size_t find_run(const struct priorities *priorities, uint32_t priority)
{
	size_t low = 0, high = priorities->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (priorities->runs[middle].last < priority)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* No other run has anything of it, but the first priority may be taken if it is the only one. */
static int insert(struct priorities *priorities, uint32_t first, uint32_t last)
{
	size_t at = find_run(priorities, first);
	struct priority_run *run = priorities->runs ? &priorities->runs[at] : NULL;
	bool above = at < priorities->count && (uint64_t)last + 1 >= run->first;
	bool below = at > 0 && run[-1].last + 1 == first;
	if (above && run->first <= first)
		return 0;
	if (above && below) {
		run[-1].last = run->last;
		memmove(run, run + 1, (--priorities->count - at) * sizeof(*run));
	} else if (above) {
		run->first = first;
	} else if (below) {
		run[-1].last = last;
	} else {
		if (!ARRAY_ADD(priorities->runs, priorities->count))
			return -ENOMEM;
		run = &priorities->runs[at];
		memmove(run + 1, run, (priorities->count - 1 - at) * sizeof(*run));
		*run = (struct priority_run){ first, last };
	}
	return 0;
}

int priorities_open(struct priorities *priorities, const struct facts *facts, uint8_t family)
{
	int result = 0;
	*priorities = (struct priorities){ 0 };
	for (size_t i = 0; result == 0 && i < facts->rule_count; i++)
		if (facts->rules[i].family == family)
			result = insert(priorities, facts->rules[i].priority, facts->rules[i].priority);
	return result;
}

void priorities_close(struct priorities *priorities)
{
	free(priorities->runs);
}

int priorities_take(struct priorities *priorities, uint32_t ceiling, uint32_t count, uint32_t *first)
{
	uint32_t top = ceiling; /* all below it, down to a run's end, are free */
	size_t at = find_run(priorities, ceiling);
	if (at < priorities->count && priorities->runs[at].first < ceiling)
		top = priorities->runs[at].first;
	for (; at > 0 && top - priorities->runs[at - 1].last - 1 < count; at--)
		top = priorities->runs[at - 1].first;
	if (top <= count) {
		*first = 0;
		return 0;
	}
	int error = insert(priorities, top - count, top - 1);
	if (error == 0)
		*first = top - count;
	return error;
}
