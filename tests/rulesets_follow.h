/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Rulesets and tables followed to the end, all at once. 0 or -ENOMEM. */

#include <errno.h>

#include "collectors/firewall/ip_tables.h"
#include "collectors/firewall/nat_eval.h"

static inline int rulesets_follow(struct nat_eval *walk)
{
	int result = walk ? 0 : -ENOMEM;
	while (result == 0)
		result = nat_eval_step(walk);
	nat_eval_free(walk);
	return result < 0 ? result : 0;
}
