// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nat_registers.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define WORD 4u

/* ---- written */

static size_t registers_cut(unsigned at, size_t size)
{
	return at >= NFT_REGISTER_BYTES ? 0 : nat_registers_hold(at, size) ? size : NFT_REGISTER_BYTES - at;
}

/* The kernel clears the rest of the last word. */
static void registers_pad(struct nat_registers *registers, unsigned at, size_t size)
{
	for (size_t i = size; i % WORD && at + i < NFT_REGISTER_BYTES; i++)
		registers->symbols[at + i] = (struct nat_symbol){ .field = FIELD_CONSTANT, .mask = 0xff };
}

void nat_registers_put(struct nat_registers *registers, unsigned at, size_t size, enum nat_field field)
{
	size = registers_cut(at, size);
	for (size_t i = 0; i < size; i++)
		registers->symbols[at + i] =
			(struct nat_symbol){ .field = (uint8_t)field, .index = (uint8_t)i, .mask = 0xff };
	registers_pad(registers, at, size);
}

void nat_registers_put_data(struct nat_registers *registers, unsigned at, const uint8_t *data, size_t size)
{
	size = registers_cut(at, size);
	for (size_t i = 0; i < size; i++)
		registers->symbols[at + i] =
			(struct nat_symbol){ .field = FIELD_CONSTANT, .mask = 0xff, .value = data[i] };
	registers_pad(registers, at, size);
}

/* ---- loaded */

struct header_field {
	uint32_t base; /* NFT_PAYLOAD_* */
	uint8_t family;
	uint32_t offset, size;
	enum nat_field field;
};

static const struct header_field header_fields[] = {
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET, 9, 1, FIELD_PROTOCOL },
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET, 12, 4, FIELD_SOURCE },
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET, 16, 4, FIELD_DESTINATION },
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET6, 6, 1, FIELD_PROTOCOL },
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET6, 8, 16, FIELD_SOURCE },
	{ NFT_PAYLOAD_NETWORK_HEADER, AF_INET6, 24, 16, FIELD_DESTINATION },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, AF_UNSPEC, 0, 2, FIELD_SOURCE },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, AF_UNSPEC, 2, 2, FIELD_PORT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, AF_UNSPEC, 13, 1, FIELD_FLAGS },
	{ NFT_PAYLOAD_LL_HEADER, AF_UNSPEC, 6, 6, FIELD_SOURCE },
};

static const struct header_field *find_header(uint32_t base, uint8_t family, uint32_t offset)
{
	for (size_t i = 0; i < sizeof(header_fields) / sizeof(*header_fields); i++) {
		const struct header_field *field = &header_fields[i];
		if (field->base == base && (!field->family || field->family == family) &&
			offset >= field->offset && offset - field->offset < field->size)
			return field;
	}
	return NULL;
}

static void load_payload(
	struct nat_registers *registers, const struct nft_expression *expression, uint8_t family)
{
	size_t size = registers_cut(expression->destination, expression->length);
	for (size_t i = 0; i < size; i++) {
		uint32_t offset = expression->offset + (uint32_t)i;
		const struct header_field *field = find_header(expression->key, family, offset);
		registers->symbols[expression->destination + i] =
			(struct nat_symbol){ .field = field ? (uint8_t)field->field : FIELD_UNKNOWN,
				.index = field ? (uint8_t)(offset - field->offset) : 0,
				.mask = 0xff };
	}
	registers_pad(registers, expression->destination, size);
}

struct key_field {
	uint32_t key;
	enum nat_field field;
	size_t size;
};

static const struct key_field meta_fields[] = {
	{ NFT_META_NFPROTO, FIELD_FAMILY, 1 },
	{ NFT_META_L4PROTO, FIELD_PROTOCOL, 1 },
	{ NFT_META_IIF, FIELD_IIF, 4 },
	{ NFT_META_IIFNAME, FIELD_IIFNAME, IF_NAMESIZE },
	{ NFT_META_OIFNAME, FIELD_UNKNOWN, IF_NAMESIZE },
	{ NFT_META_PRANDOM, FIELD_CHANCE, 4 },
};

