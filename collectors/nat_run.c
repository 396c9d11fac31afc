// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nftables. Where packets part (an element of a set, a range of ports), the rest of the rule is run for each
 * part on its own; so an expression that parts them is the last that is run for all.
 */
#include "collectors/nat_run.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 2000000u /* what is beyond is counted as unread */

/* What an expression leaves of the run. */
enum outcome { GO_ON, PARTED, DONE };

/* ---- translations */

static bool read_port(const struct nat_run *run, unsigned at, uint16_t *out)
{
	uint8_t bytes[2];
	if (!nat_registers_constant(&run->registers, at, sizeof(bytes), bytes))
		return false;
	*out = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return true;
}

static bool read_ports(
	const struct nat_run *run, const struct nft_expression *expression, struct nat_target *target)
{
	return !expression->has_port || (read_port(run, expression->port, &target->ports[0]) &&
						read_port(run, expression->port_end, &target->ports[1]));
}

static bool read_address(const struct nat_run *run, unsigned at, uint8_t family, struct address *out)
{
	uint8_t bytes[16];
	if (!nat_registers_constant(&run->registers, at, address_size(family), bytes))
		return false;
	*out = address_make(family, bytes);
	return true;
}

static bool read_addresses(
	struct nat_run *run, const struct nft_expression *expression, struct nat_target *target)
{
	uint8_t family = expression->family == NFPROTO_IPV4   ? AF_INET
			 : expression->family == NFPROTO_IPV6 ? AF_INET6
							      : AF_UNSPEC;
	if (!expression->has_source)
		return true;
	if (family == AF_UNSPEC)
		return false;
	nat_match_family(&run->packets, family);
	return read_address(run, expression->source, family, &target->low) &&
	       read_address(run, expression->source_end, family, &target->high);
}

static enum outcome step_nat(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	struct nat_target target = { .redirect = expression->kind == NFT_KIND_REDIR,
		.netmap = expression->flags & NF_NAT_RANGE_NETMAP };
	if (expression->kind == NFT_KIND_NAT && expression->key != NFT_NAT_DNAT)
		nat_walk_end(walk, run->visit, &run->packets, NAT_SCOPE_BASE);
	else if (!read_addresses(run, expression, &target) || !read_ports(run, expression, &target))
		nat_walk_fail(walk, run, &run->packets,
			"its target is computed from the packet or read from something that cannot be followed");
	else if (!run->packets.never)
		nat_walk_translate(walk, run, &run->packets, &target);
	return DONE;
}

static enum outcome step_target(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	return nat_walk_target(walk, run, expression->name, expression->revision, expression->data.bytes,
		       expression->data.size)
		       ? DONE
		       : GO_ON;
}

static enum outcome step_match(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	return nat_walk_match(run, expression->name, expression->revision, expression->data.bytes,
		       expression->data.size)
		       ? GO_ON
		       : PARTED;
}

/* ---- verdicts */

static void decide(struct nat_walk *walk, const struct nat_run *run, const struct nat_packets *packets,
	int32_t code, const char *name)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	if (code == NFT_JUMP || code == NFT_GOTO) {
		const struct nft_chain *from = &ruleset->chains[run->visit->chain];
		size_t chain = nft_ruleset_chain(ruleset, from->family, from->table, name);
		nat_walk_call(walk, run, packets, chain,
			chain == NFT_NO_INDEX ? NFT_NO_INDEX : ruleset->chains[chain].first_rule,
			code == NFT_GOTO);
	} else if (code == NFT_RETURN) {
		nat_walk_end(walk, run->visit, packets, run->visit->scope);
	} else if (code == NF_DROP) {
		nat_walk_end(walk, run->visit, packets, NAT_SCOPE_FOREVER);
	} else if (code > 0) {
		nat_walk_end(walk, run->visit, packets, NAT_SCOPE_BASE);
	}
}

static enum outcome step_immediate(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	if (expression->verdict.present) {
		decide(walk, run, &run->packets, expression->verdict.code, expression->verdict.chain);
		return DONE;
	}
	nat_registers_put_data(
		&run->registers, expression->destination, expression->data.bytes, expression->data.size);
	return GO_ON;
}

/* ---- comparisons */

static uint16_t port_of(const uint8_t bytes[static 2])
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static enum outcome match_other(
	struct nat_run *run, unsigned source, struct nft_data from, struct nft_data to)
{
	if (nat_registers_is(&run->registers, source, from.size, FIELD_PORT)) {
		xt_ports_except(&run->ports, port_of(from.bytes), port_of(to.bytes));
		run->port = 0;
		run->parting = NAT_BY_PORT;
		return PARTED;
	}
	if (memcmp(from.bytes, to.bytes, from.size) != 0)
		run->packets.opaque = true;
	nat_registers_match_other(&run->registers, source, from.bytes, from.size, &run->packets);
	return GO_ON;
}

