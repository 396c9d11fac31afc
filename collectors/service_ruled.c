// SPDX-License-Identifier: GPL-2.0-or-later
/* The services that rules translate, whether or not anyone has asked for them. */
#include <errno.h>

#include "collectors/growth.h"
#include "collectors/nat_find.h"
#include "collectors/service.h"

/* What the kernel does with the rule's target cannot be told for more. */
#define TARGETS_MAX 16

struct ruling {
	struct facts *facts;
	const struct nat_rule *rule;
	size_t position;
	size_t first;   /* service that was added */
	unsigned added; /* by all rules */
};

static bool leads_here(const struct facts *facts, const struct nat_rule *rule, int ifindex)
{
	const struct device *device = facts_device(facts, ifindex);
	return service_device_carries(device) && facts_line(facts, ifindex, rule->family) &&
	       nat_rule_takes_device(rule, device);
}

/* Another port of the same address may be translated to the same target. */
static bool is_added(
	const struct ruling *ruling, const struct address *address, const struct address *target, int ifindex)
{
	const struct facts *facts = ruling->facts;
	for (size_t i = ruling->first; i < facts->service_count; i++)
		if (address_equal(&facts->services[i].address, address) &&
			address_equal(&facts->services[i].target, target) &&
			device_set_contains(&facts->services[i].arrival, ifindex))
			return true;
	return false;
}

static int append_ruled(struct ruling *ruling, const struct address *address, const struct address *target,
	const struct device_set *arrival)
{
	const struct nat_rule *rule = ruling->rule;
	struct service *service = GROW(ruling->facts->services, ruling->facts->service_count);
	if (!service)
		return -ENOMEM;
	service->origin = ORIGIN_DNAT;
	service->address = *address;
	service->target = *target;
	service->target_local = address_is_loopback(target) || facts_local_address(ruling->facts, target);
	service->arrival = *arrival;
	service->ruled = true;
	service->protocol = rule->protocol;
	service->port = rule->ports[0];
	service->target_port = rule->target_ports[0];
	ruling->added++;
	return 0;
}

static bool step_address(struct address *address)
{
	for (size_t i = address_size(address->family); i-- > 0;)
		if (++address->bytes[i] != 0)
			return true;
	return false;
}

/* A service for each target, if these are few. */
static int add_targets(struct ruling *ruling, const struct address *address, const struct device_set *arrival)
{
	const struct nat_rule *rule = ruling->rule;
	struct address targets[TARGETS_MAX] = { rule->target[0] };
	unsigned count = 1;
	while (!address_equal(&targets[count - 1], &rule->target[1])) {
		if (count == TARGETS_MAX)
			return 0;
		targets[count] = targets[count - 1];
		if (!step_address(&targets[count++]))
			return 0;
	}
	int result = 0;
	for (unsigned i = 0; result == 0 && i < count && ruling->added < SERVICES_RULED_MAX; i++)
		if (!address_equal(&targets[i], address))
			result = append_ruled(ruling, address, &targets[i], arrival);
	return result;
}

static bool is_wanted(const struct ruling *ruling, const struct address *address, int ifindex)
{
	const struct nat_rule *rule = ruling->rule;
	bool one = address_equal(&rule->target[0], &rule->target[1]);
	return leads_here(ruling->facts, rule, ifindex) &&
	       !(one && is_added(ruling, address, &rule->target[0], ifindex)) &&
	       nat_rule_decides(ruling->facts, ruling->position, address, ifindex);
}

static int add_address(
	struct ruling *ruling, const struct address *address, const struct device_set *candidates)
{
	struct device_set arrival = { 0 };
	for (unsigned i = 0; i < candidates->count; i++)
		if (is_wanted(ruling, address, candidates->ifindex[i]))
			device_set_add(&arrival, candidates->ifindex[i]);
	return arrival.count ? add_targets(ruling, address, &arrival) : 0;
}

static bool is_single(const struct prefix *prefix)
{
	return prefix->address.family != AF_UNSPEC &&
	       prefix->length == address_size(prefix->address.family) * 8;
}

/* The devices that the rule itself names. */
static struct device_set named_devices(const struct facts *facts, const struct nat_rule *rule)
{
	struct device_set set = { 0 };
	for (size_t i = 0; i < facts->device_count; i++)
		if (!rule->iif_excluded && (rule->iif[0] || rule->ifindex) &&
			nat_rule_takes_device(rule, &facts->devices[i]))
			device_set_add(&set, facts->devices[i].ifindex);
	return set;
}

/* Requests for an own address come by the device that has it, those for another's by the one that the rule
 * names. */
static int add_single(struct ruling *ruling)
{
	const struct address *address = &ruling->rule->destination.address;
	bool local = facts_local_address(ruling->facts, address);
	if (ruling->rule->destination_local && !local)
		return 0;
	const struct device_set candidates =
		local ? service_owners(ruling->facts, address) : named_devices(ruling->facts, ruling->rule);
	return add_address(ruling, address, &candidates);
}

static int add_own(struct ruling *ruling)
{
	const struct facts *facts = ruling->facts;
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->address_count; i++) {
		const struct address *address = &facts->addresses[i].prefix.address;
		const struct device_set candidates = service_owners(facts, address);
		if (address->family == ruling->rule->family &&
			(ruling->rule->destination.address.family == AF_UNSPEC ||
				prefix_contains(&ruling->rule->destination, address)))
			result = add_address(ruling, address, &candidates);
	}
	return result;
}

static bool gives_services(const struct nat_rule *rule)
{
	return !rule->conditional && !rule->redirect && !address_is_none(&rule->target[0]);
}

int services_add_ruled(struct facts *facts)
{
	struct ruling ruling = { .facts = facts, .first = facts->service_count };
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->nat_rule_count && ruling.added < SERVICES_RULED_MAX;
		i++) {
		ruling.rule = &facts->nat_rules[i];
		ruling.position = i;
		if (gives_services(ruling.rule))
			result =
				is_single(&ruling.rule->destination) ? add_single(&ruling) : add_own(&ruling);
	}
	return result < 0 || ruling.added == 0 ? result : services_settle(facts);
}
