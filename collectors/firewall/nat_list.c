// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nat_list.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/firewall/packet_set.h"
#include "collectors/firewall/xt_match.h"

#define NAMES_ROOM 4096

struct nat_list *nat_list_new(void)
{
	struct nat_list *list = calloc(1, sizeof(*list));
	if (list) {
		list->seed = hash_seed();
		atomic_init(&list->holders, 1);
	}
	return list;
}

const struct nat_list *nat_list_share(const struct nat_list *list)
{
	if (list)
		atomic_fetch_add(&((struct nat_list *)(uintptr_t)list)->holders, 1);
	return list;
}

void nat_list_release(const struct nat_list *shared)
{
	struct nat_list *list = (struct nat_list *)(uintptr_t)shared;
	if (!list || atomic_fetch_sub(&list->holders, 1) != 1)
		return;
	for (struct nat_names *names = list->names, *next; names; names = next) {
		next = names->next;
		free(names);
	}
	hash_index_destroy(&list->heads);
	free(list->links);
	free(list->rules);
	free(list->unread);
	free(list);
}

/* ---- chains of rules */

#define LINK_NONE     UINT32_MAX
#define PORTS_ALL     UINT32_MAX       /* whatever the ports are */
#define PORTS_SEVERAL (UINT32_MAX - 1) /* not one single port */

struct nat_key {
	struct address address; /* of the network; for any destination zeros of the family */
	uint8_t kind;           /* 0: any destination; else the prefix length plus 1 */
	uint32_t ports;
};

static struct nat_key key_of(const struct address *address, uint8_t kind, uint32_t ports)
{
	static const uint8_t zeros[16];
	struct nat_key key;
	memset(&key, 0, sizeof(key)); /* it is hashed whole */
	key.kind = kind;
	key.ports = ports;
	if (kind)
		key.address = prefix_network(&(struct prefix){ *address, (uint8_t)(kind - 1) }).address;
	else
		key.address = address_make(address->family, zeros);
	return key;
}

/* Of the rule in its first or its second chain. */
static struct nat_key key_of_rule(const struct nat_rule *rule, unsigned chain)
{
	struct address any = { .family = rule->family };
	bool all = rule->destination.address.family == AF_UNSPEC;
	bool one = rule->ports[0] == rule->ports[1] && rule->ports[0];
	return key_of(all ? &any : &rule->destination.address,
		all ? 0 : (uint8_t)(rule->destination.length + 1),
		chain == 0 ? PORTS_ALL
		: one      ? rule->ports[0]
			   : PORTS_SEVERAL);
}

static uint32_t hash_of(const struct nat_list *list, const struct nat_key *key)
{
	return (uint32_t)hash_bytes(list->seed, key, sizeof(*key));
}

/* Where the chain begins; LINK_NONE if there is none. */
static uint32_t find_head(const struct nat_list *list, const struct nat_key *key, uint32_t hash)
{
	uint32_t position = hash, item;
	while ((item = hash_index_next(&list->heads, hash, &position)) != HASH_INDEX_NONE) {
		const struct nat_key other = key_of_rule(&list->rules[item / 2], item % 2);
		if (memcmp(&other, key, sizeof(other)) == 0)
			return item;
	}
	return LINK_NONE;
}

static void link_rule(struct nat_list *list, uint32_t number, unsigned chain)
{
	const struct nat_key key = key_of_rule(&list->rules[number], chain);
	uint32_t hash = hash_of(list, &key), item = 2 * number + chain;
	uint32_t head = find_head(list, &key, hash);
	list->has_prefix[key.address.family == AF_INET6][key.kind] = true;
	list->links[number].next[chain] = LINK_NONE;
	if (head == LINK_NONE) {
		hash_index_add(&list->heads, hash, item);
		head = item;
	} else {
		list->links[list->links[head / 2].last[chain] / 2].next[chain] = item;
	}
	list->links[head / 2].last[chain] = item;
}

