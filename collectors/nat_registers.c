// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nat_registers.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define WORD         4u
#define TCP_SYN      0x02
#define LOOPBACK_NET 127

/* ---- written */

static bool in_registers(unsigned at, size_t size)
{
	return at < NFT_REGISTER_BYTES && size <= NFT_REGISTER_BYTES - at;
}

static size_t cut(unsigned at, size_t size)
{
	return at >= NFT_REGISTER_BYTES ? 0 : in_registers(at, size) ? size : NFT_REGISTER_BYTES - at;
}

/* The kernel clears the rest of the last word. */
static void pad(struct nat_registers *registers, unsigned at, size_t size)
{
	for (size_t i = size; i % WORD && at + i < NFT_REGISTER_BYTES; i++)
		registers->symbols[at + i] = (struct nat_symbol){ .field = FIELD_CONSTANT, .mask = 0xff };
}

static void put_from(
	struct nat_registers *registers, unsigned at, size_t size, enum nat_field field, unsigned index)
{
	size = cut(at, size);
	for (size_t i = 0; i < size; i++)
		registers->symbols[at + i] = (struct nat_symbol){
			.field = (uint8_t)field, .index = (uint8_t)(index + i), .mask = 0xff
		};
	pad(registers, at, size);
}

void nat_registers_put(struct nat_registers *registers, unsigned at, size_t size, enum nat_field field)
{
	put_from(registers, at, size, field, 0);
}

void nat_registers_put_data(struct nat_registers *registers, unsigned at, const uint8_t *data, size_t size)
{
	size = cut(at, size);
	for (size_t i = 0; i < size; i++)
		registers->symbols[at + i] =
			(struct nat_symbol){ .field = FIELD_CONSTANT, .mask = 0xff, .value = data[i] };
	pad(registers, at, size);
}

void nat_registers_forget(struct nat_registers *registers)
{
	*registers = (struct nat_registers){ 0 };
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
	size_t size = cut(expression->destination, expression->length);
	for (size_t i = 0; i < size; i++) {
		uint32_t offset = expression->offset + (uint32_t)i;
		const struct header_field *field = find_header(expression->key, family, offset);
		registers->symbols[expression->destination + i] = (struct nat_symbol){ .mask = 0xff };
		if (field)
			registers->symbols[expression->destination + i] =
				(struct nat_symbol){ .field = (uint8_t)field->field,
					.index = (uint8_t)(offset - field->offset),
					.mask = 0xff };
	}
	pad(registers, expression->destination, size);
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
	if (!expression->has_destination)
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

static struct nat_symbol changed(struct nat_symbol symbol, uint8_t mask, uint8_t flip)
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
		     expression->more.size == size && in_registers(expression->source, size) &&
		     in_registers(expression->destination, size);
	if (!known) {
		nat_registers_put(registers, expression->destination, size, FIELD_UNKNOWN);
		return;
	}
	for (size_t i = 0; i < size; i++)
		registers->symbols[expression->destination + i] =
			changed(registers->symbols[expression->source + i], expression->data.bytes[i],
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
	if (!in_registers(at, size))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (registers->symbols[at + i].field != FIELD_CONSTANT)
			return false;
		out[i] = registers->symbols[at + i].value;
	}
	return true;
}

static const size_t field_sizes[NAT_FIELDS] = {
	[FIELD_FAMILY] = 1,
	[FIELD_PROTOCOL] = 1,
	[FIELD_PORT] = 2,
	[FIELD_IIF] = 4,
	[FIELD_IIFNAME] = IF_NAMESIZE,
	[FIELD_TYPE] = 4,
	[FIELD_STATE] = 4,
	[FIELD_FLAGS] = 1,
};

/* Bytes that follow one another in one field. */
struct run {
	enum nat_field field;
	size_t size;
	const struct nat_symbol *symbols;
	const uint8_t *low, *high;
};

static size_t run_length(const struct nat_symbol *symbols, size_t left)
{
	size_t size = 1;
	while (size < left && symbols[size].field == symbols[0].field &&
		symbols[size].index == symbols[0].index + size)
		size++;
	return size;
}

static bool is_exact(const struct run *run)
{
	return memcmp(run->low, run->high, run->size) == 0;
}

static bool is_unmasked(const struct run *run)
{
	for (size_t i = 0; i < run->size; i++)
		if (run->symbols[i].mask != 0xff)
			return false;
	return true;
}

/* From its first byte on, and if its size is known, to its last. */
static bool is_whole(const struct run *run)
{
	return run->symbols[0].index == 0 && is_unmasked(run) &&
	       (field_sizes[run->field] == 0 || field_sizes[run->field] == run->size);
}

