// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A rule is run expression by expression. Where the packets part (an element of a set, a range of ports), the
 * rest of the rule is run for each part on its own; so an expression that parts them has run the rest when it
 * returns. What a rule ends for some packets is remembered as an exclusion, so that a later rule is not taken
 * to be theirs. Of translations that need no such memory: the first rule that fits counts.
 */
#include "collectors/nat_walk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/nat_elements.h"
#include "collectors/nat_exclusions.h"
#include "collectors/nat_registers.h"
#include "collectors/xt_match.h"

#define DEPTH_MAX 16 /* NFT_JUMP_STACK_SIZE, net/netfilter/nf_tables_core.c */
#define PARTS_MAX 16 /* times that packets part in one rule */

struct walk {
	const struct nft_ruleset *ruleset;
	struct nat_list *list;
	struct nat_exclusions exclusions;
	uint64_t visits;
	unsigned steps;
	bool *unread; /* of each rule: it is counted already */
	int error;
};

/* One visit of a chain. */
struct visit {
	size_t chain;
	uint64_t scope;
	unsigned depth;
	struct nat_packets packets; /* that come to the next rule */
	bool closed;                /* none do */
};

/* Where in a rule. */
struct point {
	struct visit *visit;
	const struct nft_rule *rule;
	struct nft_cursor cursor;
	unsigned parts;
	bool shared_out; /* a map has an element for each way that chance takes: none is left for later rules
			  */
};

struct state {
	struct nat_packets packets;
	struct nat_registers registers;
};

/* What an expression leaves of the run. */
enum outcome { GO_ON, DONE };

static void run(struct walk *walk, struct point point, struct state state);
static void visit_chain(struct walk *walk, size_t chain, unsigned depth, const struct nat_packets *packets);

/* ---- what is found */

static struct nat_place place_of(const struct walk *walk, const struct nft_rule *rule)
{
	const struct nft_chain *chain = &walk->ruleset->chains[rule->chain];
	return (struct nat_place){
		.family = chain->family, .table = chain->table, .chain = chain->name, .handle = rule->handle
	};
}

static void note_unread(struct walk *walk, const struct nft_rule *rule, const char *reason)
{
	const struct nat_place place = place_of(walk, rule);
	bool *counted = &walk->unread[rule - walk->ruleset->rules];
	if (!*counted)
		nat_list_add_unread(walk->list, &place, reason);
	*counted = true;
}

/* ---- how ways end */

static bool are_all(const struct visit *visit, const struct nat_packets *packets)
{
	const struct nat_packets *before = &visit->packets;
	return packets->narrowed == before->narrowed && packets->opaque == before->opaque &&
	       packets->balanced == before->balanced && nat_box_covers(&packets->box, &before->box);
}

static void end(
	struct walk *walk, const struct point *point, const struct nat_packets *packets, uint64_t scope)
{
	point->visit->closed |= are_all(point->visit, packets);
	nat_exclude(&walk->exclusions, scope, packets);
}

/* Where some packets go another way by chance, the rest of the chain is for the others. */
static void note_chance(struct walk *walk, const struct point *point, const struct nat_packets *packets)
{
	if (packets->balanced && !packets->opaque && !point->shared_out && !point->visit->packets.balanced)
		nat_exclude(&walk->exclusions, point->visit->scope, packets);
}

static void translate(struct walk *walk, const struct point *point, const struct nat_packets *packets,
	const struct nat_target *target)
{
	const struct nat_place place = place_of(walk, point->rule);
	struct nat_packets left = *packets;
	nat_exclusions_apply(&walk->exclusions, &left);
	if (!left.never)
		nat_list_add(walk->list, &place, &left, target);
	point->visit->closed |= are_all(point->visit, packets);
	note_chance(walk, point, packets);
}

static void fail_to_translate(
	struct walk *walk, const struct point *point, const struct nat_packets *packets, const char *reason)
{
	note_unread(walk, point->rule, reason);
	end(walk, point, packets, NAT_SCOPE_FOREVER);
}

