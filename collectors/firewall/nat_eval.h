/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which destinations a ruleset translates, and to what. The rules are followed as the kernel follows them,
 * but with all packets at once: each selector makes the set of packets smaller, each element of a set or map
 * is a way of its own, and where a way ends in a translation stands what it has gathered. A piece at a time;
 * pure.
 */

#include "collectors/firewall/nat_list.h"
#include "collectors/firewall/nft_ruleset.h"

struct ip_table;
struct nat_eval;

/* Begin to evaluate the nat chains of an nftables ruleset, or the nat table of legacy iptables; what is found
 * is added to the list. Both must stay as they are until the end. NULL when memory is out. */
struct nat_eval *nat_eval_ruleset(const struct nft_ruleset *ruleset, struct nat_list *list);
struct nat_eval *nat_eval_table(const struct ip_table *table, struct nat_list *list);

/* Goes on for some microseconds, a fraction of a millisecond at most. 0: there is more; 1: that was all; or
 * -ENOMEM. */
int nat_eval_step(struct nat_eval *eval);
/* Accepts NULL, and an evaluation that has not ended. */
void nat_eval_free(struct nat_eval *eval);
