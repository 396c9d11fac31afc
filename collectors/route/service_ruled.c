// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The services that rules translate, whether or not anyone has asked for them. There may be ten thousand
 * rules and as many addresses: what is the same for all rules is sorted once, and what one rule has found is
 * asked again for the next where it names the same devices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/firewall/nat_find.h"
#include "collectors/route/service.h"

/* Addresses and devices for which rules are asked, where most of them give nothing. */
#define ASKED_MAX 65536u

/* What the kernel does with the rule's target cannot be told for more. */
#define TARGETS_MAX 16

/* A device by which requests from afar come. */
struct entrance {
	const struct device *device;
	bool families[2];          /* IPv4, IPv6 */
	bool taken;                /* by the rule that is asked */
	const struct owned *owned; /* its addresses, in order */
	size_t owned_count;
};

struct owned {
	struct address address;
	struct entrance *entrance; /* the device that has it; NULL: none of these */
};

struct ruling {
	struct facts *facts;
	const struct nat_rule *rule;
	struct entrance *entrances;
	size_t entrance_count;
	struct owned *own, *sorted; /* all addresses by address; by entrance, then address */
	struct hash_index services; /* those added, by address, target and arrival */
	uint64_t seed;
	unsigned added, asked; /* by all rules; addresses and devices for which one was asked */
};

static int by_address(const void *a, const void *b)
{
	const struct owned *left = a, *right = b;
	int order = address_compare(&left->address, &right->address);
	return order ? order : (left->entrance > right->entrance) - (left->entrance < right->entrance);
}

static int by_entrance(const void *a, const void *b)
{
	const struct owned *left = a, *right = b;
	int order = (left->entrance > right->entrance) - (left->entrance < right->entrance);
	return order ? order : address_compare(&left->address, &right->address);
}

static int by_ifindex(const void *a, const void *b)
{
	const struct entrance *left = a, *right = b;
	return (left->device->ifindex > right->device->ifindex) -
	       (left->device->ifindex < right->device->ifindex);
}

static int ruling_prepare(struct ruling *ruling)
{
	const struct facts *facts = ruling->facts;
	size_t count = facts->address_count;
	ruling->entrances = calloc(facts->device_count + 1, sizeof(*ruling->entrances));
	ruling->own = calloc(count + 1, sizeof(*ruling->own));
	ruling->sorted = calloc(count + 1, sizeof(*ruling->sorted));
	if (!ruling->entrances || !ruling->own || !ruling->sorted)
		return -ENOMEM;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		const struct entrance entrance = { .device = device,
			.families = { facts_line(facts, device->ifindex, AF_INET),
				facts_line(facts, device->ifindex, AF_INET6) } };
		if (service_device_carries(device) && (entrance.families[0] || entrance.families[1]))
			ruling->entrances[ruling->entrance_count++] = entrance;
	}
	qsort(ruling->entrances, ruling->entrance_count, sizeof(*ruling->entrances), by_ifindex);
	for (size_t i = 0; i < count; i++) {
		const struct device wanted = { .ifindex = facts->addresses[i].ifindex };
		const struct entrance key = { .device = &wanted };
		struct entrance *entrance =
			bsearch(&key, ruling->entrances, ruling->entrance_count, sizeof(key), by_ifindex);
		bool loopback = entrance && entrance->device->kind == DEVICE_LOOPBACK;
		ruling->own[i] =
			(struct owned){ facts->addresses[i].prefix.address, loopback ? NULL : entrance };
	}
	memcpy(ruling->sorted, ruling->own, count * sizeof(*ruling->own));
	qsort(ruling->own, count, sizeof(*ruling->own), by_address);
	qsort(ruling->sorted, count, sizeof(*ruling->sorted), by_entrance);
	for (size_t i = count; i-- > 0;)
		if (ruling->sorted[i].entrance) {
			ruling->sorted[i].entrance->owned = &ruling->sorted[i];
			ruling->sorted[i].entrance->owned_count++;
		}
	return 0;
}