struct nat_rule *nat_list_append(struct nat_list *list, const struct nat_rule *rule)
{
	uint32_t number = (uint32_t)list->count;
	bool room = hash_index_reserve(&list->heads, 2 * (number + 1)) == 0;
	struct nat_link *link = room ? ARRAY_ADD(list->links, list->link_count) : NULL;
	struct nat_rule *item = link ? ARRAY_ADD(list->rules, list->count) : NULL;
	if (!item) {
		list->failed = true;
		return NULL;
	}
	*item = *rule;
	list->redirects += rule->redirect;
	link_rule(list, number, 0);
	link_rule(list, number, 1);
	return item;
}

static void add_head(struct nat_candidates *candidates, const struct nat_key *key)
{
	uint32_t head = find_head(candidates->list, key, hash_of(candidates->list, key));
	if (head != LINK_NONE)
		candidates->at[candidates->count++] = head;
}

void nat_candidates_begin(struct nat_candidates *candidates, const struct nat_list *list,
	const struct address *address, uint16_t port)
{
	candidates->list = list;
	candidates->count = 0;
	for (unsigned kind = 0; list && kind <= 1 + 8 * address_size(address->family); kind++) {
		struct nat_key key;
		if (!list->has_prefix[address->family == AF_INET6][kind])
			continue;
		key = key_of(address, (uint8_t)kind, port ? port : PORTS_ALL);
		add_head(candidates, &key);
		key.ports = PORTS_SEVERAL;
		if (port)
			add_head(candidates, &key);
	}
}

const struct nat_rule *nat_candidates_next(struct nat_candidates *candidates)
{
	const struct nat_list *list = candidates->list;
	unsigned first = 0;
	if (candidates->count == 0)
		return NULL;
	for (unsigned i = 1; i < candidates->count; i++)
		if (candidates->at[i] < candidates->at[first])
			first = i;
	uint32_t item = candidates->at[first], next = list->links[item / 2].next[item % 2];
	candidates->at[first] = next == LINK_NONE ? candidates->at[--candidates->count] : next;
	return &list->rules[item / 2];
}

/* ---- names */

/* "" if memory is out. */
static const char *put_bytes(struct nat_list *list, const char *bytes, size_t size)
{
	struct nat_names *names = list->names;
	if (!names || names->room - names->used < size) {
		size_t room = size > NAMES_ROOM ? size : NAMES_ROOM;
		names = malloc(sizeof(*names) + room);
		if (!names) {
			list->failed = true;
			return "";
		}
		*names = (struct nat_names){ .next = list->names, .room = room };
		list->names = names;
	}
	char *at = names->bytes + names->used;
	memcpy(at, bytes, size);
	names->used += size;
	return at;
}

/* Rules of one chain mostly follow one another. */
static const char *put_name(struct nat_list *list, const char *name, const char *last)
{
	return last && strcmp(last, name) == 0 ? last : put_bytes(list, name, strlen(name) + 1);
}

/* Those after the first, which the rule itself has; of a rule that wants a device, all. */
static const char *put_excluded(struct nat_list *list, const struct packet_set *set)
{
	char names[NAT_EXCLUDED_MAX * IF_NAMESIZE + 1];
	size_t size = 0;
	for (unsigned i = set->iif[0] ? 0 : 1; i < set->excluded_count; i++) {
		size_t length = strnlen(set->excluded[i], IF_NAMESIZE - 1);
		memcpy(names + size, set->excluded[i], length);
		size += length;
		names[size++] = '\0';
	}
	names[size++] = '\0';
	return size == 1 ? "" : put_bytes(list, names, size);
}

/* ---- gathering */