/* Adds or takes away one; false if there is no such number. */
static bool step_number(uint8_t *bytes, size_t size, bool up)
{
	for (size_t i = size; i-- > 0;) {
		bytes[i] = (uint8_t)(up ? bytes[i] + 1 : bytes[i] - 1);
		if (bytes[i] != (up ? 0 : 0xff))
			return true;
	}
	return false;
}

static void match_order(struct nat_run *run, const struct nft_expression *expression)
{
	uint8_t low[NFT_REGISTER_BYTES] = { 0 }, high[NFT_REGISTER_BYTES];
	bool below = expression->operation == NFT_CMP_LT || expression->operation == NFT_CMP_LTE;
	size_t size = expression->data.size;
	uint8_t *bound = below ? high : low;
	memset(high, 0xff, sizeof(high));
	memcpy(bound, expression->data.bytes, size);
	bool strict = expression->operation == NFT_CMP_LT || expression->operation == NFT_CMP_GT;
	if (strict && !step_number(bound, size, !below))
		run->packets.never = true;
	else
		nat_registers_match(&run->registers, expression->source, low, high, size, &run->packets);
}

static bool is_usable(const struct nft_data *data)
{
	return data->bytes && data->size > 0 && data->size <= NFT_REGISTER_BYTES;
}

static enum outcome step_cmp(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	struct nft_data data = expression->data;
	if (!is_usable(&data)) {
		run->packets.opaque = true;
		return GO_ON;
	}
	if (expression->operation == NFT_CMP_NEQ)
		return match_other(run, expression->source, data, data);
	if (expression->operation == NFT_CMP_EQ)
		nat_registers_match(&run->registers, expression->source, data.bytes, data.bytes, data.size,
			&run->packets);
	else
		match_order(run, expression);
	return GO_ON;
}

static enum outcome step_range(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	struct nft_data from = expression->data, to = expression->more;
	if (!is_usable(&from) || !is_usable(&to) || from.size != to.size) {
		run->packets.opaque = true;
		return GO_ON;
	}
	if (expression->operation == NFT_RANGE_NEQ)
		return match_other(run, expression->source, from, to);
	nat_registers_match(
		&run->registers, expression->source, from.bytes, to.bytes, from.size, &run->packets);
	return GO_ON;
}

/* ---- sets and maps */

static void run_element(struct nat_walk *walk, const struct nat_run *run, const struct nat_range *range)
{
	const struct nft_expression *lookup = &run->lookup;
	const struct nft_element *element = range->element;
	struct nat_packets packets = run->packets;
	if (!range->rest)
		nat_registers_match(&run->registers, lookup->source, range->low, range->high,
			run->set->key_size, &packets);
	if (!packets.never && lookup->verdict.present) {
		decide(walk, run, &packets, element->verdict, element->chain ? element->chain : "");
		return;
	}
	struct nat_run *part = nat_walk_part(walk, run, &packets);
	if (part && lookup->has_destination)
		nat_registers_put_data(
			&part->registers, lookup->destination, element->data, element->data_size);
}

/* Packets go another way for each element, or on to the next expression if they are in none, which is asked
 * for each in order, so that the same rules give the same facts. */
static void run_next_element(struct nat_walk *walk, struct nat_run *run)
{
	bool absent = run->parting == NAT_BY_ABSENCE;
	struct nat_range range;
	int some = absent || walk->steps < STEPS_MAX ? nat_elements_next(&run->elements, &range) : 0;
	if (some == -EAGAIN)
		return;
	if (some < 0)
		walk->error = some;
	walk->steps += some > 0;
	if (some > 0 && absent)
		nat_registers_match_other(
			&run->registers, run->lookup.source, range.low, run->set->key_size, &run->packets);
	else if (some > 0)
		run_element(walk, run, &range);
	else if (!absent || run->packets.never)
		nat_walk_leave(walk);
	else
		run->parting = NAT_WHOLE;
}

static enum outcome part_by(struct nat_walk *walk, struct nat_run *run, enum nat_parting parting,
	const struct nft_expression *lookup, const struct nft_set *set)
{
	nat_elements_end(&run->elements);
	nat_elements_begin(&run->elements, walk->ruleset, set);
	run->parting = parting;
	run->shared_out |= parting == NAT_BY_ELEMENT &&
			   nat_registers_by_chance(&run->registers, lookup->source, set->key_size);
	run->lookup = *lookup;
	run->set = set;
	return PARTED;
}

