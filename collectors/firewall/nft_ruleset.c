// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nft_ruleset.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/nfnetlink.h"

#define PIECE 256 /* names to be freed, or rules to be walked, at a time */

/* ---- found by name */

static void name_clear(struct nft_name *name)
{
	free((void *)name->table);
	free((void *)name->own);
}

static uint32_t name_hash(const struct nft_ruleset *ruleset, const struct nft_name *name)
{
	uint64_t hash = hash_bytes(ruleset->seed + name->family, name->table, strlen(name->table));
	return (uint32_t)hash_bytes(hash, name->own, strlen(name->own));
}

static bool name_equal(const struct nft_name *a, const struct nft_name *b)
{
	return a->family == b->family && strcmp(a->table, b->table) == 0 && strcmp(a->own, b->own) == 0;
}

/* Items begin with their name. */
static size_t find_named(const struct nft_ruleset *ruleset, const struct hash_index *index, const void *items,
	size_t size, const struct nft_name *name)
{
	uint32_t hash = name_hash(ruleset, name), position = hash, item;
	while (index->slots && (item = hash_index_next(index, hash, &position)) != HASH_INDEX_NONE)
		if (name_equal((const void *)((const char *)items + item * size), name))
			return item;
	return NFT_NO_INDEX;
}

size_t nft_ruleset_chain(const struct nft_ruleset *ruleset, const struct nft_name *name)
{
	return find_named(ruleset, &ruleset->chain_names, ruleset->chains, sizeof(*ruleset->chains), name);
}

size_t nft_ruleset_set(const struct nft_ruleset *ruleset, const struct nft_name *name)
{
	return find_named(ruleset, &ruleset->set_names, ruleset->sets, sizeof(*ruleset->sets), name);
}

/* A new item of zeros that has the name; NULL when memory is out. */
static void *add_named(struct nft_ruleset *ruleset, struct hash_index *index, void **items, size_t *count,
	size_t size, const struct nft_name *name)
{
	struct nft_name copy = { name->family, strdup(name->table), strdup(name->own) };
	uint32_t number = (uint32_t)*count;
	bool room = copy.table && copy.own && hash_index_reserve(index, number + 1) == 0;
	struct nft_name *item = room ? array_add(items, count, size) : NULL;
	if (!item) {
		name_clear(&copy);
		return NULL;
	}
	*item = copy;
	hash_index_add(index, name_hash(ruleset, &copy), number);
	return item;
}

/* ---- freed */

bool nft_ruleset_clear_piece(struct nft_ruleset *ruleset)
{
	size_t left = PIECE;
	for (; left && ruleset->chain_count; left--)
		name_clear(&ruleset->chains[--ruleset->chain_count].name);
	for (; left && ruleset->set_count; left--)
		name_clear(&ruleset->sets[--ruleset->set_count].name);
	for (; left && ruleset->dormant_count; left--)
		name_clear(&ruleset->dormant[--ruleset->dormant_count]);
	for (; left && ruleset->element_count; left--)
		free(ruleset->elements[--ruleset->element_count].chain);
	if (left == 0)
		return false;
	free(ruleset->chains);
	free(ruleset->base_chains);
	free(ruleset->dormant);
	free(ruleset->rules);
	free(ruleset->sets);
	free(ruleset->elements);
	free(ruleset->bytes);
	free(ruleset->queue);
	hash_index_destroy(&ruleset->chain_names);
	hash_index_destroy(&ruleset->set_names);
	*ruleset = (struct nft_ruleset){ 0 };
	return true;
}

void nft_ruleset_clear(struct nft_ruleset *ruleset)
{
	while (!nft_ruleset_clear_piece(ruleset))
		;
}

/* ---- what the base chains lead to */

static int reach_chain(struct nft_ruleset *ruleset, size_t chain)
{
	if (chain == NFT_NO_INDEX || ruleset->chains[chain].reached)
		return 0;
	size_t *item = ARRAY_ADD(ruleset->queue, ruleset->queue_count);
	if (!item)
		return -ENOMEM;
	ruleset->chains[chain].reached = true;
	*item = chain;
	return 0;
}

