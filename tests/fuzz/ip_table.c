// SPDX-License-Identifier: GPL-2.0-or-later
/* A table of legacy iptables; the input begins with the offset of its first rule, whose lowest bit, which is
 * never set there, says that it is of IPv6. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/rulesets_follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_table table = { 0 };
	if (size <= sizeof(table.entry))
		return 0;
	struct nat_list *list = nat_list_new();
	memcpy(&table.entry, data, sizeof(table.entry));
	table.family = table.entry & 1 ? AF_INET6 : AF_INET;
	table.entry &= ~1u;
	table.size = size - sizeof(table.entry);
	uint8_t *bytes = malloc(table.size);
	if (!bytes || !list)
		abort();
	memcpy(bytes, data + sizeof(table.entry), table.size);
	ip_table_clear_counters(table.family, bytes, table.size);
	table.bytes = bytes;
	if (rulesets_follow(nat_eval_table(&table, list)) < 0 || list->count > NAT_RULES_MAX)
		abort();
	nat_list_release(list);
	free(bytes);
	return 0;
}
