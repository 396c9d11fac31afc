// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/rule_match.h"

#include <netinet/in.h>
#include <string.h>

#include "collectors/route/service.h"

#define MAIN_TABLE    254
#define LOCAL_TABLE   255
#define MAIN_PRIORITY 32766

struct rule_flow rule_flow_of_reply(const struct facts *facts, const struct path *path)
{
	const struct service *service = &facts->services[path->service];
	bool local = service->origin == ORIGIN_LOCAL || service->target_local;
	const struct listener *listener =
		local && path->protocol == IPPROTO_TCP
			? service_listener(facts, service, path->arrival, path->target_port)
			: NULL;
	bool bound = listener && listener->ifindex;
	return (struct rule_flow){
		.source = service->target,
		.destination = path->destination,
		.iif = local ? "lo" : facts_device_name(facts, service->target_ifindex),
		.oif = bound ? facts_device_name(facts, listener->ifindex) : "",
		.mark = path->mark,
		.protocol = path->protocol ? path->protocol : IPPROTO_TCP,
		.source_port = path->target_port,
		.destination_port = path->peer_port,
		.uid = listener ? listener->uid : 0,
		/* What is forwarded belongs to uid 0 (ip_route_input_slow). */
		.uid_known = !local || listener,
		.vrf = facts_vrf(facts, local ? path->arrival : service->target_ifindex) != 0,
	};
}

static bool in_range(const uint16_t range[static 2], uint16_t port)
{
	return (range[0] == 0 && range[1] == 0) || (port >= range[0] && port <= range[1]);
}

static bool in_prefix(const struct prefix *prefix, const struct address *address)
{
	return address_is_none(&prefix->address) || prefix_contains(prefix, address);
}

static bool is_name(const char *wanted, const char *name)
{
	return wanted[0] == '\0' || strcmp(wanted, name) == 0;
}

static bool selects(const struct rule *rule, const struct rule_flow *flow)
{
	return in_prefix(&rule->from, &flow->source) && in_prefix(&rule->to, &flow->destination) &&
	       is_name(rule->iif, flow->iif) && is_name(rule->oif, flow->oif) &&
	       ((rule->mark ^ flow->mark) & rule->mark_mask) == 0 &&
	       (rule->protocol == 0 || rule->protocol == flow->protocol) && rule->tos == 0 &&
	       in_range(rule->source_port, flow->source_port) &&
	       in_range(rule->destination_port, flow->destination_port) && (!rule->l3mdev || flow->vrf) &&
	       (!rule->has_uid || !flow->uid_known ||
		       (flow->uid >= rule->uid[0] && flow->uid <= rule->uid[1]));
}

static bool is_unsure(const struct rule *rule, const struct rule_flow *flow)
{
	return rule->opaque || (rule->has_uid && !flow->uid_known) || (rule->l3mdev && flow->vrf);
}

enum rule_fit rule_fit(const struct rule *rule, const struct rule_flow *flow)
{
	bool selected = selects(rule, flow);
	if (is_unsure(rule, flow) && (selected || rule->invert))
		return RULE_MAY_FIT;
	return selected != rule->invert ? RULE_FITS : RULE_MISSES;
}

static bool gives(const struct rule *rule, const struct route_answer *answer)
{
	if (rule->l3mdev)
		return true;
	if (rule->suppress_prefix_length >= 0 && answer->result == ROUTE_FOUND &&
		answer->prefix_length <= rule->suppress_prefix_length)
		return false;
	/* An unreachable, prohibit or blackhole route does not say which table it stands in. */
	if (answer->table == 0)
		return rule->table != LOCAL_TABLE && answer->result != ROUTE_NONE;
	return rule->table == answer->table;
}

static bool decides(const struct rule *rule, const struct route_answer *answer)
{
	switch (rule->action) {
	case RULE_LOOKUP:
		return gives(rule, answer);
	case RULE_BLACKHOLE:
		return answer->result == ROUTE_BLACKHOLE;
	case RULE_UNREACHABLE:
		/* What is forwarded gets the same answer where no route was found. */
		return answer->result == ROUTE_UNREACHABLE || answer->result == ROUTE_NONE;
	case RULE_PROHIBIT:
		return answer->result == ROUTE_PROHIBIT;
	case RULE_GOTO:
	case RULE_NOP:
		return false;
	}
	return false;
}

static uint32_t first_lookup(const struct facts *facts, uint8_t family, uint32_t table)
{
	for (size_t i = 0; i < facts->rule_count; i++) {
		const struct rule *rule = &facts->rules[i];
		if (rule->family == family && rule->action == RULE_LOOKUP && rule->table == table)
			return rule->priority;
	}
	return MAIN_PRIORITY;
}

struct rule_decision rule_decision(const struct facts *facts, const struct path *path)
{
	const struct rule_flow flow = rule_flow_of_reply(facts, path);
	struct rule_decision decision = { 0 };
	bool open = true, certain = true;
	uint32_t target = 0; /* of a jump */
	for (size_t i = 0; i < facts->rule_count; i++) {
		const struct rule *rule = &facts->rules[i];
		bool jumps = rule->action == RULE_GOTO;
		enum rule_fit fit = rule_fit(rule, &flow);
		if (rule->family != flow.source.family || rule->priority < target || fit == RULE_MISSES ||
			(!jumps && !decides(rule, &path->reply)))
			continue;
		/* A rule between a jump and its target would be jumped over. */
		if (open)
			decision.priority = rule->priority;
		open = false;
		certain &= fit == RULE_FITS;
		if (fit == RULE_FITS && !jumps) {
			decision.rule = certain ? rule : NULL;
			return decision;
		}
		if (fit == RULE_FITS)
			target = rule->target;
	}
	if (open)
		decision.priority = first_lookup(
			facts, flow.source.family, path->reply.table ? path->reply.table : MAIN_TABLE);
	return decision;
}
