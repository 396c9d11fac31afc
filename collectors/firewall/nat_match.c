// SPDX-License-Identifier: GPL-2.0-or-later
/* What a comparison of registers demands of the packets, field by field. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "collectors/firewall/nat_registers.h"

#define TCP_SYN      0x02
#define LOOPBACK_NET 127

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
struct field_bytes {
	enum nat_field kind;
	size_t size;
	const struct nat_symbol *symbols;
	const uint8_t *low, *high;
};

static size_t field_length(const struct nat_symbol *symbols, size_t left)
{
	size_t size = 1;
	while (size < left && symbols[size].field == symbols[0].field &&
		symbols[size].index == symbols[0].index + size)
		size++;
	return size;
}

static bool is_exact(const struct field_bytes *field)
{
	return memcmp(field->low, field->high, field->size) == 0;
}

static bool is_unmasked(const struct field_bytes *field)
{
	for (size_t i = 0; i < field->size; i++)
		if (field->symbols[i].mask != 0xff)
			return false;
	return true;
}

/* From its first byte on, and if its size is known, to its last. */
static bool is_whole(const struct field_bytes *field)
{
	return field->symbols[0].index == 0 && is_unmasked(field) &&
	       (field_sizes[field->kind] == 0 || field_sizes[field->kind] == field->size);
}

bool nat_registers_is(const struct nat_registers *registers, unsigned at, size_t size, enum nat_field field)
{
	if (size == 0 || !nat_registers_hold(at, size))
		return false;
	const struct field_bytes bytes = { .kind = field, .size = size, .symbols = &registers->symbols[at] };
	return registers->symbols[at].field == field && field_length(bytes.symbols, size) == size &&
	       is_whole(&bytes);
}

/* ---- matched */

static void match_constant(struct nat_packets *packets, const struct field_bytes *field)
{
	uint8_t value[NFT_REGISTER_BYTES];
	for (size_t i = 0; i < field->size; i++)
		value[i] = field->symbols[i].value;
	if (memcmp(value, field->low, field->size) < 0 || memcmp(value, field->high, field->size) > 0)
		packets->never = true;
}

/* Bits of a mask that begins with ones and goes on with zeros; -1 if it is none. */
static int mask_length(const struct field_bytes *field)
{
	int length = 0;
	bool ended = false;
	for (size_t i = 0; i < field->size; i++)
		for (int bit = 7; bit >= 0; bit--) {
			bool one = field->symbols[i].mask >> bit & 1;
			if (one && ended)
				return -1;
			ended |= !one;
			length += one;
		}
	return length;
}

static void match_destination(struct nat_packets *packets, const struct field_bytes *field)
{
	size_t size = address_size(packets->set.family);
	int length = mask_length(field);
	uint8_t low[16] = { 0 }, high[16] = { 0 };
	if (field->symbols[0].index != 0 || field->size > size || length < 0 ||
		(!is_exact(field) && (field->size != size || !is_unmasked(field)))) {
		packets->opaque = true;
		return;
	}
	memcpy(low, field->low, field->size);
	memcpy(high, field->high, field->size);
	struct address first = address_make(packets->set.family, low);
	struct address last = address_make(packets->set.family, high), ignored;
	if (is_exact(field)) {
		for (size_t i = 0; i < field->size; i++)
			packets->never |= (field->low[i] & ~field->symbols[i].mask) != 0;
		nat_prefix_range(&first, (uint8_t)length, &ignored, &last);
	}
	nat_match_destination(packets, &first, &last);
}

/* A name that ends without NUL before the field does is the beginning of names. */
static bool name_of(const struct field_bytes *field, char name[static IF_NAMESIZE + 1])
{
	if (field->symbols[0].index != 0 || !is_unmasked(field) || !is_exact(field) ||
		field->size > IF_NAMESIZE)
		return false;
	size_t length = strnlen((const char *)field->low, field->size);
	memcpy(name, field->low, length);
	if (length == field->size && length < IF_NAMESIZE)
		name[length++] = '*';
	name[length] = '\0';
	return true;
}

