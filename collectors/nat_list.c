// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nat_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"

void nat_list_clear(struct nat_list *list)
{
	free(list->rules);
	free(list->unread);
	free(list->places);
	free(list->unread_places);
	free(list->names);
	*list = (struct nat_list){ 0 };
}

/* ---- names */

/* Their offset; 0 if memory is out, where an empty name stands. */
static size_t put_bytes(struct nat_list *list, const char *bytes, size_t size)
{
	size_t room = list->name_room ? list->name_room : 1024;
	size_t at = list->name_size ? list->name_size : 1;
	while (room < at + size)
		room *= 2;
	if (room != list->name_room) {
		char *grown = realloc(list->names, room);
		if (!grown) {
			list->failed = true;
			return 0;
		}
		list->names = grown;
		list->name_room = room;
		list->names[0] = '\0';
	}
	memcpy(list->names + at, bytes, size);
	list->name_size = at + size;
	return at;
}

static size_t put_name(struct nat_list *list, const char *name)
{
	return put_bytes(list, name, strlen(name) + 1);
}

/* Those after the first, which the rule itself has; of a rule that wants a device, all. */
static size_t put_excluded(struct nat_list *list, const struct nat_box *box)
{
	char names[NAT_EXCLUDED_MAX * IF_NAMESIZE + 1];
	size_t size = 0;
	for (unsigned i = box->iif[0] ? 0 : 1; i < box->excluded_count; i++) {
		size_t length = strnlen(box->excluded[i], IF_NAMESIZE - 1);
		memcpy(names + size, box->excluded[i], length);
		size += length;
		names[size++] = '\0';
	}
	names[size++] = '\0';
	return size == 1 ? 0 : put_bytes(list, names, size);
}

static bool is_named(const struct nat_list *list, size_t offset, const char *name)
{
	return list->names && strcmp(list->names + offset, name) == 0;
}

/* Rules of one chain mostly follow one another. */
static struct nat_name name_place(
	struct nat_list *list, const struct nat_place *place, const struct nat_name *last)
{
	struct nat_name name = { 0 };
	name.table = last && is_named(list, last->table, place->table) ? last->table
								       : put_name(list, place->table);
	name.chain = last && is_named(list, last->chain, place->chain) ? last->chain
								       : put_name(list, place->chain);
	return name;
}

/* ---- gathering */

static const char *const too_many = "there are more rules than are read";

void nat_list_add_unread(struct nat_list *list, const struct nat_place *place, const char *reason)
{
	list->unread_total++;
	if (list->unread_count == NAT_UNREAD_MAX)
		return;
	struct nat_unread *unread = GROW(list->unread, list->unread_count);
	struct nat_name *name = unread ? GROW(list->unread_places, list->unread_place_count) : NULL;
	if (!name) {
		list->failed = true;
		return;
	}
	*unread = (struct nat_unread){
		.table_family = place->family, .handle = place->handle, .reason = reason
	};
	*name = name_place(list, place, NULL);
}

static void append(struct nat_list *list, const struct nat_place *place, const struct nat_rule *rule,
	const struct nat_box *box)
{
	if (list->count == NAT_RULES_MAX) {
		nat_list_add_unread(list, place, too_many);
		return;
	}
	const struct nat_name *last = list->place_count ? &list->places[list->place_count - 1] : NULL;
	const struct nat_name name = name_place(list, place, last);
	struct nat_name *kept = GROW(list->places, list->place_count);
	struct nat_rule *item = kept ? GROW(list->rules, list->count) : NULL;
	if (!item) {
		list->failed = true;
		return;
	}
	*kept = name;
	kept->excluded = put_excluded(list, box);
	*item = *rule;
}

