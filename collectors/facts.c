// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/device/address_index.h"
#include "collectors/trace/trace.h"

struct facts *facts_new(void)
{
	return calloc(1, sizeof(struct facts));
}

void facts_free(struct facts *facts)
{
	if (!facts)
		return;
	device_facts_clear(&facts->device_facts);
	conntrack_facts_clear(&facts->conntrack_facts);
	nat_facts_clear(&facts->nat_facts);
	capture_facts_clear(&facts->capture_facts);
	socket_facts_clear(&facts->socket_facts);
	drop_facts_clear(&facts->drop_facts);
	route_facts_clear(&facts->route_facts);
	trace_facts_clear(&facts->trace_facts);
	change_facts_clear(&facts->change_facts);
	free(facts->collectors);
	free(facts->loop_works);
	for (size_t i = 0; i < facts->part_count; i++)
		facts->parts[i].destroy(facts->parts[i].data);
	free(facts->parts);
	free(facts);
}

int facts_attach(
	struct facts *facts, const struct collector *collector, void *data, void (*destroy)(void *data))
{
	struct facts_part *part = ARRAY_ADD(facts->parts, facts->part_count);
	if (!part)
		return -ENOMEM;
	*part = (struct facts_part){ collector, data, destroy };
	return 0;
}

const void *facts_part(const struct facts *facts, const struct collector *collector)
{
	for (size_t i = 0; i < facts->part_count; i++)
		if (facts->parts[i].collector == collector)
			return facts->parts[i].data;
	return NULL;
}

int facts_index(struct facts *facts)
{
	address_index_free(facts->address_index);
	facts->address_index = address_index_new(facts->addresses, facts->address_count);
	return facts->address_index ? 0 : -ENOMEM;
}

const struct device *facts_device(const struct facts *facts, int ifindex)
{
	size_t low = 0, high = facts->device_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (facts->devices[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < facts->device_count && facts->devices[low].ifindex == ifindex;
	return found ? &facts->devices[low] : NULL;
}

const struct device *facts_device_named(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->device_count; i++)
		if (strcmp(facts->devices[i].name, name) == 0)
			return &facts->devices[i];
	return NULL;
}

int facts_vrf(const struct facts *facts, int ifindex)
{
	const struct device *device = ifindex ? facts_device(facts, ifindex) : NULL;
	const struct device *master = device && device->master ? facts_device(facts, device->master) : NULL;
	return master && master->kind == DEVICE_VRF ? master->ifindex : 0;
}

const char *facts_device_name(const struct facts *facts, int ifindex)
{
	const struct device *device = facts_device(facts, ifindex);
	return device ? device->name : "?";
}

static int compare_captures(const void *left, const void *right)
{
	int a = ((const struct capture *)left)->ifindex, b = ((const struct capture *)right)->ifindex;
	return (a > b) - (a < b);
}

const char *facts_device_names(const struct facts *facts, const struct device_set *set, const char *separator,
	char text[static DEVICE_NAMES_SIZE])
{
	int used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < set->count; i++)
		used += snprintf(text + used, DEVICE_NAMES_SIZE - (size_t)used, "%s%s", i ? separator : "",
			facts_device_name(facts, set->ifindex[i]));
	return text;
}

const char *facts_capture_name(const struct facts *facts, int ifindex)
{
	if (ifindex == 0)
		return "";
	const struct capture key = { .ifindex = ifindex }, *captures = facts->captures, *found = NULL;
	if (facts->capture_count)
		found = bsearch(&key, captures, facts->capture_count, sizeof(key), compare_captures);
	return found ? found->name : facts_device_name(facts, ifindex);
}

static const char *const unwatched_names[UNWATCHED_REASONS] = {
	[UNWATCHED_PENDING] = "pending",
	[UNWATCHED_LIMIT] = "limit",
	[UNWATCHED_DESCRIPTORS] = "descriptors",
	[UNWATCHED_MEMORY] = "memory",
	[UNWATCHED_ERROR] = "error",
};

const char *unwatched_name(enum unwatched reason)
{
	return unwatched_names[reason];
}

static bool is_in_network(const struct local_address *local, int ifindex, const struct address *address)
{
	return (ifindex == 0 || local->ifindex == ifindex) &&
	       local->prefix.length < address_size(local->prefix.address.family) * 8 &&
	       prefix_contains(&local->prefix, address);
}

