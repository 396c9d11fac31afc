// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/change/change_facts.h"

#include <stdlib.h>

static const char *const kind_names[CHANGE_KINDS] = {
	[CHANGE_RULE] = "rule",
	[CHANGE_REPLY_ROUTE] = "reply_route",
	[CHANGE_DEVICE] = "device",
	[CHANGE_ADDRESS] = "address",
	[CHANGE_RP_FILTER] = "rp_filter",
	[CHANGE_FORWARDING] = "forwarding",
	[CHANGE_TRANSLATION] = "translation",
	[CHANGE_ELEMENT] = "element",
	[CHANGE_TARGET] = "target",
};

static const char *const event_names[] = {
	[CHANGE_CAME] = "came",
	[CHANGE_WENT] = "went",
	[CHANGE_CHANGED] = "changed",
};

const char *change_kind_name(enum change_kind kind)
{
	return kind_names[kind];
}

const char *change_event_name(enum change_event event)
{
	return event_names[event];
}

const struct change *change_share(const struct change *change)
{
	if (change)
		atomic_fetch_add(&((struct change *)(uintptr_t)change)->holders, 1);
	return change;
}

void change_release(const struct change *shared)
{
	struct change *change = (struct change *)(uintptr_t)shared;
	if (!change || atomic_fetch_sub(&change->holders, 1) != 1)
		return;
	free(change->text);
	free(change);
}

const struct change_history *change_history_share(const struct change_history *history)
{
	if (history)
		atomic_fetch_add(&((struct change_history *)(uintptr_t)history)->holders, 1);
	return history;
}

void change_history_release(const struct change_history *shared)
{
	struct change_history *history = (struct change_history *)(uintptr_t)shared;
	if (!history || atomic_fetch_sub(&history->holders, 1) != 1)
		return;
	for (size_t i = 0; i < history->count; i++)
		change_release(history->items[i]);
	free(history->items);
	free(history);
}
