// SPDX-License-Identifier: GPL-2.0-or-later
/* The paths: for each service address and arrival device the destinations whose requests come by it. */
#include <errno.h>
#include <netinet/in.h>

#include "collectors/base/array.h"
#include "collectors/route/reply_paths.h"
#include "collectors/route/service.h"

#define DEFAULT_PORT      22    /* of a service that neither listens nor was seen */
#define DEFAULT_PEER_PORT 40000 /* within every host's ephemeral range */

/* A more specific route in the main table that leaves by another device: the peer lives behind that one, and
 * a request of it would come from there. A default route says nothing of the kind. */
static bool lives_elsewhere(const struct destination *destination, int ifindex)
{
	const struct route_answer *plain = &destination->plain;
	return plain->result == ROUTE_FOUND && plain->prefix_length > 0 &&
	       !device_set_contains(&plain->devices, ifindex);
}

static void add_path(struct reply_paths *replies, const struct path *path)
{
	struct path *added = ARRAY_ADD(replies->facts->paths, replies->facts->path_count);
	if (added)
		*added = *path;
	else
		replies->error = -ENOMEM;
}

/* Ports of a path without an example: what listens there, or was last seen there. */
static void choose_ports(const struct reply_paths *replies, struct path *path)
{
	const struct facts *facts = replies->facts;
	const struct service *service = &facts->services[path->service];
	path->protocol = IPPROTO_TCP;
	path->peer_port = DEFAULT_PEER_PORT;
	path->port = path->target_port = DEFAULT_PORT;
	if (service->endpoint < facts->endpoint_count && facts->endpoints[service->endpoint].example_count) {
		const struct flow_example *example = &facts->endpoints[service->endpoint].examples[0];
		path->protocol = example->protocol;
		path->port = example->port;
		path->target_port = example->target_port;
	} else if (service->ruled) {
		path->protocol = service->protocol ? service->protocol : IPPROTO_TCP;
		path->port = service->port ? service->port : DEFAULT_PORT;
		path->target_port = service->target_port ? service->target_port : path->port;
	} else if (service->target_local) {
		const struct listener *listener = service_listener(facts, service, path->arrival, 0);
		if (listener)
			path->port = path->target_port = listener->port;
	}
}

/* The peer as it was seen arriving where the path does. */
static bool is_seen(const struct reply_paths *replies, const struct path *path, bool asks)
{
	size_t count;
	const struct addressed *peers =
		addressed_find(&replies->peers, &replies->facts->services[path->service].address, &count);
	bool possible = path->kind != DESTINATION_PROBE && path->kind != DESTINATION_SET;
	for (size_t i = 0; possible && i < count; i++) {
		const struct handshake_peer *peer = &replies->facts->handshakes->peers[peers[i].position];
		if (peer->asks == asks && peer->device == path->arrival &&
			address_equal(&peer->peer, &path->destination))
			return true;
	}
	return false;
}

void reply_path_set_basis(const struct reply_paths *replies, struct path *path)
{
	const struct facts *facts = replies->facts;
	size_t destination = destination_find(facts, &path->destination);
	path->basis = PATH_POSSIBLE;
	if (path->arrival && facts_network(facts, path->arrival, &path->destination)) {
		path->basis = PATH_CONNECTED;
		return;
	}
	if (destination == facts->destination_count || path->arrival == 0)
		return;
	const struct route_candidate *candidate = route_candidate_of(replies, destination, path->arrival);
	bool asks = is_seen(replies, path, true);
	if (!asks && candidate && !lives_elsewhere(&facts->destinations[destination], path->arrival)) {
		path->basis = PATH_LEADS;
	} else if (asks || is_seen(replies, path, false)) {
		path->basis = PATH_SEEN;
		path->answers = !asks;
	}
	if (path->basis != PATH_POSSIBLE && candidate)
		path->egress = candidate->answer;
}

/* A path without a basis tells something only of a tunnel, of a named line, or of an address that nobody
 * owns. */
static bool is_worth_asking(const struct reply_paths *replies, const struct path *path)
{
	if (path->basis != PATH_POSSIBLE || path->arrival == 0)
		return true;
	const struct line *line = facts_line(replies->facts, path->arrival, path->destination.family);
	return line && (line->tunnel || line->named);
}

/* The same peer may have been seen as a client and as a server of the same address. Paths of one service
 * stand together at the end while it is being added. */
static bool is_there(const struct facts *facts, const struct path *path)
{
	for (size_t i = facts->path_count; i > 0 && facts->paths[i - 1].service == path->service; i--) {
		const struct path *other = &facts->paths[i - 1];
		if (other->arrival == path->arrival &&
			address_equal(&other->destination, &path->destination) &&
			other->target_port == path->target_port)
			return true;
	}
	return false;
}

static void add_far(struct reply_paths *replies, size_t service, int arrival, size_t destination,
	const struct flow_example *example)
{
	const struct destination *far = &replies->facts->destinations[destination];
	struct path path = {
		.service = service, .arrival = arrival, .destination = far->address, .kind = far->kind
	};
	reply_path_set_basis(replies, &path);
	choose_ports(replies, &path);
	if (example) {
		path.protocol = example->protocol;
		path.peer_port = example->peer_port;
		path.port = example->port;
		path.target_port = example->target_port;
		path.mark = example->mark;
	}
	if (is_worth_asking(replies, &path) && !is_there(replies->facts, &path))
		add_path(replies, &path);
}

static bool is_of_service(const struct endpoint *endpoint, const struct service *service)
{
	bool dnat = endpoint->kind == ENDPOINT_DNAT;
	return dnat == (service->origin == ORIGIN_DNAT) && address_equal(&endpoint->target, &service->target);
}

