// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"
#include "collectors/trace.h"

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
	listen_facts_clear(&facts->listen_facts);
	capture_facts_clear(&facts->capture_facts);
	synrecv_facts_clear(&facts->synrecv_facts);
	drop_facts_clear(&facts->drop_facts);
	route_facts_clear(&facts->route_facts);
	trace_facts_clear(&facts->trace_facts);
	free(facts->collectors);
	for (size_t i = 0; i < facts->part_count; i++)
		facts->parts[i].destroy(facts->parts[i].data);
	free(facts->parts);
	free(facts);
}

int facts_attach(
	struct facts *facts, const struct collector *collector, void *data, void (*destroy)(void *data))
{
	struct facts_part *part = GROW(facts->parts, facts->part_count);
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

const struct device *facts_device(const struct facts *facts, int ifindex)
{
	for (size_t i = 0; i < facts->device_count; i++)
		if (facts->devices[i].ifindex == ifindex)
			return &facts->devices[i];
	return NULL;
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
	for (size_t i = facts->capture_count; i > 0; i--)
		if (facts->captures[i - 1].ifindex == ifindex)
			return facts->captures[i - 1].name;
	return facts_device_name(facts, ifindex);
}

const struct local_address *facts_local_address(const struct facts *facts, const struct address *address)
{
	for (size_t i = 0; i < facts->address_count; i++)
		if (address_equal(&facts->addresses[i].prefix.address, address))
			return &facts->addresses[i];
	return NULL;
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
	for (size_t i = 0; i < facts->line_count; i++)
		if (facts->lines[i].ifindex == ifindex && facts->lines[i].family == family)
			return &facts->lines[i];
	return NULL;
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
