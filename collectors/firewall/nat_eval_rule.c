// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nftables. Where packets part (an element of a set, a range of ports), the rest of the rule is evaluated for
 * each part on its own; so an expression that parts them is the last that is evaluated for all.
 */
#include "collectors/firewall/nat_eval_state.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 2000000u /* what is beyond is counted as unread */

/* What an expression leaves of the rule. */
enum outcome { CONTINUES, PARTS, ENDS };

/* ---- translations */

/* Of what the registers hold; false if that is not known. */
static bool read_target(
	struct nat_eval_rule *rule, const struct nft_expression *expression, struct nat_target *target)
{
	const struct nat_registers *registers = &rule->registers;
	uint8_t family = nat_family(expression->family), bytes[2][16];
	if (expression->source != NFT_REGISTER_NONE) {
		size_t size = address_size(family);
		if (family == AF_UNSPEC)
			return false;
		nat_match_family(&rule->packets, family);
		if (!nat_registers_constant(registers, expression->source, size, bytes[0]) ||
			!nat_registers_constant(registers, expression->source_end, size, bytes[1]))
			return false;
		target->low = address_make(family, bytes[0]);
		target->high = address_make(family, bytes[1]);
	}
	if (expression->port != NFT_REGISTER_NONE) {
		if (!nat_registers_constant(registers, expression->port, 2, bytes[0]) ||
			!nat_registers_constant(registers, expression->port_end, 2, bytes[1]))
			return false;
		target->ports[0] = nat_port_of(bytes[0]);
		target->ports[1] = nat_port_of(bytes[1]);
	}
	return true;
}

static void translate(
	struct nat_eval *eval, struct nat_eval_rule *rule, const struct nft_expression *expression)
{
	struct nat_target target = { .redirect = expression->kind == NFT_KIND_REDIR,
		.netmap = expression->flags & NF_NAT_RANGE_NETMAP };
	if (expression->kind == NFT_KIND_NAT && expression->key != NFT_NAT_DNAT)
		nat_eval_exclude(eval, rule->chain, &rule->packets, NAT_SCOPE_BASE);
	else if (!read_target(rule, expression, &target))
		nat_eval_fail(eval, rule, &rule->packets,
			"its target is computed from the packet or read from something that cannot be followed");
	else if (!rule->packets.never)
		nat_eval_translate(eval, rule, &rule->packets, &target);
}

/* ---- verdicts */

static void follow_verdict(struct nat_eval *eval, const struct nat_eval_rule *rule,
	const struct nat_packets *packets, int32_t code, const char *name)
{
	const struct nft_ruleset *ruleset = eval->ruleset;
	if (code == NFT_JUMP || code == NFT_GOTO) {
		struct nft_name called = ruleset->chains[rule->chain->id].name;
		called.own = name;
		size_t chain = nft_ruleset_chain(ruleset, &called);
		nat_eval_call(eval, rule, packets, chain,
			chain == NFT_NO_INDEX ? NFT_NO_INDEX : ruleset->chains[chain].first_rule,
			code == NFT_GOTO);
	} else if (code == NFT_RETURN) {
		nat_eval_exclude(eval, rule->chain, packets, rule->chain->scope);
	} else if (code == NF_DROP) {
		nat_eval_exclude(eval, rule->chain, packets, NAT_SCOPE_FOREVER);
	} else if (code > 0) {
		nat_eval_exclude(eval, rule->chain, packets, NAT_SCOPE_BASE);
	}
}

/* ---- comparisons */

static enum outcome match_other(
	struct nat_eval_rule *rule, unsigned source, struct nft_data from, struct nft_data to)
{
	if (nat_registers_is(&rule->registers, source, from.size, FIELD_PORT)) {
		xt_ports_except(&rule->ports, nat_port_of(from.bytes), nat_port_of(to.bytes));
		rule->port = 0;
		rule->parting = NAT_BY_PORT;
		return PARTS;
	}
	if (memcmp(from.bytes, to.bytes, from.size) != 0)
		rule->packets.opaque = true;
	nat_registers_match_other(&rule->registers, source, from.bytes, from.size, &rule->packets);
	return CONTINUES;
}

