/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What changed between two looks at the same host: rules, reply routes, devices, addresses, rp_filter,
 * forwarding, and what the firewall translates. Pure: of the facts alone.
 *
 * Of a kind whose collector could not look at either time nothing is told. Reply routes are compared for
 * replies that were looked up both times; a new peer is no change. Handles of the firewall's rules do not
 * count: a ruleset that is loaded again is the same one.
 */

#include "collectors/facts.h"

#define CHANGES_TOLD 32 /* of each kind, between two facts; more are only counted */

struct changes {
	struct change **items; /* by kind, in order of what they are about */
	size_t count;
	uint64_t totals[CHANGE_KINDS];
};

/* 0 or -ENOMEM. Both facts must be of the same namespace, `before` the earlier. */
int changes_find(const struct facts *before, const struct facts *now, struct changes *out);
/* Selects, and does, the same. */
bool change_is_same_rule(const struct rule *a, const struct rule *b);
/* Accepts what was emptied. */
void changes_clear(struct changes *changes);

/* Sets now->changes to the history of `before` and what changed since; to an empty one if before is NULL.
 * 0 or -ENOMEM: then it is as it was. */
int changes_note(const struct facts *before, struct facts *now);
