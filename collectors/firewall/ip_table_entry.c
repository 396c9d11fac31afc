// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/ip_table_entry.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "collectors/firewall/packet_set.h"

static void read_entry4(const struct ipt_entry *raw, struct ip_table_entry *entry)
{
	entry->source_length = nat_mask_length((const uint8_t *)&raw->ip.smsk, 4);
	entry->destination_length = nat_mask_length((const uint8_t *)&raw->ip.dmsk, 4);
	entry->destination = address_make(AF_INET, &raw->ip.dst);
	entry->source = address_make(AF_INET, &raw->ip.src);
	entry->source_mask = (const uint8_t *)&raw->ip.smsk;
	entry->destination_mask = (const uint8_t *)&raw->ip.dmsk;
	entry->iif = raw->ip.iniface;
	entry->oif = raw->ip.outiface;
	entry->iif_mask = raw->ip.iniface_mask;
	entry->oif_mask = raw->ip.outiface_mask;
	entry->protocol = raw->ip.proto;
	entry->is_goto = raw->ip.flags & IPT_F_GOTO;
	entry->fragments = raw->ip.flags & IPT_F_FRAG;
	entry->inverted = raw->ip.invflags;
	entry->matches = entry->at + sizeof(*raw);
	entry->target = entry->at + raw->target_offset;
	entry->next = entry->at + raw->next_offset;
}

static void read_entry6(const struct ip6t_entry *raw, struct ip_table_entry *entry)
{
	entry->source_length = nat_mask_length((const uint8_t *)&raw->ipv6.smsk, 16);
	entry->destination_length = nat_mask_length((const uint8_t *)&raw->ipv6.dmsk, 16);
	entry->destination = address_make(AF_INET6, &raw->ipv6.dst);
	entry->source = address_make(AF_INET6, &raw->ipv6.src);
	entry->source_mask = (const uint8_t *)&raw->ipv6.smsk;
	entry->destination_mask = (const uint8_t *)&raw->ipv6.dmsk;
	entry->iif = raw->ipv6.iniface;
	entry->oif = raw->ipv6.outiface;
	entry->iif_mask = raw->ipv6.iniface_mask;
	entry->oif_mask = raw->ipv6.outiface_mask;
	entry->protocol = raw->ipv6.proto;
	entry->is_goto = raw->ipv6.flags & IP6T_F_GOTO;
	entry->inverted = raw->ipv6.invflags;
	entry->matches = entry->at + sizeof(*raw);
	entry->target = entry->at + raw->target_offset;
	entry->next = entry->at + raw->next_offset;
}

static size_t header_size(const struct ip_table *table)
{
	return table->family == AF_INET ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
}

bool ip_table_entry_read(const struct ip_table *table, size_t at, struct ip_table_entry *entry)
{
	if (at % _Alignof(struct ipt_entry) || at > table->size || table->size - at < header_size(table))
		return false;
	*entry = (struct ip_table_entry){ .at = at };
	if (table->family == AF_INET)
		read_entry4((const struct ipt_entry *)(table->bytes + at), entry);
	else
		read_entry6((const struct ip6t_entry *)(table->bytes + at), entry);
	return entry->target >= at + header_size(table) && entry->next <= table->size &&
	       entry->target % _Alignof(struct xt_entry_target) == 0 && entry->target <= entry->next &&
	       entry->next - entry->target >= sizeof(struct xt_entry_target);
}

const struct xt_entry_target *ip_table_entry_target(
	const struct ip_table *table, const struct ip_table_entry *entry)
{
	return (const struct xt_entry_target *)(table->bytes + entry->target);
}

/* The name of a chain stands in an entry of its own before its first rule, as the target ERROR has it. */
const char *ip_table_entry_name(const struct ip_table *table, const struct ip_table_entry *entry)
{
	const struct xt_entry_target *target = ip_table_entry_target(table, entry);
	if (strncmp(target->u.user.name, XT_ERROR_TARGET, XT_EXTENSION_MAXNAMELEN) != 0 ||
		entry->next - entry->target < sizeof(struct xt_error_target))
		return NULL;
	const char *name = ((const struct xt_error_target *)target)->errorname;
	return memchr(name, '\0', XT_FUNCTION_MAXNAMELEN) ? name : NULL;
}

const char *ip_table_chain_name(const struct ip_table *table, size_t start)
{
	size_t size = header_size(table) + XT_ALIGN(sizeof(struct xt_error_target));
	struct ip_table_entry entry;
	bool named = start >= size && ip_table_entry_read(table, start - size, &entry) && entry.next == start;
	const char *name = named ? ip_table_entry_name(table, &entry) : NULL;
	return name;
}
