/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rules of the firewall that translate destinations. */

#include "collectors/firewall/nat_list.h"

struct nat_facts {
	const struct nat_list *nat_rules; /* shared; NULL: the ruleset was not read */
	bool owner_tables;                /* nftables is there, and has tables with an owner: one can trace */
};

static inline void nat_facts_clear(struct nat_facts *own)
{
	nat_list_release(own->nat_rules);
}
