// SPDX-License-Identifier: GPL-2.0-or-later
/* Which path is meant by a client, a service, and perhaps a port and a device. */
#include <errno.h>
#include <netinet/in.h>

#include "alerts/connection_path.h"
#include "collectors/base/array.h"
#include "collectors/firewall/nat_find.h"
#include "collectors/route/service.h"

#define ASSUMED_PORT      22
#define ASSUMED_PEER_PORT 40000

/* The rule that translates what is asked for to another address; NULL if there is none. */
static const struct nat_rule *find_rule(const struct facts *facts, const struct connection_question *question)
{
	const struct device *device = question->device ? facts_device_named(facts, question->device) : NULL;
	const struct nat_request request = { .address = question->service,
		.protocol = IPPROTO_TCP,
		.port = question->port,
		.ifindex = device ? device->ifindex : 0 };
	struct nat_search search;
	const struct nat_rule *rule;
	nat_search_begin(&search, facts, &request);
	do
		rule = nat_search_next(&search);
	while (rule && rule->conditional);
	return rule && !rule->redirect && !address_is_none(&rule->target[0]) ? rule : NULL;
}

/* A translated service is meant where its port was seen or a rule translates it, or where no port was asked
 * for; else the local one. One that is neither known nor translated is merely forwarded, or for another. */
static int choose_service(struct facts *facts, const struct connection_question *question, size_t *position)
{
	enum { NONE, OTHER_PORT, LOCAL, MEANT } best = NONE;
	const struct nat_rule *rule = find_rule(facts, question);
	for (size_t i = 0; i < facts->service_count; i++) {
		const struct service *service = &facts->services[i];
		if (!address_equal(&service->address, &question->service))
			continue;
		bool meant = question->port == 0 ||
			     (rule && address_equal(&rule->target[0], &service->target)) ||
			     service_example(facts, service, question->port);
		unsigned fits = service->origin == ORIGIN_LOCAL ? LOCAL : meant ? MEANT : OTHER_PORT;
		if (fits > best) {
			best = fits;
			*position = i;
		}
	}
	bool translated = best != MEANT && rule && question->port;
	if (best != NONE && !translated)
		return 0;
	const struct device_set owners = service_owners(facts, &question->service);
	struct service *added = ARRAY_ADD(facts->services, facts->service_count);
	if (!added)
		return -ENOMEM;
	*added = (struct service){ .origin = ORIGIN_LOCAL,
		.address = question->service,
		.target = question->service,
		.endpoint = SIZE_MAX };
	if (translated) {
		added->origin = ORIGIN_DNAT;
		added->target = rule->target[0];
		added->target_local = facts_local_address(facts, &rule->target[0]);
		added->ruled = true;
		added->protocol = rule->protocol;
		added->port = rule->ports[0];
		added->target_port = rule->target_ports[0];
		added->arrival = owners;
	}
	*position = facts->service_count - 1;
	return 0;
}

static int connected_device(const struct facts *facts, const struct address *address)
{
	for (size_t i = 0; i < facts->address_count; i++) {
		const struct device *device = facts_device(facts, facts->addresses[i].ifindex);
		if (device && device->up && facts_network(facts, device->ifindex, address))
			return device->ifindex;
	}
	return 0;
}

static int choose_device(const struct facts *facts, const struct connection_question *question,
	const struct service *service, const char **reason)
{
	int connected = connected_device(facts, &question->client);
	if (connected && (service->arrival.count == 0 || device_set_contains(&service->arrival, connected))) {
		*reason = "the client is on its link";
		return connected;
	}
	if (service->arrival.count == 0) {
		*reason = "nobody knows by which device requests come";
		return 0;
	}
	int first = service->arrival.ifindex[0];
	const struct device_set owners = service_owners(facts, &service->address);
	*reason = device_set_contains(&owners, first) ? "it owns the address"
						      : "requests for it were seen there";
	return first;
}

/* As a connection in conntrack has them; without one, as a rule says for a service that it translates or one
 * it redirects to. */
static void choose_ports(
	const struct facts *facts, const struct connection_question *question, struct path *path)
{
	const struct service *service = &facts->services[path->service];
	path->protocol = IPPROTO_TCP;
	path->peer_port = ASSUMED_PEER_PORT;
	path->port = path->target_port = question->port ? question->port : ASSUMED_PORT;
	if (service->ruled && !question->port && service->port)
		path->port = path->target_port = service->port;
	const struct nat_request request = { .address = service->address,
		.protocol = IPPROTO_TCP,
		.port = path->port,
		.ifindex = path->arrival };
	const struct nat_rule *rule = nat_rule_of(facts, &request, &service->target);
	if (rule && rule->target_ports[0] && (service->origin == ORIGIN_DNAT || rule->redirect))
		path->target_port = rule->target_ports[0];
	const struct flow_example *example = NULL;
	if (question->port)
		example = service_example(facts, service, question->port);
	else if (service->endpoint < facts->endpoint_count &&
		 facts->endpoints[service->endpoint].example_count)
		example = &facts->endpoints[service->endpoint].examples[0];
	if (example) {
		path->port = example->port;
		path->target_port = example->target_port;
	}
}

int connection_question_choose(struct facts *facts, const struct connection_question *question,
	struct path *path, const char **reason)
{
	struct path chosen = { .destination = question->client, .kind = DESTINATION_SET };
	if (question->client.family != question->service.family)
		return -EAFNOSUPPORT;
	const struct device *named = question->device ? facts_device_named(facts, question->device) : NULL;
	if (question->device && !named)
		return -ENODEV;
	int result = choose_service(facts, question, &chosen.service);
	if (result < 0)
		return result;
	*reason = "--device names it";
	chosen.arrival = named ? named->ifindex
			       : choose_device(facts, question, &facts->services[chosen.service], reason);
	choose_ports(facts, question, &chosen);
	*path = chosen;
	return 0;
}