/* Several services may share the peer's address: the port tells which one a peer speaks to. */
static bool speaks_to(const struct facts *facts, size_t service, const struct handshake_peer *peer)
{
	const struct service *asked = &facts->services[service];
	size_t i = services_first(facts, &asked->address), others = 0;
	if (!peer->asks && asked->origin != ORIGIN_LOCAL)
		return false;
	for (; i < facts->service_count && address_equal(&facts->services[i].address, &asked->address); i++) {
		if (i == service)
			continue;
		others++;
		if (peer->asks && facts->services[i].origin == ORIGIN_DNAT &&
			service_example(facts, &facts->services[i], peer->port))
			return false;
	}
	return asked->origin == ORIGIN_LOCAL || others == 0 || service_example(facts, asked, peer->port);
}

/* Those who answer arrive where they do, whoever owns the address they speak to. */
static void add_arrived(struct reply_paths *replies, size_t service)
{
	const struct facts *facts = replies->facts;
	size_t count;
	const struct addressed *peers =
		addressed_find(&replies->peers, &facts->services[service].address, &count);
	for (size_t i = 0; i < count; i++) {
		const struct handshake_peer *peer = &facts->handshakes->peers[peers[i].position];
		if (!speaks_to(facts, service, peer) ||
			!device_can_be_line(facts_device(facts, peer->device)))
			continue;
		size_t destination = destination_find(facts, &peer->peer);
		const struct flow_example *known =
			service_example(facts, &facts->services[service], peer->port);
		const struct flow_example example = { .protocol = peer->protocol,
			.peer_port = peer->peer_port,
			.port = peer->port,
			.target_port = known ? known->target_port : peer->port,
			.mark = known ? known->mark : 0 };
		if (destination < facts->destination_count)
			add_far(replies, service, peer->device, destination, &example);
	}
}

/* Who was seen in conntrack, and destinations that stand for others. */
static void add_arrival(struct reply_paths *replies, size_t number, int arrival)
{
	const struct facts *facts = replies->facts;
	const struct service *service = &facts->services[number];
	size_t count;
	const struct addressed *endpoints = addressed_find(&replies->endpoints, &service->address, &count);
	for (size_t i = 0; i < count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[endpoints[i].position];
		for (unsigned e = 0; is_of_service(endpoint, service) && e < endpoint->example_count; e++) {
			size_t destination = destination_find(facts, &endpoint->examples[e].peer);
			if (destination < facts->destination_count)
				add_far(replies, number, arrival, destination, &endpoint->examples[e]);
		}
	}
	for (size_t i = 0; i < facts->destination_count; i++)
		if (facts->destinations[i].kind != DESTINATION_PEER &&
			facts->destinations[i].address.family == service->address.family)
			add_far(replies, number, arrival, i, NULL);
}

static bool is_neighbour(
	const struct facts *facts, const struct local_address *local, const struct address *address)
{
	return !address_is_none(address) && !address_is_link_local(address) &&
	       prefix_contains(&local->prefix, address) && !facts_local_address(facts, address);
}

#define NEIGHBOUR_TRIES 64

/* An address in the network that is not this host's, the gateway if it is one; or none. */
static struct address find_neighbour(
	const struct facts *facts, const struct local_address *local, const struct line *line)
{
	const struct address none = { 0 };
	size_t size = address_size(local->prefix.address.family);
	unsigned room = (unsigned)size * 8 - local->prefix.length;
	if (room < 2) /* no network, or two hosts of which the other's address need not be in use */
		return none;
	if (line && is_neighbour(facts, local, &line->gateway))
		return line->gateway;
	struct address network = prefix_network(&local->prefix).address;
	unsigned most = room < 8 ? (1u << room) - 2 : NEIGHBOUR_TRIES;
	for (unsigned i = 1; i <= most; i++) {
		struct address candidate = network;
		candidate.bytes[size - 1] |= (uint8_t)i;
		if (is_neighbour(facts, local, &candidate))
			return candidate;
	}
	return none;
}

/* Two devices in one subnet: the reply to a neighbour may leave by the other one. */
static void add_neighbours(struct reply_paths *replies, size_t number)
{
	const struct facts *facts = replies->facts;
	const struct service *service = &facts->services[number];
	for (unsigned i = 0; service->origin == ORIGIN_LOCAL && i < service->arrival.count; i++) {
		int arrival = service->arrival.ifindex[i];
		const struct local_address *local = facts_network(facts, arrival, &service->address);
		struct path path = {
			.service = number,
			.arrival = arrival,
			.kind = DESTINATION_NEIGHBOUR,
			.basis = PATH_CONNECTED,
		};
		/* Services of one network follow one another. */
		if (local && local != replies->network)
			replies->neighbour = find_neighbour(facts, local,
				facts_line(facts, local->ifindex, local->prefix.address.family));
		if (local) {
			replies->network = local;
			path.destination = replies->neighbour;
		}
		choose_ports(replies, &path);
		path.protocol = IPPROTO_TCP;
		if (!address_is_none(&path.destination))
			add_path(replies, &path);
	}
}

void reply_arrivals(struct reply_paths *replies)
{
	for (size_t s = 0; s < replies->facts->service_count && !replies->error; s++) {
		const struct device_set *arrival = &replies->facts->services[s].arrival;
		if (arrival->count == 0)
			add_arrival(replies, s, 0);
		for (unsigned i = 0; i < arrival->count; i++)
			add_arrival(replies, s, arrival->ifindex[i]);
		add_arrived(replies, s);
		add_neighbours(replies, s);
	}
}
