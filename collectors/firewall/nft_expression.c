// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nft_expression.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

#include "collectors/base/nfnetlink.h"

#define ATTRIBUTES_MOST 15
#define FIELDS_MOST     8

#define WORD          4u
#define WORDS_IN_REG  4u
#define REGISTER_NONE UINT32_MAX

/* enum nft_registers: four registers of 16 bytes, or sixteen of 4 that lie in the same place. */
static unsigned register_byte(uint32_t number)
{
	if (number >= NFT_REG_1 && number <= NFT_REG_4)
		return (number - NFT_REG_1) * WORDS_IN_REG * WORD;
	if (number >= NFT_REG32_00 && number <= NFT_REG32_15)
		return (number - NFT_REG32_00) * WORD;
	return REGISTER_NONE;
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
	if (!attribute_be32(attribute, &number) || register_byte(number) == REGISTER_NONE)
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

struct field {
	unsigned attribute; /* 0: the end of the list */
	enum field_form form;
	size_t at;      /* in struct nft_expression */
	size_t present; /* of the bool that says so, or 0 */
	bool needed;
};

struct layout {
	const char *name;
	enum nft_kind kind;
	struct field fields[FIELDS_MOST];
};

#define AT(member) offsetof(struct nft_expression, member)

#define NUMBER(attribute, member)                            \
	{                                                    \
		attribute, FORM_NUMBER, AT(member), 0, false \
	}
#define MUST_NUMBER(attribute, member)                      \
	{                                                   \
		attribute, FORM_NUMBER, AT(member), 0, true \
	}
#define SOURCE(attribute, must)                                            \
	{                                                                  \
		attribute, FORM_REGISTER, AT(source), AT(has_source), must \
	}
#define DESTINATION(attribute, must)                                                 \
	{                                                                            \
		attribute, FORM_REGISTER, AT(destination), AT(has_destination), must \
	}
#define VALUE(attribute, member)                           \
	{                                                  \
		attribute, FORM_VALUE, AT(member), 0, true \
	}
#define NAME(attribute)                                 \
	{                                               \
		attribute, FORM_NAME, AT(name), 0, true \
	}
#define REGISTER(attribute, member, present)                             \
	{                                                                \
		attribute, FORM_REGISTER, AT(member), AT(present), false \
	}
#define NO_FIELDS                                      \
	{                                              \
		{ 0, FORM_NUMBER, AT(key), 0, false }, \
	}

static const struct layout layouts[] = {
	{ "immediate", NFT_KIND_IMMEDIATE, { VALUE(NFTA_IMMEDIATE_DATA, data) } },
	{ "cmp", NFT_KIND_CMP,
		{ SOURCE(NFTA_CMP_SREG, true), MUST_NUMBER(NFTA_CMP_OP, operation),
			VALUE(NFTA_CMP_DATA, data) } },
	{ "range", NFT_KIND_RANGE,
		{ SOURCE(NFTA_RANGE_SREG, true), MUST_NUMBER(NFTA_RANGE_OP, operation),
			VALUE(NFTA_RANGE_FROM_DATA, data), VALUE(NFTA_RANGE_TO_DATA, more) } },
	{ "bitwise", NFT_KIND_BITWISE,
		{ SOURCE(NFTA_BITWISE_SREG, true), DESTINATION(NFTA_BITWISE_DREG, true),
			MUST_NUMBER(NFTA_BITWISE_LEN, length), NUMBER(NFTA_BITWISE_OP, operation),
			{ NFTA_BITWISE_MASK, FORM_VALUE, AT(data), 0, false },
			{ NFTA_BITWISE_XOR, FORM_VALUE, AT(more), 0, false } } },
	{ "payload", NFT_KIND_PAYLOAD,
		{ SOURCE(NFTA_PAYLOAD_SREG, false), DESTINATION(NFTA_PAYLOAD_DREG, false),
			MUST_NUMBER(NFTA_PAYLOAD_BASE, key), MUST_NUMBER(NFTA_PAYLOAD_OFFSET, offset),
			MUST_NUMBER(NFTA_PAYLOAD_LEN, length) } },
	{ "meta", NFT_KIND_META,
		{ SOURCE(NFTA_META_SREG, false), DESTINATION(NFTA_META_DREG, false),
			MUST_NUMBER(NFTA_META_KEY, key) } },
	{ "ct", NFT_KIND_CT,
		{ SOURCE(NFTA_CT_SREG, false), DESTINATION(NFTA_CT_DREG, false),
			MUST_NUMBER(NFTA_CT_KEY, key) } },
	{ "fib", NFT_KIND_FIB,
		{ DESTINATION(NFTA_FIB_DREG, true), MUST_NUMBER(NFTA_FIB_RESULT, key),
			MUST_NUMBER(NFTA_FIB_FLAGS, flags) } },
	{ "lookup", NFT_KIND_LOOKUP,
		{ SOURCE(NFTA_LOOKUP_SREG, true), NAME(NFTA_LOOKUP_SET), NUMBER(NFTA_LOOKUP_FLAGS, flags) } },
	{ "numgen", NFT_KIND_RANDOM, { DESTINATION(NFTA_NG_DREG, true) } },
	{ "hash", NFT_KIND_RANDOM, { DESTINATION(NFTA_HASH_DREG, true) } },
	{ "nat", NFT_KIND_NAT,
		{ MUST_NUMBER(NFTA_NAT_TYPE, key), MUST_NUMBER(NFTA_NAT_FAMILY, family),
			SOURCE(NFTA_NAT_REG_ADDR_MIN, false),
			REGISTER(NFTA_NAT_REG_ADDR_MAX, source_end, has_destination),
			REGISTER(NFTA_NAT_REG_PROTO_MIN, port, has_port),
			REGISTER(NFTA_NAT_REG_PROTO_MAX, port_end, has_port_end),
			NUMBER(NFTA_NAT_FLAGS, flags) } },
	{ "redir", NFT_KIND_REDIR,
		{ REGISTER(NFTA_REDIR_REG_PROTO_MIN, port, has_port),
			REGISTER(NFTA_REDIR_REG_PROTO_MAX, port_end, has_port_end) } },
	{ "match", NFT_KIND_MATCH,
		{ NAME(NFTA_MATCH_NAME), NUMBER(NFTA_MATCH_REV, revision),
			{ NFTA_MATCH_INFO, FORM_BYTES, AT(data), 0, true } } },
	{ "target", NFT_KIND_TARGET,
		{ NAME(NFTA_TARGET_NAME), NUMBER(NFTA_TARGET_REV, revision),
			{ NFTA_TARGET_INFO, FORM_BYTES, AT(data), 0, true } } },
	{ "byteorder", NFT_KIND_BYTEORDER,
		{ SOURCE(NFTA_BYTEORDER_SREG, true), DESTINATION(NFTA_BYTEORDER_DREG, true),
			MUST_NUMBER(NFTA_BYTEORDER_LEN, length) } },
	{ "exthdr", NFT_KIND_LOAD,
		{ DESTINATION(NFTA_EXTHDR_DREG, false), NUMBER(NFTA_EXTHDR_LEN, length) } },
	{ "rt", NFT_KIND_LOAD, { DESTINATION(NFTA_RT_DREG, true) } },
	{ "socket", NFT_KIND_LOAD, { DESTINATION(NFTA_SOCKET_DREG, true) } },
	{ "osf", NFT_KIND_LOAD, { DESTINATION(NFTA_OSF_DREG, true) } },
	{ "xfrm", NFT_KIND_LOAD, { DESTINATION(NFTA_XFRM_DREG, true) } },
	{ "tunnel", NFT_KIND_LOAD, { DESTINATION(NFTA_TUNNEL_DREG, true) } },
	{ "counter", NFT_KIND_PASSIVE, NO_FIELDS },
	{ "log", NFT_KIND_PASSIVE, NO_FIELDS },
	{ "last", NFT_KIND_PASSIVE, NO_FIELDS },
	{ "dup", NFT_KIND_PASSIVE, NO_FIELDS },
	{ "limit", NFT_KIND_NARROWING, NO_FIELDS },
	{ "quota", NFT_KIND_NARROWING, NO_FIELDS },
	{ "connlimit", NFT_KIND_NARROWING, NO_FIELDS },
	{ "dynset", NFT_KIND_NARROWING, NO_FIELDS },
	{ "objref", NFT_KIND_NARROWING, { NUMBER(NFTA_OBJREF_IMM_TYPE, key) } },
	{ "reject", NFT_KIND_END, NO_FIELDS },
	{ "queue", NFT_KIND_END, NO_FIELDS },
	{ "tproxy", NFT_KIND_END, NO_FIELDS },
	{ "synproxy", NFT_KIND_END, NO_FIELDS },
	{ "masq", NFT_KIND_END, NO_FIELDS },
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
		if (!attribute && !field->needed)
			continue;
		if (!attribute || !field_read(field, attribute, out))
			return -EBADMSG;
		if (field->present)
			*(bool *)((char *)out + field->present) = true;
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
	out->has_destination = !*into_verdict;
	if (*into_verdict)
		return 0;
	return attribute_register(attribute, &out->destination) ? 0 : -EBADMSG;
}

static int finish_immediate(const struct nlattr *const *table, struct nft_expression *out)
{
	bool into_verdict;
	int error = take_destination(table[NFTA_IMMEDIATE_DREG], out, &into_verdict);
	if (error < 0)
		return error;
	if (into_verdict)
		out->verdict = nft_data_verdict(table[NFTA_IMMEDIATE_DATA]);
	return into_verdict == out->verdict.present && (into_verdict || out->data.bytes) ? 0 : -EBADMSG;
}

/* A lookup into the verdict has verdict.present set and no destination. */
static int finish_lookup(const struct nlattr *const *table, struct nft_expression *out)
{
	return table[NFTA_LOOKUP_DREG] ? take_destination(table[NFTA_LOOKUP_DREG], out, &out->verdict.present)
				       : 0;
}

static int expression_complete(const struct nlattr *const *table, struct nft_expression *out)
{
	if (out->kind == NFT_KIND_IMMEDIATE)
		return finish_immediate(table, out);
	if (out->kind == NFT_KIND_LOOKUP)
		return finish_lookup(table, out);
	if (out->kind == NFT_KIND_NARROWING && out->key == NFT_OBJECT_COUNTER)
		out->kind = NFT_KIND_PASSIVE;
	if (out->kind != NFT_KIND_NAT && out->kind != NFT_KIND_REDIR)
		return 0;
	if (out->kind == NFT_KIND_NAT && !out->has_destination)
		out->source_end = out->source;
	if (!out->has_port_end)
		out->port_end = out->port;
	return 0;
}

int nft_expression_parse(const struct nlattr *element, struct nft_expression *out)
{
	const struct nlattr *outer[NFTA_EXPR_MAX + 1], *table[ATTRIBUTES_MOST + 1];
	struct nft_expression parsed = { .verdict.chain = "" };
	if (!attributes_of_nest(element, outer, NFTA_EXPR_MAX))
		return -EBADMSG;
	parsed.name = nft_text(outer[NFTA_EXPR_NAME]);
	if (!parsed.name)
		return -EBADMSG;
	const struct layout *layout = find_layout(parsed.name);
	if (layout && layout->fields[0].attribute) {
		parsed.kind = layout->kind;
		if (!attributes_of_nest(outer[NFTA_EXPR_DATA], table, ATTRIBUTES_MOST) ||
			take_fields(layout, table, &parsed) < 0 || expression_complete(table, &parsed) < 0)
			return -EBADMSG;
	} else if (layout) {
		parsed.kind = layout->kind;
	}
	*out = parsed;
	return 0;
}