/* Those that are in none of its elements. */
static enum outcome match_absent(struct nat_walk *walk, struct nat_run *run,
	const struct nft_expression *expression, const struct nft_set *set)
{
	const struct nft_element *elements = walk->ruleset->elements;
	size_t e = set->first_element;
	bool single = e != NFT_NO_INDEX && elements[e].next == NFT_NO_INDEX;
	bool exact = !set->cut && set->key_size > 0 && !(set->flags & NFT_SET_INTERVAL);
	if (e == NFT_NO_INDEX && !set->cut)
		return GO_ON;
	if (nat_registers_is(&run->registers, expression->source, set->key_size, FIELD_SOURCE)) {
		run->packets.narrowed = true;
	} else if (exact &&
		   nat_registers_is(&run->registers, expression->source, set->key_size, FIELD_IIFNAME)) {
		return part_by(walk, run, NAT_BY_ABSENCE, expression, set);
	} else if (exact && single && !elements[e].has_end) {
		const struct nft_data key = { elements[e].key, set->key_size };
		return match_other(run, expression->source, key, key);
	} else {
		run->packets.opaque = true;
	}
	return GO_ON;
}

/* Its elements come and go with the packets. */
static bool is_fleeting(const struct nft_set *set)
{
	return set->flags & NFT_SET_EVAL;
}

static enum outcome step_lookup(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	const struct nft_chain *chain = &ruleset->chains[run->visit->chain];
	size_t found = nft_ruleset_set(ruleset, chain->family, chain->table, expression->name);
	const struct nft_set *set = found == NFT_NO_INDEX ? NULL : &ruleset->sets[found];
	bool maps = expression->has_destination || expression->verdict.present;
	if (set && set->cut)
		nat_walk_note_unread(walk, run, "it asks a set that is too large to be read");
	if (!set || (is_fleeting(set) && !maps)) {
		bool source = set && nat_registers_is(&run->registers, expression->source, set->key_size,
					     FIELD_SOURCE);
		*(source ? &run->packets.narrowed : &run->packets.opaque) = true;
		return maps ? DONE : GO_ON;
	}
	if (is_fleeting(set))
		run->packets.opaque = true;
	if (!maps && (expression->flags & NFT_LOOKUP_F_INV))
		return match_absent(walk, run, expression, set);
	return part_by(walk, run, NAT_BY_ELEMENT, expression, set);
}

/* ---- the others */

static enum outcome step_unknown(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk, (void)expression;
	nat_registers_forget(&run->registers);
	run->packets.opaque = true;
	return GO_ON;
}

static enum outcome step_passive(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk, (void)run, (void)expression;
	return GO_ON;
}

static enum outcome step_narrowing(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk, (void)expression;
	run->packets.opaque = true;
	return GO_ON;
}

static enum outcome step_load(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	nat_registers_load(&run->registers, expression, run->packets.set.family);
	return GO_ON;
}

static enum outcome step_byteorder(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	nat_registers_byteorder(&run->registers, expression);
	return GO_ON;
}

static enum outcome step_bitwise(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	nat_registers_bitwise(&run->registers, expression);
	return GO_ON;
}

static enum outcome step_random(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)walk;
	nat_registers_put(&run->registers, expression->destination, sizeof(uint32_t), FIELD_CHANCE);
	return GO_ON;
}

static enum outcome step_end(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression)
{
	(void)expression;
	nat_walk_end(walk, run->visit, &run->packets, NAT_SCOPE_BASE);
	return DONE;
}

typedef enum outcome step_function(
	struct nat_walk *walk, struct nat_run *run, const struct nft_expression *expression);

static step_function *const steps[NFT_KINDS] = {
	[NFT_KIND_UNKNOWN] = step_unknown,
	[NFT_KIND_PASSIVE] = step_passive,
	[NFT_KIND_NARROWING] = step_narrowing,
	[NFT_KIND_LOAD] = step_load,
	[NFT_KIND_BYTEORDER] = step_byteorder,
	[NFT_KIND_IMMEDIATE] = step_immediate,
	[NFT_KIND_CMP] = step_cmp,
	[NFT_KIND_RANGE] = step_range,
	[NFT_KIND_BITWISE] = step_bitwise,
	[NFT_KIND_PAYLOAD] = step_load,
	[NFT_KIND_META] = step_load,
	[NFT_KIND_CT] = step_load,
	[NFT_KIND_FIB] = step_load,
	[NFT_KIND_LOOKUP] = step_lookup,
	[NFT_KIND_RANDOM] = step_random,
	[NFT_KIND_NAT] = step_nat,
	[NFT_KIND_REDIR] = step_nat,
	[NFT_KIND_MATCH] = step_match,
	[NFT_KIND_TARGET] = step_target,
	[NFT_KIND_END] = step_end,
};

