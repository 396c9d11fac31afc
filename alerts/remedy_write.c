// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A device's name may hold anything but '/', ':' and white space (dev_valid_name), so also what a shell would
 * take for its own: each ' becomes '\''. */
#define ESCAPED_NAME_SIZE (IF_NAMESIZE * 4)
#define SHELL_NAME_SIZE   (ESCAPED_NAME_SIZE + 2)

static bool is_plain(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	return name[strspn(name, plain)] == '\0';
}

static void escape(const char *name, char text[static ESCAPED_NAME_SIZE])
{
	char *to = text;
	for (const char *from = name; *from; from++) {
		if (*from == '\'')
			to = stpcpy(to, "'\\'");
		*to++ = *from;
	}
	*to = '\0';
}

static const char *shell_name(const char *name, char text[static SHELL_NAME_SIZE])
{
	char escaped[ESCAPED_NAME_SIZE];
	escape(name, escaped);
	if (is_plain(name))
		snprintf(text, SHELL_NAME_SIZE, "%s", name);
	else
		snprintf(text, SHELL_NAME_SIZE, "'%s'", escaped);
	return text;
}

static const char *ip_command(uint8_t family)
{
	return family == AF_INET6 ? "ip -6" : "ip";
}

/* Forgets the last command if an earlier one is the same: two plans of one finding may share a route. */
static void drop_repeated(struct finding *finding)
{
	size_t last = finding->remedy_count - 1;
	for (size_t i = 0; i < last; i++) {
		if (strcmp(finding->remedy[i], finding->remedy[last]) != 0)
			continue;
		free(finding->remedy[last]);
		finding->remedy_count = last;
		return;
	}
}

/* `replace`: remedies of several findings may make the same route. */
static int write_default(const struct plan *plan, const char *device, struct finding *finding)
{
	char gateway[ADDRESS_TEXT_SIZE];
	const char *ip = ip_command(plan->source.family);
	if (address_is_none(&plan->gateway))
		return finding_add_remedy(
			finding, "%s route replace default dev %s table %u", ip, device, plan->table);
	return finding_add_remedy(finding, "%s route replace default via %s%s dev %s table %u%s", ip,
		plan->gateway.family == plan->source.family ? "" : "inet6 ",
		address_format(&plan->gateway, gateway), device, plan->table, plan->onlink ? " onlink" : "");
}

static int write_network_route(const struct facts *facts, const struct plan *plan, unsigned network,
	const char *device, struct finding *finding)
{
	char prefix[PREFIX_TEXT_SIZE], source[ADDRESS_TEXT_SIZE];
	prefix_format(&plan->networks[network], prefix);
	const char *ip = ip_command(plan->source.family);
	/* The kernel takes only an address of this host as a route's source. */
	if (!facts_local_address(facts, &plan->source))
		return finding_add_remedy(
			finding, "%s route replace %s dev %s table %u", ip, prefix, device, plan->new_table);
	return finding_add_remedy(finding, "%s route replace %s dev %s src %s table %u", ip, prefix, device,
		address_format(&plan->source, source), plan->new_table);
}

static int write_network_rule(const struct plan *plan, unsigned network, struct finding *finding)
{
	char prefix[PREFIX_TEXT_SIZE], source[ADDRESS_TEXT_SIZE];
	return finding_add_remedy(finding, "%s rule add pref %u from %s to %s lookup %u",
		ip_command(plan->source.family), plan->priority + network,
		address_format(&plan->source, source), prefix_format(&plan->networks[network], prefix),
		plan->new_table);
}

static int write_far_rules(const struct plan *plan, struct finding *finding)
{
	char source[ADDRESS_TEXT_SIZE];
	const char *ip = ip_command(plan->source.family);
	uint32_t priority = plan->priority + plan->network_count;
	address_format(&plan->source, source);
	int error = finding_add_remedy(finding,
		"%s rule add pref %u from %s lookup main suppress_prefixlength 0", ip, priority, source);
	return error < 0 ? error
			 : finding_add_remedy(finding, "%s rule add pref %u from %s lookup %u", ip,
				   priority + 1, source, plan->table);
}

static int write_routes(const struct facts *facts, const struct plan *plan, struct finding *finding)
{
	char device[SHELL_NAME_SIZE];
	shell_name(facts_device_name(facts, plan->device), device);
	for (unsigned i = 0; i < plan->network_count; i++) {
		int error = write_network_route(facts, plan, i, device, finding);
		if (error < 0)
			return error;
		drop_repeated(finding);
	}
	int error = plan->makes_table ? write_default(plan, device, finding) : 0;
	if (error == 0 && plan->makes_table)
		drop_repeated(finding);
	return error;
}

int remedy_write_plan(const struct facts *facts, const struct plan *plan, struct finding *finding)
{
	int error = write_routes(facts, plan, finding);
	for (unsigned i = 0; error == 0 && i < plan->network_count; i++)
		error = write_network_rule(plan, i, finding);
	if (error == 0 && plan->far)
		error = write_far_rules(plan, finding);
	return error;
}

int remedy_write_loose(const struct device *device, struct finding *finding)
{
	char path[ESCAPED_NAME_SIZE];
	/* sysctl would split the name at a '=' of its own. */
	if (!is_plain(device->name)) {
		escape(device->name, path);
		return finding_add_remedy(finding, "echo 2 > '/proc/sys/net/ipv4/conf/%s/rp_filter'", path);
	}
	if (strchr(device->name, '.'))
		return finding_add_remedy(finding, "sysctl -w net/ipv4/conf/%s/rp_filter=2", device->name);
	return finding_add_remedy(finding, "sysctl -w net.ipv4.conf.%s.rp_filter=2", device->name);
}
