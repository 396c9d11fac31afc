// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nat_run.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/nat_elements.h"
#include "collectors/nat_walk.h"
#include "collectors/xt_match.h"

#define PARTS_MAX 16 /* times that packets part in one rule */

/* What an expression leaves of the run. */
enum outcome { GO_ON, DONE };

/* ---- translations */

static bool read_port(const struct nat_progress *state, unsigned at, uint16_t *out)
{
	uint8_t bytes[2];
	if (!nat_registers_constant(&state->registers, at, sizeof(bytes), bytes))
		return false;
	*out = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return true;
}

static bool read_ports(
	const struct nat_progress *state, const struct nft_expression *expression, struct nat_target *target)
{
	return !expression->has_port || (read_port(state, expression->port, &target->ports[0]) &&
						read_port(state, expression->port_end, &target->ports[1]));
}

static bool read_address(const struct nat_progress *state, unsigned at, uint8_t family, struct address *out)
{
	uint8_t bytes[16];
	if (!nat_registers_constant(&state->registers, at, address_size(family), bytes))
		return false;
	*out = address_make(family, bytes);
	return true;
}

static bool read_addresses(
	struct nat_progress *state, const struct nft_expression *expression, struct nat_target *target)
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

static enum outcome step_nat(struct nat_walk *walk, const struct nat_point *point, struct nat_progress *state,
	const struct nft_expression *expression)
{
	struct nat_target target = { .redirect = expression->kind == NFT_KIND_REDIR,
		.netmap = expression->flags & NF_NAT_RANGE_NETMAP };
	if (expression->kind == NFT_KIND_NAT && expression->key != NFT_NAT_DNAT)
		nat_walk_end(walk, point, &state->packets, NAT_SCOPE_BASE);
	else if (!read_addresses(state, expression, &target) || !read_ports(state, expression, &target))
		nat_walk_fail(walk, point, &state->packets,
			"its target is computed from the packet or read from something that cannot be followed");
	else if (!state->packets.never)
		nat_walk_translate(walk, point, &state->packets, &target);
	return DONE;
}

static enum outcome step_target(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	struct nat_target target;
	switch (xt_target_read(expression->name, expression->revision, expression->data.bytes,
		expression->data.size, state->packets.box.family, &target)) {
	case XT_GOES_ON:
		return GO_ON;
	case XT_ENDS:
		nat_walk_end(walk, point, &state->packets, NAT_SCOPE_BASE);
		break;
	case XT_TRANSLATES:
		nat_walk_translate(walk, point, &state->packets, &target);
		break;
	case XT_UNREADABLE:
		nat_walk_fail(walk, point, &state->packets, "its target is of a form that is not known");
		break;
	case XT_UNKNOWN:
		state->packets.opaque = true;
		nat_walk_end(walk, point, &state->packets, NAT_SCOPE_FOREVER);
		break;
	}
	return DONE;
}

/* ---- packets that part */

static void run_part(struct nat_walk *walk, const struct nat_point *point, const struct nat_progress *state)
{
	struct nat_point part = *point;
	if (state->packets.never)
		return;
	if (++part.parts > PARTS_MAX)
		nat_walk_fail(walk, point, &state->packets, "it has too many sets to be followed");
	else
		nat_run(walk, part, *state);
}

static void run_ports(struct nat_walk *walk, const struct nat_point *point, const struct nat_progress *state,
	uint16_t low, uint16_t high)
{
	struct nat_progress part = *state;
	nat_need_ports(&part.packets, low, high);
	run_part(walk, point, &part);
}