/* Position of the first that is not before the address. */
static size_t find_owned(const struct owned *owned, size_t count, const struct address *address)
{
	return address_search(owned, count, sizeof(*owned), offsetof(struct owned, address), address);
}

static bool is_own(const struct ruling *ruling, const struct address *address)
{
	size_t at = find_owned(ruling->own, ruling->facts->address_count, address);
	return at < ruling->facts->address_count && address_equal(&ruling->own[at].address, address);
}

/* ---- one rule */

/* Notes which entrances the rule takes; false if it takes none. Rules that follow one another mostly name the
 * same devices. */
static bool choose_entrances(struct ruling *ruling, const struct nat_rule *last, bool taken_before)
{
	const struct nat_rule *rule = ruling->rule;
	bool taken = false;
	if (last && last->family == rule->family && last->ifindex == rule->ifindex &&
		last->iif_excluded == rule->iif_excluded && strcmp(last->iif, rule->iif) == 0 &&
		!*last->also_excluded && !*rule->also_excluded)
		return taken_before;
	for (size_t i = 0; i < ruling->entrance_count; i++) {
		struct entrance *entrance = &ruling->entrances[i];
		entrance->taken = entrance->families[rule->family == AF_INET6] &&
				  nat_rule_takes_device(rule, entrance->device);
		taken |= entrance->taken;
	}
	return taken;
}

static uint32_t hash_service(
	const struct ruling *ruling, const struct address *address, const struct address *target, int arrival)
{
	uint64_t hash = hash_bytes(ruling->seed, address, sizeof(*address));
	return (uint32_t)hash_bytes(hash + (unsigned)arrival, target, sizeof(*target));
}

/* Another port of the same address may be translated to the same target. */
static bool is_added(const struct ruling *ruling, const struct address *address, int arrival)
{
	const struct address *target = &ruling->rule->target[0];
	uint32_t hash = hash_service(ruling, address, target, arrival), position = hash, item;
	while ((item = hash_index_next(&ruling->services, hash, &position)) != HASH_INDEX_NONE) {
		const struct service *service = &ruling->facts->services[item];
		if (address_equal(&service->address, address) && address_equal(&service->target, target) &&
			device_set_contains(&service->arrival, arrival))
			return true;
	}
	return false;
}

static int append_ruled(
	struct ruling *ruling, const struct address *address, const struct address *target, int arrival)
{
	const struct nat_rule *rule = ruling->rule;
	uint32_t number = (uint32_t)ruling->facts->service_count;
	struct service *service = ARRAY_ADD(ruling->facts->services, ruling->facts->service_count);
	if (!service)
		return -ENOMEM;
	service->origin = ORIGIN_DNAT;
	service->address = *address;
	service->target = *target;
	service->target_local = address_is_loopback(target) || is_own(ruling, target);
	device_set_add(&service->arrival, arrival);
	service->ruled = true;
	service->protocol = rule->protocol;
	service->port = rule->ports[0];
	service->target_port = rule->target_ports[0];
	ruling->added++;
	hash_index_add(&ruling->services, hash_service(ruling, address, target, arrival), number);
	return 0;
}

/* A service for each target, if these are few. */
static int add_targets(struct ruling *ruling, const struct address *address, int arrival)
{
	const struct nat_rule *rule = ruling->rule;
	struct address targets[TARGETS_MAX] = { rule->target[0] };
	unsigned count = 1;
	while (!address_equal(&targets[count - 1], &rule->target[1])) {
		if (count == TARGETS_MAX)
			return 0;
		targets[count] = targets[count - 1];
		if (!number_step(targets[count].bytes, address_size(targets[count].family), true))
			return 0;
		count++;
	}
	int result = 0;
	for (unsigned i = 0; result == 0 && i < count && ruling->added < SERVICES_RULED_MAX; i++)
		if (!address_equal(&targets[i], address))
			result = append_ruled(ruling, address, &targets[i], arrival);
	return result;
}

