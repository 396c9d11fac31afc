// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both sides are sorted, by what a thing is about and then by what it says; one walk over both leaves what
 * only one side has. Of that, what is about the same has changed, the rest came or went.
 */
#include "collectors/change/changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/change/change_text.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct item {
	const struct facts *facts;
	const void *data;
};

typedef int compare_function(const struct item *a, const struct item *b);

struct telling {
	const struct facts *before, *now;
	struct changes *changes;
	const void *last; /* what was told last is about this one, of those that are alike */
};

/* One kind of facts, and what of it is compared. */
struct source {
	const char *collector;
	compare_function *by_subject, *by_value;
	bool (*is_same)(const struct facts *before, const struct facts *now); /* at a glance; may be NULL */
	size_t (*count)(const struct facts *facts);
	const void *(*item)(const struct facts *facts, size_t position);
	/* was or is may be NULL. 0 or -ENOMEM. */
	int (*tell)(struct telling *telling, const void *was, const void *is);
};

/* ---- comparing ---- */

struct member {
	size_t offset, size; /* size 0: of a pointer to text */
};

#define MEMBER(type, name)                                                       \
	{                                                                        \
		offsetof(struct type, name), sizeof(((struct type *)NULL)->name) \
	}
#define TEXT_MEMBER(type, name)                \
	{                                      \
		offsetof(struct type, name), 0 \
	}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_members(const void *a, const void *b, const struct member *members, size_t count)
{
	int order = 0;
	for (size_t i = 0; order == 0 && i < count; i++) {
		const char *left = (const char *)a + members[i].offset;
		const char *right = (const char *)b + members[i].offset;
		order = members[i].size
				? memcmp(left, right, members[i].size)
				: compare_text(*(const char *const *)left, *(const char *const *)right);
	}
	return order;
}

#define COMPARE_MEMBERS(function, members)                                         \
	static int function(const struct item *a, const struct item *b)            \
	{                                                                          \
		return compare_members(a->data, b->data, members, COUNT(members)); \
	}

/* ---- what is told ---- */

/* NULL: it is only counted, or memory is out, which *error says. text is taken over. */
static struct change *tell(struct telling *telling, enum change_kind kind, bool was, bool is, int *error)
{
	struct changes *changes = telling->changes;
	*error = 0;
	if (++changes->totals[kind] > CHANGES_TOLD)
		return NULL;
	struct change *change = calloc(1, sizeof(*change));
	struct change **place = change ? ARRAY_ADD(changes->items, changes->count) : NULL;
	if (!place) {
		free(change);
		*error = -ENOMEM;
		return NULL;
	}
	*place = change;
	atomic_init(&change->holders, 1);
	change->kind = kind;
	change->event = was && is ? CHANGE_CHANGED : is ? CHANGE_CAME : CHANGE_WENT;
	change->time_ns = telling->now->time_ns;
	change->monotonic_ns = telling->now->monotonic_ns;
	return change;
}

static int set_text(struct change *change, char *text)
{
	change->text = text;
	return text ? 0 : -ENOMEM;
}

/* ---- rules ---- */

static const struct member rule_selectors[] = {
	MEMBER(rule, family),
	MEMBER(rule, priority),
	MEMBER(rule, invert),
	MEMBER(rule, from),
	MEMBER(rule, to),
	MEMBER(rule, iif),
	MEMBER(rule, oif),
	MEMBER(rule, mark),
	MEMBER(rule, mark_mask),
	MEMBER(rule, protocol),
	MEMBER(rule, tos),
	MEMBER(rule, source_port),
	MEMBER(rule, destination_port),
	MEMBER(rule, uid),
	MEMBER(rule, has_uid),
	MEMBER(rule, l3mdev),
	MEMBER(rule, opaque),
};

static const struct member rule_actions[] = {
	MEMBER(rule, action),
	MEMBER(rule, table),
	MEMBER(rule, target),
	MEMBER(rule, suppress_prefix_length),
};

COMPARE_MEMBERS(by_selectors, rule_selectors)
COMPARE_MEMBERS(by_action, rule_actions)

bool change_is_same_rule(const struct rule *a, const struct rule *b)
{
	return compare_members(a, b, rule_selectors, COUNT(rule_selectors)) == 0 &&
	       compare_members(a, b, rule_actions, COUNT(rule_actions)) == 0;
}

static size_t count_rules(const struct facts *facts)
{
	return facts->rule_count;
}

static const void *rule_item(const struct facts *facts, size_t position)
{
	return &facts->rules[position];
}

