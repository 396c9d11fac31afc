// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nft_expression.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

#include "collectors/base/nfnetlink.h"

#define ATTRIBUTES_MOST 15
#define FIELDS_MOST     8

#define WORD         4u
#define WORDS_IN_REG 4u

/* enum nft_registers: four registers of 16 bytes, or sixteen of 4 that lie in the same place. */
static unsigned register_byte(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * WORDS_IN_REG * WORD;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * WORD;
	return NFT_REGISTER_NONE;
}

const struct nlattr *nft_cursor_next(struct nft_cursor *cursor)
{
	const struct nlattr *attribute = (const struct nlattr *)cursor->at;
	if (cursor->left < sizeof(*attribute) || attribute->nla_len < sizeof(*attribute) ||
		attribute->nla_len > cursor->left)
		return NULL;
	size_t step = MNL_ALIGN(attribute->nla_len);
	cursor->left = step < cursor->left ? cursor->left - step : 0;
	cursor->at += step;
	return attribute;
}

static bool attribute_register(const struct nlattr *attribute, unsigned *out)
{
	uint32_t number;
	if (!attribute_be32(attribute, &number) || register_byte(number) == NFT_REGISTER_NONE)
		return false;
	*out = register_byte(number);
	return true;
}

/* The text in the message, if it ends there; NULL if it does not, or is absent. */
const char *nft_text(const struct nlattr *attribute)
{
	const char *text = attribute ? mnl_attr_get_payload(attribute) : NULL;
	return text && memchr(text, '\0', mnl_attr_get_payload_len(attribute)) ? text : NULL;
}

static struct nft_data data_of(const struct nlattr *attribute)
{
	if (!attribute)
		return (struct nft_data){ 0 };
	return (struct nft_data){ mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute) };
}

struct nft_data nft_data_value(const struct nlattr *nest)
{
	const struct nlattr *table[NFTA_DATA_MAX + 1];
	if (!attributes_of_nest(nest, table, NFTA_DATA_MAX))
		return (struct nft_data){ 0 };
	return data_of(table[NFTA_DATA_VALUE]);
}

struct nft_verdict nft_data_verdict(const struct nlattr *nest)
{
	const struct nlattr *table[NFTA_DATA_MAX + 1], *inner[NFTA_VERDICT_MAX + 1];
	struct nft_verdict verdict = { .chain = "" };
	uint32_t code;
	if (!attributes_of_nest(nest, table, NFTA_DATA_MAX) ||
		!attributes_of_nest(table[NFTA_DATA_VERDICT], inner, NFTA_VERDICT_MAX) ||
		!attribute_be32(inner[NFTA_VERDICT_CODE], &code))
		return verdict;
	verdict.present = true;
	verdict.code = (int32_t)code;
	if (nft_text(inner[NFTA_VERDICT_CHAIN]))
		verdict.chain = nft_text(inner[NFTA_VERDICT_CHAIN]);
	return verdict;
}

/* ---- which attribute goes where */

enum field_form { FORM_NUMBER, FORM_REGISTER, FORM_VALUE, FORM_BYTES, FORM_NAME };
enum field_need { OPTIONAL, NEEDED };

struct field {
	unsigned attribute; /* 0: the end of the list */
	enum field_form form;
	size_t at; /* in struct nft_expression */
	enum field_need need;
};

struct layout {
	const char *name;
	enum nft_kind kind;
	struct field fields[FIELDS_MOST];
};

#define AT(member) offsetof(struct nft_expression, member)

