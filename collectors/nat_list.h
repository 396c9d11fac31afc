/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The translations found in a ruleset, while they are gathered. Their names are offsets until they are copied
 * into the facts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/facts.h"
#include "collectors/nat_box.h"
#include "collectors/xt_match.h"

/* Where a rule stands. */
struct nat_place {
	uint8_t family; /* NFPROTO_* */
	const char *table, *chain;
	uint64_t handle;
	bool legacy;
};

struct nat_list {
	struct nat_rule *rules; /* without names */
	size_t count;
	struct nat_unread *unread; /* likewise */
	size_t unread_count;
	uint64_t unread_total;
	struct nat_name {
		size_t table, chain, excluded; /* offsets in `names` */
	} * places;                            /* of each rule */
	size_t place_count;
	struct nat_name *unread_places;
	size_t unread_place_count;
	char *names;
	size_t name_size, name_room;
	bool failed; /* memory is out */
};

void nat_list_clear(struct nat_list *list);

/* Adds what is translated to the target: a rule for each prefix that the box consists of. Beyond
 * NAT_RULES_MAX, or if it cannot be said as rules, it is counted as unread. */
void nat_list_add(struct nat_list *list, const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target);
/* `reason` is static. */
void nat_list_add_unread(struct nat_list *list, const struct nat_place *place, const char *reason);

/* Puts a copy into the facts; the names of devices that rules give by number are taken from them. 0 or
 * -ENOMEM.
 */
int nat_list_copy(const struct nat_list *list, struct facts *facts);
