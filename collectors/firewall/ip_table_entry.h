/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The entries of a table of legacy iptables. What is lent points into the table. Pure. */

#include "collectors/firewall/ip_tables.h"

#include "collectors/base/address.h"

struct xt_entry_target;

/* The parts of an entry that both families have. */
struct ip_table_entry {
	size_t at, matches, target, next;      /* offsets in the table */
	int source_length, destination_length; /* of the masks; -1: no prefix */
	struct address source, destination;
	const uint8_t *source_mask, *destination_mask; /* as long as the addresses */
	const char *iif, *oif;
	const uint8_t *iif_mask, *oif_mask; /* of IFNAMSIZ bytes */
	uint16_t protocol;
	bool is_goto, fragments;
	uint8_t inverted; /* IPT_INV_*, which are those of IPv6 as well */
};

/* False where there is no whole entry. */
bool ip_table_entry_read(const struct ip_table *table, size_t at, struct ip_table_entry *entry);
const struct xt_entry_target *ip_table_entry_target(
	const struct ip_table *table, const struct ip_table_entry *entry);
/* The name of the chain that begins behind the entry; NULL if none does: of the last entry it is "ERROR". */
const char *ip_table_entry_name(const struct ip_table *table, const struct ip_table_entry *entry);
/* The name of the chain whose first rule is at `start`; NULL: it is one of the table's own. */
const char *ip_table_chain_name(const struct ip_table *table, size_t start);