static int reach_rule(struct nft_ruleset *ruleset, const struct nft_chain *from, const struct nft_rule *rule)
{
	struct nft_cursor cursor = { (const char *)ruleset->bytes + rule->bytes, rule->size };
	const struct nlattr *element;
	int result = 0;
	while (result == 0 && (element = nft_cursor_next(&cursor)) != NULL) {
		struct nft_expression expression;
		struct nft_name name = from->name;
		if (nft_expression_parse(element, &expression) < 0)
			continue;
		if (expression.kind == NFT_KIND_IMMEDIATE && expression.verdict.chain[0]) {
			name.own = expression.verdict.chain;
			result = reach_chain(ruleset, nft_ruleset_chain(ruleset, &name));
		} else if (expression.kind == NFT_KIND_LOOKUP) {
			name.own = expression.name;
			size_t set = nft_ruleset_set(ruleset, &name);
			if (set != NFT_NO_INDEX)
				ruleset->sets[set].wanted = true;
		}
	}
	return result;
}

int nft_reach(struct nft_ruleset *ruleset)
{
	int result = 0;
	for (unsigned i = 0; i < PIECE && result == 0; i++) {
		size_t rule = ruleset->reaching ? ruleset->reached_rule : NFT_NO_INDEX;
		if (rule != NFT_NO_INDEX) {
			const struct nft_chain from = ruleset->chains[ruleset->reached_chain];
			ruleset->reached_rule = ruleset->rules[rule].next;
			result = reach_rule(ruleset, &from, &ruleset->rules[rule]);
		} else if (ruleset->queue_count) {
			ruleset->reaching = true;
			ruleset->reached_chain = ruleset->queue[--ruleset->queue_count];
			ruleset->reached_rule = ruleset->chains[ruleset->reached_chain].first_rule;
		} else {
			return 1;
		}
	}
	return result;
}

/* ---- filled from the messages of nfnetlink */

struct message {
	struct nft_name name; /* that it is about */
	const struct nlattr *const *table;
};

/* ---- chains */

static bool is_dormant(const struct nft_ruleset *ruleset, const struct nft_name *chain)
{
	for (size_t i = 0; i < ruleset->dormant_count; i++)
		if (ruleset->dormant[i].family == chain->family &&
			strcmp(ruleset->dormant[i].table, chain->table) == 0)
			return true;
	return false;
}

static int add_table(struct nft_ruleset *ruleset, const struct message *message)
{
	uint32_t flags = 0;
	attribute_be32(message->table[NFTA_TABLE_FLAGS], &flags);
	if (!(flags & NFT_TABLE_F_DORMANT))
		return 0;
	const struct nft_name name = { message->name.family, strdup(message->name.table), strdup("") };
	struct nft_name *item =
		name.table && name.own ? ARRAY_ADD(ruleset->dormant, ruleset->dormant_count) : NULL;
	if (item)
		*item = name;
	else
		name_clear((struct nft_name *)&name);
	return item ? 0 : -ENOMEM;
}

