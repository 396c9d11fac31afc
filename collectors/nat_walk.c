// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A rule is run expression by expression. Where the packets part (an element of a set, a range of ports), the
 * rest of the rule is run for each part on its own; so an expression that parts them has run the rest when it
 * returns. What a rule ends for some packets is remembered as an exclusion, so that a later rule is not taken
 * to be theirs. Of translations that need no such memory: the first rule that fits counts.
 */
#include "collectors/nat_walk.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/nat_run.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables_core.c */

static void visit_chain(
	struct nat_walk *walk, size_t chain, unsigned depth, const struct nat_packets *packets);

/* ---- what is found */

static struct nat_place place_of(const struct nat_walk *walk, const struct nft_rule *rule)
{
	const struct nft_chain *chain = &walk->ruleset->chains[rule->chain];
	return (struct nat_place){
		.family = chain->family, .table = chain->table, .chain = chain->name, .handle = rule->handle
	};
}

void nat_walk_note_unread(struct nat_walk *walk, const struct nft_rule *rule, const char *reason)
{
	const struct nat_place place = place_of(walk, rule);
	bool *counted = &walk->unread[rule - walk->ruleset->rules];
	if (!*counted)
		nat_list_add_unread(walk->list, &place, reason);
	*counted = true;
}

/* ---- how ways end */

static bool are_all(const struct nat_visit *visit, const struct nat_packets *packets)
{
	const struct nat_packets *before = &visit->packets;
	return packets->narrowed == before->narrowed && packets->opaque == before->opaque &&
	       packets->balanced == before->balanced && nat_box_covers(&packets->box, &before->box);
}

void nat_walk_end(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	uint64_t scope)
{
	point->visit->closed |= are_all(point->visit, packets);
	nat_exclude(&walk->exclusions, scope, packets);
}

/* Where some packets go another way by chance, the rest of the chain is for the others. */
static void note_chance(
	struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets)
{
	if (packets->balanced && !packets->opaque && !point->shared_out && !point->visit->packets.balanced)
		nat_exclude(&walk->exclusions, point->visit->scope, packets);
}

void nat_walk_translate(struct nat_walk *walk, const struct nat_point *point,
	const struct nat_packets *packets, const struct nat_target *target)
{
	const struct nat_place place = place_of(walk, point->rule);
	struct nat_packets left = *packets;
	nat_exclusions_apply(&walk->exclusions, &left);
	if (!left.never)
		nat_list_add(walk->list, &place, &left, target);
	point->visit->closed |= are_all(point->visit, packets);
	note_chance(walk, point, packets);
}

void nat_walk_fail(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	const char *reason)
{
	nat_walk_note_unread(walk, point->rule, reason);
	nat_walk_end(walk, point, packets, NAT_SCOPE_FOREVER);
}

static void follow(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	const char *name)
{
	const struct nft_chain *from = &walk->ruleset->chains[point->rule->chain];
	size_t chain = nft_ruleset_chain(walk->ruleset, from->family, from->table, name);
	if (chain != NFT_NO_INDEX)
		visit_chain(walk, chain, point->visit->depth + 1, packets);
}

void nat_walk_decide(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	int32_t code, const char *chain)
{
	if (code == NFT_JUMP || code == NFT_GOTO)
		follow(walk, point, packets, chain);
	if (code == NFT_JUMP)
		note_chance(walk, point, packets);
	if (code == NFT_GOTO || code == NFT_RETURN)
		nat_walk_end(walk, point, packets, point->visit->scope);
	else if (code == NF_DROP)
		nat_walk_end(walk, point, packets, NAT_SCOPE_FOREVER);
	else if (code > 0)
		nat_walk_end(walk, point, packets, NAT_SCOPE_BASE);
}

/* ---- visits */

static void run_rule(struct nat_walk *walk, struct nat_visit *visit, const struct nft_rule *rule)
{
	const struct nat_point point = { visit, rule,
		{ (const char *)walk->ruleset->bytes + rule->bytes, rule->size }, 0, false };
	const struct nat_progress state = { .packets = visit->packets };
	nat_run(walk, point, state);
}

static void visit_chain(
	struct nat_walk *walk, size_t chain, unsigned depth, const struct nat_packets *packets)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	struct nat_visit visit = {
		.chain = chain, .scope = ++walk->visits, .depth = depth, .packets = *packets
	};
	if (depth > DEPTH_MAX)
		return;
	for (size_t r = ruleset->chains[chain].first_rule;
		r != NFT_NO_INDEX && !visit.closed && walk->error == 0; r = ruleset->rules[r].next)
		run_rule(walk, &visit, &ruleset->rules[r]);
	nat_exclusions_leave(&walk->exclusions, visit.scope);
}

/* ---- the base chains, in the order in which the kernel asks them */

static int by_priority(const void *a, const void *b)
{
	const struct nft_chain *left = *(const struct nft_chain *const *)a;
	const struct nft_chain *right = *(const struct nft_chain *const *)b;
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	return (left > right) - (left < right);
}

static uint8_t family_of(const struct nft_chain *chain)
{
	return chain->family == NFPROTO_IPV4 ? AF_INET : chain->family == NFPROTO_IPV6 ? AF_INET6 : AF_UNSPEC;
}

static void visit_base_chains(struct nat_walk *walk, const struct nft_chain **chains, size_t count)
{
	for (size_t i = 0; i < count && walk->error == 0; i++) {
		struct nat_packets packets = { .box = nat_box_all };
		packets.box.family = family_of(chains[i]);
		visit_chain(walk, (size_t)(chains[i] - walk->ruleset->chains), 0, &packets);
		nat_exclusions_leave(&walk->exclusions, NAT_SCOPE_BASE);
	}
}

static size_t find_base_chains(const struct nft_ruleset *ruleset, const struct nft_chain **chains)
{
	size_t count = 0;
	for (size_t i = 0; i < ruleset->chain_count; i++)
		if (ruleset->chains[i].is_nat)
			chains[count++] = &ruleset->chains[i];
	if (count)
		qsort(chains, count, sizeof(*chains), by_priority);
	return count;
}

static void note_omitted(struct nat_walk *walk)
{
	static const struct nat_place nowhere = { .table = "", .chain = "" };
	for (uint64_t i = 0; i < walk->ruleset->omitted && i < 1; i++)
		nat_list_add_unread(walk->list, &nowhere, "the ruleset is too large to be read whole");
	if (walk->ruleset->omitted > 1)
		walk->list->unread_total += walk->ruleset->omitted - 1;
}

int nat_walk(const struct nft_ruleset *ruleset, struct nat_list *list)
{
	struct nat_walk *walk = calloc(1, sizeof(*walk));
	const struct nft_chain **chains = calloc(ruleset->chain_count + 1, sizeof(*chains));
	bool *unread = calloc(ruleset->rule_count + 1, sizeof(*unread));
	int result = walk && chains && unread ? 0 : -ENOMEM;
	if (result == 0) {
		*walk = (struct nat_walk){ .ruleset = ruleset, .list = list, .unread = unread };
		visit_base_chains(walk, chains, find_base_chains(ruleset, chains));
		note_omitted(walk);
		result = walk->error < 0 ? walk->error : list->failed ? -ENOMEM : 0;
	}
	free(chains);
	free(unread);
	free(walk);
	return result;
}