bool nat_registers_is(const struct nat_registers *registers, unsigned at, size_t size, enum nat_field field)
{
	if (size == 0 || !in_registers(at, size))
		return false;
	const struct run run = { .field = field, .size = size, .symbols = &registers->symbols[at] };
	return registers->symbols[at].field == field && run_length(run.symbols, size) == size &&
	       is_whole(&run);
}

bool nat_registers_by_chance(const struct nat_registers *registers, unsigned at, size_t size)
{
	for (size_t i = 0; i < cut(at, size); i++)
		if (registers->symbols[at + i].field == FIELD_CHANCE)
			return true;
	return false;
}

/* ---- needed */

static void need_constant(struct nat_packets *packets, const struct run *run)
{
	uint8_t value[NFT_REGISTER_BYTES];
	for (size_t i = 0; i < run->size; i++)
		value[i] = run->symbols[i].value;
	if (memcmp(value, run->low, run->size) < 0 || memcmp(value, run->high, run->size) > 0)
		packets->never = true;
}

static uint8_t family_of_nfproto(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? AF_INET : nfproto == NFPROTO_IPV6 ? AF_INET6 : AF_UNSPEC;
}

static void need_family(struct nat_packets *packets, const struct run *run)
{
	uint8_t family = family_of_nfproto(run->low[0]);
	if (!is_exact(run) || !is_whole(run))
		packets->opaque = true;
	else if (family == AF_UNSPEC)
		packets->never = true;
	else
		nat_need_family(packets, family);
}

static void need_protocol(struct nat_packets *packets, const struct run *run)
{
	if (is_exact(run) && is_whole(run) && run->low[0])
		nat_need_protocol(packets, run->low[0]);
	else
		packets->opaque = true;
}

/* Bits of a mask that begins with ones and goes on with zeros; -1 if it is none. */
static int mask_length(const struct run *run)
{
	int length = 0;
	bool ended = false;
	for (size_t i = 0; i < run->size; i++)
		for (int bit = 7; bit >= 0; bit--) {
			bool one = run->symbols[i].mask >> bit & 1;
			if (one && ended)
				return -1;
			ended |= !one;
			length += one;
		}
	return length;
}

static void need_destination(struct nat_packets *packets, const struct run *run)
{
	size_t size = address_size(packets->box.family);
	int length = mask_length(run);
	uint8_t low[16] = { 0 }, high[16] = { 0 };
	if (run->symbols[0].index != 0 || run->size > size || length < 0 ||
		(!is_exact(run) && (run->size != size || !is_unmasked(run)))) {
		packets->opaque = true;
		return;
	}
	memcpy(low, run->low, run->size);
	memcpy(high, run->high, run->size);
	struct address first = address_make(packets->box.family, low);
	struct address last = address_make(packets->box.family, high), ignored;
	if (is_exact(run)) {
		for (size_t i = 0; i < run->size; i++)
			packets->never |= (run->low[i] & ~run->symbols[i].mask) != 0;
		nat_prefix_range(&first, (uint8_t)length, &ignored, &last);
	}
	nat_need_destination(packets, &first, &last);
}

static uint16_t port_of(const uint8_t bytes[static 2])
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void need_port(struct nat_packets *packets, const struct run *run)
{
	if (is_whole(run))
		nat_need_ports(packets, port_of(run->low), port_of(run->high));
	else
		packets->opaque = true;
}

/* A name that ends without NUL before the field does is the beginning of names. */
static bool name_of(const struct run *run, char name[static IF_NAMESIZE + 1])
{
	if (run->symbols[0].index != 0 || !is_unmasked(run) || !is_exact(run) || run->size > IF_NAMESIZE)
		return false;
	size_t length = strnlen((const char *)run->low, run->size);
	memcpy(name, run->low, length);
	if (length == run->size && length < IF_NAMESIZE)
		name[length++] = '*';
	name[length] = '\0';
	return true;
}

static void need_iif(struct nat_packets *packets, const struct run *run, bool excluded)
{
	char name[IF_NAMESIZE + 1];
	int ifindex;
	if (run->field == FIELD_IIFNAME && name_of(run, name)) {
		nat_need_iif(packets, name, excluded);
	} else if (run->field == FIELD_IIF && is_whole(run) && is_exact(run)) {
		memcpy(&ifindex, run->low, sizeof(ifindex));
		nat_need_ifindex(packets, ifindex, excluded);
	} else {
		packets->opaque = true;
	}
}

