// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/translation.h"

#include <netinet/in.h>

#include "collectors/firewall/nat_find.h"

static struct translation by_rule(const struct nat_rule *rule, const struct address *address, uint16_t port)
{
	bool one = !rule->balanced && address_equal(&rule->target[0], &rule->target[1]);
	struct translation translation = {
		.basis = rule->conditional ? TRANSLATION_POSSIBLE : TRANSLATION_RULE, .rule = rule
	};
	if (address_is_none(&rule->target[0]))
		translation.target = *address;
	else if (one || address_is_none(&rule->target[1]))
		translation.target = rule->target[0];
	if (rule->target_ports[1] == 0)
		translation.port = port;
	else if (rule->target_ports[0] == rule->target_ports[1])
		translation.port = rule->target_ports[0];
	return translation;
}

/* The first rule that takes it decides; behind one that asks for more another may. */
static struct translation ask_rules(
	const struct facts *facts, const struct address *address, uint16_t port, int device)
{
	const struct nat_request request = {
		.address = *address, .protocol = IPPROTO_TCP, .port = port, .ifindex = device
	};
	bool sure = facts->nat_rules && facts->nat_rules->unread_total == 0;
	struct translation found = { .basis = sure ? TRANSLATION_NONE : TRANSLATION_POSSIBLE };
	struct nat_search search;
	const struct nat_rule *rule;
	nat_search_begin(&search, facts, &request);
	while (found.basis != TRANSLATION_RULE && (rule = nat_search_next(&search)) != NULL)
		found = by_rule(rule, address, port);
	return found;
}

static bool has_example(const struct endpoint *endpoint, uint16_t port, uint16_t *target_port)
{
	for (unsigned i = 0; i < endpoint->example_count && i < ENDPOINT_EXAMPLES; i++)
		if (endpoint->examples[i].port == port && endpoint->examples[i].protocol == IPPROTO_TCP) {
			*target_port = endpoint->examples[i].target_port;
			return true;
		}
	return false;
}

struct translation translation_of(
	const struct facts *facts, const struct address *address, uint16_t port, int device)
{
	struct translation found = ask_rules(facts, address, port, device);
	for (size_t i = 0; i < facts->endpoint_count && found.basis != TRANSLATION_RULE; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		uint16_t target_port;
		if (endpoint->kind == ENDPOINT_DNAT && address_equal(&endpoint->address, address) &&
			has_example(endpoint, port, &target_port))
			return (struct translation){ TRANSLATION_SEEN, endpoint->target, target_port, NULL };
	}
	return found;
}

static bool is_waiting(const struct flow_example *example, uint16_t port)
{
	return example->protocol == IPPROTO_TCP && example->port == port &&
	       (example->state == NAT_SYN_SENT || example->state == NAT_SYN_RECV);
}

bool translation_is_let_through(const struct facts *facts, const struct address *address, uint16_t port)
{
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		if (endpoint->kind == ENDPOINT_OUT || endpoint->half_open == 0 ||
			!address_equal(&endpoint->address, address))
			continue;
		for (unsigned j = 0; j < endpoint->example_count && j < ENDPOINT_EXAMPLES; j++)
			if (is_waiting(&endpoint->examples[j], port))
				return true;
	}
	return false;
}

/* A rule that translates brings conntrack into use (nf_nat_register_fn), however empty its table is; else it
 * may be that it tracks nothing. */
bool translation_is_held_back(const struct facts *facts, const struct unanswered_service *unanswered)
{
	enum translation_basis basis =
		translation_of(facts, &unanswered->server, unanswered->port, unanswered->device).basis;
	bool tracks = basis == TRANSLATION_RULE || (basis == TRANSLATION_SEEN && facts->conntrack.in_use);
	return tracks && facts->conntrack.known && facts->conntrack.ended_ns > unanswered->repeated_ns &&
	       !translation_is_let_through(facts, &unanswered->server, unanswered->port);
}