/* By which devices lookups that ended in a default route of the table were led. */
static struct device_set table_led(const struct facts *facts, uint8_t family, uint32_t table)
{
	struct device_set led = { 0 };
	for (size_t i = 0; i < facts->path_count; i++) {
		const struct path *path = &facts->paths[i];
		const struct route_answer *reply = &path->reply;
		if (path->destination.family != family || reply->result != ROUTE_FOUND ||
			reply->table != table || reply->prefix_length != 0)
			continue;
		for (unsigned j = 0; j < reply->devices.count; j++)
			device_set_add(&led, reply->devices.ifindex[j]);
		led.more |= reply->devices.more;
	}
	return led;
}

static int tell_rule(struct telling *telling, const void *before, const void *now)
{
	const struct rule *was = before, *is = now, *rule = is ? is : was;
	int error;
	struct change *change = tell(telling, CHANGE_RULE, was, is, &error);
	if (!change)
		return error;
	change->family = rule->family;
	change->prefix = rule->from;
	if (was)
		change->rule[0] = *was;
	if (is)
		change->rule[1] = *is;
	if (was && was->action == RULE_LOOKUP && !was->l3mdev)
		change->led = table_led(telling->before, was->family, was->table);
	return set_text(change, change_text_rule(was, is));
}

/* ---- devices ---- */

static const struct member device_subject[] = { MEMBER(device, ifindex) };
static const struct member device_state[] = { MEMBER(device, name), MEMBER(device, master),
	MEMBER(device, up) };
static const struct member device_rp_filter[] = { MEMBER(device, rp_filter_effective) };
static const struct member device_forwarding4[] = { MEMBER(device, forwarding4) };
static const struct member device_forwarding6[] = { MEMBER(device, forwarding6) };

COMPARE_MEMBERS(by_ifindex, device_subject)
COMPARE_MEMBERS(by_state, device_state)
COMPARE_MEMBERS(by_rp_filter, device_rp_filter)
COMPARE_MEMBERS(by_forwarding4, device_forwarding4)
COMPARE_MEMBERS(by_forwarding6, device_forwarding6)

static size_t count_devices(const struct facts *facts)
{
	return facts->device_count;
}

static const void *device_item(const struct facts *facts, size_t position)
{
	return &facts->devices[position];
}

static int tell_device(struct telling *telling, const void *before, const void *now)
{
	const struct device *was = before, *is = now;
	int error;
	struct change *change = tell(telling, CHANGE_DEVICE, was, is, &error);
	if (!change)
		return error;
	change->ifindex = (is ? is : was)->ifindex;
	return set_text(change, change_text_device(telling->before, was, telling->now, is));
}

static int tell_rp_filter(struct telling *telling, const void *before, const void *now)
{
	const struct device *was = before, *is = now;
	int error = 0;
	bool known = was && is && was->rp_filter_effective != RP_FILTER_UNKNOWN &&
		     is->rp_filter_effective != RP_FILTER_UNKNOWN;
	struct change *change = known ? tell(telling, CHANGE_RP_FILTER, was, is, &error) : NULL;
	if (!change)
		return error;
	change->family = AF_INET;
	change->ifindex = is->ifindex;
	return set_text(change, change_text_rp_filter(was, is));
}

static int tell_forwarding(
	struct telling *telling, const struct device *was, const struct device *is, uint8_t family)
{
	int error = 0;
	struct change *change = was && is ? tell(telling, CHANGE_FORWARDING, was, is, &error) : NULL;
	if (!change)
		return error;
	change->family = family;
	change->ifindex = family == AF_INET ? is->ifindex : 0;
	return set_text(change, change_text_forwarding(is, family));
}

static int tell_forwarding4(struct telling *telling, const void *was, const void *is)
{
	return tell_forwarding(telling, was, is, AF_INET);
}

/* Of the host: once. */
static int tell_forwarding6(struct telling *telling, const void *was, const void *is)
{
	if (telling->last || !was || !is)
		return 0;
	telling->last = is;
	return tell_forwarding(telling, was, is, AF_INET6);
}

/* ---- addresses ---- */

static const struct member address_subject[] = {
	MEMBER(local_address, ifindex),
	MEMBER(local_address, prefix),
};

COMPARE_MEMBERS(by_address, address_subject)

static int never_differs(const struct item *a, const struct item *b)
{
	(void)a;
	(void)b;
	return 0;
}

static size_t count_addresses(const struct facts *facts)
{
	return facts->address_count;
}

