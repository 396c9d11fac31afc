// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules are followed as those of nftables are (nat_eval_rule.c): with all packets at once, which each
 * match makes fewer. A chain is a place in the table; it ends with a rule that fits all packets.
 */
#include "collectors/firewall/ip_tables.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "collectors/firewall/ip_table_entry.h"
#include "collectors/firewall/nat_eval_state.h"

#define STEPS_MAX 500000u

/* ---- places */

static struct nat_place place_of(const struct nat_eval *eval, const struct nat_eval_rule *rule)
{
	const char *name = ip_table_chain_name(eval->table, rule->chain->id);
	return (struct nat_place){ .family = eval->table->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.table = "nat",
		.chain = name ? name : "PREROUTING",
		.handle = rule->chain->number,
		.legacy = true };
}

/* ---- what an entry demands */

static void match_entry(const struct ip_table_entry *entry, struct nat_packets *packets)
{
	struct address low, high;
	char name[IF_NAMESIZE + 1] = "";
	size_t length = 0;
	if (entry->destination_length < 0 ||
		((entry->inverted & IPT_INV_DSTIP) && !address_is_loopback(&entry->destination))) {
		packets->opaque = true;
	} else if (entry->destination_length && !(entry->inverted & IPT_INV_DSTIP)) {
		nat_prefix_range(&entry->destination, (uint8_t)entry->destination_length, &low, &high);
		nat_match_destination(packets, &low, &high);
	}
	/* A name whose mask ends before it does is the beginning of names. */
	while (length < IF_NAMESIZE && entry->iif_mask[length] == 0xff && entry->iif[length])
		length++;
	memcpy(name, entry->iif, length);
	if (length < IF_NAMESIZE && entry->iif_mask[length] == 0)
		name[length++] = '*';
	name[length] = '\0';
	if (entry->iif_mask[0])
		nat_match_iif(packets, name, entry->inverted & IPT_INV_VIA_IN);
	if (entry->source_length || (entry->inverted & IPT_INV_SRCIP))
		packets->narrowed = true;
	if (entry->protocol && (entry->protocol > UINT8_MAX || (entry->inverted & IPT_INV_PROTO)))
		packets->opaque = true;
	else if (entry->protocol)
		nat_match_protocol(packets, (uint8_t)entry->protocol);
	if (entry->oif[0] || entry->fragments)
		packets->opaque = true;
}

/* ---- where entries lead */

static void follow_standard(
	struct nat_eval *eval, const struct nat_eval_rule *rule, const struct ip_table_entry *entry)
{
	struct xt_standard_target target;
	if (entry->next - entry->target < sizeof(target))
		return;
	memcpy(&target, ip_table_entry_target(eval->table, entry), sizeof(target));
	if (target.verdict >= 0 && (size_t)target.verdict != entry->next)
		nat_eval_call(eval, rule, &rule->packets, (size_t)target.verdict, (size_t)target.verdict,
			entry->is_goto);
	else if (target.verdict == XT_RETURN)
		nat_eval_exclude(eval, rule->chain, &rule->packets, rule->chain->scope);
	else if (target.verdict < 0)
		nat_eval_exclude(eval, rule->chain, &rule->packets,
			target.verdict == -NF_DROP - 1 ? NAT_SCOPE_FOREVER : NAT_SCOPE_BASE);
}

static void follow_target(struct nat_eval *eval, const struct nat_eval_rule *rule)
{
	struct ip_table_entry entry;
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	if (!ip_table_entry_read(eval->table, rule->id, &entry))
		return;
	const struct xt_entry_target *raw = ip_table_entry_target(eval->table, &entry);
	memcpy(name, raw->u.user.name, XT_EXTENSION_MAXNAMELEN);
	if (name[0] == '\0')
		follow_standard(eval, rule, &entry);
	else
		nat_eval_target(eval, rule, name, raw->u.user.revision, raw->data,
			entry.next - entry.target - sizeof(*raw));
}

/* The next match, or when there is none any more the target. */
static void step_next(struct nat_eval *eval, struct nat_eval_rule *rule)
{
	const struct xt_entry_match *match = (const struct xt_entry_match *)(eval->table->bytes + rule->at);
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	bool ended = rule->at + sizeof(*match) > rule->target;
	size_t size = ended ? 0 : match->u.match_size;
	if (ended && !rule->packets.never)
		follow_target(eval, rule);
	if (ended || rule->packets.never || size < sizeof(*match) || size > rule->target - rule->at ||
		size % _Alignof(struct xt_entry_match) || eval->steps++ >= STEPS_MAX) {
		nat_eval_leave_rule(eval);
		return;
	}
	memcpy(name, match->u.user.name, XT_EXTENSION_MAXNAMELEN);
	nat_eval_match(rule, name, match->u.user.revision, match->data, size - sizeof(*match));
	rule->at += size;
}

/* ---- chains */

static bool begin_chain(struct nat_eval *eval)
{
	if (eval->base_begun++ == 0) {
		nat_eval_begin_chain(eval, eval->table->entry, eval->table->entry, eval->table->family);
		return true;
	}
	if (eval->steps >= STEPS_MAX) {
		struct nat_eval_chain chain = { .id = eval->table->entry };
		const struct nat_eval_rule rule = { .chain = &chain };
		nat_eval_note_unread(eval, &rule, "the table has more rules than are followed");
	}
	return false;
}

static bool begin_rule(struct nat_eval *eval, struct nat_eval_chain *chain)
{
	struct ip_table_entry entry;
	if (eval->steps++ >= STEPS_MAX || !ip_table_entry_read(eval->table, chain->next, &entry) ||
		ip_table_entry_name(eval->table, &entry))
		return false;
	struct nat_eval_rule *rule = nat_eval_begin_rule(eval, chain, chain->next);
	rule->at = entry.matches;
	rule->target = entry.target;
	match_entry(&entry, &rule->packets);
	chain->next = entry.next;
	chain->number++;
	return true;
}

static const struct nat_eval_ops ip_tables = {
	.begin_chain = begin_chain, .begin_rule = begin_rule, .step = step_next, .place = place_of
};

struct nat_eval *nat_eval_table(const struct ip_table *table, struct nat_list *list)
{
	struct nat_eval *eval = nat_eval_new(&ip_tables, list);
	if (eval)
		eval->table = table;
	return eval;
}

void ip_table_clear_counters(uint8_t family, uint8_t *bytes, size_t size)
{
	const struct ip_table table = { .family = family, .bytes = bytes, .size = size };
	size_t counters = family == AF_INET ? offsetof(struct ipt_entry, counters)
					    : offsetof(struct ip6t_entry, counters);
	struct ip_table_entry entry;
	for (size_t at = 0; ip_table_entry_read(&table, at, &entry); at = entry.next)
		memset(bytes + at + counters, 0, sizeof(struct xt_counters));
}
