// SPDX-License-Identifier: GPL-2.0-or-later
/* What a comparison of registers demands of the packets, field by field. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "collectors/nat_registers.h"

#define TCP_SYN      0x02
#define LOOPBACK_NET 127

static bool in_registers(unsigned at, size_t size)
{
	return at < NFT_REGISTER_BYTES && size <= NFT_REGISTER_BYTES - at;
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
	size_t size = address_size(packets->set.family);
	int length = mask_length(run);
	uint8_t low[16] = { 0 }, high[16] = { 0 };
	if (run->symbols[0].index != 0 || run->size > size || length < 0 ||
		(!is_exact(run) && (run->size != size || !is_unmasked(run)))) {
		packets->opaque = true;
		return;
	}
	memcpy(low, run->low, run->size);
	memcpy(high, run->high, run->size);
	struct address first = address_make(packets->set.family, low);
	struct address last = address_make(packets->set.family, high), ignored;
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
		packets->set.local = true;
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
	return packets->set.family == AF_INET && run->symbols[0].index == 0 && run->low[0] == LOOPBACK_NET;
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
