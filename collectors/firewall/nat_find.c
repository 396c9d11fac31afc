// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nat_find.h"

#include <string.h>

#include "collectors/firewall/packet_set.h"

bool nat_rule_takes_device(const struct nat_rule *rule, const struct device *device)
{
	for (const char *name = rule->also_excluded; name && *name; name += strlen(name) + 1)
		if (device_name_covers(name, device->name))
			return false;
	if (rule->ifindex)
		return rule->ifindex == device->ifindex;
	return !rule->iif[0] || device_name_covers(rule->iif, device->name) != rule->iif_excluded;
}

void nat_search_begin(struct nat_search *search, const struct facts *facts, const struct nat_request *request)
{
	search->facts = facts;
	search->request = *request;
	search->device = request->ifindex ? facts_device(facts, request->ifindex) : NULL;
	search->local = facts->nat_rules && facts_local_address(facts, &request->address);
	nat_candidates_begin(&search->candidates, facts->nat_rules, &request->address, request->port);
}

const struct nat_rule *nat_search_next(struct nat_search *search)
{
	const struct nat_request *request = &search->request;
	const struct nat_rule *rule;
	while ((rule = nat_candidates_next(&search->candidates)) != NULL) {
		bool any_port = request->port == 0 || (rule->ports[0] == 0 && rule->ports[1] == 0);
		if ((request->protocol == 0 || rule->protocol == 0 || rule->protocol == request->protocol) &&
			(any_port || (request->port >= rule->ports[0] && request->port <= rule->ports[1])) &&
			(search->local || !rule->destination_local) &&
			(!search->device || nat_rule_takes_device(rule, search->device)))
			break;
	}
	return rule;
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
	const struct nat_rule *possible = NULL, *rule;
	struct nat_search search;
	nat_search_begin(&search, facts, request);
	while ((rule = nat_search_next(&search)) != NULL) {
		if (leads_to(rule, target) && !rule->conditional)
			return rule;
		if (leads_to(rule, target) && !possible)
			possible = rule;
		else if (!rule->conditional && !rule->balanced)
			break; /* it takes them all */
	}
	return possible;
}

/* `before` takes all that the rule takes of an address, or some of it that cannot be told. What is balanced
 * or for some sources leaves the rest. */
static bool stands_before(const struct nat_rule *before, const struct nat_rule *rule)
{
	bool any = before->ports[0] == 0 && before->ports[1] == 0;
	bool any_of_rule = rule->ports[0] == 0 && rule->ports[1] == 0;
	bool meet = any || any_of_rule ||
		    (before->ports[0] <= rule->ports[1] && rule->ports[0] <= before->ports[1]);
	bool cover = any || (!any_of_rule && before->ports[0] <= rule->ports[0] &&
				    before->ports[1] >= rule->ports[1]);
	if (before->balanced || before->by_source || !meet ||
		(before->protocol && rule->protocol && before->protocol != rule->protocol))
		return false;
	return before->conditional || (cover && (!before->protocol || before->protocol == rule->protocol));
}

bool nat_rule_decides(const struct facts *facts, const struct nat_rule *rule, const struct address *address,
	bool local, const struct device *device)
{
	struct nat_candidates candidates;
	const struct nat_rule *before;
	if (rule->conditional)
		return false;
	nat_candidates_begin(&candidates, facts->nat_rules, address,
		rule->ports[0] == rule->ports[1] ? rule->ports[0] : 0);
	while ((before = nat_candidates_next(&candidates)) != NULL && before < rule)
		if (stands_before(before, rule) && (local || !before->destination_local) &&
			nat_rule_takes_device(before, device))
			return false;
	return true;
}