static void follow(
	struct walk *walk, const struct point *point, const struct nat_packets *packets, const char *name)
{
	const struct nft_chain *from = &walk->ruleset->chains[point->rule->chain];
	size_t chain = nft_ruleset_chain(walk->ruleset, from->family, from->table, name);
	if (chain != NFT_NO_INDEX)
		visit_chain(walk, chain, point->visit->depth + 1, packets);
}

static void decide(struct walk *walk, const struct point *point, const struct nat_packets *packets,
	int32_t code, const char *chain)
{
	if (code == NFT_JUMP || code == NFT_GOTO)
		follow(walk, point, packets, chain);
	if (code == NFT_JUMP)
		note_chance(walk, point, packets);
	if (code == NFT_GOTO || code == NFT_RETURN)
		end(walk, point, packets, point->visit->scope);
	else if (code == NF_DROP)
		end(walk, point, packets, NAT_SCOPE_FOREVER);
	else if (code > 0)
		end(walk, point, packets, NAT_SCOPE_BASE);
}

/* ---- translations */

static bool read_port(const struct state *state, unsigned at, uint16_t *out)
{
	uint8_t bytes[2];
	if (!nat_registers_constant(&state->registers, at, sizeof(bytes), bytes))
		return false;
	*out = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return true;
}

static bool read_ports(
	const struct state *state, const struct nft_expression *expression, struct nat_target *target)
{
	return !expression->has_port || (read_port(state, expression->port, &target->ports[0]) &&
						read_port(state, expression->port_end, &target->ports[1]));
}

static bool read_address(const struct state *state, unsigned at, uint8_t family, struct address *out)
{
	uint8_t bytes[16];
	if (!nat_registers_constant(&state->registers, at, address_size(family), bytes))
		return false;
	*out = address_make(family, bytes);
	return true;
}

static bool read_addresses(
	struct state *state, const struct nft_expression *expression, struct nat_target *target)
{
	uint8_t family = expression->family == NFPROTO_IPV4   ? AF_INET
			 : expression->family == NFPROTO_IPV6 ? AF_INET6
							      : AF_UNSPEC;
	if (!expression->has_source)
		return true;
	if (family == AF_UNSPEC)
		return false;
	nat_need_family(&state->packets, family);
	return read_address(state, expression->source, family, &target->low) &&
	       read_address(state, expression->source_end, family, &target->high);
}

static enum outcome step_nat(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	struct nat_target target = { .redirect = expression->kind == NFT_KIND_REDIR,
		.netmap = expression->flags & NF_NAT_RANGE_NETMAP };
	if (expression->kind == NFT_KIND_NAT && expression->key != NFT_NAT_DNAT)
		end(walk, point, &state->packets, NAT_SCOPE_BASE);
	else if (!read_addresses(state, expression, &target) || !read_ports(state, expression, &target))
		fail_to_translate(walk, point, &state->packets,
			"its target is computed from the packet or read from something that cannot be followed");
	else if (!state->packets.never)
		translate(walk, point, &state->packets, &target);
	return DONE;
}

static enum outcome step_target(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	struct nat_target target;
	switch (xt_target_read(expression->name, expression->revision, expression->data.bytes,
		expression->data.size, state->packets.box.family, &target)) {
	case XT_GOES_ON:
		return GO_ON;
	case XT_ENDS:
		end(walk, point, &state->packets, NAT_SCOPE_BASE);
		break;
	case XT_TRANSLATES:
		translate(walk, point, &state->packets, &target);
		break;
	case XT_UNREADABLE:
		fail_to_translate(walk, point, &state->packets, "its target is of a form that is not known");
		break;
	case XT_UNKNOWN:
		state->packets.opaque = true;
		end(walk, point, &state->packets, NAT_SCOPE_FOREVER);
		break;
	}
	return DONE;
}

/* ---- packets that part */