static struct nat_rule rule_of(const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target, uint8_t family)
{
	const struct nat_box *box = &packets->box;
	struct nat_rule rule = {
		.family = family,
		.protocol = box->protocol,
		.destination_local = box->local,
		.ifindex = box->ifindex,
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
	rule.iif_excluded = !box->iif[0] && !box->ifindex && box->excluded_count;
	memcpy(rule.iif, rule.iif_excluded ? box->excluded[0] : box->iif, sizeof(rule.iif));
	if (box->ports[0] != 0 || box->ports[1] != UINT16_MAX) {
		rule.ports[0] = box->ports[0];
		rule.ports[1] = box->ports[1];
	}
	return rule;
}

/* A prefix that is translated to one of the same length can be said for a single address only. */
static bool map_prefix(const struct nat_box *box, struct nat_target *target)
{
	struct address mapped = target->low;
	if (!target->netmap)
		return true;
	target->netmap = false;
	if (address_is_none(&box->low) || !address_equal(&box->low, &box->high))
		return address_equal(&target->low, &target->high);
	for (size_t i = 0; i < address_size(mapped.family); i++) {
		uint8_t mask = (uint8_t) ~(target->low.bytes[i] ^ target->high.bytes[i]);
		mapped.bytes[i] = (uint8_t)((target->low.bytes[i] & mask) | (box->low.bytes[i] & ~mask));
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
	if (!address_is_none(&packets->box.low))
		count = nat_box_prefixes(&packets->box, prefixes);
	if (count == 0)
		nat_list_add_unread(list, place, "its range of addresses is too irregular");
	for (unsigned i = 0; i < count; i++) {
		rule.destination = prefixes[i];
		append(list, place, &rule, &packets->box);
	}
}

void nat_list_add(struct nat_list *list, const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct nat_target exact = *target;
	if (!map_prefix(&packets->box, &exact)) {
		nat_list_add_unread(list, place, "it maps a prefix to a prefix");
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		bool wanted = !packets->box.family || packets->box.family == families[i];
		if (wanted && (address_is_none(&exact.low) || exact.low.family == families[i]))
			add_of_family(list, place, packets, &exact, families[i]);
	}
}

/* ---- the facts */

static void name_device(struct nat_rule *rule, const struct facts *facts)
{
	if (rule->ifindex)
		snprintf(rule->iif, sizeof(rule->iif), "%s", facts_device_name(facts, rule->ifindex));
}

static int copy_names(const struct nat_list *list, struct facts *facts)
{
	if (list->name_size == 0)
		return 0;
	facts->nat_names = malloc(list->name_size);
	if (!facts->nat_names)
		return -ENOMEM;
	memcpy(facts->nat_names, list->names, list->name_size);
	return 0;
}

static int copy_rules(const struct nat_list *list, struct facts *facts)
{
	if (list->count == 0)
		return 0;
	facts->nat_rules = calloc(list->count, sizeof(*facts->nat_rules));
	if (!facts->nat_rules)
		return -ENOMEM;
	facts->nat_rule_count = list->count;
	for (size_t i = 0; i < list->count; i++) {
		struct nat_rule *rule = &facts->nat_rules[i];
		*rule = list->rules[i];
		rule->table = facts->nat_names + list->places[i].table;
		rule->chain = facts->nat_names + list->places[i].chain;
		rule->also_excluded = facts->nat_names + list->places[i].excluded;
		name_device(rule, facts);
	}
	return 0;
}

static int copy_unread(const struct nat_list *list, struct facts *facts)
{
	facts->nat_rules_unread = list->unread_total;
	if (list->unread_count == 0)
		return 0;
	facts->nat_unread = calloc(list->unread_count, sizeof(*facts->nat_unread));
	if (!facts->nat_unread)
		return -ENOMEM;
	facts->nat_unread_count = list->unread_count;
	for (size_t i = 0; i < list->unread_count; i++) {
		facts->nat_unread[i] = list->unread[i];
		facts->nat_unread[i].table = facts->nat_names + list->unread_places[i].table;
		facts->nat_unread[i].chain = facts->nat_names + list->unread_places[i].chain;
	}
	return 0;
}

int nat_list_copy(const struct nat_list *list, struct facts *facts)
{
	int error = copy_names(list, facts);
	if (error == 0)
		error = copy_rules(list, facts);
	return error < 0 ? error : copy_unread(list, facts);
}