static void read_hook(struct nft_ruleset *ruleset, const struct message *message, struct nft_chain *chain)
{
	const struct nlattr *hook[NFTA_HOOK_MAX + 1];
	uint32_t number, priority, policy = NF_ACCEPT;
	uint8_t family = message->name.family;
	if (!attributes_of_nest(message->table[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX) ||
		!attribute_be32(hook[NFTA_HOOK_HOOKNUM], &number) ||
		!attribute_be32(hook[NFTA_HOOK_PRIORITY], &priority))
		return;
	bool watched = family == NFPROTO_INET || family == NFPROTO_IPV4 || family == NFPROTO_IPV6;
	chain->priority = (int32_t)priority;
	const char *type = nft_text(message->table[NFTA_CHAIN_TYPE]);
	attribute_be32(message->table[NFTA_CHAIN_POLICY], &policy);
	chain->hook = (uint8_t)number;
	chain->drops = policy == NF_DROP;
	chain->is_nat = type && strcmp(type, "nat") == 0;
	bool dormant = is_dormant(ruleset, &message->name);
	bool wanted[] = {
		[NFT_SCOPE_NAT] = number == NF_INET_PRE_ROUTING && chain->is_nat,
		[NFT_SCOPE_OUTPUT] = number == NF_INET_LOCAL_OUT && !dormant,
		[NFT_SCOPE_ALL] = number < NF_INET_NUMHOOKS && !dormant,
	};
	chain->is_base = watched && wanted[ruleset->scope];
	ruleset->ingress |= !dormant && (family == NFPROTO_NETDEV || family == NFPROTO_BRIDGE ||
						(watched && number >= NF_INET_NUMHOOKS));
}

static int add_chain(struct nft_ruleset *ruleset, const struct message *message)
{
	size_t number = ruleset->chain_count;
	if (number == NFT_CHAINS_MAX) {
		ruleset->partial = true;
		ruleset->omitted++;
		return 0;
	}
	struct nft_chain *chain = add_named(ruleset, &ruleset->chain_names, (void **)&ruleset->chains,
		&ruleset->chain_count, sizeof(*chain), &message->name);
	if (!chain)
		return -ENOMEM;
	chain->first_rule = chain->last_rule = NFT_NO_INDEX;
	read_hook(ruleset, message, chain);
	if (!chain->is_base)
		return 0;
	size_t *base = ARRAY_ADD(ruleset->base_chains, ruleset->base_chain_count);
	if (!base)
		return -ENOMEM;
	*base = number;
	return reach_chain(ruleset, number);
}

/* ---- rules */

static int keep_bytes(struct nft_ruleset *ruleset, const void *bytes, size_t size)
{
	size_t room = ruleset->byte_room ? ruleset->byte_room : 4096;
	while (room < ruleset->byte_count + size)
		room *= 2;
	if (room != ruleset->byte_room) {
		uint8_t *grown = realloc(ruleset->bytes, room);
		if (!grown)
			return -ENOMEM;
		ruleset->bytes = grown;
		ruleset->byte_room = room;
	}
	memcpy(ruleset->bytes + ruleset->byte_count, bytes, size);
	ruleset->byte_count += size;
	return 0;
}

static int add_rule(struct nft_ruleset *ruleset, const struct message *message)
{
	const struct nlattr *const *attributes = message->table;
	uint64_t handle;
	if (!attribute_be64(attributes[NFTA_RULE_HANDLE], &handle))
		return -EBADMSG;
	/* The dump of a table lists the rules of a chain one after the other. */
	size_t chain = ruleset->rule_count ? ruleset->rules[ruleset->rule_count - 1].chain : NFT_NO_INDEX;
	if (chain == NFT_NO_INDEX || !name_equal(&ruleset->chains[chain].name, &message->name))
		chain = nft_ruleset_chain(ruleset, &message->name);
	if (chain == NFT_NO_INDEX)
		return -EBADMSG;
	const struct nlattr *nest = attributes[NFTA_RULE_EXPRESSIONS];
	size_t size = nest ? mnl_attr_get_payload_len(nest) : 0, position = ruleset->rule_count;
	if (position == NFT_RULES_MAX || ruleset->byte_count + size > NFT_BYTES_MAX) {
		ruleset->partial = true;
		ruleset->omitted++;
		return 0;
	}
	static const char padding[MNL_ALIGNTO];
	const struct nft_rule rule = { .handle = handle,
		.chain = chain,
		.next = NFT_NO_INDEX,
		.bytes = ruleset->byte_count,
		.size = size };
	int error = size ? keep_bytes(ruleset, mnl_attr_get_payload(nest), size) : 0;
	if (error == 0)
		error = keep_bytes(ruleset, padding, MNL_ALIGN(size) - size);
	struct nft_rule *item = error == 0 ? ARRAY_ADD(ruleset->rules, ruleset->rule_count) : NULL;
	if (!item)
		return -ENOMEM;
	*item = rule;
	struct nft_chain *owner = &ruleset->chains[chain];
	if (owner->last_rule == NFT_NO_INDEX)
		owner->first_rule = position;
	else
		ruleset->rules[owner->last_rule].next = position;
	owner->last_rule = position;
	return 0;
}

/* ---- sets */

/* NFTA_SET_DESC_CONCAT: a nest of fields, each with its length. */
static void read_fields(const struct nlattr *description, struct nft_set *set)
{
	const struct nlattr *table[NFTA_SET_DESC_MAX + 1], *field[NFTA_SET_FIELD_MAX + 1], *element;
	uint32_t length;
	uint8_t count = 0;
	if (!attributes_of_nest(description, table, NFTA_SET_DESC_MAX) || !table[NFTA_SET_DESC_CONCAT])
		return;
	struct nft_cursor cursor = { mnl_attr_get_payload(table[NFTA_SET_DESC_CONCAT]),
		mnl_attr_get_payload_len(table[NFTA_SET_DESC_CONCAT]) };
	for (; (element = nft_cursor_next(&cursor)) != NULL && count < NFT_FIELDS_MAX; count++) {
		if (!attributes_of_nest(element, field, NFTA_SET_FIELD_MAX) ||
			!attribute_be32(field[NFTA_SET_FIELD_LEN], &length) || length > NFT_KEY_SIZE)
			return;
		set->fields[count] = (uint8_t)length;
	}
	set->field_count = count;
}

static int add_set(struct nft_ruleset *ruleset, const struct message *message)
{
	const struct nlattr *const *attributes = message->table;
	uint32_t key_size, data_type = 0;
	if (!attribute_be32(attributes[NFTA_SET_KEY_LEN], &key_size) || key_size > NFT_KEY_SIZE)
		return -EBADMSG;
	if (ruleset->set_count == NFT_SETS_MAX) {
		ruleset->partial = true;
		ruleset->omitted++;
		return 0;
	}
	struct nft_set *set = add_named(ruleset, &ruleset->set_names, (void **)&ruleset->sets,
		&ruleset->set_count, sizeof(*set), &message->name);
	if (!set)
		return -ENOMEM;
	set->key_size = key_size;
	set->first_element = NFT_NO_INDEX;
	attribute_be32(attributes[NFTA_SET_FLAGS], &set->flags);
	attribute_be32(attributes[NFTA_SET_DATA_TYPE], &data_type);
	set->verdicts = data_type == NFT_DATA_VERDICT;
	read_fields(attributes[NFTA_SET_DESC], set);
	return 0;
}

/* ---- elements */

static bool copy_value(const struct nlattr *nest, uint8_t out[static NFT_KEY_SIZE], size_t *size)
{
	struct nft_data value = nft_data_value(nest);
	if (!value.bytes || value.size > NFT_KEY_SIZE)
		return false;
	memcpy(out, value.bytes, value.size);
	*size = value.size;
	return true;
}

static int read_element(
	const struct nft_set *set, const struct nlattr *const *table, struct nft_element *element)
{
	uint32_t flags = 0;
	size_t size = set->key_size;
	attribute_be32(table[NFTA_SET_ELEM_FLAGS], &flags);
	element->interval_end = flags & NFT_SET_ELEM_INTERVAL_END;
	element->catch_all = flags & NFT_SET_ELEM_CATCHALL;
	element->has_end = table[NFTA_SET_ELEM_KEY_END];
	if (!element->catch_all && !copy_value(table[NFTA_SET_ELEM_KEY], element->key, &size))
		return -EBADMSG;
	if (size != set->key_size ||
		(element->has_end && (!copy_value(table[NFTA_SET_ELEM_KEY_END], element->key_end, &size) ||
					     size != set->key_size)))
		return -EBADMSG;
	if (!set->verdicts || !table[NFTA_SET_ELEM_DATA]) {
		copy_value(table[NFTA_SET_ELEM_DATA], element->data, &element->data_size);
		return 0;
	}
	struct nft_verdict verdict = nft_data_verdict(table[NFTA_SET_ELEM_DATA]);
	element->verdict = verdict.code;
	if (!verdict.present)
		return -EBADMSG;
	element->chain = verdict.chain[0] ? strdup(verdict.chain) : NULL;
	return verdict.chain[0] && !element->chain ? -ENOMEM : 0;
}

static int add_element(struct nft_ruleset *ruleset, struct nft_set *set, const struct nlattr *nest)
{
	const struct nlattr *table[NFTA_SET_ELEM_MAX + 1];
	struct nft_element element = { .next = set->first_element };
	if (ruleset->element_count == NFT_ELEMENTS_MAX) {
		set->cut = true;
		ruleset->omitted++;
		return 0;
	}
	int error = attributes_of_nest(nest, table, NFTA_SET_ELEM_MAX) ? read_element(set, table, &element)
								       : -EBADMSG;
	struct nft_element *item = error == 0 ? ARRAY_ADD(ruleset->elements, ruleset->element_count) : NULL;
	if (!item) {
		free(element.chain);
		return error < 0 ? error : -ENOMEM;
	}
	*item = element;
	set->first_element = ruleset->element_count - 1;
	if (!element.chain)
		return 0;
	const struct nft_name name = { set->name.family, set->name.table, element.chain };
	return reach_chain(ruleset, nft_ruleset_chain(ruleset, &name));
}

static int add_elements(struct nft_ruleset *ruleset, const struct message *message)
{
	size_t set = nft_ruleset_set(ruleset, &message->name);
	const struct nlattr *nest = message->table[NFTA_SET_ELEM_LIST_ELEMENTS], *element;
	if (set == NFT_NO_INDEX)
		return -EBADMSG;
	if (!nest)
		return 0;
	struct nft_cursor cursor = { mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest) };
	int result = 0;
	while (result == 0 && (element = nft_cursor_next(&cursor)) != NULL)
		result = add_element(ruleset, &ruleset->sets[set], element);
	return result;
}

