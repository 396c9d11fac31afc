// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/remedy.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/remedy/rule_match.h"
#include "collectors/base/array.h"
#include "collectors/base/hash_index.h"
#include "collectors/route/service.h"
#include "collectors/route/table.h"

#define FIRST_TABLE 100 /* the range of facts.free_tables */
#define LAST_TABLE  252

__attribute__((format(printf, 2, 3))) static void plan_refuse(struct plan *plan, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(plan->obstacle, sizeof(plan->obstacle), format, arguments);
	va_end(arguments);
}

/* It asked through a router: its reply goes straight to the link it is on, where rules that keep connected
 * networks reachable leave it. */
static bool is_neighbour_elsewhere(const struct judge_context *context, const struct path *path)
{
	return path->basis == PATH_SEEN && path->reply.result == ROUTE_FOUND &&
	       address_is_none(&path->reply.gateway) && service_is_on_link(context->now, &path->destination);
}

bool remedy_concerns(const struct judge_context *context, size_t path)
{
	if (!context_certain(context, path) || is_neighbour_elsewhere(context, context_path(context, path)))
		return false;
	enum verdict verdict = context->verdicts.paths[path];
	if (verdict == VERDICT_UNCOVERED || verdict == VERDICT_NO_ROUTE)
		return true;
	return verdict != VERDICT_INTENDED && context_path(context, path)->request.result == ROUTE_RP_FILTER;
}

static bool is_concerned(const struct judge_context *context, const struct plan *plan, size_t path)
{
	return context_path(context, path)->arrival == plan->device && remedy_concerns(context, path);
}

static bool leads_by(const struct route_answer *answer, int device)
{
	return answer->result == ROUTE_FOUND && !answer->devices.more && answer->devices.count == 1 &&
	       answer->devices.ifindex[0] == device;
}

static bool has_network(const struct plan *plan, const struct prefix *network)
{
	for (unsigned i = 0; i < plan->network_count; i++)
		if (plan->networks[i].length == network->length &&
			prefix_overlaps(&plan->networks[i], network))
			return true;
	return false;
}

static void note_neighbour(const struct judge_context *context, struct plan *plan, const struct path *path)
{
	char text[ADDRESS_TEXT_SIZE];
	const struct local_address *local = facts_network(context->now, plan->device, &path->destination);
	const struct prefix network = local ? prefix_network(&local->prefix) : (struct prefix){ 0 };
	if (!local)
		plan_refuse(plan, "%s is in none of the networks of %s",
			address_format(&path->destination, text), plan->device_name);
	else if (has_network(plan, &network))
		return;
	else if (plan->network_count == PLAN_NETWORKS)
		plan_refuse(plan, "%s has too many networks that other devices share", plan->device_name);
	else
		plan->networks[plan->network_count++] = network;
}

/* The first far peer proposes table and gateway; the others have to agree with one of them. The way out was
 * asked bound to the device: the table may have a better route by another, and a rule would follow that. */
static void note_far(const struct facts *facts, struct plan *plan, const struct path *path)
{
	char text[ADDRESS_TEXT_SIZE];
	if (!leads_by(&path->egress, plan->device)) {
		plan_refuse(plan, "no route is known that leads to %s by %s alone",
			address_format(&path->destination, text), plan->device_name);
		return;
	}
	if (!plan->far) {
		plan->far = true;
		plan->table = path->egress.table;
		plan->gateway = path->egress.gateway;
		plan->by_neighbour = path->egress_by_neighbour;
		plan->makes_table = plan->table == 0 ||
				    (plan->table >= RT_TABLE_DEFAULT && plan->table <= RT_TABLE_LOCAL);
	}
	const struct route_answer *free = table_answer_find(facts, path, path->egress.table);
	if (path->egress.table != plan->table || !free || !leads_by(free, plan->device))
		plan->makes_table = true;
	if (plan->makes_table && !address_equal(&path->egress.gateway, &plan->gateway))
		plan_refuse(plan, "the peers beyond %s are behind different gateways", plan->device_name);
}

/* The rule that keeps specific routes must leave the reply to the one after it, or lead it out itself. What a
 * route rejects is not suppressed, not even by a default route (fib_rules_lookup: suppress() is asked only
 * where the action succeeded). */
static void note_kept(const struct facts *facts, struct plan *plan, const struct path *path)
{
	char text[ADDRESS_TEXT_SIZE], table[24] = "the main table";
	plan->kept_table = table_of_replies(facts, path);
	if (plan->kept_table == 0) {
		plan_refuse(plan, "nobody knows which routing table the VRF of %s has", plan->device_name);
		return;
	}
	if (plan->kept_table != RT_TABLE_MAIN)
		snprintf(table, sizeof(table), "table %u", plan->kept_table);
	address_format(&path->destination, text);
	const struct route_answer *kept = table_answer_find(facts, path, plan->kept_table);
	if (!kept)
		snprintf(plan->doubt, sizeof(plan->doubt),
			"whether %s has a route of its own to %s that leads elsewhere is not known", table,
			text);
	else if (kept->result == ROUTE_FOUND && kept->prefix_length > 0 && !leads_by(kept, plan->device))
		plan_refuse(plan,
			"%s has a route of its own to %s that does not leave by %s, and rules that keep "
			"its specific routes would follow it",
			table, text, plan->device_name);
	else if (kept->result != ROUTE_FOUND && kept->result != ROUTE_NONE)
		plan_refuse(plan,
			"%s rejects what is sent to %s, and rules that keep its specific routes would do "
			"so too",
			table, text);
}

