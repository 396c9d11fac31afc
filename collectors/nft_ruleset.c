// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nft_ruleset.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"
#include "collectors/netlink.h"

void nft_ruleset_clear(struct nft_ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset->chain_count; i++) {
		free(ruleset->chains[i].table);
		free(ruleset->chains[i].name);
	}
	for (size_t i = 0; i < ruleset->set_count; i++) {
		free(ruleset->sets[i].table);
		free(ruleset->sets[i].name);
	}
	for (size_t i = 0; i < ruleset->element_count; i++)
		free(ruleset->elements[i].chain);
	free(ruleset->chains);
	free(ruleset->rules);
	free(ruleset->sets);
	free(ruleset->elements);
	free(ruleset->bytes);
	free(ruleset->queue);
	*ruleset = (struct nft_ruleset){ 0 };
}

/* ---- order */

static int compare_names(uint8_t family, const char *table, const char *name, uint8_t other_family,
	const char *other_table, const char *other_name)
{
	if (family != other_family)
		return family < other_family ? -1 : 1;
	int order = strcmp(table, other_table);
	return order ? order : strcmp(name, other_name);
}

static int by_chain(const void *a, const void *b)
{
	const struct nft_chain *left = a, *right = b;
	return compare_names(left->family, left->table, left->name, right->family, right->table, right->name);
}

static int by_set(const void *a, const void *b)
{
	const struct nft_set *left = a, *right = b;
	return compare_names(left->family, left->table, left->name, right->family, right->table, right->name);
}

void nft_ruleset_sort_chains(struct nft_ruleset *ruleset)
{
	if (ruleset->chain_count && !ruleset->rule_count)
		qsort(ruleset->chains, ruleset->chain_count, sizeof(*ruleset->chains), by_chain);
}

void nft_ruleset_sort_sets(struct nft_ruleset *ruleset)
{
	if (ruleset->set_count && !ruleset->element_count)
		qsort(ruleset->sets, ruleset->set_count, sizeof(*ruleset->sets), by_set);
}

size_t nft_ruleset_chain(
	const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	const struct nft_chain key = { .family = family, .table = (char *)table, .name = (char *)name };
	const struct nft_chain *found =
		ruleset->chain_count
			? bsearch(&key, ruleset->chains, ruleset->chain_count, sizeof(key), by_chain)
			: NULL;
	return found ? (size_t)(found - ruleset->chains) : NFT_NO_INDEX;
}

size_t nft_ruleset_set(const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	const struct nft_set key = { .family = family, .table = (char *)table, .name = (char *)name };
	const struct nft_set *found =
		ruleset->set_count ? bsearch(&key, ruleset->sets, ruleset->set_count, sizeof(key), by_set)
				   : NULL;
	return found ? (size_t)(found - ruleset->sets) : NFT_NO_INDEX;
}

/* ---- what the nat chains lead to */

static int reach_chain(struct nft_ruleset *ruleset, size_t chain)
{
	if (chain == NFT_NO_INDEX || ruleset->chains[chain].reached)
		return 0;
	size_t *item = GROW(ruleset->queue, ruleset->queue_count);
	if (!item)
		return -ENOMEM;
	ruleset->chains[chain].reached = true;
	*item = chain;
	return 0;
}

static int reach_named(struct nft_ruleset *ruleset, const struct nft_chain *from, const char *name)
{
	return reach_chain(ruleset, nft_ruleset_chain(ruleset, from->family, from->table, name));
}

static int reach_expression(
	struct nft_ruleset *ruleset, const struct nft_chain *from, const struct nft_expression *expression)
{
	if (expression->kind == NFT_KIND_IMMEDIATE && expression->verdict.chain[0])
		return reach_named(ruleset, from, expression->verdict.chain);
	if (expression->kind == NFT_KIND_LOOKUP) {
		size_t set = nft_ruleset_set(ruleset, from->family, from->table, expression->name);
		if (set != NFT_NO_INDEX)
			ruleset->sets[set].wanted = true;
	}
	return 0;
}

static int reach_rule(struct nft_ruleset *ruleset, const struct nft_chain *from, const struct nft_rule *rule)
{
	struct nft_cursor cursor = { (const char *)ruleset->bytes + rule->bytes, rule->size };
	const struct nlattr *element;
	int result = 0;
	while (result == 0 && (element = nft_cursor_next(&cursor)) != NULL) {
		struct nft_expression expression;
		if (nft_expression_parse(element, &expression) == 0)
			result = reach_expression(ruleset, from, &expression);
	}
	return result;
}

static int reach_nat_chains(struct nft_ruleset *ruleset)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < ruleset->chain_count; i++)
		if (ruleset->chains[i].is_nat)
			result = reach_chain(ruleset, i);
	return result;
}

static int reach_maps(struct nft_ruleset *ruleset)
{
	int result = 0;
	for (size_t s = 0; result == 0 && s < ruleset->set_count; s++) {
		const struct nft_set *set = &ruleset->sets[s];
		const struct nft_chain from = { .family = set->family, .table = set->table };
		for (size_t e = set->first_element;
			set->wanted && set->verdicts && e != NFT_NO_INDEX && result == 0;
			e = ruleset->elements[e].next)
			if (ruleset->elements[e].chain)
				result = reach_named(ruleset, &from, ruleset->elements[e].chain);
	}
	return result;
}

int nft_reach(struct nft_ruleset *ruleset)
{
	int result = reach_nat_chains(ruleset);
	if (result == 0)
		result = reach_maps(ruleset);
	while (result == 0 && ruleset->queue_count) {
		const struct nft_chain from = ruleset->chains[ruleset->queue[--ruleset->queue_count]];
		for (size_t r = from.first_rule; result == 0 && r != NFT_NO_INDEX; r = ruleset->rules[r].next)
			result = reach_rule(ruleset, &from, &ruleset->rules[r]);
	}
	return result;
}
