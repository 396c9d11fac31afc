// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nft_ruleset.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/netlink.h"

#define PIECE 256 /* names to be freed, or rules to be walked, at a time */

bool nft_ruleset_clear_piece(struct nft_ruleset *ruleset)
{
	size_t left = PIECE;
	for (; left && ruleset->chain_count; left--) {
		struct nft_chain *chain = &ruleset->chains[--ruleset->chain_count];
		free(chain->table);
		free(chain->name);
	}
	for (; left && ruleset->set_count; left--) {
		struct nft_set *set = &ruleset->sets[--ruleset->set_count];
		free(set->table);
		free(set->name);
	}
	for (; left && ruleset->element_count; left--)
		free(ruleset->elements[--ruleset->element_count].chain);
	if (left == 0)
		return false;
	free(ruleset->chains);
	free(ruleset->nat_chains);
	free(ruleset->rules);
	free(ruleset->sets);
	free(ruleset->elements);
	free(ruleset->bytes);
	free(ruleset->queue);
	hash_index_destroy(&ruleset->chain_names);
	hash_index_destroy(&ruleset->set_names);
	*ruleset = (struct nft_ruleset){ 0 };
	return true;
}

void nft_ruleset_clear(struct nft_ruleset *ruleset)
{
	while (!nft_ruleset_clear_piece(ruleset))
		;
}

/* ---- found by name */

uint32_t nft_ruleset_hash(
	const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	uint64_t hash = hash_bytes(ruleset->seed + family, table, strlen(table));
	return (uint32_t)hash_bytes(hash, name, strlen(name));
}

size_t nft_ruleset_chain(
	const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	uint32_t hash = nft_ruleset_hash(ruleset, family, table, name), position = hash, item;
	while (ruleset->chain_count &&
		(item = hash_index_next(&ruleset->chain_names, hash, &position)) != HASH_INDEX_NONE) {
		const struct nft_chain *chain = &ruleset->chains[item];
		if (chain->family == family && strcmp(chain->table, table) == 0 &&
			strcmp(chain->name, name) == 0)
			return item;
	}
	return NFT_NO_INDEX;
}

size_t nft_ruleset_set(const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	uint32_t hash = nft_ruleset_hash(ruleset, family, table, name), position = hash, item;
	while (ruleset->set_count &&
		(item = hash_index_next(&ruleset->set_names, hash, &position)) != HASH_INDEX_NONE) {
		const struct nft_set *set = &ruleset->sets[item];
		if (set->family == family && strcmp(set->table, table) == 0 && strcmp(set->name, name) == 0)
			return item;
	}
	return NFT_NO_INDEX;
}

/* ---- what the nat chains lead to */

int nft_reach_chain(struct nft_ruleset *ruleset, size_t chain)
{
	if (chain == NFT_NO_INDEX || ruleset->chains[chain].reached)
		return 0;
	size_t *item = ARRAY_ADD(ruleset->queue, ruleset->queue_count);
	if (!item)
		return -ENOMEM;
	ruleset->chains[chain].reached = true;
	*item = chain;
	return 0;
}

static int reach_rule(struct nft_ruleset *ruleset, const struct nft_chain *from, const struct nft_rule *rule)
{
	struct nft_cursor cursor = { (const char *)ruleset->bytes + rule->bytes, rule->size };
	const struct nlattr *element;
	int result = 0;
	while (result == 0 && (element = nft_cursor_next(&cursor)) != NULL) {
		struct nft_expression expression;
		if (nft_expression_parse(element, &expression) < 0)
			continue;
		if (expression.kind == NFT_KIND_IMMEDIATE && expression.verdict.chain[0])
			result = nft_reach_chain(ruleset, nft_ruleset_chain(ruleset, from->family,
								  from->table, expression.verdict.chain));
		if (expression.kind == NFT_KIND_LOOKUP) {
			size_t set = nft_ruleset_set(ruleset, from->family, from->table, expression.name);
			if (set != NFT_NO_INDEX)
				ruleset->sets[set].wanted = true;
		}
	}
	return result;
}

int nft_reach(struct nft_ruleset *ruleset)
{
	int result = 0;
	for (unsigned i = 0; i < PIECE && result == 0; i++) {
		size_t rule = ruleset->reaching ? ruleset->reached_rule : NFT_NO_INDEX;
		if (rule != NFT_NO_INDEX) {
			const struct nft_chain from = ruleset->chains[ruleset->reached_chain];
			ruleset->reached_rule = ruleset->rules[rule].next;
			result = reach_rule(ruleset, &from, &ruleset->rules[rule]);
		} else if (ruleset->queue_count) {
			ruleset->reaching = true;
			ruleset->reached_chain = ruleset->queue[--ruleset->queue_count];
			ruleset->reached_rule = ruleset->chains[ruleset->reached_chain].first_rule;
		} else {
			return 1;
		}
	}
	return result;
}