static void note_path(const struct judge_context *context, struct plan *plan, size_t index)
{
	const struct path *path = context_path(context, index);
	if (path->reply.result == ROUTE_NOT_FORWARDED)
		plan_refuse(plan, "no rule helps as long as forwarding is off on %s",
			facts_device_name(context->now, context_service(context, index)->target_ifindex));
	else if (path->basis == PATH_CONNECTED)
		note_neighbour(context, plan, path);
	else
		note_far(context->now, plan, path);
	if (!*plan->obstacle && path->basis != PATH_CONNECTED)
		note_kept(context->now, plan, path);
}

static void note_paths(const struct judge_context *context, struct plan *plan)
{
	struct path_span span = context_target(context, &plan->source);
	for (size_t i = 0; i < span.count && !*plan->obstacle; i++)
		if (is_concerned(context, plan, span.paths[i]))
			note_path(context, plan, span.paths[i]);
}

/* Another address, answered from the same source, whose far peers come by another line. */
static bool is_conflict(const struct judge_context *context, const struct plan *plan, size_t index)
{
	const struct path *path = context_path(context, index);
	bool far = path->basis == PATH_LEADS ||
		   (path->basis == PATH_SEEN && !path->answers && !is_neighbour_elsewhere(context, path));
	return context_certain(context, index) && far && path->arrival != plan->device &&
	       !device_set_contains(&context_service(context, index)->arrival, plan->device);
}

static void check_conflict(const struct judge_context *context, struct plan *plan)
{
	char source[ADDRESS_TEXT_SIZE], other[ADDRESS_TEXT_SIZE];
	struct path_span span = context_target(context, &plan->source);
	for (size_t i = 0; i < span.count && !*plan->obstacle; i++)
		if (is_conflict(context, plan, span.paths[i]))
			plan_refuse(plan,
				"%s also answers for %s, whose requests arrive on %s, and rules by source cannot "
				"tell the two apart",
				address_format(&plan->source, source),
				address_format(&context_service(context, span.paths[i])->address, other),
				facts_device_name(
					context->now, context_path(context, span.paths[i])->arrival));
}

static int vrf_of(const struct facts *facts, int ifindex)
{
	const struct device *device = facts_device(facts, ifindex);
	return device && device->kind == DEVICE_VRF ? ifindex : facts_vrf(facts, ifindex);
}

/* Each VRF may have the same address. */
static void check_vrfs(const struct judge_context *context, struct plan *plan)
{
	char source[ADDRESS_TEXT_SIZE];
	const struct facts *facts = context->now;
	const struct local_address *first = facts_local_address(facts, &plan->source);
	for (const struct local_address *other = first; other; other = facts_next_equal(facts, other))
		if (vrf_of(facts, other->ifindex) != vrf_of(facts, first->ifindex))
			plan_refuse(plan,
				"%s and %s, which are not in the same VRF, both have %s, and rules by source "
				"cannot tell the two apart",
				facts_device_name(facts, first->ifindex),
				facts_device_name(facts, other->ifindex),
				address_format(&plan->source, source));
}

static const struct plan *find_maker(const struct remedies *remedies, const struct plan *plan)
{
	for (size_t i = 0; i < remedies->maker_count; i++) {
		const struct plan *maker = &remedies->plans[remedies->makers[i]];
		if (maker->device == plan->device && maker->source.family == plan->source.family &&
			maker->makes_table == plan->makes_table &&
			(!plan->makes_table || address_equal(&maker->gateway, &plan->gateway)))
			return maker;
	}
	return NULL;
}

/* Plans for the same device and gateway share the table they make; others take the next free one. */
static uint32_t new_table(const struct judge_context *context, const struct plan *plan)
{
	const struct plan *maker = find_maker(context->remedies, plan);
	unsigned family = plan->source.family == AF_INET6;
	uint32_t table = context->now->free_tables[family];
	if (maker)
		return maker->new_table;
	while (table && table < REMEDY_TABLES && context->remedies->taken[family][table])
		table = table >= FIRST_TABLE && table < LAST_TABLE ? table + 1 : 0;
	return table;
}

static void choose_table(const struct judge_context *context, struct plan *plan)
{
	if (!plan->makes_table && plan->network_count == 0)
		return;
	plan->new_table = new_table(context, plan);
	if (plan->new_table == 0)
		plan_refuse(plan, "no free routing table is known");
	if (plan->makes_table)
		plan->table = plan->new_table;
	plan->onlink = !address_is_none(&plan->gateway) && !address_is_link_local(&plan->gateway) &&
		       !facts_network(context->now, plan->device, &plan->gateway);
}

