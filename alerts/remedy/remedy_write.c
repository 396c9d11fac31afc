// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/remedy.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/shell_name.h"

static const char *ip_command(uint8_t family)
{
	return family == AF_INET6 ? "ip -6" : "ip";
}

/* Forgets the last command if an earlier one is the same: two plans of one finding may share a route. */
static void drop_repeated(struct finding *finding)
{
	for (size_t i = 0; i + 1 < finding->remedy_count; i++) {
		if (strcmp(finding->remedy[i], finding->remedy[finding->remedy_count - 1]) != 0)
			continue;
		free(finding->remedy[--finding->remedy_count]);
		return;
	}
}

/* `replace`: remedies of several findings may make the same route. */
static void write_routes(const struct facts *facts, const struct plan *plan, struct finding *finding)
{
	char device[SHELL_NAME_SIZE], prefix[PREFIX_TEXT_SIZE], address[ADDRESS_TEXT_SIZE];
	const char *ip = ip_command(plan->source.family);
	shell_name(plan->device_name, device);
	for (unsigned i = 0; i < plan->network_count; i++) {
		/* The kernel takes only an address of this host as a route's source. */
		bool local = facts_local_address(facts, &plan->source);
		finding_add_remedy(finding, "%s route replace %s dev %s%s%s table %u", ip,
			prefix_format(&plan->networks[i], prefix), device, local ? " src " : "",
			local ? address_format(&plan->source, address) : "", plan->new_table);
		drop_repeated(finding);
	}
	if (!plan->makes_table)
		return;
	if (address_is_none(&plan->gateway))
		finding_add_remedy(
			finding, "%s route replace default dev %s table %u", ip, device, plan->table);
	else
		finding_add_remedy(finding, "%s route replace default via %s%s dev %s table %u%s", ip,
			plan->gateway.family == plan->source.family ? "" : "inet6 ",
			address_format(&plan->gateway, address), device, plan->table,
			plan->onlink ? " onlink" : "");
	drop_repeated(finding);
}

void remedy_write_plan(const struct facts *facts, const struct plan *plan, struct finding *finding)
{
	char prefix[PREFIX_TEXT_SIZE], source[ADDRESS_TEXT_SIZE], kept[12] = "main";
	const char *ip = ip_command(plan->source.family);
	bool sound = finding->remedy_count == 0 || finding->remedy_checked;
	uint32_t priority = plan->priority;
	address_format(&plan->source, source);
	if (plan->kept_table != RT_TABLE_MAIN)
		snprintf(kept, sizeof(kept), "%u", plan->kept_table);
	write_routes(facts, plan, finding);
	for (unsigned i = 0; i < plan->network_count; i++)
		finding_add_remedy(finding, "%s rule add pref %u from %s to %s lookup %u", ip, priority++,
			source, prefix_format(&plan->networks[i], prefix), plan->new_table);
	if (plan->far) {
		finding_add_remedy(finding, "%s rule add pref %u from %s lookup %s suppress_prefixlength 0",
			ip, priority, source, kept);
		finding_add_remedy(finding, "%s rule add pref %u from %s lookup %u", ip, priority + 1, source,
			plan->table);
	}
	if (plan->by_neighbour)
		finding_explain(finding,
			"No route leads out of %s: its only neighbour, which the requests must have come through, is "
			"taken for the gateway.",
			plan->device_name);
	finding->remedy_checked = sound && finding->remedy_count > 0 && !*plan->doubt;
	if (*plan->doubt)
		finding_explain(finding, "It is not certain that the commands heal it: %s.", plan->doubt);
}

void remedy_write_loose(const struct device *device, struct finding *finding)
{
	char path[ESCAPED_NAME_SIZE];
	/* sysctl would split the name at a '=' of its own. */
	if (!shell_name_is_plain(device->name)) {
		shell_name_escape(device->name, path);
		finding_add_remedy(finding, "echo 2 > '/proc/sys/net/ipv4/conf/%s/rp_filter'", path);
	} else if (strchr(device->name, '.')) {
		finding_add_remedy(finding, "sysctl -w net/ipv4/conf/%s/rp_filter=2", device->name);
	} else {
		finding_add_remedy(finding, "sysctl -w net.ipv4.conf.%s.rp_filter=2", device->name);
	}
	finding->remedy_checked = finding->remedy_count == 1 || finding->remedy_checked;
}

void remedy_refuse(const char *obstacle, struct finding *finding)
{
	finding_explain(finding, "No commands are given: %s.", obstacle);
}
