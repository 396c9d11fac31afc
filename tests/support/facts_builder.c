// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/facts_builder.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

#define FIRST_IFINDEX 2
#define START_NS      INT64_C(1700000000000000000)
#define MONOTONIC_NS  INT64_C(5000000000000)

static void *must(void *item, const char *what)
{
	if (!item) {
		fprintf(stderr, "facts_builder: %s\n", what);
		abort();
	}
	return item;
}

#define ADD(items, count) ((__typeof__(*(items)) *)must(ARRAY_ADD(items, count), "out of memory"))

struct facts *build_facts(void)
{
	struct facts *facts = must(facts_new(), "out of memory");
	facts->time_ns = START_NS;
	facts->monotonic_ns = MONOTONIC_NS;
	return facts;
}

void build_later(struct facts *facts, double seconds)
{
	facts->time_ns += (int64_t)(seconds * 1e9);
	facts->monotonic_ns += (int64_t)(seconds * 1e9);
}

struct address build_address(const char *text)
{
	struct address address;
	must(address_parse(text, &address) < 0 ? NULL : &address, text);
	return address;
}

struct device *build_device(struct facts *facts, const char *name)
{
	struct device *device = ADD(facts->devices, facts->device_count);
	device->ifindex = FIRST_IFINDEX + (int)facts->device_count - 1;
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->up = device->forwarding4 = device->forwarding6 = true;
	return device;
}

int build_ifindex(const struct facts *facts, const char *name)
{
	const struct device *device = facts_device_named(facts, name);
	must((void *)(uintptr_t)device, name);
	return device->ifindex;
}

void build_local(struct facts *facts, const char *prefix, const char *device)
{
	struct local_address *local = ADD(facts->addresses, facts->address_count);
	must(prefix_parse(prefix, &local->prefix) < 0 ? NULL : local, prefix);
	local->ifindex = build_ifindex(facts, device);
}

void build_default_rules(struct facts *facts)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	for (size_t i = 0; i < sizeof(families); i++) {
		build_rule(facts, families[i], 0, NULL, 255);
		build_rule(facts, families[i], 32766, NULL, 254);
	}
	build_rule(facts, AF_INET, 32767, NULL, 253);
}

static bool comes_before(const struct rule *a, const struct rule *b)
{
	return a->family != b->family ? a->family < b->family : a->priority <= b->priority;
}

struct rule *build_rule(
	struct facts *facts, uint8_t family, uint32_t priority, const char *from, uint32_t table)
{
	struct rule fresh = { .family = family,
		.priority = priority,
		.action = RULE_LOOKUP,
		.table = table,
		.suppress_prefix_length = -1 };
	if (from)
		must(prefix_parse(from, &fresh.from) < 0 ? NULL : &fresh, from);
	struct rule *last = ADD(facts->rules, facts->rule_count), *at = last;
	while (at > facts->rules && !comes_before(at - 1, &fresh))
		at--;
	memmove(at + 1, at, (size_t)(last - at) * sizeof(*at));
	*at = fresh;
	return at;
}

static struct device_set device_set(const struct facts *facts, const char *names)
{
	struct device_set set = { 0 };
	char copy[256], *rest = copy;
	snprintf(copy, sizeof(copy), "%s", names);
	for (const char *name = strsep(&rest, ","); name; name = strsep(&rest, ","))
		device_set_add(&set, build_ifindex(facts, name));
	return set;
}

struct route_answer build_found(const struct facts *facts, const char *devices, const char *gateway,
	uint32_t table, uint8_t prefix_length)
{
	struct route_answer answer = {
		.result = ROUTE_FOUND, .table = table, .prefix_length = prefix_length
	};
	answer.devices = device_set(facts, devices);
	if (gateway)
		answer.gateway = build_address(gateway);
	return answer;
}

struct route_answer build_failed(enum route_result result)
{
	return (struct route_answer){ .result = result };
}