static enum outcome compare(struct nat_eval_rule *rule, const struct nft_expression *expression)
{
	bool range = expression->kind == NFT_KIND_RANGE;
	const struct nft_data from = expression->data, to = range ? expression->more : from;
	uint32_t operation = expression->operation;
	uint8_t low[NFT_REGISTER_BYTES] = { 0 }, high[NFT_REGISTER_BYTES];
	if (!from.bytes || !to.bytes || from.size == 0 || from.size > sizeof(low) || from.size != to.size) {
		rule->packets.opaque = true;
		return CONTINUES;
	}
	if (operation == (range ? (uint32_t)NFT_RANGE_NEQ : (uint32_t)NFT_CMP_NEQ))
		return match_other(rule, expression->source, from, to);
	bool below = !range && (operation == NFT_CMP_LT || operation == NFT_CMP_LTE);
	bool above = !range && !below && operation != NFT_CMP_EQ;
	memset(high, 0xff, sizeof(high));
	if (!below)
		memcpy(low, from.bytes, from.size);
	if (!above)
		memcpy(high, to.bytes, to.size);
	if ((operation == NFT_CMP_LT && below && !number_step(high, to.size, false)) ||
		(operation == NFT_CMP_GT && above && !number_step(low, from.size, true)))
		rule->packets.never = true;
	else
		nat_registers_match(
			&rule->registers, expression->source, low, high, from.size, &rule->packets);
	return CONTINUES;
}

/* ---- sets and maps */

static void eval_element(
	struct nat_eval *eval, const struct nat_eval_rule *rule, const struct nat_range *range)
{
	const struct nft_expression *lookup = &rule->lookup;
	const struct nft_element *element = range->element;
	struct nat_packets packets = rule->packets;
	if (!range->rest)
		nat_registers_match(&rule->registers, lookup->source, range->low, range->high,
			rule->set->key_size, &packets);
	if (!packets.never && lookup->verdict.present) {
		follow_verdict(eval, rule, &packets, element->verdict, element->chain ? element->chain : "");
		return;
	}
	struct nat_eval_rule *part = nat_eval_part(eval, rule, &packets);
	if (part && lookup->destination != NFT_REGISTER_NONE)
		nat_registers_put_data(
			&part->registers, lookup->destination, element->data, element->data_size);
}

/* Packets go another way for each element, or on to the next expression if they are in none, which is asked
 * for each in order, so that the same rules give the same facts. */
static void eval_next_element(struct nat_eval *eval, struct nat_eval_rule *rule)
{
	bool absent = rule->parting == NAT_BY_ABSENCE;
	struct nat_range range;
	int some = absent || eval->steps < STEPS_MAX ? nat_elements_next(&rule->elements, &range) : 0;
	if (some == -EAGAIN)
		return;
	if (some < 0)
		eval->error = some;
	eval->steps += some > 0;
	if (some > 0 && absent)
		nat_registers_match_other(&rule->registers, rule->lookup.source, range.low,
			rule->set->key_size, &rule->packets);
	else if (some > 0)
		eval_element(eval, rule, &range);
	else if (!absent || rule->packets.never)
		nat_eval_leave_rule(eval);
	else
		rule->parting = NAT_WHOLE;
}

static enum outcome part_by(struct nat_eval *eval, struct nat_eval_rule *rule, enum nat_parting parting,
	const struct nft_expression *lookup, const struct nft_set *set)
{
	nat_elements_end(&rule->elements);
	nat_elements_begin(&rule->elements, eval->ruleset, set);
	rule->parting = parting;
	rule->shared_out |= parting == NAT_BY_ELEMENT &&
			    nat_registers_by_chance(&rule->registers, lookup->source, set->key_size);
	rule->lookup = *lookup;
	rule->set = set;
	return PARTS;
}

/* Those that are in none of its elements. */
static enum outcome match_absent(struct nat_eval *eval, struct nat_eval_rule *rule,
	const struct nft_expression *expression, const struct nft_set *set)
{
	const struct nft_element *elements = eval->ruleset->elements;
	size_t e = set->first_element;
	bool single = e != NFT_NO_INDEX && elements[e].next == NFT_NO_INDEX;
	bool exact = !set->cut && set->key_size > 0 && !(set->flags & NFT_SET_INTERVAL);
	if (e == NFT_NO_INDEX && !set->cut)
		return CONTINUES;
	if (nat_registers_is(&rule->registers, expression->source, set->key_size, FIELD_SOURCE)) {
		rule->packets.narrowed = true;
	} else if (exact &&
		   nat_registers_is(&rule->registers, expression->source, set->key_size, FIELD_IIFNAME)) {
		return part_by(eval, rule, NAT_BY_ABSENCE, expression, set);
	} else if (exact && single && !elements[e].has_end) {
		const struct nft_data key = { elements[e].key, set->key_size };
		return match_other(rule, expression->source, key, key);
	} else {
		rule->packets.opaque = true;
	}
	return CONTINUES;
}