static void run_part(struct walk *walk, const struct point *point, const struct state *state)
{
	struct point part = *point;
	if (state->packets.never)
		return;
	if (++part.parts > PARTS_MAX)
		fail_to_translate(walk, point, &state->packets, "it has too many sets to be followed");
	else
		run(walk, part, *state);
}

static void run_ports(
	struct walk *walk, const struct point *point, const struct state *state, uint16_t low, uint16_t high)
{
	struct state part = *state;
	nat_need_ports(&part.packets, low, high);
	run_part(walk, point, &part);
}

static enum outcome step_match(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	struct xt_ports ports;
	xt_match_apply(expression->name, expression->revision, expression->data.bytes, expression->data.size,
		&state->packets, &ports);
	for (unsigned i = 0; i < ports.count; i++)
		run_ports(walk, point, state, ports.ranges[i][0], ports.ranges[i][1]);
	return ports.count ? DONE : GO_ON;
}

static uint16_t port_of(const uint8_t bytes[static 2])
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static enum outcome run_other_ports(
	struct walk *walk, const struct point *point, const struct state *state, uint16_t low, uint16_t high)
{
	if (low > 0)
		run_ports(walk, point, state, 0, (uint16_t)(low - 1));
	if (high < UINT16_MAX)
		run_ports(walk, point, state, (uint16_t)(high + 1), UINT16_MAX);
	return DONE;
}

/* ---- comparisons */