static uint32_t host_word(const uint8_t *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

static void need_type(struct nat_packets *packets, const struct run *run)
{
	if (is_whole(run) && is_exact(run) && host_word(run->low) == RTN_LOCAL)
		packets->box.local = true;
	else
		packets->opaque = true;
}

/* The bits of the register that the mask leaves. */
static uint32_t mask_word(const struct run *run)
{
	uint8_t bytes[4];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = run->symbols[i].mask;
	return host_word(bytes);
}

#define STATE_NEW (UINT32_C(1) << (IP_CT_NEW + 1)) /* NF_CT_STATE_BIT, nf_conntrack_common.h */

/* Only the first packet of a connection comes to a chain of type nat, and nearly all of these are new. */
static void need_state(struct nat_packets *packets, const struct run *run, bool other)
{
	bool whole = run->size == 4 && run->symbols[0].index == 0 && is_exact(run);
	uint32_t wanted = whole ? host_word(run->low) : 0;
	bool passes = whole && (mask_word(run) & STATE_NEW) == wanted;
	if (!whole || passes == other)
		packets->opaque = true;
}

/* And of TCP nearly all begin with a SYN alone. */
static void need_flags(struct nat_packets *packets, const struct run *run, bool other)
{
	bool passes = is_exact(run) && (run->symbols[0].mask & TCP_SYN) == run->low[0];
	if (passes == other)
		packets->opaque = true;
}

static void need_run(struct nat_packets *packets, const struct run *run)
{
	switch (run->field) {
	case FIELD_CONSTANT:
		need_constant(packets, run);
		break;
	case FIELD_CHANCE:
		packets->balanced = true;
		break;
	case FIELD_FAMILY:
		need_family(packets, run);
		break;
	case FIELD_PROTOCOL:
		need_protocol(packets, run);
		break;
	case FIELD_DESTINATION:
		need_destination(packets, run);
		break;
	case FIELD_PORT:
		need_port(packets, run);
		break;
	case FIELD_SOURCE:
		packets->narrowed = true;
		break;
	case FIELD_IIF:
	case FIELD_IIFNAME:
		need_iif(packets, run, false);
		break;
	case FIELD_TYPE:
		need_type(packets, run);
		break;
	case FIELD_STATE:
		need_state(packets, run, false);
		break;
	case FIELD_FLAGS:
		need_flags(packets, run, false);
		break;
	case FIELD_UNKNOWN:
	case NAT_FIELDS:
		packets->opaque = true;
		break;
	}
}

void nat_registers_need(const struct nat_registers *registers, unsigned at, const uint8_t *low,
	const uint8_t *high, size_t size, struct nat_packets *packets)
{
	if (!in_registers(at, size)) {
		packets->opaque = true;
		return;
	}
	for (size_t done = 0; done < size;) {
		const struct nat_symbol *symbols = &registers->symbols[at + done];
		struct run run = { .field = (enum nat_field)symbols->field,
			.size = run_length(symbols, size - done),
			.symbols = symbols,
			.low = low + done,
			.high = high + done };
		/* Constants stand apart: they may be the padding of a word. */
		if (run.field == FIELD_CONSTANT || run.field == FIELD_CHANCE)
			run.size = 1;
		need_run(packets, &run);
		done += run.size;
	}
}

static bool is_loopback(const struct nat_packets *packets, const struct run *run)
{
	return packets->box.family == AF_INET && run->symbols[0].index == 0 && run->low[0] == LOOPBACK_NET;
}

static void need_not_run(struct nat_packets *packets, const struct run *run)
{
	if (run->field == FIELD_IIF || run->field == FIELD_IIFNAME)
		need_iif(packets, run, true);
	else if (run->field == FIELD_SOURCE)
		packets->narrowed = true;
	else if (run->field == FIELD_STATE)
		need_state(packets, run, true);
	else if (run->field == FIELD_FLAGS)
		need_flags(packets, run, true);
	else if (run->field == FIELD_CHANCE)
		packets->balanced = true;
	else if (run->field != FIELD_DESTINATION || !is_loopback(packets, run))
		packets->opaque = true;
}

void nat_registers_need_not(const struct nat_registers *registers, unsigned at, const uint8_t *data,
	size_t size, struct nat_packets *packets)
{
	if (size == 0 || !in_registers(at, size) || run_length(&registers->symbols[at], size) != size) {
		packets->opaque = true;
		return;
	}
	const struct run run = { .field = (enum nat_field)registers->symbols[at].field,
		.size = size,
		.symbols = &registers->symbols[at],
		.low = data,
		.high = data };
	need_not_run(packets, &run);
}
