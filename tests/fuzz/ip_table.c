// SPDX-License-Identifier: GPL-2.0-or-later
/* A table of legacy iptables; the input begins with the offset of its first rule, whose lowest bit, which is
 * never set there, says that it is of IPv6. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/firewall/filter_eval.h"
#include "tests/rulesets_follow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One packet, from the same entry. */
static void follow_one(const struct ip_table *table)
{
	static struct filter_way way;
	struct filter_rules rules = { .reader = NULL };
	struct filter_packet packet = { .iif = 2, .iifname = "eth0", .mark_known = UINT32_MAX };
	struct ip_table *filter = &rules.tables[table->family == AF_INET6][3];
	*filter = *table;
	for (unsigned hook = 0; hook < IP_TABLE_HOOKS; hook++)
		filter->hooks[hook] = filter->policies[hook] = IP_TABLE_NO_ENTRY;
	filter->hooks[2] = table->entry;
	filter->policies[2] = 0;
	packet.source.address = packet.destination.address = address_make(table->family, table->bytes);
	filter_begin(&way, &packet);
	filter_follow(&way, &rules, NULL, 2);
	if (filter_end(&way) == FILTER_DROPS && !filter_decider(&way))
		abort();
}

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
	if (table.size >= 16)
		follow_one(&table);
	free(bytes);
	return 0;
}