static enum outcome step_match(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
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

static enum outcome run_other_ports(struct nat_walk *walk, const struct nat_point *point,
	const struct nat_progress *state, uint16_t low, uint16_t high)
{
	if (low > 0)
		run_ports(walk, point, state, 0, (uint16_t)(low - 1));
	if (high < UINT16_MAX)
		run_ports(walk, point, state, (uint16_t)(high + 1), UINT16_MAX);
	return DONE;
}

/* ---- comparisons */

static enum outcome need_not(struct nat_walk *walk, const struct nat_point *point, struct nat_progress *state,
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

static void need_order(struct nat_progress *state, const struct nft_expression *expression)
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

static enum outcome step_cmp(struct nat_walk *walk, const struct nat_point *point, struct nat_progress *state,
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

static enum outcome step_range(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
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

static void take_element(struct nat_walk *walk, const struct nat_point *point,
	const struct nat_progress *state, const struct nft_expression *expression, const struct nft_set *set,
	const struct nat_range *range)
{
	struct nat_progress part = *state;
	struct nat_point here = *point;
	const struct nft_element *element = range->element;
	walk->steps++;
	here.shared_out |= nat_registers_by_chance(&state->registers, expression->source, set->key_size);
	if (!range->rest)
		nat_registers_need(&part.registers, expression->source, range->low, range->high,
			set->key_size, &part.packets);
	if (part.packets.never)
		return;
	if (expression->verdict.present) {
		nat_walk_decide(
			walk, &here, &part.packets, element->verdict, element->chain ? element->chain : "");
		return;
	}
	if (expression->has_destination)
		nat_registers_put_data(
			&part.registers, expression->destination, element->data, element->data_size);
	run_part(walk, &here, &part);
}

static enum outcome take_elements(struct nat_walk *walk, const struct nat_point *point,
	const struct nat_progress *state, const struct nft_expression *expression, const struct nft_set *set)
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

/* In order, so that the same rules give the same facts. */
static int take_away(struct nat_walk *walk, struct nat_progress *state,
	const struct nft_expression *expression, const struct nft_set *set)
{
	struct nat_range *ranges;
	size_t count;
	int error = nat_elements(walk->ruleset, set, &ranges, &count);
	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++, walk->steps++)
		nat_registers_need_not(
			&state->registers, expression->source, ranges[i].low, set->key_size, &state->packets);
	free(ranges);
	return 0;
}

/* Those that are in none of its elements. */
static enum outcome need_absent(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression, const struct nft_set *set)
{
	const struct nft_element *elements = walk->ruleset->elements;
	size_t e = set->first_element;
	bool single = e != NFT_NO_INDEX && elements[e].next == NFT_NO_INDEX;
	bool exact = !set->cut && set->key_size > 0 && !(set->flags & NFT_SET_INTERVAL);
	if (e == NFT_NO_INDEX && !set->cut)
		return GO_ON;
	if (nat_registers_is(&state->registers, expression->source, set->key_size, FIELD_SOURCE)) {
		state->packets.narrowed = true;
	} else if (exact &&
		   nat_registers_is(&state->registers, expression->source, set->key_size, FIELD_IIFNAME)) {
		walk->error = take_away(walk, state, expression, set);
	} else if (exact && single && !elements[e].has_end) {
		const struct nft_data key = { elements[e].key, set->key_size };
		return need_not(walk, point, state, expression->source, key, key);
	} else {
		state->packets.opaque = true;
	}
	return GO_ON;
}

/* Its elements come and go with the packets. */
static bool is_fleeting(const struct nft_set *set)
{
	return set->flags & NFT_SET_EVAL;
}

static enum outcome step_lookup(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	const struct nft_ruleset *ruleset = walk->ruleset;
	const struct nft_chain *chain = &ruleset->chains[point->rule->chain];
	size_t found = nft_ruleset_set(ruleset, chain->family, chain->table, expression->name);
	const struct nft_set *set = found == NFT_NO_INDEX ? NULL : &ruleset->sets[found];
	bool maps = expression->has_destination || expression->verdict.present;
	if (set && set->cut)
		nat_walk_note_unread(walk, point->rule, "it asks a set that is too large to be read");
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

static enum outcome step_immediate(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	if (expression->verdict.present) {
		nat_walk_decide(
			walk, point, &state->packets, expression->verdict.code, expression->verdict.chain);
		return DONE;
	}
	nat_registers_put_data(
		&state->registers, expression->destination, expression->data.bytes, expression->data.size);
	return GO_ON;
}

static enum outcome step_unknown(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point, (void)expression;
	nat_registers_forget(&state->registers);
	state->packets.opaque = true;
	return GO_ON;
}

static enum outcome step_passive(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point, (void)state, (void)expression;
	return GO_ON;
}

static enum outcome step_narrowing(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point, (void)expression;
	state->packets.opaque = true;
	return GO_ON;
}

static enum outcome step_load(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point;
	nat_registers_load(&state->registers, expression, state->packets.box.family);
	return GO_ON;
}

static enum outcome step_byteorder(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point;
	nat_registers_byteorder(&state->registers, expression);
	return GO_ON;
}

static enum outcome step_bitwise(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point;
	nat_registers_bitwise(&state->registers, expression);
	return GO_ON;
}

static enum outcome step_random(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression)
{
	(void)walk, (void)point;
	nat_registers_put(&state->registers, expression->destination, sizeof(uint32_t), FIELD_CHANCE);
	return GO_ON;
}

static enum outcome step_end(struct nat_walk *walk, const struct nat_point *point, struct nat_progress *state,
	const struct nft_expression *expression)
{
	(void)expression;
	nat_walk_end(walk, point, &state->packets, NAT_SCOPE_BASE);
	return DONE;
}

typedef enum outcome step_function(struct nat_walk *walk, const struct nat_point *point,
	struct nat_progress *state, const struct nft_expression *expression);

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

void nat_run(struct nat_walk *walk, struct nat_point point, struct nat_progress state)
{
	const struct nlattr *element;
	while ((element = nft_cursor_next(&point.cursor)) != NULL) {
		struct nft_expression expression;
		if (walk->steps++ >= NAT_STEPS_MAX) {
			nat_walk_note_unread(
				walk, point.rule, "the rules before it are too many to be followed");
			return;
		}
		if (nft_expression_parse(element, &expression) < 0) {
			state.packets.opaque = true;
			nat_walk_fail(
				walk, &point, &state.packets, "the kernel's message about it is malformed");
			return;
		}
		if (steps[expression.kind](walk, &point, &state, &expression) == DONE || state.packets.never)
			return;
	}
}
