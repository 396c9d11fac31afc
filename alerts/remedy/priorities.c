// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/priorities.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/growth.h"

static int priorities_insert(struct priorities *priorities, uint32_t priority)
{
	size_t at = priorities->count;
	while (at > 0 && priorities->taken[at - 1] > priority)
		at--;
	if (at > 0 && priorities->taken[at - 1] == priority)
		return 0;
	if (!GROW(priorities->taken, priorities->count))
		return -ENOMEM;
	memmove(&priorities->taken[at + 1], &priorities->taken[at],
		(priorities->count - 1 - at) * sizeof(*priorities->taken));
	priorities->taken[at] = priority;
	return 0;
}

int priorities_open(struct priorities *priorities, const struct facts *facts, uint8_t family)
{
	struct priorities fresh = { 0 };
	for (size_t i = 0; i < facts->rule_count; i++) {
		if (facts->rules[i].family == family &&
			priorities_insert(&fresh, facts->rules[i].priority) < 0) {
			priorities_close(&fresh);
			return -ENOMEM;
		}
	}
	*priorities = fresh;
	return 0;
}

void priorities_close(struct priorities *priorities)
{
	free(priorities->taken);
}

/* Looks into the gap below each taken priority that is itself below the ceiling, from above. */
static uint32_t priorities_find(const struct priorities *priorities, uint32_t ceiling, uint32_t count)
{
	uint32_t top = ceiling;
	for (size_t i = priorities->count; i-- > 0;) {
		uint32_t taken = priorities->taken[i];
		if (taken >= ceiling)
			continue;
		if (top - taken - 1 >= count)
			return top - count;
		top = taken;
	}
	return top > count ? top - count : 0;
}

int priorities_take(struct priorities *priorities, uint32_t ceiling, uint32_t count, uint32_t *first)
{
	uint32_t found = priorities_find(priorities, ceiling, count);
	for (uint32_t i = 0; found && i < count; i++)
		if (priorities_insert(priorities, found + i) < 0)
			return -ENOMEM;
	*first = found;
	return 0;
}