static int add_arrival(
	struct ruling *ruling, const struct address *address, bool local, const struct entrance *entrance)
{
	const struct nat_rule *rule = ruling->rule;
	bool one = address_equal(&rule->target[0], &rule->target[1]);
	if (!entrance || !entrance->taken || ruling->asked++ >= ASKED_MAX ||
		(one && is_added(ruling, address, entrance->device->ifindex)) ||
		!nat_rule_decides(ruling->facts, rule, address, local, entrance->device))
		return 0;
	return add_targets(ruling, address, entrance->device->ifindex);
}

/* Requests for an own address come by the device that has it, those for another's by the one that the rule
 * names. */
static int add_single(struct ruling *ruling)
{
	const struct nat_rule *rule = ruling->rule;
	const struct address *address = &rule->destination.address;
	size_t at = find_owned(ruling->own, ruling->facts->address_count, address), first = at;
	int result = 0;
	for (; result == 0 && at < ruling->facts->address_count &&
		address_equal(&ruling->own[at].address, address);
		at++)
		result = add_arrival(ruling, address, true, ruling->own[at].entrance);
	if (at > first || rule->destination_local || rule->iif_excluded || (!rule->iif[0] && !rule->ifindex))
		return result;
	for (size_t i = 0; result == 0 && i < ruling->entrance_count; i++)
		result = add_arrival(ruling, address, false, &ruling->entrances[i]);
	return result;
}

static int add_own(struct ruling *ruling, const struct entrance *entrance)
{
	const struct prefix *destination = &ruling->rule->destination;
	bool all = destination->address.family == AF_UNSPEC;
	const struct address first = all ? (struct address){ .family = ruling->rule->family }
					 : prefix_network(destination).address;
	int result = 0;
	for (size_t i = find_owned(entrance->owned, entrance->owned_count, &first);
		result == 0 && i < entrance->owned_count && ruling->added < SERVICES_RULED_MAX &&
		ruling->asked < ASKED_MAX;
		i++) {
		const struct address *address = &entrance->owned[i].address;
		if (address->family != first.family || (!all && !prefix_contains(destination, address)))
			break;
		result = add_arrival(ruling, address, true, entrance);
	}
	return result;
}

static int add_rule(struct ruling *ruling)
{
	const struct prefix *destination = &ruling->rule->destination;
	int result = 0;
	if (destination->address.family != AF_UNSPEC &&
		destination->length == address_size(destination->address.family) * 8)
		return add_single(ruling);
	for (size_t i = 0; result == 0 && i < ruling->entrance_count; i++)
		if (ruling->entrances[i].taken)
			result = add_own(ruling, &ruling->entrances[i]);
	return result;
}

int services_add_ruled(struct facts *facts)
{
	const struct nat_list *rules = facts->nat_rules;
	const struct nat_rule *last = NULL;
	struct ruling ruling = { .facts = facts, .seed = hash_seed() };
	bool taken = false;
	if (!rules || rules->count == 0)
		return 0;
	int result = ruling_prepare(&ruling);
	if (result == 0)
		result = hash_index_init(&ruling.services, SERVICES_RULED_MAX);
	for (size_t i = 0; result == 0 && i < rules->count && ruling.added < SERVICES_RULED_MAX &&
			   ruling.asked < ASKED_MAX;
		i++) {
		const struct nat_rule *rule = ruling.rule = &rules->rules[i];
		if (rule->conditional || rule->redirect || address_is_none(&rule->target[0]))
			continue;
		taken = choose_entrances(&ruling, last, taken);
		last = rule;
		if (taken)
			result = add_rule(&ruling);
	}
	hash_index_destroy(&ruling.services);
	free(ruling.entrances);
	free(ruling.own);
	free(ruling.sorted);
	return result < 0 || ruling.added == 0 ? result : services_settle(facts);
}
