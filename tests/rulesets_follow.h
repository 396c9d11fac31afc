/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Rulesets and tables followed to the end, all at once. 0 or -ENOMEM. */

#include <errno.h>

#include "collectors/ip_tables.h"
#include "collectors/nat_walk.h"

static inline int rulesets_follow(struct nat_walk *walk)
{
	int result = walk ? 0 : -ENOMEM;
	while (result == 0)
		result = nat_walk_on(walk);
	nat_walk_free(walk);
	return result < 0 ? result : 0;
}
