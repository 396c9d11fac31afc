/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which destinations an nftables ruleset translates, and to what. The rules of the nat chains are followed as
 * the kernel follows them, but with all packets at once: each selector makes the box of packets smaller, each
 * element of a set or map is a way of its own, and where a way ends in a translation stands what it has
 * gathered. Pure.
 */

#include "collectors/nat_list.h"
#include "collectors/nft_ruleset.h"

#define NAT_STEPS_MAX 2000000u /* expressions and elements; what is beyond is counted as unread */

/* Adds all translations in the ruleset to the list, and what could not be read. 0 or -ENOMEM. */
int nat_walk(const struct nft_ruleset *ruleset, struct nat_list *list);