static const void *address_item(const struct facts *facts, size_t position)
{
	return &facts->addresses[position];
}

static int tell_address(struct telling *telling, const void *before, const void *now)
{
	const struct local_address *was = before, *is = now, *local = is ? is : was;
	int error;
	struct change *change = tell(telling, CHANGE_ADDRESS, was, is, &error);
	if (!change)
		return error;
	change->family = local->prefix.address.family;
	change->ifindex = local->ifindex;
	change->prefix = (struct prefix){ local->prefix.address,
		(uint8_t)(8 * address_size(local->prefix.address.family)) };
	const char *device = facts_device_name(is ? telling->now : telling->before, local->ifindex);
	return set_text(change, change_text_address(device, was, is));
}

/* ---- reply routes ---- */

static const struct member service_subject[] = {
	MEMBER(service, address),
	MEMBER(service, target),
	MEMBER(service, origin),
};

static const struct member path_subject[] = {
	MEMBER(path, arrival),
	MEMBER(path, destination),
	MEMBER(path, protocol),
	MEMBER(path, port),
	MEMBER(path, target_port),
	MEMBER(path, mark),
};

static const struct member path_value[] = {
	MEMBER(path, mark_decides),
	MEMBER(path, reply.result),
	MEMBER(path, reply.table),
	MEMBER(path, reply.gateway),
	MEMBER(path, reply.devices.count),
	MEMBER(path, reply.devices.ifindex),
};

COMPARE_MEMBERS(by_reply, path_value)

static const struct service *service_of(const struct item *item)
{
	return &item->facts->services[((const struct path *)item->data)->service];
}

static int by_path(const struct item *a, const struct item *b)
{
	int order = compare_members(service_of(a), service_of(b), service_subject, COUNT(service_subject));
	return order ? order : compare_members(a->data, b->data, path_subject, COUNT(path_subject));
}

static size_t count_paths(const struct facts *facts)
{
	return facts->path_count;
}

static const void *path_item(const struct facts *facts, size_t position)
{
	return &facts->paths[position];
}

/* Of the replies from one source that change alike the first is told: the others follow it. */
static bool is_alike(const struct telling *telling, const struct path *is)
{
	const struct path *last = telling->last;
	const struct service *services = telling->now->services;
	return last && last->arrival == is->arrival &&
	       address_equal(&services[last->service].target, &services[is->service].target) &&
	       compare_members(last, is, path_value, COUNT(path_value)) == 0;
}

static int tell_reply(struct telling *telling, const void *before, const void *now)
{
	const struct path *was = before, *is = now;
	int error;
	if (!was || !is || is_alike(telling, is))
		return 0;
	telling->last = is;
	struct change *change = tell(telling, CHANGE_REPLY_ROUTE, was, is, &error);
	if (!change)
		return error;
	const struct address *source = &telling->now->services[is->service].target;
	change->family = source->family;
	change->ifindex = is->arrival;
	change->prefix = (struct prefix){ *source, (uint8_t)(8 * address_size(source->family)) };
	if (was->reply.result == ROUTE_FOUND && !was->mark_decides)
		change->led = was->reply.devices;
	return set_text(change, change_text_reply(telling->before, was, telling->now, is));
}

/* ---- translations ---- */

static const struct member translation_subject[] = {
	MEMBER(nat_rule, family),
	MEMBER(nat_rule, table_family),
	TEXT_MEMBER(nat_rule, table),
	TEXT_MEMBER(nat_rule, chain),
	MEMBER(nat_rule, protocol),
	MEMBER(nat_rule, destination),
	MEMBER(nat_rule, destination_local),
	MEMBER(nat_rule, ports),
	MEMBER(nat_rule, iif),
	MEMBER(nat_rule, ifindex),
	MEMBER(nat_rule, iif_excluded),
	TEXT_MEMBER(nat_rule, also_excluded),
	MEMBER(nat_rule, conditional),
	MEMBER(nat_rule, by_source),
};

static const struct member translation_value[] = {
	MEMBER(nat_rule, redirect),
	MEMBER(nat_rule, target),
	MEMBER(nat_rule, target_ports),
};

COMPARE_MEMBERS(by_match, translation_subject)
COMPARE_MEMBERS(by_target, translation_value)

static bool is_same_ruleset(const struct facts *before, const struct facts *now)
{
	return !before->nat_rules || !now->nat_rules || before->nat_rules == now->nat_rules;
}

static size_t count_translations(const struct facts *facts)
{
	return facts->nat_rules->count;
}

static const void *translation_item(const struct facts *facts, size_t position)
{
	return &facts->nat_rules->rules[position];
}

