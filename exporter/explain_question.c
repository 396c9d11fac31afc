// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"
#include "collectors/nat_find.h"
#include "exporter/explain.h"

#define ASSUMED_PORT      22
#define ASSUMED_PEER_PORT 40000

/* ---- the question ---- */

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long value = strtoul(text, &end, 10);
	if (*end || value == 0 || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

int explain_parse_service(const char *text, struct address *address, uint16_t *port)
{
	char host[ADDRESS_TEXT_SIZE + 2];
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	bool has_port = colon && (bracket ? colon[-1] == ']' : strchr(text, ':') == colon);
	size_t length = has_port ? (size_t)(colon - text) : strlen(text);
	uint16_t parsed_port = 0;
	if (length >= sizeof(host) || (has_port && parse_port(colon + 1, &parsed_port) < 0))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (bracket && (length < 2 || host[length - 1] != ']'))
		return -EINVAL;
	if (bracket)
		host[length - 1] = '\0';
	if (address_parse(host + bracket, address) < 0)
		return -EINVAL;
	*port = parsed_port;
	return 0;
}

static bool saw_port(const struct facts *facts, const struct service *service, uint16_t port)
{
	if (service->endpoint >= facts->endpoint_count)
		return false;
	const struct endpoint *endpoint = &facts->endpoints[service->endpoint];
	for (unsigned i = 0; i < endpoint->example_count; i++)
		if (endpoint->examples[i].port == port)
			return true;
	return false;
}

static void add_owners(const struct facts *facts, const struct address *address, struct device_set *arrival)
{
	for (size_t i = 0; i < facts->address_count; i++)
		if (address_equal(&facts->addresses[i].prefix.address, address))
			device_set_add(arrival, facts->addresses[i].ifindex);
}

/* The rule that translates what is asked for to another address; NULL if there is none. */
static const struct nat_rule *rule_of(const struct facts *facts, const struct explain_question *question)
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
 * for; else the local one. */
static int fitness(const struct facts *facts, const struct service *service,
	const struct explain_question *question, const struct nat_rule *rule)
{
	if (service->origin == ORIGIN_LOCAL)
		return 2;
	bool ruled = rule && address_equal(&rule->target[0], &service->target);
	return question->port == 0 || ruled || saw_port(facts, service, question->port) ? 3 : 1;
}

static int add_translated(
	struct facts *facts, const struct address *address, const struct nat_rule *rule, size_t *service)
{
	struct service *added = GROW(facts->services, facts->service_count);
	if (!added)
		return -ENOMEM;
	added->origin = ORIGIN_DNAT;
	added->address = *address;
	added->target = rule->target[0];
	added->target_local = facts_local_address(facts, &rule->target[0]);
	added->ruled = true;
	added->protocol = rule->protocol;
	added->port = rule->ports[0];
	added->target_port = rule->target_ports[0];
	added->endpoint = SIZE_MAX;
	add_owners(facts, address, &added->arrival);
	*service = facts->service_count - 1;
	return 0;
}

static int add_forwarded(struct facts *facts, const struct address *address, size_t *service)
{
	struct service *added = GROW(facts->services, facts->service_count);
	if (!added)
		return -ENOMEM;
	added->origin = ORIGIN_LOCAL;
	added->address = added->target = *address;
	added->endpoint = SIZE_MAX;
	*service = facts->service_count - 1;
	return 0;
}

static int choose_service(struct facts *facts, const struct explain_question *question, size_t *service)
{
	int best = 0;
	const struct nat_rule *rule = rule_of(facts, question);
	for (size_t i = 0; i < facts->service_count; i++) {
		if (!address_equal(&facts->services[i].address, &question->service))
			continue;
		int fits = fitness(facts, &facts->services[i], question, rule);
		if (fits > best) {
			best = fits;
			*service = i;
		}
	}
	if (best < 3 && rule && question->port)
		return add_translated(facts, &question->service, rule, service);
	return best ? 0 : add_forwarded(facts, &question->service, service);
}

static int connected_device(const struct facts *facts, const struct address *address)
{
	for (size_t i = 0; i < facts->address_count; i++) {
		const struct local_address *local = &facts->addresses[i];
		const struct device *device = facts_device(facts, local->ifindex);
		bool network = local->prefix.length < address_size(local->prefix.address.family) * 8;
		if (network && device && device->up && prefix_contains(&local->prefix, address))
			return local->ifindex;
	}
	return 0;
}

static bool owns(const struct facts *facts, int ifindex, const struct address *address)
{
	for (size_t i = 0; i < facts->address_count; i++)
		if (facts->addresses[i].ifindex == ifindex &&
			address_equal(&facts->addresses[i].prefix.address, address))
			return true;
	return false;
}

static int choose_device(const struct facts *facts, const struct explain_question *question,
	const struct service *service, const char **reason)
{
	int connected = connected_device(facts, &question->client);
	if (connected && (service->arrival.count == 0 || device_set_contains(&service->arrival, connected))) {
		*reason = "the client is on its link";
		return connected;
	}
	if (service->arrival.count) {
		bool owner = owns(facts, service->arrival.ifindex[0], &service->address);
		*reason = owner ? "it owns the address" : "requests for it were seen there";
		return service->arrival.ifindex[0];
	}
	*reason = connected ? "the client is on its link" : "nobody knows by which device requests come";
	return connected;
}

/* Without a connection in conntrack: as a rule says, for a service it translates or one it redirects to. */
static void choose_ruled_ports(
	const struct facts *facts, const struct explain_question *question, struct path *path)
{
	const struct service *service = &facts->services[path->service];
	if (service->ruled && !question->port && service->port)
		path->port = path->target_port = service->port;
	const struct nat_request request = { .address = service->address,
		.protocol = IPPROTO_TCP,
		.port = path->port,
		.ifindex = path->arrival };
	const struct nat_rule *rule = nat_rule_of(facts, &request, &service->target);
	if (rule && rule->target_ports[0] && (service->origin == ORIGIN_DNAT || rule->redirect))
		path->target_port = rule->target_ports[0];
}

static void choose_ports(
	const struct facts *facts, const struct explain_question *question, struct path *path)
{
	const struct service *service = &facts->services[path->service];
	path->protocol = IPPROTO_TCP;
	path->peer_port = ASSUMED_PEER_PORT;
	path->port = path->target_port = question->port ? question->port : ASSUMED_PORT;
	choose_ruled_ports(facts, question, path);
	if (service->endpoint >= facts->endpoint_count)
		return;
	const struct endpoint *endpoint = &facts->endpoints[service->endpoint];
	for (unsigned i = endpoint->example_count; i > 0; i--) {
		const struct flow_example *example = &endpoint->examples[i - 1];
		if (question->port && example->port != question->port)
			continue;
		path->port = example->port;
		path->target_port = example->target_port;
	}
}

int explain_choose(
	struct facts *facts, const struct explain_question *question, struct path *path, const char **reason)
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
	const char *why = "--device names it";
	chosen.arrival = named ? named->ifindex
			       : choose_device(facts, question, &facts->services[chosen.service], &why);
	choose_ports(facts, question, &chosen);
	*path = chosen;
	*reason = why;
	return 0;
}