static void load_meta(struct nat_registers *registers, const struct nft_expression *expression)
{
	for (size_t i = 0; i < sizeof(meta_fields) / sizeof(*meta_fields); i++)
		if (meta_fields[i].key == expression->key) {
			nat_registers_put(registers, expression->destination, meta_fields[i].size,
				meta_fields[i].field);
			return;
		}
	nat_registers_put(registers, expression->destination, WORD, FIELD_UNKNOWN);
}

static void load_fib(struct nat_registers *registers, const struct nft_expression *expression)
{
	uint32_t wanted = NFTA_FIB_F_DADDR, allowed = NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF;
	bool type = expression->key == NFT_FIB_RESULT_ADDRTYPE && (expression->flags & wanted) &&
		    !(expression->flags & ~allowed);
	nat_registers_put(registers, expression->destination,
		expression->key == NFT_FIB_RESULT_OIFNAME ? IF_NAMESIZE : WORD,
		type ? FIELD_TYPE : FIELD_UNKNOWN);
}

void nat_registers_load(
	struct nat_registers *registers, const struct nft_expression *expression, uint8_t family)
{
	bool state = expression->kind == NFT_KIND_CT && expression->key == NFT_CT_STATE;
	if (expression->destination == NFT_REGISTER_NONE)
		return;
	if (expression->kind == NFT_KIND_PAYLOAD)
		load_payload(registers, expression, family);
	else if (expression->kind == NFT_KIND_META)
		load_meta(registers, expression);
	else if (expression->kind == NFT_KIND_FIB)
		load_fib(registers, expression);
	else
		nat_registers_put(registers, expression->destination, state ? WORD : 4 * WORD,
			state ? FIELD_STATE : FIELD_UNKNOWN);
}

/* ---- changed */

static struct nat_symbol symbol_masked(struct nat_symbol symbol, uint8_t mask, uint8_t flip)
{
	if (symbol.field == FIELD_CHANCE)
		return symbol;
	if (symbol.field == FIELD_CONSTANT) {
		symbol.value = (uint8_t)((symbol.value & mask) ^ flip);
		return symbol;
	}
	symbol.mask &= mask;
	return flip ? (struct nat_symbol){ .mask = 0xff } : symbol;
}

void nat_registers_bitwise(struct nat_registers *registers, const struct nft_expression *expression)
{
	size_t size = expression->length;
	bool known = expression->operation == NFT_BITWISE_BOOL && expression->data.size == size &&
		     expression->more.size == size && nat_registers_hold(expression->source, size) &&
		     nat_registers_hold(expression->destination, size);
	if (!known) {
		nat_registers_put(registers, expression->destination, size, FIELD_UNKNOWN);
		return;
	}
	for (size_t i = 0; i < size; i++)
		registers->symbols[expression->destination + i] =
			symbol_masked(registers->symbols[expression->source + i], expression->data.bytes[i],
				expression->more.bytes[i]);
}

void nat_registers_byteorder(struct nat_registers *registers, const struct nft_expression *expression)
{
	bool chance = nat_registers_by_chance(registers, expression->source, expression->length);
	nat_registers_put(registers, expression->destination, expression->length,
		chance ? FIELD_CHANCE : FIELD_UNKNOWN);
}

/* ---- read */

bool nat_registers_constant(const struct nat_registers *registers, unsigned at, size_t size, uint8_t *out)
{
	if (!nat_registers_hold(at, size))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (registers->symbols[at + i].field != FIELD_CONSTANT)
			return false;
		out[i] = registers->symbols[at + i].value;
	}
	return true;
}

bool nat_registers_by_chance(const struct nat_registers *registers, unsigned at, size_t size)
{
	for (size_t i = 0; i < registers_cut(at, size); i++)
		if (registers->symbols[at + i].field == FIELD_CHANCE)
			return true;
	return false;
}