static enum outcome need_not(struct walk *walk, const struct point *point, struct state *state,
	unsigned source, struct nft_data from, struct nft_data to)
{
	if (nat_registers_is(&state->registers, source, from.size, FIELD_PORT))
		return run_other_ports(walk, point, state, port_of(from.bytes), port_of(to.bytes));
	if (memcmp(from.bytes, to.bytes, from.size) != 0)
		state->packets.opaque = true;
	nat_registers_need_not(&state->registers, source, from.bytes, from.size, &state->packets);
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

static void need_order(struct state *state, const struct nft_expression *expression)
{
	uint8_t low[NFT_REGISTER_BYTES] = { 0 }, high[NFT_REGISTER_BYTES];
	bool below = expression->operation == NFT_CMP_LT || expression->operation == NFT_CMP_LTE;
	size_t size = expression->data.size;
	uint8_t *bound = below ? high : low;
	memset(high, 0xff, sizeof(high));
	memcpy(bound, expression->data.bytes, size);
	bool strict = expression->operation == NFT_CMP_LT || expression->operation == NFT_CMP_GT;
	if (strict && !step_number(bound, size, !below))
		state->packets.never = true;
	else
		nat_registers_need(&state->registers, expression->source, low, high, size, &state->packets);
}

static bool is_usable(const struct nft_data *data)
{
	return data->bytes && data->size > 0 && data->size <= NFT_REGISTER_BYTES;
}

static enum outcome step_cmp(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	struct nft_data data = expression->data;
	if (!is_usable(&data)) {
		state->packets.opaque = true;
		return GO_ON;
	}
	if (expression->operation == NFT_CMP_NEQ)
		return need_not(walk, point, state, expression->source, data, data);
	if (expression->operation == NFT_CMP_EQ)
		nat_registers_need(&state->registers, expression->source, data.bytes, data.bytes, data.size,
			&state->packets);
	else
		need_order(state, expression);
	return GO_ON;
}

static enum outcome step_range(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	struct nft_data from = expression->data, to = expression->more;
	if (!is_usable(&from) || !is_usable(&to) || from.size != to.size) {
		state->packets.opaque = true;
		return GO_ON;
	}
	if (expression->operation == NFT_RANGE_NEQ)
		return need_not(walk, point, state, expression->source, from, to);
	nat_registers_need(
		&state->registers, expression->source, from.bytes, to.bytes, from.size, &state->packets);
	return GO_ON;
}

/* ---- sets and maps */

static void take_element(struct walk *walk, const struct point *point, const struct state *state,
	const struct nft_expression *expression, const struct nft_set *set, const struct nat_range *range)
{
	struct state part = *state;
	struct point here = *point;
	const struct nft_element *element = range->element;
	walk->steps++;
	here.shared_out |= nat_registers_by_chance(&state->registers, expression->source, set->key_size);
	if (!range->rest)
		nat_registers_need(&part.registers, expression->source, range->low, range->high,
			set->key_size, &part.packets);
	if (part.packets.never)
		return;
	if (expression->verdict.present) {
		decide(walk, &here, &part.packets, element->verdict, element->chain ? element->chain : "");
		return;
	}
	if (expression->has_destination)
		nat_registers_put_data(
			&part.registers, expression->destination, element->data, element->data_size);
	run_part(walk, &here, &part);
}

static enum outcome take_elements(struct walk *walk, const struct point *point, const struct state *state,
	const struct nft_expression *expression, const struct nft_set *set)
{
	struct nat_range *ranges;
	size_t count;
	int error = nat_elements(walk->ruleset, set, &ranges, &count);
	if (error < 0) {
		walk->error = error;
		return DONE;
	}
	for (size_t i = 0; i < count && walk->steps < NAT_STEPS_MAX; i++)
		take_element(walk, point, state, expression, set, &ranges[i]);
	free(ranges);
	return DONE;
}

/* Those that are in none of its elements. */
static enum outcome need_absent(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression, const struct nft_set *set)
{
	size_t first = set->first_element;
	if (first == NFT_NO_INDEX && !set->cut)
		return GO_ON;
	const struct nft_element *only = first == NFT_NO_INDEX ? NULL : &walk->ruleset->elements[first];
	if (set->cut || only->next != NFT_NO_INDEX || only->has_end || only->interval_end ||
		set->key_size == 0) {
		bool source =
			nat_registers_is(&state->registers, expression->source, set->key_size, FIELD_SOURCE);
		*(source ? &state->packets.narrowed : &state->packets.opaque) = true;
		return GO_ON;
	}
	const struct nft_data key = { only->key, set->key_size };
	return need_not(walk, point, state, expression->source, key, key);
}

/* Its elements come and go with the packets. */
static bool is_fleeting(const struct nft_set *set)
{
	return set->flags & NFT_SET_EVAL;
}

static enum outcome step_lookup(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	const struct nft_chain *chain = &ruleset->chains[point->rule->chain];
	size_t found = nft_ruleset_set(ruleset, chain->family, chain->table, expression->name);
	const struct nft_set *set = found == NFT_NO_INDEX ? NULL : &ruleset->sets[found];
	bool maps = expression->has_destination || expression->verdict.present;
	if (set && set->cut)
		note_unread(walk, point->rule, "it asks a set that is too large to be read");
	if (!set || (is_fleeting(set) && !maps)) {
		bool source = set && nat_registers_is(&state->registers, expression->source, set->key_size,
					     FIELD_SOURCE);
		*(source ? &state->packets.narrowed : &state->packets.opaque) = true;
		return maps ? DONE : GO_ON;
	}
	if (is_fleeting(set))
		state->packets.opaque = true;
	if (!maps && (expression->flags & NFT_LOOKUP_F_INV))
		return need_absent(walk, point, state, expression, set);
	return take_elements(walk, point, state, expression, set);
}

/* ---- the run of a rule */

static enum outcome step_immediate(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	if (expression->verdict.present) {
		decide(walk, point, &state->packets, expression->verdict.code, expression->verdict.chain);
		return DONE;
	}
	nat_registers_put_data(
		&state->registers, expression->destination, expression->data.bytes, expression->data.size);
	return GO_ON;
}

static enum outcome step(struct walk *walk, const struct point *point, struct state *state,
	const struct nft_expression *expression)
{
	switch (expression->kind) {
	case NFT_KIND_UNKNOWN:
		nat_registers_forget(&state->registers);
		state->packets.opaque = true;
		return GO_ON;
	case NFT_KIND_PASSIVE:
		return GO_ON;
	case NFT_KIND_NARROWING:
		state->packets.opaque = true;
		return GO_ON;
	case NFT_KIND_LOAD:
	case NFT_KIND_PAYLOAD:
	case NFT_KIND_META:
	case NFT_KIND_CT:
	case NFT_KIND_FIB:
		nat_registers_load(&state->registers, expression, state->packets.box.family);
		return GO_ON;
	case NFT_KIND_BYTEORDER:
		nat_registers_byteorder(&state->registers, expression);
		return GO_ON;
	case NFT_KIND_BITWISE:
		nat_registers_bitwise(&state->registers, expression);
		return GO_ON;
	case NFT_KIND_RANDOM:
		nat_registers_put(&state->registers, expression->destination, 4, FIELD_CHANCE);
		return GO_ON;
	case NFT_KIND_IMMEDIATE:
		return step_immediate(walk, point, state, expression);
	case NFT_KIND_CMP:
		return step_cmp(walk, point, state, expression);
	case NFT_KIND_RANGE:
		return step_range(walk, point, state, expression);
	case NFT_KIND_LOOKUP:
		return step_lookup(walk, point, state, expression);
	case NFT_KIND_MATCH:
		return step_match(walk, point, state, expression);
	case NFT_KIND_NAT:
	case NFT_KIND_REDIR:
		return step_nat(walk, point, state, expression);
	case NFT_KIND_TARGET:
		return step_target(walk, point, state, expression);
	case NFT_KIND_END:
		end(walk, point, &state->packets, NAT_SCOPE_BASE);
		return DONE;
	}
	return DONE;
}

static void run(struct walk *walk, struct point point, struct state state)
{
	const struct nlattr *element;
	while ((element = nft_cursor_next(&point.cursor)) != NULL) {
		struct nft_expression expression;
		if (walk->steps++ >= NAT_STEPS_MAX) {
			note_unread(walk, point.rule, "the rules before it are too many to be followed");
			return;
		}
		if (nft_expression_parse(element, &expression) < 0) {
			state.packets.opaque = true;
			fail_to_translate(
				walk, &point, &state.packets, "the kernel's message about it is malformed");
			return;
		}
		if (step(walk, &point, &state, &expression) == DONE || state.packets.never)
			return;
	}
}

static void run_rule(struct walk *walk, struct visit *visit, const struct nft_rule *rule)
{
	const struct point point = { visit, rule,
		{ (const char *)walk->ruleset->bytes + rule->bytes, rule->size }, 0, false };
	const struct state state = { .packets = visit->packets };
	run(walk, point, state);
}

static void visit_chain(struct walk *walk, size_t chain, unsigned depth, const struct nat_packets *packets)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	struct visit visit = { .chain = chain, .scope = ++walk->visits, .depth = depth, .packets = *packets };
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

static void visit_base_chains(struct walk *walk, const struct nft_chain **chains, size_t count)
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

static void note_omitted(struct walk *walk)
{
	static const struct nat_place nowhere = { .table = "", .chain = "" };
	for (uint64_t i = 0; i < walk->ruleset->omitted && i < 1; i++)
		nat_list_add_unread(walk->list, &nowhere, "the ruleset is too large to be read whole");
	if (walk->ruleset->omitted > 1)
		walk->list->unread_total += walk->ruleset->omitted - 1;
}

int nat_walk(const struct nft_ruleset *ruleset, struct nat_list *list)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	const struct nft_chain **chains = calloc(ruleset->chain_count + 1, sizeof(*chains));
	bool *unread = calloc(ruleset->rule_count + 1, sizeof(*unread));
	int result = walk && chains && unread ? 0 : -ENOMEM;
	if (result == 0) {
		*walk = (struct walk){ .ruleset = ruleset, .list = list, .unread = unread };
		visit_base_chains(walk, chains, find_base_chains(ruleset, chains));
		note_omitted(walk);
		result = walk->error < 0 ? walk->error : list->failed ? -ENOMEM : 0;
	}
	free(chains);
	free(unread);
	free(walk);
	return result;
}
