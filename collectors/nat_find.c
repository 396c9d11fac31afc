// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nat_find.h"

#include <string.h>

static bool is_named(const char *pattern, const struct device *device)
{
	size_t length = strlen(pattern);
	if (length && pattern[length - 1] == '*')
		return strncmp(pattern, device->name, length - 1) == 0;
	return strcmp(pattern, device->name) == 0;
}

bool nat_rule_takes_device(const struct nat_rule *rule, const struct device *device)
{
	for (const char *name = rule->also_excluded; name && *name; name += strlen(name) + 1)
		if (is_named(name, device))
			return false;
	if (rule->ifindex)
		return rule->ifindex == device->ifindex;
	return !rule->iif[0] || is_named(rule->iif, device) != rule->iif_excluded;
}

static bool takes_address(
	const struct facts *facts, const struct nat_rule *rule, const struct address *address)
{
	if (rule->family != address->family)
		return false;
	if (rule->destination_local && !facts_local_address(facts, address))
		return false;
	return rule->destination.address.family == AF_UNSPEC || prefix_contains(&rule->destination, address);
}

static bool takes_port(const struct nat_rule *rule, uint16_t port)
{
	return port == 0 || (rule->ports[0] == 0 && rule->ports[1] == 0) ||
	       (port >= rule->ports[0] && port <= rule->ports[1]);
}

static bool fits(const struct facts *facts, const struct nat_rule *rule, const struct nat_request *request)
{
	const struct device *device = request->ifindex ? facts_device(facts, request->ifindex) : NULL;
	return (request->protocol == 0 || rule->protocol == 0 || rule->protocol == request->protocol) &&
	       takes_port(rule, request->port) && (!device || nat_rule_takes_device(rule, device)) &&
	       takes_address(facts, rule, &request->address);
}

size_t nat_rule_find(const struct facts *facts, const struct nat_request *request, size_t from)
{
	size_t i = from;
	while (i < facts->nat_rule_count && !fits(facts, &facts->nat_rules[i], request))
		i++;
	return i < facts->nat_rule_count ? i : facts->nat_rule_count;
}

static bool leads_to(const struct nat_rule *rule, const struct address *target)
{
	if (rule->redirect)
		return true;
	return rule->target[0].family == target->family && address_compare(&rule->target[0], target) <= 0 &&
	       address_compare(&rule->target[1], target) >= 0;
}

const struct nat_rule *nat_rule_of(
	const struct facts *facts, const struct nat_request *request, const struct address *target)
{
	const struct nat_rule *possible = NULL;
	for (size_t i = nat_rule_find(facts, request, 0); i < facts->nat_rule_count;
		i = nat_rule_find(facts, request, i + 1)) {
		const struct nat_rule *rule = &facts->nat_rules[i];
		if (leads_to(rule, target) && !rule->conditional)
			return rule;
		if (leads_to(rule, target) && !possible)
			possible = rule;
		else if (!rule->conditional && !rule->balanced)
			break; /* it takes them all */
	}
	return possible;
}

static bool ports_meet(const struct nat_rule *a, const struct nat_rule *b)
{
	bool any = (a->ports[0] == 0 && a->ports[1] == 0) || (b->ports[0] == 0 && b->ports[1] == 0);
	return any || (a->ports[0] <= b->ports[1] && b->ports[0] <= a->ports[1]);
}

static bool ports_cover(const struct nat_rule *outer, const struct nat_rule *inner)
{
	if (outer->ports[0] == 0 && outer->ports[1] == 0)
		return true;
	return !(inner->ports[0] == 0 && inner->ports[1] == 0) && outer->ports[0] <= inner->ports[0] &&
	       outer->ports[1] >= inner->ports[1];
}

/* `before` takes all that the rule takes of an address, or some of it that cannot be told. What is balanced
 * or for some sources leaves the rest. */
static bool stands_before(const struct nat_rule *before, const struct nat_rule *rule)
{
	if (before->balanced || before->by_source || !ports_meet(before, rule) ||
		(before->protocol && rule->protocol && before->protocol != rule->protocol))
		return false;
	return before->conditional ||
	       ((!before->protocol || before->protocol == rule->protocol) && ports_cover(before, rule));
}

bool nat_rule_decides(const struct facts *facts, size_t position, const struct address *address, int ifindex)
{
	const struct nat_rule *rule = &facts->nat_rules[position];
	const struct device *device = facts_device(facts, ifindex);
	if (rule->conditional || !device)
		return false;
	for (size_t i = 0; i < position; i++) {
		const struct nat_rule *before = &facts->nat_rules[i];
		if (before->family == rule->family && stands_before(before, rule) &&
			takes_address(facts, before, address) && nat_rule_takes_device(before, device))
			return false;
	}
	return true;
}
