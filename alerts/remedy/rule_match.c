// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/rule_match.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/route/service.h"

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

enum rule_fit rule_fit(const struct rule *rule, const struct rule_flow *flow)
{
	bool selected = selects(rule, flow);
	bool unsure = rule->opaque || (rule->has_uid && !flow->uid_known) || (rule->l3mdev && flow->vrf);
	if (unsure && (selected || rule->invert))
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
		return rule->table != RT_TABLE_LOCAL && answer->result != ROUTE_NONE;
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

struct deciding {
	const struct path *path;
	struct rule_flow flow;
	struct rule_decision decision;
	bool found, unsure;
	uint32_t target; /* of a jump */
};

/* Takes the next rule into account; true when it decides, or may do so and nothing after it matters. */
static bool ask_rule(struct deciding *deciding, const struct rule *rule)
{
	bool jumps = rule->action == RULE_GOTO;
	if (rule->family != deciding->flow.source.family || rule->priority < deciding->target)
		return false;
	enum rule_fit fit = rule_fit(rule, &deciding->flow);
	if (fit == RULE_MISSES || (!jumps && !decides(rule, &deciding->path->reply)))
		return false;
	/* A rule between a jump and its target would be jumped over. */
	if (!deciding->found)
		deciding->decision.priority = rule->priority;
	deciding->found = true;
	deciding->unsure |= fit != RULE_FITS;
	if (fit == RULE_FITS && jumps)
		deciding->target = rule->target;
	if (fit != RULE_FITS || jumps)
		return false;
	deciding->decision.rule = deciding->unsure ? NULL : rule;
	return true;
}

static struct rule_decision decision_of(const struct facts *facts, const struct deciding *deciding)
{
	struct rule_decision decision = deciding->decision;
	uint32_t table = deciding->path->reply.table ? deciding->path->reply.table : RT_TABLE_MAIN;
	if (!deciding->found)
		decision.priority = first_lookup(facts, deciding->flow.source.family, table);
	return decision;
}

struct rule_decision rule_decision(const struct facts *facts, const struct path *path)
{
	struct deciding deciding = { .path = path, .flow = rule_flow_of_reply(facts, path) };
	for (size_t i = 0; i < facts->rule_count; i++)
		if (ask_rule(&deciding, &facts->rules[i]))
			break;
	return decision_of(facts, &deciding);
}

/* ---- with an index ---- */

static bool is_single(const struct rule *rule)
{
	return !rule->invert && !address_is_none(&rule->from.address) &&
	       rule->from.length == address_size(rule->from.address.family) * 8;
}

static int compare_rules(const void *left, const void *right, void *argument)
{
	const struct rule *rules = argument;
	size_t a = *(const size_t *)left, b = *(const size_t *)right;
	int order = (int)is_single(&rules[b]) - (int)is_single(&rules[a]);
	if (order == 0 && is_single(&rules[a]))
		order = address_compare(&rules[a].from.address, &rules[b].from.address);
	return order ? order : (a > b) - (a < b);
}

int rule_index_open(struct rule_index *index, const struct facts *facts)
{
	*index = (struct rule_index){ .facts = facts,
		.order = calloc(facts->rule_count + 1, sizeof(*index->order)) };
	if (!index->order)
		return -ENOMEM;
	for (size_t i = 0; i < facts->rule_count; i++) {
		index->order[i] = i;
		index->single_count += is_single(&facts->rules[i]);
	}
	qsort_r(index->order, facts->rule_count, sizeof(*index->order), compare_rules, facts->rules);
	return 0;
}

void rule_index_close(struct rule_index *index)
{
	free(index->order);
}

static size_t first_single(const struct rule_index *index, const struct address *source)
{
	const struct rule *rules = index->facts->rules;
	size_t low = 0, high = index->single_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address_compare(&rules[index->order[middle]].from.address, source) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Both parts of the order are walked at once, so that the rules come as the kernel asks them. */
struct rule_decision rule_index_decision(const struct rule_index *index, const struct path *path)
{
	const struct facts *facts = index->facts;
	struct deciding deciding = { .path = path, .flow = rule_flow_of_reply(facts, path) };
	const struct address *source = &deciding.flow.source;
	size_t own = first_single(index, source), other = index->single_count;
	for (;;) {
		bool more = own < index->single_count &&
			    address_equal(&facts->rules[index->order[own]].from.address, source);
		if (!more && other == facts->rule_count)
			break;
		bool takes_own =
			more && (other == facts->rule_count || index->order[own] < index->order[other]);
		if (ask_rule(&deciding, &facts->rules[index->order[takes_own ? own++ : other++]]))
			break;
	}
	return decision_of(facts, &deciding);
}