/* The same rule, by its handle, stands in the other ruleset: then it is its sets that changed. */
static bool has_handle(const struct nat_list *list, const struct nat_rule *wanted)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct nat_rule *rule = &list->rules[i];
		if (rule->handle == wanted->handle && rule->table_family == wanted->table_family &&
			rule->legacy == wanted->legacy && compare_text(rule->table, wanted->table) == 0 &&
			compare_text(rule->chain, wanted->chain) == 0)
			return true;
	}
	return false;
}

static int tell_translation(struct telling *telling, const void *before, const void *now)
{
	const struct nat_rule *was = before, *is = now, *rule = is ? is : was;
	const struct nat_list *other = is ? telling->before->nat_rules : telling->now->nat_rules;
	bool both = was && is;
	int error;
	/* Told or counted: the rulesets are searched for so many only. */
	bool full = telling->changes->totals[CHANGE_TRANSLATION] + telling->changes->totals[CHANGE_ELEMENT] >=
		    (uint64_t)2 * CHANGES_TOLD;
	enum change_kind kind = both                                                ? CHANGE_TARGET
				: !full && !rule->legacy && has_handle(other, rule) ? CHANGE_ELEMENT
										    : CHANGE_TRANSLATION;
	struct change *change = tell(telling, kind, was, is, &error);
	if (!change)
		return error;
	change->family = rule->family;
	change->prefix = rule->destination;
	if (was)
		change->target[0] = was->target[0];
	if (is)
		change->target[1] = is->target[0];
	return set_text(change, change_text_translation(kind, was, is));
}

/* ---- all ---- */

static const struct source sources[] = {
	{ "route", by_selectors, by_action, NULL, count_rules, rule_item, tell_rule },
	{ "route", by_path, by_reply, NULL, count_paths, path_item, tell_reply },
	{ "link", by_ifindex, by_state, NULL, count_devices, device_item, tell_device },
	{ "link", by_address, never_differs, NULL, count_addresses, address_item, tell_address },
	{ "rpfilter", by_ifindex, by_rp_filter, NULL, count_devices, device_item, tell_rp_filter },
	{ "link", by_ifindex, by_forwarding4, NULL, count_devices, device_item, tell_forwarding4 },
	{ "link", by_ifindex, by_forwarding6, NULL, count_devices, device_item, tell_forwarding6 },
	{ "natrules", by_match, by_target, is_same_ruleset, count_translations, translation_item,
		tell_translation },
};

static bool has_failed(const struct facts *facts, const char *collector)
{
	for (size_t i = 0; i < facts->collector_count; i++)
		if (strcmp(facts->collectors[i].name, collector) == 0)
			return !facts->collectors[i].success;
	return false;
}

static bool is_unchanged(const struct source *source, const struct facts *before, const struct facts *now)
{
	size_t count = source->count(now);
	if (count != source->count(before))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct item was = { before, source->item(before, i) };
		const struct item is = { now, source->item(now, i) };
		if (source->by_subject(&was, &is) != 0 || source->by_value(&was, &is) != 0)
			return false;
	}
	return true;
}

static int compare_both(const struct source *source, const struct item *a, const struct item *b)
{
	int order = source->by_subject(a, b);
	return order ? order : source->by_value(a, b);
}

static int compare_items(const void *left, const void *right, void *source)
{
	return compare_both(source, left, right);
}

/* NULL when memory is out. */
static struct item *sort_items(const struct source *source, const struct facts *facts, size_t *count)
{
	*count = source->count(facts);
	struct item *items = calloc(*count + 1, sizeof(*items));
	for (size_t i = 0; items && i < *count; i++)
		items[i] = (struct item){ facts, source->item(facts, i) };
	if (items)
		qsort_r(items, *count, sizeof(*items), compare_items, (void *)(uintptr_t)source);
	return items;
}

/* Of two sorted lists leaves what the other has not, as often as it has not. */
static void drop_common(
	const struct source *source, struct item *was, size_t *was_count, struct item *is, size_t *is_count)
{
	size_t i = 0, j = 0, left = 0, right = 0;
	while (i < *was_count || j < *is_count) {
		int order = i == *was_count ? 1 : j == *is_count ? -1 : compare_both(source, &was[i], &is[j]);
		if (order < 0) {
			was[left++] = was[i++];
		} else if (order > 0) {
			is[right++] = is[j++];
		} else {
			i++;
			j++;
		}
	}
	*was_count = left;
	*is_count = right;
}

