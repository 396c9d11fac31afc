// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may mark what this host sends. Nothing is followed packet by packet: one rule that might set a mark, in
 * a chain that the output hook leads to, is enough.
 */
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/firewall/filter_eval.h"

#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

#include "collectors/firewall/ip_table_entry.h"

/* All that are known to let the mark alone. CONNMARK, HMARK, MARK and SET do not, nor does the program that
 * NFQUEUE hands packets to. */
static bool target_marks(const char *name)
{
	static const char *const others[] = { "ACCEPT", "AUDIT", "CHECKSUM", "CLASSIFY", "CONNSECMARK", "CT",
		"DNAT", "DROP", "DSCP", "ECN", "HL", "IDLETIMER", "LED", "LOG", "MASQUERADE", "NETMAP",
		"NFLOG", "NOTRACK", "RATEEST", "REDIRECT", "REJECT", "SECMARK", "SNAT", "TCPMSS",
		"TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG" };
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(name, others[i]) == 0)
			return false;
	return true;
}

/* ---- nftables */

static bool expression_marks(const struct nft_expression *expression)
{
	switch ((int)expression->kind) {
	case NFT_KIND_UNKNOWN:
		return strcmp(expression->name, "notrack") != 0;
	case NFT_KIND_META:
		return expression->destination == NFT_REGISTER_NONE && expression->key == NFT_META_MARK;
	case NFT_KIND_TARGET:
		return target_marks(expression->name);
	case NFT_KIND_END:
		return strcmp(expression->name, "queue") == 0;
	}
	return false;
}

static bool rule_marks(const struct nft_ruleset *ruleset, const struct nft_rule *rule)
{
	struct nft_cursor cursor = { (const char *)ruleset->bytes + rule->bytes, rule->size };
	const struct nlattr *element;
	while ((element = nft_cursor_next(&cursor)) != NULL) {
		struct nft_expression expression;
		if (nft_expression_parse(element, &expression) < 0 || expression_marks(&expression))
			return true;
	}
	return false;
}

static bool ruleset_marks(const struct nft_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->rule_count; i++)
		if (ruleset->chains[ruleset->rules[i].chain].reached &&
			rule_marks(ruleset, &ruleset->rules[i]))
			return true;
	return ruleset->omitted > 0;
}

/* ---- legacy iptables */

struct table_walk {
	const struct ip_table *table;
	bool *seen; /* by offset */
	size_t *chains;
	size_t chain_count; /* that are still to be walked */
};

/* Also if it cannot be told, or memory is out. */
static bool entry_marks(struct table_walk *walk, const struct ip_table_entry *entry)
{
	const struct xt_entry_target *raw = ip_table_entry_target(walk->table, entry);
	struct xt_standard_target target;
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	memcpy(name, raw->u.user.name, XT_EXTENSION_MAXNAMELEN);
	if (name[0])
		return target_marks(name);
	if (entry->next - entry->target < sizeof(target))
		return true;
	memcpy(&target, raw, sizeof(target));
	if (target.verdict < 0)
		return target.verdict == -NF_QUEUE - 1;
	size_t *chain = ARRAY_ADD(walk->chains, walk->chain_count);
	if (chain)
		*chain = (size_t)target.verdict;
	return !chain;
}

/* One of the table's own chains ends with its policy, others before the name of the next one. */
static bool chain_marks(struct table_walk *walk, size_t at)
{
	struct ip_table_entry entry;
	for (;; at = entry.next) {
		if (!ip_table_entry_read(walk->table, at, &entry))
			return true;
		if (walk->seen[at] || ip_table_entry_name(walk->table, &entry))
			return false;
		walk->seen[at] = true;
		if (entry_marks(walk, &entry))
			return true;
		if (at == walk->table->policies[NF_INET_LOCAL_OUT])
			return false;
	}
}

static bool table_marks(const struct ip_table *table)
{
	if (!table->bytes || table->hooks[NF_INET_LOCAL_OUT] == IP_TABLE_NO_ENTRY)
		return false;
	struct table_walk walk = { .table = table, .seen = calloc(table->size + 1, sizeof(*walk.seen)) };
	bool marks = !walk.seen || chain_marks(&walk, table->hooks[NF_INET_LOCAL_OUT]);
	while (!marks && walk.chain_count)
		marks = chain_marks(&walk, walk.chains[--walk.chain_count]);
	free(walk.seen);
	free(walk.chains);
	return marks;
}

bool filter_rules_mark_output(const struct filter_rules *rules)
{
	bool marks = ruleset_marks(&rules->ruleset);
	for (unsigned i = 0; i < 2 && !marks; i++)
		for (unsigned j = 0; j < FILTER_LEGACY && !marks; j++)
			marks = table_marks(&rules->tables[i][j]);
	return marks;
}
