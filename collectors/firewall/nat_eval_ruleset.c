// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a rule ends for some packets is remembered as an exclusion, so that a later rule is not taken to be
 * theirs. Of translations that need no such memory: the first rule that fits counts.
 */
#include <errno.h>
#include <stdlib.h>

#include "collectors/firewall/nat_eval_state.h"

#define PIECE 32 /* expressions, matches, elements, or ends of chains */

struct nat_eval *nat_eval_new(const struct nat_eval_ops *ops, struct nat_list *list)
{
	struct nat_eval *eval = calloc(1, sizeof(*eval));
	if (eval) {
		eval->ops = ops;
		eval->list = list;
	}
	return eval;
}

void nat_eval_free(struct nat_eval *eval)
{
	if (!eval)
		return;
	while (eval->rule_depth)
		nat_eval_leave_rule(eval);
	free(eval->base_chains);
	free(eval->unread);
	free(eval);
}

/* ---- how packets come and go */

/* The rule's packets, of which it is known what the rule demands, with what its chain was reached by. */
static struct nat_packets in_chain(const struct nat_eval_chain *chain, const struct nat_packets *packets)
{
	struct nat_packets whole = *packets;
	whole.narrowed |= chain->packets.narrowed;
	whole.opaque |= chain->packets.opaque;
	whole.balanced |= chain->packets.balanced;
	return whole;
}

static bool are_all(const struct nat_eval_chain *chain, const struct nat_packets *packets)
{
	return !packets->narrowed && !packets->opaque && !packets->balanced &&
	       packet_set_covers(&packets->set, &chain->packets.set);
}

void nat_eval_exclude(struct nat_eval *eval, struct nat_eval_chain *chain, const struct nat_packets *packets,
	uint64_t scope)
{
	const struct nat_packets whole = in_chain(chain, packets);
	chain->closed |= are_all(chain, packets);
	nat_exclude(&eval->exclusions, scope, &whole);
}

/* Where some packets go another way by chance, the rest of the chain is for the others. */
static void note_chance(struct nat_eval *eval, const struct nat_eval_chain *chain, bool shared_out,
	const struct nat_packets *packets)
{
	if (packets->balanced && !packets->opaque && !shared_out && !chain->packets.balanced)
		nat_exclude(&eval->exclusions, chain->scope, packets);
}

void nat_eval_translate(struct nat_eval *eval, const struct nat_eval_rule *rule,
	const struct nat_packets *packets, const struct nat_target *target)
{
	const struct nat_place place = eval->ops->place(eval, rule);
	const struct nat_packets whole = in_chain(rule->chain, packets);
	struct nat_packets left = whole;
	nat_exclusions_apply(&eval->exclusions, &left);
	if (!left.never)
		nat_list_add(eval->list, &place, &left, target);
	rule->chain->closed |= are_all(rule->chain, packets);
	note_chance(eval, rule->chain, rule->shared_out, &whole);
}

void nat_eval_note_unread(struct nat_eval *eval, const struct nat_eval_rule *rule, const char *reason)
{
	const struct nat_place place = eval->ops->place(eval, rule);
	if (!eval->unread || !eval->unread[rule->id])
		nat_list_add_unread(eval->list, &place, reason);
	if (eval->unread)
		eval->unread[rule->id] = true;
}

void nat_eval_fail(struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets,
	const char *reason)
{
	nat_eval_note_unread(eval, rule, reason);
	nat_eval_exclude(eval, rule->chain, packets, NAT_SCOPE_FOREVER);
}

bool nat_eval_target(struct nat_eval *eval, const struct nat_eval_rule *rule, const char *name,
	unsigned revision, const uint8_t *info, size_t size)
{
	struct nat_packets unknown = rule->packets;
	struct nat_target target;
	switch (xt_target_read(name, revision, info, size, rule->packets.set.family, &target)) {
	case XT_CONTINUES:
		return false;
	case XT_ENDS:
		nat_eval_exclude(eval, rule->chain, &rule->packets, NAT_SCOPE_BASE);
		break;
	case XT_TRANSLATES:
		nat_eval_translate(eval, rule, &rule->packets, &target);
		break;
	case XT_UNREADABLE:
		nat_eval_fail(eval, rule, &rule->packets, "its target is of a form that is not known");
		break;
	case XT_UNKNOWN:
		unknown.opaque = true;
		nat_eval_exclude(eval, rule->chain, &unknown, NAT_SCOPE_FOREVER);
		break;
	}
	return true;
}

/* ---- chains */