size_t build_service(struct facts *facts, const char *address, const char *target, const char *arrival)
{
	struct service *service = ADD(facts->services, facts->service_count);
	service->origin = target ? ORIGIN_DNAT : ORIGIN_LOCAL;
	service->address = build_address(address);
	service->target = build_address(target ? target : address);
	service->target_local = !target;
	service->endpoint = SIZE_MAX;
	if (arrival)
		service->arrival = device_set(facts, arrival);
	return facts->service_count - 1;
}

struct path *build_path(struct facts *facts, size_t service, const char *destination, const char *arrival)
{
	struct path *path = ADD(facts->paths, facts->path_count);
	path->service = service;
	path->destination = build_address(destination);
	path->arrival = build_ifindex(facts, arrival);
	path->basis = PATH_LEADS;
	path->protocol = IPPROTO_TCP;
	path->peer_port = 40000;
	path->port = path->target_port = 80;
	path->request.result = ROUTE_FOUND;
	path->reply = build_found(facts, arrival, NULL, 254, 0);
	path->egress = path->reply;
	return path;
}

struct nat_list *build_nat_list(struct facts *facts)
{
	if (!facts->nat_rules)
		facts->nat_rules = must(nat_list_new(), "out of memory");
	return (struct nat_list *)(uintptr_t)facts->nat_rules;
}

struct nat_rule *build_nat_list_again(struct facts *facts)
{
	const struct nat_list *before = facts->nat_rules;
	facts->nat_rules = NULL;
	struct nat_list *list = build_nat_list(facts);
	for (size_t i = 0; i < before->count; i++)
		must(nat_list_append(list, &before->rules[i]), "out of memory");
	nat_list_release(before);
	return list->rules;
}

struct nat_rule *build_nat_rule(
	struct facts *facts, const char *address, uint16_t port, const char *target, uint16_t target_port)
{
	const struct address destination = build_address(address);
	const struct nat_rule rule = { .family = destination.family,
		.destination = { destination, destination.family == AF_INET ? 32 : 128 },
		.protocol = IPPROTO_TCP,
		.ports = { port, port },
		.target = { build_address(target), build_address(target) },
		.target_ports = { target_port, target_port } };
	return must(nat_list_append(build_nat_list(facts), &rule), "out of memory");
}

void build_destination(struct facts *facts, const char *address, struct route_answer plain)
{
	struct destination *destination = ADD(facts->destinations, facts->destination_count);
	destination->address = build_address(address);
	destination->kind = DESTINATION_PEER;
	destination->plain = plain;
}

static struct endpoint *endpoint_of(struct facts *facts, struct service *service)
{
	if (service->endpoint != SIZE_MAX)
		return &facts->endpoints[service->endpoint];
	service->endpoint = facts->endpoint_count;
	struct endpoint *endpoint = ADD(facts->endpoints, facts->endpoint_count);
	endpoint->kind = service->origin == ORIGIN_DNAT ? ENDPOINT_DNAT : ENDPOINT_IN;
	endpoint->address = service->address;
	endpoint->target = service->target;
	return endpoint;
}

static struct flow_example *add_example(struct endpoint *endpoint, const char *peer, enum nat_state state)
{
	must(endpoint->example_count < ENDPOINT_EXAMPLES ? endpoint : NULL, "too many examples");
	struct flow_example *example = &endpoint->examples[endpoint->example_count++];
	example->peer = build_address(peer);
	example->protocol = IPPROTO_TCP;
	example->state = state;
	example->assured = state == NAT_ESTABLISHED;
	if (state == NAT_ESTABLISHED)
		endpoint->open++;
	else
		endpoint->half_open++;
	if (state == NAT_SYN_RECV)
		endpoint->syn_recv++;
	return example;
}

struct flow_example *build_example(
	struct facts *facts, size_t service, const char *peer, enum nat_state state)
{
	return add_example(endpoint_of(facts, &facts->services[service]), peer, state);
}

struct endpoint *build_unanswered(struct facts *facts, const char *address, const char *peer)
{
	struct endpoint *endpoint = ADD(facts->endpoints, facts->endpoint_count);
	endpoint->kind = ENDPOINT_OUT;
	endpoint->address = endpoint->target = build_address(address);
	add_example(endpoint, peer, NAT_SYN_SENT);
	return endpoint;
}
