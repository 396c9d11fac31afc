// SPDX-License-Identifier: GPL-2.0-or-later
/* The messages of nfnetlink from which a ruleset is made. */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/nfnetlink.h"
#include "collectors/firewall/nft_ruleset.h"

struct message {
	uint8_t family;
	const struct nlattr *const *table;
};

/* ---- chains */

static void read_hook(const struct message *message, struct nft_chain *chain)
{
	const struct nlattr *hook[NFTA_HOOK_MAX + 1];
	uint32_t number, priority;
	if (!attributes_of_nest(message->table[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX) ||
		!attribute_be32(hook[NFTA_HOOK_HOOKNUM], &number) ||
		!attribute_be32(hook[NFTA_HOOK_PRIORITY], &priority))
		return;
	bool watched = chain->family == NFPROTO_INET || chain->family == NFPROTO_IPV4 ||
		       chain->family == NFPROTO_IPV6;
	chain->priority = (int32_t)priority;
	const char *type = nft_text(message->table[NFTA_CHAIN_TYPE]);
	chain->is_nat = watched && number == NF_INET_PRE_ROUTING && type && strcmp(type, "nat") == 0;
}

static int add_chain(struct nft_ruleset *ruleset, const struct message *message)
{
	const char *table = nft_text(message->table[NFTA_CHAIN_TABLE]);
	const char *name = nft_text(message->table[NFTA_CHAIN_NAME]);
	if (!table || !name)
		return -EBADMSG;
	if (ruleset->chain_count == NFT_CHAINS_MAX) {
		ruleset->omitted++;
		return 0;
	}
	struct nft_chain chain = { .family = message->family,
		.table = strdup(table),
		.name = strdup(name),
		.first_rule = NFT_NO_INDEX,
		.last_rule = NFT_NO_INDEX };
	uint32_t number = (uint32_t)ruleset->chain_count;
	bool room = chain.table && chain.name && hash_index_reserve(&ruleset->chain_names, number + 1) == 0;
	struct nft_chain *item = room ? ARRAY_ADD(ruleset->chains, ruleset->chain_count) : NULL;
	if (!item) {
		free(chain.table);
		free(chain.name);
		return -ENOMEM;
	}
	read_hook(message, &chain);
	*item = chain;
	hash_index_add(&ruleset->chain_names, nft_ruleset_hash(ruleset, chain.family, table, name), number);
	if (!chain.is_nat)
		return 0;
	size_t *nat = ARRAY_ADD(ruleset->nat_chains, ruleset->nat_chain_count);
	if (!nat)
		return -ENOMEM;
	*nat = number;
	return nft_reach_chain(ruleset, number);
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

/* The dump of a table lists the rules of a chain one after the other. */
static size_t chain_of(const struct nft_ruleset *ruleset, uint8_t family, const char *table, const char *name)
{
	if (ruleset->rule_count) {
		size_t last = ruleset->rules[ruleset->rule_count - 1].chain;
		const struct nft_chain *chain = &ruleset->chains[last];
		if (chain->family == family && strcmp(chain->name, name) == 0 &&
			strcmp(chain->table, table) == 0)
			return last;
	}
	return nft_ruleset_chain(ruleset, family, table, name);
}

static int add_rule(struct nft_ruleset *ruleset, const struct message *message)
{
	const struct nlattr *const *attributes = message->table;
	const char *table = nft_text(attributes[NFTA_RULE_TABLE]);
	const char *name = nft_text(attributes[NFTA_RULE_CHAIN]);
	uint64_t handle;
	if (!table || !name || !attribute_be64(attributes[NFTA_RULE_HANDLE], &handle))
		return -EBADMSG;
	size_t chain = chain_of(ruleset, message->family, table, name);
	if (chain == NFT_NO_INDEX)
		return -EBADMSG;
	const struct nlattr *nest = attributes[NFTA_RULE_EXPRESSIONS];
	size_t size = nest ? mnl_attr_get_payload_len(nest) : 0, position = ruleset->rule_count;
	if (position == NFT_RULES_MAX || ruleset->byte_count + size > NFT_BYTES_MAX) {
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

static int add_set(struct nft_ruleset *ruleset, const struct message *message)
{
	const struct nlattr *const *attributes = message->table;
	const char *table = nft_text(attributes[NFTA_SET_TABLE]), *name = nft_text(attributes[NFTA_SET_NAME]);
	uint32_t data_type = 0;
	struct nft_set set = { .family = message->family, .first_element = NFT_NO_INDEX };
	if (!table || !name || !attribute_be32(attributes[NFTA_SET_KEY_LEN], &set.key_size) ||
		set.key_size > NFT_KEY_SIZE)
		return -EBADMSG;
	attribute_be32(attributes[NFTA_SET_FLAGS], &set.flags);
	attribute_be32(attributes[NFTA_SET_DATA_TYPE], &data_type);
	attribute_be32(attributes[NFTA_SET_DATA_LEN], &set.data_size);
	set.verdicts = data_type == NFT_DATA_VERDICT;
	if (ruleset->set_count == NFT_SETS_MAX) {
		ruleset->omitted++;
		return 0;
	}
	set.table = strdup(table);
	set.name = strdup(name);
	uint32_t number = (uint32_t)ruleset->set_count;
	bool room = set.table && set.name && hash_index_reserve(&ruleset->set_names, number + 1) == 0;
	struct nft_set *item = room ? ARRAY_ADD(ruleset->sets, ruleset->set_count) : NULL;
	if (!item) {
		free(set.table);
		free(set.name);
		return -ENOMEM;
	}
	*item = set;
	hash_index_add(&ruleset->set_names, nft_ruleset_hash(ruleset, set.family, table, name), number);
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
	return element.chain ? nft_reach_chain(ruleset,
				       nft_ruleset_chain(ruleset, set->family, set->table, element.chain))
			     : 0;
}

static int add_elements(struct nft_ruleset *ruleset, const struct message *message)
{
	const struct nlattr *const *attributes = message->table;
	const char *table = nft_text(attributes[NFTA_SET_ELEM_LIST_TABLE]);
	const char *name = nft_text(attributes[NFTA_SET_ELEM_LIST_SET]);
	if (!table || !name)
		return -EBADMSG;
	size_t set = nft_ruleset_set(ruleset, message->family, table, name);
	const struct nlattr *nest = attributes[NFTA_SET_ELEM_LIST_ELEMENTS];
	if (set == NFT_NO_INDEX)
		return -EBADMSG;
	if (!nest)
		return 0;
	struct nft_cursor cursor = { mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest) };
	const struct nlattr *element;
	int result = 0;
	while (result == 0 && (element = nft_cursor_next(&cursor)) != NULL)
		result = add_element(ruleset, &ruleset->sets[set], element);
	return result;
}

/* ---- all */

#define ATTRIBUTES_MOST NFTA_SET_MAX

struct reader {
	unsigned type;
	int (*add)(struct nft_ruleset *ruleset, const struct message *message);
};

static const struct reader readers[] = {
	{ NFT_MSG_NEWCHAIN, add_chain },
	{ NFT_MSG_NEWRULE, add_rule },
	{ NFT_MSG_NEWSET, add_set },
	{ NFT_MSG_NEWSETELEM, add_elements },
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
	const struct message message = {
		.family = ((const struct nfgenmsg *)mnl_nlmsg_get_payload(header))->nfgen_family,
		.table = table
	};
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++)
		if (readers[i].type == (header->nlmsg_type & 0xff))
			return readers[i].add(ruleset, &message);
	return 0;
}