/* Its elements come and go with the packets. */
static bool is_fleeting(const struct nft_set *set)
{
	return set->flags & NFT_SET_EVAL;
}

static enum outcome look_up(
	struct nat_eval *eval, struct nat_eval_rule *rule, const struct nft_expression *expression)
{
	const struct nft_ruleset *ruleset = eval->ruleset;
	struct nft_name name = ruleset->chains[rule->chain->id].name;
	name.own = expression->name;
	size_t found = nft_ruleset_set(ruleset, &name);
	const struct nft_set *set = found == NFT_NO_INDEX ? NULL : &ruleset->sets[found];
	bool maps = expression->destination != NFT_REGISTER_NONE || expression->verdict.present;
	if (set && set->cut)
		nat_eval_note_unread(eval, rule, "it asks a set that is too large to be read");
	if (!set || (is_fleeting(set) && !maps)) {
		bool source = set && nat_registers_is(&rule->registers, expression->source, set->key_size,
					     FIELD_SOURCE);
		*(source ? &rule->packets.narrowed : &rule->packets.opaque) = true;
		return maps ? ENDS : CONTINUES;
	}
	if (is_fleeting(set))
		rule->packets.opaque = true;
	if (!maps && (expression->flags & NFT_LOOKUP_F_INV))
		return match_absent(eval, rule, expression, set);
	return part_by(eval, rule, NAT_BY_ELEMENT, expression, set);
}

/* ---- expressions */

static enum outcome eval_expression(
	struct nat_eval *eval, struct nat_eval_rule *rule, const struct nft_expression *expression)
{
	struct nat_registers *registers = &rule->registers;
	const struct nft_data data = expression->data;
	switch (expression->kind) {
	case NFT_KIND_UNKNOWN:
		*registers = (struct nat_registers){ 0 }; /* nothing is known any more */
		rule->packets.opaque = true;
		return CONTINUES;
	case NFT_KIND_PASSIVE:
		return CONTINUES;
	case NFT_KIND_NARROWING:
		rule->packets.opaque = true;
		return CONTINUES;
	case NFT_KIND_LOAD:
	case NFT_KIND_PAYLOAD:
	case NFT_KIND_META:
	case NFT_KIND_CT:
	case NFT_KIND_FIB:
		nat_registers_load(registers, expression, rule->packets.set.family);
		return CONTINUES;
	case NFT_KIND_RANDOM:
		nat_registers_put(registers, expression->destination, sizeof(uint32_t), FIELD_CHANCE);
		return CONTINUES;
	case NFT_KIND_BYTEORDER:
		nat_registers_byteorder(registers, expression);
		return CONTINUES;
	case NFT_KIND_BITWISE:
		nat_registers_bitwise(registers, expression);
		return CONTINUES;
	case NFT_KIND_IMMEDIATE:
		if (!expression->verdict.present) {
			nat_registers_put_data(registers, expression->destination, data.bytes, data.size);
			return CONTINUES;
		}
		follow_verdict(
			eval, rule, &rule->packets, expression->verdict.code, expression->verdict.chain);
		return ENDS;
	case NFT_KIND_CMP:
	case NFT_KIND_RANGE:
		return compare(rule, expression);
	case NFT_KIND_LOOKUP:
		return look_up(eval, rule, expression);
	case NFT_KIND_NAT:
	case NFT_KIND_REDIR:
		translate(eval, rule, expression);
		return ENDS;
	case NFT_KIND_MATCH:
		return nat_eval_match(rule, expression->name, expression->revision, data.bytes, data.size)
			       ? CONTINUES
			       : PARTS;
	case NFT_KIND_TARGET:
		return nat_eval_target(
			       eval, rule, expression->name, expression->revision, data.bytes, data.size)
			       ? ENDS
			       : CONTINUES;
	case NFT_KIND_END:
		nat_eval_exclude(eval, rule->chain, &rule->packets, NAT_SCOPE_BASE);
		return ENDS;
	case NFT_KINDS:
		break;
	}
	return ENDS;
}

