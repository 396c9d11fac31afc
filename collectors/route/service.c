// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

bool service_device_carries(const struct device *device)
{
	return device && device->up && !device->port;
}

static void add_owner(
	const struct facts *facts, const struct local_address *local, struct device_set *arrival)
{
	const struct device *device = facts_device(facts, local->ifindex);
	if (service_device_carries(device) && device->kind != DEVICE_LOOPBACK)
		device_set_add(arrival, local->ifindex);
}

struct device_set service_owners(const struct facts *facts, const struct address *address)
{
	struct device_set set = { 0 };
	const struct local_address *local = facts_local_address(facts, address);
	for (; local; local = facts_next_equal(facts, local))
		add_owner(facts, local, &set);
	return set;
}

static int by_address(const void *a, const void *b)
{
	const struct service *left = a, *right = b;
	int order = address_compare(&left->address, &right->address);
	if (order == 0)
		order = (int)left->origin - (int)right->origin;
	return order ? order : address_compare(&left->target, &right->target);
}

static int add_local(struct facts *facts, const struct local_address *local)
{
	if (!service_device_carries(facts_device(facts, local->ifindex)))
		return 0;
	struct service *service = ARRAY_ADD(facts->services, facts->service_count);
	if (!service)
		return -ENOMEM;
	service->origin = ORIGIN_LOCAL;
	service->address = service->target = local->prefix.address;
	service->target_local = true;
	add_owner(facts, local, &service->arrival);
	return 0;
}

/* The same address may stand on several devices: any of them may be the one by which a request arrives. */
static void merge_equal(struct facts *facts)
{
	size_t kept = 0;
	for (size_t i = 0; i < facts->service_count; i++) {
		struct service *service = &facts->services[i];
		struct service *last = kept ? &facts->services[kept - 1] : NULL;
		if (!last || by_address(last, service) != 0) {
			facts->services[kept++] = *service;
			continue;
		}
		for (unsigned d = 0; d < service->arrival.count; d++)
			device_set_add(&last->arrival, service->arrival.ifindex[d]);
		if (service->ruled && !last->ruled) {
			last->ruled = true;
			last->protocol = service->protocol;
			last->port = service->port;
			last->target_port = service->target_port;
		}
	}
	facts->service_count = kept;
}

static int add_dnat(struct facts *facts, const struct endpoint *endpoint)
{
	if (endpoint->kind != ENDPOINT_DNAT || address_equal(&endpoint->address, &endpoint->target))
		return 0;
	struct service *service = ARRAY_ADD(facts->services, facts->service_count);
	if (!service)
		return -ENOMEM;
	service->origin = ORIGIN_DNAT;
	service->address = endpoint->address;
	service->target = endpoint->target;
	service->target_local =
		address_is_loopback(&endpoint->target) || facts_local_address(facts, &endpoint->target);
	service->arrival = service_owners(facts, &endpoint->address);
	return 0;
}

size_t services_first(const struct facts *facts, const struct address *address)
{
	size_t first = address_search(facts->services, facts->service_count, sizeof(*facts->services),
		offsetof(struct service, address), address);
	bool found = first < facts->service_count && address_equal(&facts->services[first].address, address);
	return found ? first : facts->service_count;
}

/* ---- where requests were seen ---- */