/* ---- all */

#define ATTRIBUTES_MOST NFTA_SET_MAX

static const struct reader {
	unsigned type;
	uint16_t table, name; /* attributes: of what it is about */
	int (*add)(struct nft_ruleset *ruleset, const struct message *message);
} readers[] = {
	{ NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, NFTA_TABLE_NAME, add_table },
	{ NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, add_chain },
	{ NFT_MSG_NEWRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, add_rule },
	{ NFT_MSG_NEWSET, NFTA_SET_TABLE, NFTA_SET_NAME, add_set },
	{ NFT_MSG_NEWSETELEM, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET, add_elements },
};

int nft_ruleset_add(struct nft_ruleset *ruleset, const struct nlmsghdr *header)
{
	const struct nlattr *table[ATTRIBUTES_MOST + 1];
	_Static_assert(NFTA_SET_MAX >= NFTA_CHAIN_MAX && NFTA_SET_MAX >= NFTA_RULE_MAX &&
			       NFTA_SET_MAX >= NFTA_SET_ELEM_LIST_MAX,
		"one table serves all messages");
	if (header->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return 0;
	if (!attributes_of_message(header, sizeof(struct nfgenmsg), table, ATTRIBUTES_MOST))
		return -EBADMSG;
	if (!ruleset->seed)
		ruleset->seed = hash_seed();
	uint8_t family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(header))->nfgen_family;
	for (const struct reader *reader = readers; reader < readers + sizeof(readers) / sizeof(*readers);
		reader++) {
		const struct message message = {
			{ family, nft_text(table[reader->table]), nft_text(table[reader->name]) }, table
		};
		if (reader->type == (header->nlmsg_type & 0xff))
			return message.name.table && message.name.own ? reader->add(ruleset, &message)
								      : -EBADMSG;
	}
	return 0;
}