/* The packets that were led elsewhere come back, or never do. */
static void eval_return(
	struct nat_eval *eval, struct nat_eval_chain *chain, const struct nat_eval_chain *called)
{
	if (called->is_goto) {
		chain->closed |= called->all;
		nat_exclude(&eval->exclusions, chain->scope, &called->packets);
	} else {
		note_chance(eval, chain, called->shared_out, &called->packets);
	}
}

void nat_eval_call(struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets,
	size_t chain, size_t first, bool is_goto)
{
	const struct nat_eval_chain called = { .id = chain,
		.next = first,
		.scope = ++eval->chains_begun,
		.packets = in_chain(rule->chain, packets),
		.is_goto = is_goto,
		.all = are_all(rule->chain, packets),
		.shared_out = rule->shared_out };
	if (chain == NFT_NO_INDEX || eval->chain_depth > NAT_DEPTH_MAX)
		eval_return(eval, rule->chain, &called);
	else
		eval->chain[eval->chain_depth++] = called;
}

void nat_eval_begin_chain(struct nat_eval *eval, size_t chain, size_t first, uint8_t family)
{
	eval->chain[0] = (struct nat_eval_chain){ .id = chain,
		.next = first,
		.scope = ++eval->chains_begun,
		.packets = { .set = packet_set_all } };
	eval->chain[0].packets.set.family = family;
	eval->chain_depth = 1;
}

static void eval_end_chain(struct nat_eval *eval)
{
	const struct nat_eval_chain *chain = &eval->chain[--eval->chain_depth];
	nat_exclusions_leave(&eval->exclusions, chain->scope);
	if (eval->chain_depth)
		eval_return(eval, &eval->chain[eval->chain_depth - 1], chain);
	else
		nat_exclusions_leave(&eval->exclusions, NAT_SCOPE_BASE);
}

/* ---- rules */

struct nat_eval_rule *nat_eval_begin_rule(struct nat_eval *eval, struct nat_eval_chain *chain, size_t id)
{
	struct nat_eval_rule *rule = &eval->rule[eval->rule_depth++];
	*rule = (struct nat_eval_rule){ .chain = chain, .id = id, .packets = { .set = chain->packets.set } };
	return rule;
}

void nat_eval_leave_rule(struct nat_eval *eval)
{
	nat_elements_end(&eval->rule[--eval->rule_depth].elements);
}

struct nat_eval_rule *nat_eval_part(
	struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_packets *packets)
{
	if (packets->never)
		return NULL;
	if (rule->parts == NAT_PARTS_MAX) {
		nat_eval_fail(eval, rule, packets, "it has too many sets to be followed");
		return NULL;
	}
	struct nat_eval_rule *part = &eval->rule[eval->rule_depth++];
	*part = *rule;
	part->packets = *packets;
	part->parts++;
	part->parting = NAT_WHOLE;
	part->elements = (struct nat_elements){ 0 };
	return part;
}

bool nat_eval_match(
	struct nat_eval_rule *rule, const char *name, unsigned revision, const uint8_t *info, size_t size)
{
	xt_match_apply(name, revision, info, size, &rule->packets, &rule->ports);
	rule->port = 0;
	rule->parting = rule->ports.count ? NAT_BY_PORT : NAT_WHOLE;
	return rule->ports.count == 0;
}

static void eval_next_port(struct nat_eval *eval, struct nat_eval_rule *rule)
{
	if (rule->port == rule->ports.count) {
		nat_eval_leave_rule(eval);
		return;
	}
	const uint16_t *range = rule->ports.ranges[rule->port++];
	struct nat_packets packets = rule->packets;
	nat_match_ports(&packets, range[0], range[1]);
	nat_eval_part(eval, rule, &packets);
}

/* ---- pieces */

int nat_eval_step(struct nat_eval *eval)
{
	const struct nat_list *list = eval->list;
	size_t count = list->count;
	uint64_t unread = list->unread_total;
	/* What is added to the list may be cut into many prefixes before. */
	for (unsigned i = 0; i < PIECE && list->count == count && list->unread_total == unread; i++) {
		struct nat_eval_chain *chain = eval->chain_depth ? &eval->chain[eval->chain_depth - 1] : NULL;
		struct nat_eval_rule *rule = eval->rule_depth ? &eval->rule[eval->rule_depth - 1] : NULL;
		if (eval->error < 0 || list->failed)
			return -ENOMEM;
		if (!chain && !eval->ops->begin_chain(eval))
			return list->failed ? -ENOMEM : 1;
		else if (!chain)
			continue;
		else if (rule && rule->chain == chain && rule->parting == NAT_BY_PORT)
			eval_next_port(eval, rule);
		else if (rule && rule->chain == chain)
			eval->ops->step(eval, rule);
		else if (chain->closed || !eval->ops->begin_rule(eval, chain))
			eval_end_chain(eval);
	}
	return 0;
}