/* ---- addresses: by the index, or each from `from` on ---- */

static const struct local_address *find_equal(
	const struct facts *facts, const struct address *address, size_t from)
{
	size_t i = from, found = 0;
	if (facts->address_index) {
		const uint32_t *equal = address_index_equal(facts->address_index, address, &found);
		for (i = 0; i < found && equal[i] < from; i++)
			;
		return i < found ? &facts->addresses[equal[i]] : NULL;
	}
	while (i < facts->address_count && !address_equal(&facts->addresses[i].prefix.address, address))
		i++;
	return i < facts->address_count ? &facts->addresses[i] : NULL;
}

const struct local_address *facts_local_address(const struct facts *facts, const struct address *address)
{
	return find_equal(facts, address, 0);
}

const struct local_address *facts_next_equal(const struct facts *facts, const struct local_address *local)
{
	return find_equal(facts, &local->prefix.address, (size_t)(local - facts->addresses) + 1);
}

bool facts_device_owns(const struct facts *facts, int ifindex, const struct address *address)
{
	const struct local_address *local = facts_local_address(facts, address);
	while (local && local->ifindex != ifindex)
		local = facts_next_equal(facts, local);
	return local;
}

const struct local_address *facts_device_address(
	const struct facts *facts, int ifindex, uint8_t family, const struct local_address *last)
{
	size_t from = last ? (size_t)(last - facts->addresses) + 1 : 0, found = 0;
	if (facts->address_index) {
		const uint32_t *own = address_index_of_device(facts->address_index, ifindex, family, &found);
		size_t low = 0, high = found;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (own[middle] < from)
				low = middle + 1;
			else
				high = middle;
		}
		return low < found ? &facts->addresses[own[low]] : NULL;
	}
	for (size_t i = from; i < facts->address_count; i++)
		if (facts->addresses[i].ifindex == ifindex &&
			facts->addresses[i].prefix.address.family == family)
			return &facts->addresses[i];
	return NULL;
}

const struct local_address *facts_network(
	const struct facts *facts, int ifindex, const struct address *address)
{
	size_t i = 0;
	if (facts->address_index)
		i = address_index_network(facts->address_index, address, ifindex);
	else
		while (i < facts->address_count && !is_in_network(&facts->addresses[i], ifindex, address))
			i++;
	return i < facts->address_count ? &facts->addresses[i] : NULL;
}

const struct device_drop *facts_device_drop(const struct facts *facts, int ifindex, enum drop_reason reason)
{
	for (size_t i = 0; ifindex && i < facts->device_drop_count; i++)
		if (facts->device_drops[i].ifindex == ifindex && facts->device_drops[i].reason == reason)
			return &facts->device_drops[i];
	return NULL;
}

const struct line *facts_line(const struct facts *facts, int ifindex, uint8_t family)
{
	size_t at = facts_line_place(facts, ifindex, family);
	bool found = at < facts->line_count && facts->lines[at].ifindex == ifindex &&
		     facts->lines[at].family == family;
	return found ? &facts->lines[at] : NULL;
}

size_t facts_line_place(const struct facts *facts, int ifindex, uint8_t family)
{
	size_t low = 0, high = facts->line_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct line *line = &facts->lines[middle];
		if (line->ifindex < ifindex || (line->ifindex == ifindex && line->family < family))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void device_set_add(struct device_set *set, int ifindex)
{
	unsigned at = 0;
	while (at < set->count && set->ifindex[at] < ifindex)
		at++;
	if (at < set->count && set->ifindex[at] == ifindex)
		return;
	if (set->count == DEVICE_SET_SIZE) {
		set->more = true;
		return;
	}
	memmove(&set->ifindex[at + 1], &set->ifindex[at], (set->count - at) * sizeof(set->ifindex[0]));
	set->ifindex[at] = ifindex;
	set->count++;
}

bool device_set_contains(const struct device_set *set, int ifindex)
{
	for (unsigned i = 0; i < set->count; i++)
		if (set->ifindex[i] == ifindex)
			return true;
	return false;
}

bool device_set_within(const struct device_set *set, const struct device_set *other)
{
	for (unsigned i = 0; i < set->count; i++)
		if (!device_set_contains(other, set->ifindex[i]))
			return false;
	return true;
}

bool device_set_equal(const struct device_set *a, const struct device_set *b)
{
	return a->count == b->count && device_set_within(a, b);
}
