/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The packets that do not come to the next rule, while a ruleset is followed. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "collectors/firewall/packet_set.h"

/* For how long they are gone: during one visit of a chain (its number), in the base chain and what it calls,
 * or for good. */
#define NAT_SCOPE_BASE    0
#define NAT_SCOPE_FOREVER UINT64_MAX

struct nat_exclusion {
	struct nat_packets packets;
	uint64_t scope;
};

#define NAT_EXCLUSIONS_MAX 256

struct nat_exclusions {
	struct nat_exclusion items[NAT_EXCLUSIONS_MAX];
	unsigned count;
	bool overflown; /* some were not remembered: nothing after them is certain */
};

void nat_exclude(struct nat_exclusions *exclusions, uint64_t scope, const struct nat_packets *packets);
void nat_exclusions_leave(struct nat_exclusions *exclusions, uint64_t scope);
/* Takes them away from the packets. */
void nat_exclusions_apply(const struct nat_exclusions *exclusions, struct nat_packets *packets);
