// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/remedy/rule_match.h"
#include "alerts/what_if.h"
#include "collectors/base/array.h"

__attribute__((format(printf, 2, 3))) static void doubt(struct what_if *what_if, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	if (!*what_if->doubt)
		vsnprintf(what_if->doubt, sizeof(what_if->doubt), format, arguments);
	va_end(arguments);
}

int what_if_read_table(struct what_if *what_if, uint8_t family, uint32_t table)
{
	for (size_t i = 0; i < what_if->table_count; i++)
		if (what_if->tables[i].family == family && what_if->tables[i].table == table)
			return what_if->tables[i].error;
	struct what_if_table *item = ARRAY_ADD(what_if->tables, what_if->table_count);
	if (!item)
		return -ENOMEM;
	item->family = family;
	item->table = table;
	item->error = table_routes_read(family, table, &what_if->routes, &what_if->route_count);
	return item->error;
}

void what_if_clear(struct what_if *what_if)
{
	free(what_if->routes);
	free(what_if->tables);
	what_if->routes = NULL;
	what_if->tables = NULL;
	what_if->route_count = what_if->table_count = 0;
}

/* ---- one table */

/* The route leads out of the device, or none is asked for. */
static bool leads_out(const struct table_route *route, int oif)
{
	return !oif || route->answer.result != ROUTE_FOUND ||
	       device_set_contains(&route->answer.devices, oif);
}

/* Longer prefixes first, then smaller metrics; equal ones are hops of one route. ROUTE_NONE: the next rule.
 */
static struct route_answer look_up_table(
	struct what_if *what_if, uint32_t table, const struct address *destination, int oif)
{
	struct route_answer answer = { .result = ROUTE_NONE };
	const struct table_route *best = NULL;
	int error = what_if_read_table(what_if, destination->family, table);
	if (error == -E2BIG)
		doubt(what_if, "table %u has too many routes to be read", table);
	else if (error < 0)
		doubt(what_if, "table %u cannot be read alone", table);
	if (error < 0)
		return (struct route_answer){ .result = ROUTE_FAILED };
	for (size_t i = 0; i < what_if->route_count; i++) {
		const struct table_route *route = &what_if->routes[i];
		if (route->table != table || route->to.address.family != destination->family ||
			!prefix_contains(&route->to, destination) || !leads_out(route, oif))
			continue;
		int order = best ? (int)route->to.length - (int)best->to.length : 1;
		if (order == 0)
			order = (best->metric > route->metric) - (best->metric < route->metric);
		if (order > 0) {
			best = route;
			answer = route->answer;
		} else if (order == 0 && answer.result == ROUTE_FOUND &&
			   route->answer.result == ROUTE_FOUND) {
			for (unsigned hop = 0; hop < route->answer.devices.count; hop++)
				device_set_add(&answer.devices, route->answer.devices.ifindex[hop]);
		}
	}
	if (!best)
		return answer;
	answer.table = table;
	answer.prefix_length = best->to.length;
	if (oif && answer.result == ROUTE_FOUND) {
		answer.devices = (struct device_set){ 0 };
		device_set_add(&answer.devices, oif);
	}
	answer.bound = oif != 0;
	return answer;
}

/* ---- all rules */

static enum route_result rejection(enum rule_action action)
{
	return action == RULE_BLACKHOLE     ? ROUTE_BLACKHOLE
	       : action == RULE_UNREACHABLE ? ROUTE_NONE /* as a lookup answers it */
					    : ROUTE_PROHIBIT;
}

static struct route_answer look_up(struct what_if *what_if, const struct rule_flow *flow, int oif)
{
	const struct facts *facts = what_if->facts;
	uint32_t target = 0;
	for (size_t i = 0; i < facts->rule_count; i++) {
		const struct rule *rule = &facts->rules[i];
		if (rule->family != flow->destination.family || rule->priority < target)
			continue;
		enum rule_fit fit = rule_fit(rule, flow);
		if (fit == RULE_MAY_FIT) {
			doubt(what_if, "whether rule %u takes the packet is not known", rule->priority);
			return (struct route_answer){ .result = ROUTE_FAILED };
		}
		if (fit == RULE_MISSES || rule->action == RULE_NOP)
			continue;
		if (rule->action == RULE_GOTO) {
			target = rule->target;
			continue;
		}
		if (rule->action != RULE_LOOKUP)
			return (struct route_answer){ .result = rejection(rule->action) };
		struct route_answer answer = look_up_table(what_if, rule->table, &flow->destination, oif);
		bool suppressed = answer.result == ROUTE_FOUND && rule->suppress_prefix_length >= 0 &&
				  answer.prefix_length <= rule->suppress_prefix_length;
		if (answer.result != ROUTE_NONE && !suppressed)
			return answer;
	}
	return (struct route_answer){ .result = ROUTE_NONE };
}

static struct rule_flow flow_of(const struct facts *facts, const struct route_query *query)
{
	return (struct rule_flow){ .source = query->source,
		.destination = query->destination,
		.iif = query->iif ? facts_device_name(facts, query->iif) : "lo",
		.oif = query->oif ? facts_device_name(facts, query->oif) : "",
		.mark = query->mark,
		.protocol = query->protocol ? query->protocol : IPPROTO_TCP,
		.source_port = query->source_port,
		.destination_port = query->destination_port,
		.uid = query->uid,
		.uid_known = true,
		.vrf = facts_vrf(facts, query->iif ? query->iif : query->oif) != 0 };
}

/* What the input path does beyond a lookup: source validation, and forwarding (ip_route_input_slow). */
static void check_input(struct what_if *what_if, const struct route_query *query, struct route_answer *answer)
{
	const struct facts *facts = what_if->facts;
	const struct device *device = facts_device(facts, query->iif);
	if (query->destination.family != AF_INET || !device ||
		(answer->result != ROUTE_FOUND && answer->result != ROUTE_LOCAL))
		return;
	if (answer->result == ROUTE_FOUND && !device->forwarding4) {
		*answer = (struct route_answer){ .result = ROUTE_UNREACHABLE, .error = EHOSTUNREACH };
		return;
	}
	int egress = answer->result == ROUTE_FOUND && answer->devices.count ? answer->devices.ifindex[0] : 0;
	const struct route_query back = lookup_reverse(query, egress, device->src_valid_mark);
	const struct rule_flow flow = flow_of(facts, &back);
	const struct route_answer reverse = look_up(what_if, &flow, 0);
	const struct local_address *own = facts_device_address(facts, query->iif, AF_INET, NULL);
	enum route_result verdict = lookup_source_verdict(device, own, &reverse);
	if (verdict == ROUTE_RP_FILTER || verdict == ROUTE_MARTIAN)
		*answer = (struct route_answer){ .result = ROUTE_FAILED, .error = EXDEV };
}

int what_if_lookup(
	void *argument, const struct route_query *queries, struct route_answer *answers, size_t count)
{
	struct what_if *what_if = argument;
	for (size_t i = 0; i < count; i++) {
		const struct rule_flow flow = flow_of(what_if->facts, &queries[i]);
		answers[i] = look_up(what_if, &flow, queries[i].iif ? 0 : queries[i].oif);
		if (queries[i].iif)
			check_input(what_if, &queries[i], &answers[i]);
	}
	return 0;
}