static const struct layout layouts[] = {
	{ "immediate", NFT_KIND_IMMEDIATE, { { NFTA_IMMEDIATE_DATA, FORM_VALUE, AT(data), NEEDED } } },
	{ "cmp", NFT_KIND_CMP,
		{ { NFTA_CMP_SREG, FORM_REGISTER, AT(source), NEEDED },
			{ NFTA_CMP_OP, FORM_NUMBER, AT(operation), NEEDED },
			{ NFTA_CMP_DATA, FORM_VALUE, AT(data), NEEDED } } },
	{ "range", NFT_KIND_RANGE,
		{ { NFTA_RANGE_SREG, FORM_REGISTER, AT(source), NEEDED },
			{ NFTA_RANGE_OP, FORM_NUMBER, AT(operation), NEEDED },
			{ NFTA_RANGE_FROM_DATA, FORM_VALUE, AT(data), NEEDED },
			{ NFTA_RANGE_TO_DATA, FORM_VALUE, AT(more), NEEDED } } },
	{ "bitwise", NFT_KIND_BITWISE,
		{ { NFTA_BITWISE_SREG, FORM_REGISTER, AT(source), NEEDED },
			{ NFTA_BITWISE_DREG, FORM_REGISTER, AT(destination), NEEDED },
			{ NFTA_BITWISE_LEN, FORM_NUMBER, AT(length), NEEDED },
			{ NFTA_BITWISE_OP, FORM_NUMBER, AT(operation), OPTIONAL },
			{ NFTA_BITWISE_MASK, FORM_VALUE, AT(data), OPTIONAL },
			{ NFTA_BITWISE_XOR, FORM_VALUE, AT(more), OPTIONAL } } },
	{ "payload", NFT_KIND_PAYLOAD,
		{ { NFTA_PAYLOAD_DREG, FORM_REGISTER, AT(destination), OPTIONAL },
			{ NFTA_PAYLOAD_SREG, FORM_REGISTER, AT(source), OPTIONAL },
			{ NFTA_PAYLOAD_BASE, FORM_NUMBER, AT(key), NEEDED },
			{ NFTA_PAYLOAD_OFFSET, FORM_NUMBER, AT(offset), NEEDED },
			{ NFTA_PAYLOAD_LEN, FORM_NUMBER, AT(length), NEEDED } } },
	{ "meta", NFT_KIND_META,
		{ { NFTA_META_DREG, FORM_REGISTER, AT(destination), OPTIONAL },
			{ NFTA_META_SREG, FORM_REGISTER, AT(source), OPTIONAL },
			{ NFTA_META_KEY, FORM_NUMBER, AT(key), NEEDED } } },
	{ "ct", NFT_KIND_CT,
		{ { NFTA_CT_DREG, FORM_REGISTER, AT(destination), OPTIONAL },
			{ NFTA_CT_SREG, FORM_REGISTER, AT(source), OPTIONAL },
			{ NFTA_CT_KEY, FORM_NUMBER, AT(key), NEEDED } } },
	{ "fib", NFT_KIND_FIB,
		{ { NFTA_FIB_DREG, FORM_REGISTER, AT(destination), NEEDED },
			{ NFTA_FIB_RESULT, FORM_NUMBER, AT(key), NEEDED },
			{ NFTA_FIB_FLAGS, FORM_NUMBER, AT(flags), NEEDED } } },
	{ "lookup", NFT_KIND_LOOKUP,
		{ { NFTA_LOOKUP_SREG, FORM_REGISTER, AT(source), NEEDED },
			{ NFTA_LOOKUP_SET, FORM_NAME, AT(name), NEEDED },
			{ NFTA_LOOKUP_FLAGS, FORM_NUMBER, AT(flags), OPTIONAL } } },
	{ "numgen", NFT_KIND_RANDOM, { { NFTA_NG_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "hash", NFT_KIND_RANDOM, { { NFTA_HASH_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "nat", NFT_KIND_NAT,
		{ { NFTA_NAT_TYPE, FORM_NUMBER, AT(key), NEEDED },
			{ NFTA_NAT_FAMILY, FORM_NUMBER, AT(family), NEEDED },
			{ NFTA_NAT_REG_ADDR_MIN, FORM_REGISTER, AT(source), OPTIONAL },
			{ NFTA_NAT_REG_ADDR_MAX, FORM_REGISTER, AT(source_end), OPTIONAL },
			{ NFTA_NAT_REG_PROTO_MIN, FORM_REGISTER, AT(port), OPTIONAL },
			{ NFTA_NAT_REG_PROTO_MAX, FORM_REGISTER, AT(port_end), OPTIONAL },
			{ NFTA_NAT_FLAGS, FORM_NUMBER, AT(flags), OPTIONAL } } },
	{ "redir", NFT_KIND_REDIR,
		{ { NFTA_REDIR_REG_PROTO_MIN, FORM_REGISTER, AT(port), OPTIONAL },
			{ NFTA_REDIR_REG_PROTO_MAX, FORM_REGISTER, AT(port_end), OPTIONAL } } },
	{ "match", NFT_KIND_MATCH,
		{ { NFTA_MATCH_NAME, FORM_NAME, AT(name), NEEDED },
			{ NFTA_MATCH_REV, FORM_NUMBER, AT(revision), OPTIONAL },
			{ NFTA_MATCH_INFO, FORM_BYTES, AT(data), NEEDED } } },
	{ "target", NFT_KIND_TARGET,
		{ { NFTA_TARGET_NAME, FORM_NAME, AT(name), NEEDED },
			{ NFTA_TARGET_REV, FORM_NUMBER, AT(revision), OPTIONAL },
			{ NFTA_TARGET_INFO, FORM_BYTES, AT(data), NEEDED } } },
	{ "byteorder", NFT_KIND_BYTEORDER,
		{ { NFTA_BYTEORDER_SREG, FORM_REGISTER, AT(source), NEEDED },
			{ NFTA_BYTEORDER_DREG, FORM_REGISTER, AT(destination), NEEDED },
			{ NFTA_BYTEORDER_LEN, FORM_NUMBER, AT(length), NEEDED },
			{ NFTA_BYTEORDER_SIZE, FORM_NUMBER, AT(flags), OPTIONAL } } },
	{ "exthdr", NFT_KIND_LOAD,
		{ { NFTA_EXTHDR_DREG, FORM_REGISTER, AT(destination), OPTIONAL },
			{ NFTA_EXTHDR_LEN, FORM_NUMBER, AT(length), OPTIONAL } } },
	{ "rt", NFT_KIND_LOAD, { { NFTA_RT_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "socket", NFT_KIND_LOAD, { { NFTA_SOCKET_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "osf", NFT_KIND_LOAD, { { NFTA_OSF_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "xfrm", NFT_KIND_LOAD, { { NFTA_XFRM_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ "tunnel", NFT_KIND_LOAD, { { NFTA_TUNNEL_DREG, FORM_REGISTER, AT(destination), NEEDED } } },
	{ .name = "counter", .kind = NFT_KIND_PASSIVE },
	{ .name = "log", .kind = NFT_KIND_PASSIVE },
	{ .name = "last", .kind = NFT_KIND_PASSIVE },
	{ .name = "dup", .kind = NFT_KIND_PASSIVE },
	{ .name = "limit", .kind = NFT_KIND_NARROWING },
	{ .name = "quota", .kind = NFT_KIND_NARROWING },
	{ .name = "connlimit", .kind = NFT_KIND_NARROWING },
	{ .name = "dynset", .kind = NFT_KIND_NARROWING },
	{ "objref", NFT_KIND_NARROWING, { { NFTA_OBJREF_IMM_TYPE, FORM_NUMBER, AT(key), OPTIONAL } } },
	{ .name = "reject", .kind = NFT_KIND_END },
	{ .name = "queue", .kind = NFT_KIND_END },
	{ .name = "tproxy", .kind = NFT_KIND_END },
	{ .name = "synproxy", .kind = NFT_KIND_END },
	{ .name = "masq", .kind = NFT_KIND_END },
};

static bool field_read(const struct field *field, const struct nlattr *attribute, struct nft_expression *out)
{
	void *at = (char *)out + field->at;
	switch (field->form) {
	case FORM_NUMBER:
		return attribute_be32(attribute, at);
	case FORM_REGISTER:
		return attribute_register(attribute, at);
	case FORM_VALUE:
		*(struct nft_data *)at = nft_data_value(attribute);
		return true;
	case FORM_BYTES:
		*(struct nft_data *)at = data_of(attribute);
		return true;
	case FORM_NAME:
		*(const char **)at = nft_text(attribute);
		return *(const char **)at != NULL;
	}
	return false;
}

static int take_fields(
	const struct layout *layout, const struct nlattr *const *table, struct nft_expression *out)
{
	for (size_t i = 0; i < FIELDS_MOST && layout->fields[i].attribute; i++) {
		const struct field *field = &layout->fields[i];
		const struct nlattr *attribute = table[field->attribute];
		if (attribute ? !field_read(field, attribute, out) : field->need == NEEDED)
			return -EBADMSG;
	}
	return 0;
}

static const struct layout *find_layout(const char *name)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if (strcmp(layouts[i].name, name) == 0)
			return &layouts[i];
	return NULL;
}

/* The verdict's register is no data register: it is number 0. */
static int take_destination(const struct nlattr *attribute, struct nft_expression *out, bool *into_verdict)
{
	uint32_t number;
	if (!attribute_be32(attribute, &number))
		return -EBADMSG;
	*into_verdict = number == NFT_REG_VERDICT;
	return *into_verdict || attribute_register(attribute, &out->destination) ? 0 : -EBADMSG;
}

static int expression_complete(const struct nlattr *const *table, struct nft_expression *out)
{
	bool into_verdict;
	int error = 0;
	switch ((int)out->kind) {
	case NFT_KIND_IMMEDIATE:
		error = take_destination(table[NFTA_IMMEDIATE_DREG], out, &into_verdict);
		if (error == 0 && into_verdict)
			out->verdict = nft_data_verdict(table[NFTA_IMMEDIATE_DATA]);
		if (error == 0 && !(into_verdict ? out->verdict.present : out->data.bytes != NULL))
			error = -EBADMSG;
		return error;
	case NFT_KIND_LOOKUP: /* one into the verdict has verdict.present set and no destination */
		return table[NFTA_LOOKUP_DREG]
			       ? take_destination(table[NFTA_LOOKUP_DREG], out, &out->verdict.present)
			       : 0;
	case NFT_KIND_CT:
		if (table[NFTA_CT_DIRECTION] && mnl_attr_get_payload_len(table[NFTA_CT_DIRECTION]) == 1)
			out->flags = NFT_CT_DIRECTED |
				     *(const uint8_t *)mnl_attr_get_payload(table[NFTA_CT_DIRECTION]);
		break;
	case NFT_KIND_NARROWING:
		if (out->key == NFT_OBJECT_COUNTER)
			out->kind = NFT_KIND_PASSIVE;
		return 0;
	}
	if (out->source_end == NFT_REGISTER_NONE)
		out->source_end = out->source;
	if (out->port_end == NFT_REGISTER_NONE)
		out->port_end = out->port;
	return 0;
}

int nft_expression_parse(const struct nlattr *element, struct nft_expression *out)
{
	const struct nlattr *outer[NFTA_EXPR_MAX + 1], *table[ATTRIBUTES_MOST + 1];
	struct nft_expression parsed = { .source = NFT_REGISTER_NONE,
		.source_end = NFT_REGISTER_NONE,
		.destination = NFT_REGISTER_NONE,
		.port = NFT_REGISTER_NONE,
		.port_end = NFT_REGISTER_NONE,
		.verdict.chain = "" };
	if (!attributes_of_nest(element, outer, NFTA_EXPR_MAX))
		return -EBADMSG;
	parsed.name = nft_text(outer[NFTA_EXPR_NAME]);
	if (!parsed.name)
		return -EBADMSG;
	const struct layout *layout = find_layout(parsed.name);
	if (layout)
		parsed.kind = layout->kind;
	if (layout && layout->fields[0].attribute &&
		(!attributes_of_nest(outer[NFTA_EXPR_DATA], table, ATTRIBUTES_MOST) ||
			take_fields(layout, table, &parsed) < 0 || expression_complete(table, &parsed) < 0))
		return -EBADMSG;
	*out = parsed;
	return 0;
}