void nat_list_add_unread(struct nat_list *list, const struct nat_place *place, const char *reason)
{
	list->unread_total++;
	if (list->unread_count == NAT_UNREAD_MAX)
		return;
	struct nat_unread *unread = ARRAY_ADD(list->unread, list->unread_count);
	if (!unread) {
		list->failed = true;
		return;
	}
	*unread = (struct nat_unread){ .table_family = place->family,
		.table = put_name(list, place->table, NULL),
		.chain = put_name(list, place->chain, NULL),
		.handle = place->handle,
		.reason = reason };
}

static void add_rule(struct nat_list *list, const struct nat_place *place, struct nat_rule *rule,
	const struct packet_set *set)
{
	const struct nat_rule *last = list->count ? &list->rules[list->count - 1] : NULL;
	if (list->count == NAT_RULES_MAX) {
		nat_list_add_unread(list, place, "there are more rules than are read");
		return;
	}
	rule->table = put_name(list, place->table, last ? last->table : NULL);
	rule->chain = put_name(list, place->chain, last ? last->chain : NULL);
	rule->also_excluded = put_excluded(list, set);
	nat_list_append(list, rule);
}

static struct nat_rule rule_of(const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target, uint8_t family)
{
	const struct packet_set *set = &packets->set;
	struct nat_rule rule = {
		.family = family,
		.protocol = set->protocol,
		.destination_local = set->local,
		.ifindex = set->ifindex,
		.redirect = target->redirect,
		.conditional = packets->narrowed || packets->opaque,
		.by_source = packets->narrowed && !packets->opaque,
		.balanced = packets->balanced || !address_equal(&target->low, &target->high),
		.target = { target->low, target->high },
		.target_ports = { target->ports[0], target->ports[1] },
		.table_family = place->family,
		.handle = place->handle,
		.legacy = place->legacy,
	};
	rule.iif_excluded = !set->iif[0] && !set->ifindex && set->excluded_count;
	memcpy(rule.iif, rule.iif_excluded ? set->excluded[0] : set->iif, sizeof(rule.iif));
	if (set->ports[0] != 0 || set->ports[1] != UINT16_MAX) {
		rule.ports[0] = set->ports[0];
		rule.ports[1] = set->ports[1];
	}
	return rule;
}

/* A prefix that is translated to one of the same length can be said for a single address only. */
static bool map_prefix(const struct packet_set *set, struct nat_target *target)
{
	struct address mapped = target->low;
	if (!target->netmap)
		return true;
	target->netmap = false;
	if (address_is_none(&set->low) || !address_equal(&set->low, &set->high))
		return address_equal(&target->low, &target->high);
	for (size_t i = 0; i < address_size(mapped.family); i++) {
		uint8_t mask = (uint8_t) ~(target->low.bytes[i] ^ target->high.bytes[i]);
		mapped.bytes[i] = (uint8_t)((target->low.bytes[i] & mask) | (set->low.bytes[i] & ~mask));
	}
	target->low = target->high = mapped;
	return true;
}

static void add_of_family(struct nat_list *list, const struct nat_place *place,
	const struct nat_packets *packets, const struct nat_target *target, uint8_t family)
{
	struct prefix prefixes[NAT_PREFIXES_MAX] = { 0 };
	unsigned count = 1;
	struct nat_rule rule = rule_of(place, packets, target, family);
	if (!address_is_none(&packets->set.low))
		count = packet_set_prefixes(&packets->set, prefixes);
	if (count == 0)
		nat_list_add_unread(list, place, "its range of addresses is too irregular");
	for (unsigned i = 0; i < count; i++) {
		rule.destination = prefixes[i];
		add_rule(list, place, &rule, &packets->set);
	}
}

void nat_list_add(struct nat_list *list, const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct nat_target exact = *target;
	if (!map_prefix(&packets->set, &exact)) {
		nat_list_add_unread(list, place, "it maps a prefix to a prefix");
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		bool wanted = !packets->set.family || packets->set.family == families[i];
		if (wanted && (address_is_none(&exact.low) || exact.low.family == families[i]))
			add_of_family(list, place, packets, &exact, families[i]);
	}
}