/* Before every rule that decides now. */
static void choose_priority(const struct judge_context *context, struct plan *plan)
{
	struct remedies *remedies = context->remedies;
	struct path_span span = context_target(context, &plan->source);
	uint32_t rules = plan->network_count + (plan->far ? 2 : 0), below = UINT32_MAX;
	for (size_t i = 0; i < span.count; i++) {
		if (!is_concerned(context, plan, span.paths[i]))
			continue;
		const struct path *path = context_path(context, span.paths[i]);
		uint32_t priority = rule_index_decision(&remedies->rules, path).priority;
		below = priority < below ? priority : below;
	}
	struct priorities *priorities = &remedies->priorities[plan->source.family == AF_INET6];
	if (priorities_take(priorities, below, rules, &plan->priority) < 0)
		remedies->failed = true;
	else if (!plan->priority)
		plan_refuse(plan, "no %u priorities in a row are free before the rule %u, which decides now",
			rules, below);
}

static void check_any(const struct judge_context *context, struct plan *plan)
{
	if (plan->far || plan->network_count)
		return;
	struct path_span span = context_target(context, &plan->source);
	for (size_t i = 0; i < span.count && !*plan->obstacle; i++)
		if (context_path(context, span.paths[i])->arrival == plan->device &&
			is_neighbour_elsewhere(context, context_path(context, span.paths[i])))
			plan_refuse(plan,
				"the replies go straight to the link which the peers are on, and rules that "
				"keep connected networks reachable leave them there");
	if (!*plan->obstacle)
		plan_refuse(plan, "no way out of %s is known", plan->device_name);
}

static void (*const plan_steps[])(const struct judge_context *, struct plan *) = {
	check_conflict,
	check_vrfs,
	note_paths,
	check_any,
	choose_table,
	choose_priority,
};

/* Others may share the table that it makes. */
static void note_maker(struct remedies *remedies, const struct plan *plan)
{
	if (!plan->new_table || find_maker(remedies, plan))
		return;
	size_t *maker = ARRAY_ADD(remedies->makers, remedies->maker_count);
	if (maker)
		*maker = (size_t)(plan - remedies->plans);
	else
		remedies->failed = true;
	remedies->taken[plan->source.family == AF_INET6][plan->new_table] = true;
}

const struct plan *remedy_plan(const struct judge_context *context, const struct address *source, int device)
{
	struct remedies *remedies = context->remedies;
	uint64_t hash = hash_bytes((unsigned)device, source, sizeof(*source));
	size_t *head = &remedies->heads[hash & remedies->mask];
	for (size_t at = *head; at; at = remedies->plans[at - 1].next) {
		const struct plan *known = &remedies->plans[at - 1];
		if (known->device == device && address_equal(&known->source, source))
			return known;
	}
	struct plan fresh = { .source = *source,
		.device = device,
		.device_name = facts_device_name(context->now, device),
		.next = *head };
	for (size_t i = 0; i < sizeof(plan_steps) / sizeof(*plan_steps) && !*fresh.obstacle; i++)
		plan_steps[i](context, &fresh);
	struct plan *plan = ARRAY_ADD(remedies->plans, remedies->plan_count);
	if (!plan) {
		remedies->failed = true;
		remedies->spare = fresh;
		return &remedies->spare;
	}
	*plan = fresh;
	*head = remedies->plan_count;
	note_maker(remedies, plan);
	return plan;
}

static void take_table(struct remedies *remedies, uint8_t family, uint32_t table)
{
	if (table < REMEDY_TABLES)
		remedies->taken[family == AF_INET6][table] = true;
}

int remedies_open(struct remedies *remedies, const struct facts *facts)
{
	*remedies = (struct remedies){ .mask = 63 };
	while (remedies->mask < facts->path_count)
		remedies->mask = 2 * remedies->mask + 1;
	remedies->heads = calloc(remedies->mask + 1, sizeof(*remedies->heads));
	int error = remedies->heads ? rule_index_open(&remedies->rules, facts) : -ENOMEM;
	if (error == 0)
		error = priorities_open(&remedies->priorities[0], facts, AF_INET);
	if (error == 0)
		error = priorities_open(&remedies->priorities[1], facts, AF_INET6);
	if (error < 0) {
		remedies_close(remedies);
		return error;
	}
	for (size_t i = 0; i < facts->device_count; i++) {
		take_table(remedies, AF_INET, facts->devices[i].vrf_table);
		take_table(remedies, AF_INET6, facts->devices[i].vrf_table);
	}
	for (size_t i = 0; i < facts->rule_count; i++)
		take_table(remedies, facts->rules[i].family, facts->rules[i].table);
	for (size_t i = 0; i < facts->line_count; i++)
		take_table(remedies, facts->lines[i].family, facts->lines[i].table);
	return 0;
}

void remedies_close(struct remedies *remedies)
{
	free(remedies->plans);
	free(remedies->heads);
	free(remedies->makers);
	rule_index_close(&remedies->rules);
	priorities_close(&remedies->priorities[0]);
	priorities_close(&remedies->priorities[1]);
}