static void step_next(struct nat_eval *eval, struct nat_eval_rule *rule)
{
	if (rule->parting != NAT_WHOLE) {
		eval_next_element(eval, rule);
		return;
	}
	const struct nlattr *element = nft_cursor_next(&rule->cursor);
	struct nft_expression expression;
	enum outcome outcome = ENDS;
	if (element && eval->steps++ >= STEPS_MAX) {
		nat_eval_note_unread(eval, rule, "the rules before it are too many to be followed");
	} else if (element && nft_expression_parse(element, &expression) < 0) {
		rule->packets.opaque = true;
		nat_eval_fail(eval, rule, &rule->packets, "the kernel's message about it is malformed");
	} else if (element) {
		outcome = eval_expression(eval, rule, &expression);
	}
	if (outcome == ENDS || (outcome == CONTINUES && rule->packets.never))
		nat_eval_leave_rule(eval);
}

/* ---- chains */

static bool begin_chain(struct nat_eval *eval)
{
	static const struct nat_place nowhere = { .table = "", .chain = "" };
	if (eval->base_begun < eval->base_count) {
		size_t number = eval->base_chains[eval->base_begun++];
		const struct nft_chain *chain = &eval->ruleset->chains[number];
		nat_eval_begin_chain(eval, number, chain->first_rule, nat_family(chain->name.family));
		return true;
	}
	if (eval->ruleset->omitted) {
		nat_list_add_unread(eval->list, &nowhere, "the ruleset is too large to be read whole");
		eval->list->unread_total += eval->ruleset->omitted - 1;
	}
	return false;
}

static bool begin_rule(struct nat_eval *eval, struct nat_eval_chain *chain)
{
	if (chain->next == NFT_NO_INDEX)
		return false;
	const struct nft_rule *source = &eval->ruleset->rules[chain->next];
	struct nat_eval_rule *rule = nat_eval_begin_rule(eval, chain, chain->next);
	rule->cursor =
		(struct nft_cursor){ (const char *)eval->ruleset->bytes + source->bytes, source->size };
	chain->next = source->next;
	return true;
}

static struct nat_place place_of(const struct nat_eval *eval, const struct nat_eval_rule *rule)
{
	const struct nft_chain *chain = &eval->ruleset->chains[rule->chain->id];
	return (struct nat_place){ .family = chain->name.family,
		.table = chain->name.table,
		.chain = chain->name.own,
		.handle = eval->ruleset->rules[rule->id].handle };
}

static const struct nat_eval_ops nftables = {
	.begin_chain = begin_chain, .begin_rule = begin_rule, .step = step_next, .place = place_of
};

static int by_priority(const void *a, const void *b, void *argument)
{
	const struct nft_ruleset *ruleset = argument;
	const struct nft_chain *left = &ruleset->chains[*(const size_t *)a];
	const struct nft_chain *right = &ruleset->chains[*(const size_t *)b];
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	int order = (int)left->name.family - (int)right->name.family;
	if (order == 0)
		order = strcmp(left->name.table, right->name.table);
	return order ? order : strcmp(left->name.own, right->name.own);
}

struct nat_eval *nat_eval_ruleset(const struct nft_ruleset *ruleset, struct nat_list *list)
{
	struct nat_eval *eval = nat_eval_new(&nftables, list);
	if (!eval)
		return NULL;
	eval->ruleset = ruleset;
	eval->base_count = ruleset->base_chain_count;
	eval->base_chains = calloc(eval->base_count + 1, sizeof(*eval->base_chains));
	eval->unread = calloc(ruleset->rule_count + 1, sizeof(*eval->unread));
	if (!eval->base_chains || !eval->unread) {
		nat_eval_free(eval);
		return NULL;
	}
	if (eval->base_count)
		memcpy(eval->base_chains, ruleset->base_chains,
			eval->base_count * sizeof(*eval->base_chains));
	qsort_r(eval->base_chains, eval->base_count, sizeof(*eval->base_chains), by_priority,
		(void *)ruleset);
	return eval;
}