static int observe(struct facts *facts, bool far)
{
	const struct handshake_report *report = facts->handshakes;
	if (!report || report->peer_count == 0)
		return 0;
	struct device_set *seen = calloc(facts->service_count + 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (size_t p = 0; p < report->peer_count; p++) {
		const struct handshake_peer *peer = &report->peers[p];
		const struct device *device = facts_device(facts, peer->device);
		if (!peer->asks || !service_device_carries(device) || device->kind == DEVICE_LOOPBACK ||
			service_is_on_link(facts, &peer->peer) == far)
			continue;
		for (size_t i = services_first(facts, &peer->local); i < facts->service_count; i++) {
			if (!address_equal(&facts->services[i].address, &peer->local))
				break;
			device_set_add(&seen[i], peer->device);
		}
	}
	for (size_t i = 0; i < facts->service_count; i++)
		if (seen[i].count && (far || facts->services[i].arrival.count == 0))
			facts->services[i].arrival = seen[i];
	free(seen);
	return 0;
}

int services_settle(struct facts *facts)
{
	if (facts->service_count)
		qsort(facts->services, facts->service_count, sizeof(*facts->services), by_address);
	merge_equal(facts);
	services_attach(facts);
	int result = observe(facts, true);
	return result < 0 ? result : observe(facts, false);
}

int services_derive(struct facts *facts)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->address_count; i++)
		result = add_local(facts, &facts->addresses[i]);
	for (size_t i = 0; result == 0 && i < facts->endpoint_count; i++)
		result = add_dnat(facts, &facts->endpoints[i]);
	return result < 0 ? result : services_settle(facts);
}

void services_attach(struct facts *facts)
{
	for (size_t i = 0; i < facts->service_count; i++) {
		struct service *service = &facts->services[i];
		service->endpoint = SIZE_MAX;
		service->half_open = service->syn_recv = service->open = 0;
	}
	for (size_t i = 0; i < facts->endpoint_count && facts->service_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		const struct service key = { .origin = endpoint->kind == ENDPOINT_DNAT ? ORIGIN_DNAT
										       : ORIGIN_LOCAL,
			.address = endpoint->address,
			.target = endpoint->target };
		struct service *service =
			bsearch(&key, facts->services, facts->service_count, sizeof(key), by_address);
		if (!service || endpoint->kind == ENDPOINT_OUT)
			continue;
		service->endpoint = i;
		service->half_open = endpoint->half_open;
		service->syn_recv = endpoint->syn_recv;
		service->open = endpoint->open;
	}
}

bool service_is_on_link(const struct facts *facts, const struct address *address)
{
	return facts_network(facts, 0, address);
}

/* How well the listener fits, as compute_score() has it; 0: not at all. */
static unsigned listener_score(const struct facts *facts, const struct listener *listener,
	const struct service *service, int arrival)
{
	static const uint8_t zero[16];
	const struct address any = address_make(service->target.family, zero);
	const struct address *address = &listener->address;
	bool exact = address_equal(address, &service->target);
	if (!exact && !address_is_none(address) && !address_equal(address, &any))
		return 0;
	if (listener->ifindex && listener->ifindex != arrival &&
		listener->ifindex != facts_vrf(facts, arrival))
		return 0;
	/* For IPv4 a socket of that family stands above one of both. Where the kernel takes the latest of two
	 * equal ones, the bound one is taken here. */
	bool native = service->target.family == AF_INET && !address_is_none(address);
	return (exact ? 8U : 0U) + (listener->ifindex ? 3U : 1U) + native;
}

const struct listener *service_listener(
	const struct facts *facts, const struct service *service, int arrival, uint16_t port)
{
	const struct listener *best = NULL;
	unsigned best_score = 0;
	for (size_t i = 0; i < facts->listener_count; i++) {
		const struct listener *listener = &facts->listeners[i];
		unsigned score = listener_score(facts, listener, service, arrival);
		if (score == 0 || (port && listener->port != port) || (best && listener->port > best->port))
			continue;
		if (!best || listener->port < best->port || score > best_score) {
			best = listener;
			best_score = score;
		}
	}
	return best;
}

const struct flow_example *service_example(
	const struct facts *facts, const struct service *service, uint16_t port)
{
	if (service->endpoint >= facts->endpoint_count)
		return NULL;
	const struct endpoint *endpoint = &facts->endpoints[service->endpoint];
	for (unsigned i = 0; i < endpoint->example_count; i++)
		if (endpoint->examples[i].port == port)
			return &endpoint->examples[i];
	return NULL;
}