static int tell_source(const struct source *source, struct telling *telling)
{
	size_t was_count, is_count, i = 0, j = 0;
	struct item *was = sort_items(source, telling->before, &was_count);
	struct item *is = sort_items(source, telling->now, &is_count);
	int error = was && is ? 0 : -ENOMEM;
	if (error == 0)
		drop_common(source, was, &was_count, is, &is_count);
	while (error == 0 && (i < was_count || j < is_count)) {
		int order = i == was_count ? 1 : j == is_count ? -1 : source->by_subject(&was[i], &is[j]);
		const void *old = order <= 0 ? was[i++].data : NULL;
		error = source->tell(telling, old, order >= 0 ? is[j++].data : NULL);
	}
	free(was);
	free(is);
	return error;
}

int changes_find(const struct facts *before, const struct facts *now, struct changes *out)
{
	struct changes changes = { 0 };
	int error = 0;
	for (size_t i = 0; error == 0 && i < COUNT(sources); i++) {
		const struct source *source = &sources[i];
		struct telling telling = { before, now, &changes, NULL };
		if (has_failed(before, source->collector) || has_failed(now, source->collector) ||
			(source->is_same && source->is_same(before, now)) ||
			is_unchanged(source, before, now))
			continue;
		error = tell_source(source, &telling);
	}
	if (error < 0)
		changes_clear(&changes);
	else
		*out = changes;
	return error;
}

void changes_clear(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		change_release(changes->items[i]);
	free(changes->items);
	*changes = (struct changes){ 0 };
}

/* ---- the history ---- */

/* How many of each kind, the oldest, give way. */
static void choose_leaving(
	const struct change_history *last, const struct changes *changes, size_t leaving[static CHANGE_KINDS])
{
	size_t counts[CHANGE_KINDS] = { 0 };
	memset(leaving, 0, CHANGE_KINDS * sizeof(*leaving));
	for (size_t i = 0; i < last->count; i++)
		counts[last->items[i]->kind]++;
	for (size_t i = 0; i < changes->count; i++)
		counts[changes->items[i]->kind]++;
	for (size_t all = last->count + changes->count; all > CHANGES_KEPT; all--) {
		unsigned most = 0;
		for (unsigned kind = 1; kind < CHANGE_KINDS; kind++)
			most = counts[kind] > counts[most] ? kind : most;
		counts[most]--;
		leaving[most]++;
	}
}

_Static_assert(CHANGES_TOLD <= CHANGES_KEPT / CHANGE_KINDS, "of the kind that has the most, some are old");

/* Those of the last one that stay and all that are new, which are taken over on success. */
static int append_changes(
	const struct change_history *last, struct changes *changes, struct change_history *history)
{
	size_t leaving[CHANGE_KINDS];
	history->items = calloc(last->count + changes->count + 1, sizeof(struct change *));
	if (!history->items)
		return -ENOMEM;
	choose_leaving(last, changes, leaving);
	history->began_ns = last->began_ns;
	history->untold = last->untold;
	for (size_t i = 0; i < last->count; i++) {
		struct change *change = last->items[i];
		if (leaving[change->kind] == 0)
			history->items[history->count++] = (struct change *)(uintptr_t)change_share(change);
		else
			leaving[change->kind]--;
	}
	for (unsigned i = 0; i < CHANGE_KINDS; i++) {
		history->totals[i] = last->totals[i] + changes->totals[i];
		history->untold += changes->totals[i];
	}
	history->untold -= changes->count;
	for (size_t i = 0; i < changes->count; i++)
		history->items[history->count++] = changes->items[i];
	free(changes->items);
	*changes = (struct changes){ 0 };
	return 0;
}

int changes_note(const struct facts *before, struct facts *now)
{
	const struct change_history *last = before ? before->changes : NULL;
	struct changes changes = { 0 };
	int error = last ? changes_find(before, now, &changes) : 0;
	if (error < 0)
		return error;
	bool any = false;
	for (unsigned i = 0; i < CHANGE_KINDS; i++)
		any |= changes.totals[i] > 0;
	if (last && !any) {
		now->changes = change_history_share(last);
		return 0;
	}
	struct change_history *history = calloc(1, sizeof(*history));
	error = history ? 0 : -ENOMEM;
	if (error == 0) {
		atomic_init(&history->holders, 1);
		history->began_ns = now->time_ns;
		error = last ? append_changes(last, &changes, history) : 0;
	}
	if (error == 0)
		now->changes = history;
	else
		free(history);
	changes_clear(&changes);
	return error;
}