static void run_next(struct nat_walk *walk, struct nat_run *run)
{
	if (run->parting != NAT_WHOLE) {
		run_next_element(walk, run);
		return;
	}
	const struct nlattr *element = nft_cursor_next(&run->cursor);
	struct nft_expression expression;
	enum outcome outcome = DONE;
	if (element && walk->steps++ >= STEPS_MAX) {
		nat_walk_note_unread(walk, run, "the rules before it are too many to be followed");
	} else if (element && nft_expression_parse(element, &expression) < 0) {
		run->packets.opaque = true;
		nat_walk_fail(walk, run, &run->packets, "the kernel's message about it is malformed");
	} else if (element) {
		outcome = steps[expression.kind](walk, run, &expression);
	}
	if (outcome == DONE || (outcome == GO_ON && run->packets.never))
		nat_walk_leave(walk);
}

/* ---- chains */

static uint8_t family_of(const struct nft_chain *chain)
{
	return chain->family == NFPROTO_IPV4 ? AF_INET : chain->family == NFPROTO_IPV6 ? AF_INET6 : AF_UNSPEC;
}

static bool begin_chain(struct nat_walk *walk)
{
	static const struct nat_place nowhere = { .table = "", .chain = "" };
	if (walk->begun < walk->chain_count) {
		size_t number = walk->chains[walk->begun++];
		const struct nft_chain *chain = &walk->ruleset->chains[number];
		nat_walk_begin(walk, number, chain->first_rule, family_of(chain));
		return true;
	}
	if (walk->ruleset->omitted) {
		nat_list_add_unread(walk->list, &nowhere, "the ruleset is too large to be read whole");
		walk->list->unread_total += walk->ruleset->omitted - 1;
	}
	return false;
}

static bool begin_rule(struct nat_walk *walk, struct nat_visit *visit)
{
	if (visit->next == NFT_NO_INDEX)
		return false;
	const struct nft_rule *rule = &walk->ruleset->rules[visit->next];
	struct nat_run *run = nat_walk_run(walk, visit, visit->next);
	run->cursor = (struct nft_cursor){ (const char *)walk->ruleset->bytes + rule->bytes, rule->size };
	visit->next = rule->next;
	return true;
}

static struct nat_place place_of(const struct nat_walk *walk, const struct nat_run *run)
{
	const struct nft_chain *chain = &walk->ruleset->chains[run->visit->chain];
	return (struct nat_place){ .family = chain->family,
		.table = chain->table,
		.chain = chain->name,
		.handle = walk->ruleset->rules[run->rule].handle };
}

static const struct nat_form nftables = {
	.begin_chain = begin_chain, .begin_rule = begin_rule, .run = run_next, .place = place_of
};

static int by_priority(const void *a, const void *b, void *argument)
{
	const struct nft_ruleset *ruleset = argument;
	const struct nft_chain *left = &ruleset->chains[*(const size_t *)a];
	const struct nft_chain *right = &ruleset->chains[*(const size_t *)b];
	if (left->priority != right->priority)
		return left->priority < right->priority ? -1 : 1;
	int order = (int)left->family - (int)right->family;
	if (order == 0)
		order = strcmp(left->table, right->table);
	return order ? order : strcmp(left->name, right->name);
}

struct nat_walk *nat_walk_ruleset(const struct nft_ruleset *ruleset, struct nat_list *list)
{
	struct nat_walk *walk = nat_walk_new(&nftables, list);
	if (!walk)
		return NULL;
	walk->ruleset = ruleset;
	walk->chain_count = ruleset->nat_chain_count;
	walk->chains = calloc(walk->chain_count + 1, sizeof(*walk->chains));
	walk->unread = calloc(ruleset->rule_count + 1, sizeof(*walk->unread));
	if (!walk->chains || !walk->unread) {
		nat_walk_free(walk);
		return NULL;
	}
	if (walk->chain_count)
		memcpy(walk->chains, ruleset->nat_chains, walk->chain_count * sizeof(*walk->chains));
	qsort_r(walk->chains, walk->chain_count, sizeof(*walk->chains), by_priority, (void *)ruleset);
	return walk;
}