static void match_iif(struct nat_packets *packets, const struct field_bytes *field, bool excluded)
{
	char name[IF_NAMESIZE + 1];
	int ifindex;
	if (field->kind == FIELD_IIFNAME && name_of(field, name)) {
		nat_match_iif(packets, name, excluded);
	} else if (field->kind == FIELD_IIF && is_whole(field) && is_exact(field)) {
		memcpy(&ifindex, field->low, sizeof(ifindex));
		nat_match_ifindex(packets, ifindex, excluded);
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

static void match_type(struct nat_packets *packets, const struct field_bytes *field)
{
	if (is_whole(field) && is_exact(field) && host_word(field->low) == RTN_LOCAL)
		packets->set.local = true;
	else
		packets->opaque = true;
}

#define STATE_NEW (UINT32_C(1) << (IP_CT_NEW + 1)) /* NF_CT_STATE_BIT, nf_conntrack_common.h */

/* Only the first packet of a connection comes to a chain of type nat, and nearly all of these are new. */
static void match_state(struct nat_packets *packets, const struct field_bytes *field, bool other)
{
	bool whole = field->size == 4 && field->symbols[0].index == 0 && is_exact(field), passes = false;
	uint8_t mask[4];
	if (whole) {
		for (size_t i = 0; i < sizeof(mask); i++)
			mask[i] = field->symbols[i].mask;
		passes = (host_word(mask) & STATE_NEW) == host_word(field->low);
	}
	if (!whole || passes == other)
		packets->opaque = true;
}

/* And of TCP nearly all begin with a SYN alone. */
static void match_flags(struct nat_packets *packets, const struct field_bytes *field, bool other)
{
	bool passes = is_exact(field) && (field->symbols[0].mask & TCP_SYN) == field->low[0];
	if (passes == other)
		packets->opaque = true;
}

static void match_field(struct nat_packets *packets, const struct field_bytes *field)
{
	bool exact = is_exact(field) && is_whole(field);
	switch (field->kind) {
	case FIELD_CONSTANT:
		match_constant(packets, field);
		break;
	case FIELD_CHANCE:
		packets->balanced = true;
		break;
	case FIELD_FAMILY:
		if (!exact)
			packets->opaque = true;
		else if (nat_family(field->low[0]) == AF_UNSPEC)
			packets->never = true;
		else
			nat_match_family(packets, nat_family(field->low[0]));
		break;
	case FIELD_PROTOCOL:
		if (exact && field->low[0])
			nat_match_protocol(packets, field->low[0]);
		else
			packets->opaque = true;
		break;
	case FIELD_DESTINATION:
		match_destination(packets, field);
		break;
	case FIELD_PORT:
		if (is_whole(field))
			nat_match_ports(packets, nat_port_of(field->low), nat_port_of(field->high));
		else
			packets->opaque = true;
		break;
	case FIELD_SOURCE:
		packets->narrowed = true;
		break;
	case FIELD_IIF:
	case FIELD_IIFNAME:
		match_iif(packets, field, false);
		break;
	case FIELD_TYPE:
		match_type(packets, field);
		break;
	case FIELD_STATE:
		match_state(packets, field, false);
		break;
	case FIELD_FLAGS:
		match_flags(packets, field, false);
		break;
	case FIELD_UNKNOWN:
	case NAT_FIELDS:
		packets->opaque = true;
		break;
	}
}

void nat_registers_match(const struct nat_registers *registers, unsigned at, const uint8_t *low,
	const uint8_t *high, size_t size, struct nat_packets *packets)
{
	if (!nat_registers_hold(at, size)) {
		packets->opaque = true;
		return;
	}
	for (size_t done = 0; done < size;) {
		const struct nat_symbol *symbols = &registers->symbols[at + done];
		struct field_bytes field = { .kind = (enum nat_field)symbols->field,
			.size = field_length(symbols, size - done),
			.symbols = symbols,
			.low = low + done,
			.high = high + done };
		/* Constants stand apart: they may be the padding of a word. */
		if (field.kind == FIELD_CONSTANT || field.kind == FIELD_CHANCE)
			field.size = 1;
		match_field(packets, &field);
		done += field.size;
	}
}

void nat_registers_match_other(const struct nat_registers *registers, unsigned at, const uint8_t *data,
	size_t size, struct nat_packets *packets)
{
	if (size == 0 || !nat_registers_hold(at, size) ||
		field_length(&registers->symbols[at], size) != size) {
		packets->opaque = true;
		return;
	}
	const struct field_bytes field = { .kind = (enum nat_field)registers->symbols[at].field,
		.size = size,
		.symbols = &registers->symbols[at],
		.low = data,
		.high = data };
	bool loopback = field.kind == FIELD_DESTINATION && packets->set.family == AF_INET &&
			field.symbols[0].index == 0 && data[0] == LOOPBACK_NET;
	if (field.kind == FIELD_IIF || field.kind == FIELD_IIFNAME)
		match_iif(packets, &field, true);
	else if (field.kind == FIELD_SOURCE)
		packets->narrowed = true;
	else if (field.kind == FIELD_STATE)
		match_state(packets, &field, true);
	else if (field.kind == FIELD_FLAGS)
		match_flags(packets, &field, true);
	else if (field.kind == FIELD_CHANCE)
		packets->balanced = true;
	else if (!loopback)
		packets->opaque = true;
}
