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

static void copy_mask(const struct field_bytes *field, void *out)
{
	for (size_t i = 0; i < field->size; i++)
		((uint8_t *)out)[i] = field->symbols[i].mask;
}

static bool match_destination(struct nat_packets *packets, const struct field_bytes *field)
{
	uint8_t family = packets->set.family, mask[16], low[16] = { 0 }, high[16] = { 0 };
	size_t size = address_size(family);
	if (field->symbols[0].index != 0 || field->size > size ||
		(!is_exact(field) && (field->size != size || !is_unmasked(field))))
		return false;
	copy_mask(field, mask);
	int length = nat_mask_length(mask, field->size);
	if (length < 0)
		return false;
	memcpy(low, field->low, field->size);
	memcpy(high, field->high, field->size);
	struct address first = address_make(family, low), last = address_make(family, high), ignored;
	if (is_exact(field)) {
		for (size_t i = 0; i < field->size; i++)
			packets->never |= (field->low[i] & ~mask[i]) != 0;
		nat_prefix_range(&first, (uint8_t)length, &ignored, &last);
	}
	nat_match_destination(packets, &first, &last);
	return true;
}

/* A name that ends without NUL before the field does is the beginning of names. */
static bool match_name(struct nat_packets *packets, const struct field_bytes *field, bool other)
{
	char name[IF_NAMESIZE + 1];
	if (field->symbols[0].index != 0 || !is_unmasked(field) || !is_exact(field) ||
		field->size > IF_NAMESIZE)
		return false;
	size_t length = strnlen((const char *)field->low, field->size);
	memcpy(name, field->low, length);
	if (length == field->size && length < IF_NAMESIZE)
		name[length++] = '*';
	name[length] = '\0';
	nat_match_iif(packets, name, other);
	return true;
}

static uint32_t host_word(const uint8_t *bytes)
{
	uint32_t word;
	memcpy(&word, bytes, sizeof(word));
	return word;
}

#define STATE_NEW (UINT32_C(1) << (IP_CT_NEW + 1)) /* NF_CT_STATE_BIT, nf_conntrack_common.h */

/* Only the first packet of a connection comes to a chain of type nat, and nearly all of these are new. */
static bool match_state(const struct field_bytes *field, bool other)
{
	uint32_t mask;
	if (field->size != sizeof(mask) || field->symbols[0].index != 0 || !is_exact(field))
		return false;
	copy_mask(field, &mask);
	return ((mask & STATE_NEW) == host_word(field->low)) != other;
}

/* To those whose field is within low and high; with `other`, where both are the same, to all others. False
 * where it cannot be told which these are. */
static bool match_field(struct nat_packets *packets, const struct field_bytes *field, bool other)
{
	bool exact = is_exact(field) && is_whole(field), equal = exact && !other, known = false;
	uint8_t value = field->low[0];
	switch (field->kind) {
	case FIELD_CHANCE:
		packets->balanced = true;
		return true;
	case FIELD_SOURCE:
		packets->narrowed = true;
		return true;
	case FIELD_IIF:
		if (exact)
			nat_match_ifindex(packets, (int)host_word(field->low), other);
		return exact;
	case FIELD_IIFNAME:
		return match_name(packets, field, other);
	case FIELD_STATE:
		return match_state(field, other);
	case FIELD_FLAGS: /* and of TCP nearly all begin with a SYN alone */
		return (is_exact(field) && (field->symbols[0].mask & TCP_SYN) == value) != other;
	case FIELD_DESTINATION:
		if (!other)
			return match_destination(packets, field);
		return packets->set.family == AF_INET && field->symbols[0].index == 0 &&
		       value == LOOPBACK_NET;
	case FIELD_CONSTANT:
		if (!other)
			match_constant(packets, field);
		return !other;
	case FIELD_FAMILY:
		if (equal && nat_family(value) == AF_UNSPEC)
			packets->never = true;
		else if (equal)
			nat_match_family(packets, nat_family(value));
		return equal;
	case FIELD_PROTOCOL:
		known = equal && value;
		if (known)
			nat_match_protocol(packets, value);
		return known;
	case FIELD_PORT:
		known = is_whole(field) && !other;
		if (known)
			nat_match_ports(packets, nat_port_of(field->low), nat_port_of(field->high));
		return known;
	case FIELD_TYPE:
		known = equal && host_word(field->low) == RTN_LOCAL;
		packets->set.local |= known;
		return known;
	case FIELD_UNKNOWN:
	case NAT_FIELDS:
		break;
	}
	return false;
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
		packets->opaque |= !match_field(packets, &field, false);
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
	packets->opaque |= !match_field(packets, &field, true);
}
