// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The far destinations: addresses beyond the host's own links for which it is worth asking where replies go.
 * Peers that really came are the best; where there are none, an address that only a default route leads to
 * stands for "somewhere else".
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/route/reply_paths.h"
#include "collectors/route/service.h"

#define MOST_PEERS  32 /* of both families, latest first */
#define MOST_SEEN   16 /* of these, that were seen arriving */
#define MOST_PROBES 2  /* of each family */

/* Spread over the address space, so that a host that routes one part of it specially still has another under
 * its default route. Nothing is ever sent to them. */
static const char *const probe_candidates[] = {
	"1.1.1.1",
	"9.9.9.9",
	"64.6.64.6",
	"128.9.0.107",
	"193.0.14.129",
	"200.160.2.3",
	"2001:500:2::c",
	"2606:4700::1111",
	"2a00:1450:4001::1",
	"2400:cb00::1",
	"2800:3f0::1",
	"2c0f:fb50::1",
};

static bool is_known(const struct facts *facts, const struct address *address)
{
	for (size_t i = 0; i < facts->destination_count; i++)
		if (address_equal(&facts->destinations[i].address, address))
			return true;
	return false;
}

static bool is_other_host(const struct facts *facts, const struct address *address)
{
	return !address_is_none(address) && !address_is_loopback(address) &&
	       !address_is_link_local(address) && !address_is_multicast(address) &&
	       !facts_local_address(facts, address);
}

static int insert(struct facts *facts, const struct address *address, enum destination_kind kind)
{
	if (!is_other_host(facts, address) || is_known(facts, address))
		return 0;
	struct destination *destination = ARRAY_ADD(facts->destinations, facts->destination_count);
	if (!destination)
		return -ENOMEM;
	destination->address = *address;
	destination->kind = kind;
	return 0;
}

static int add(struct facts *facts, const struct address *address, enum destination_kind kind)
{
	return service_is_on_link(facts, address) ? 0 : insert(facts, address, kind);
}

/* A neighbour may come by another device than the one whose link it is on, through a router: the reply takes
 * the link. */
static int add_one_seen(struct facts *facts, const struct handshake_peer *peer)
{
	return facts_network(facts, peer->device, &peer->peer) ? 0
							       : insert(facts, &peer->peer, DESTINATION_PEER);
}

/* Those first whose connections fail. */
static int failing_first(const void *a, const void *b)
{
	const struct handshake_peer *left = a, *right = b;
	if (left->unfinished != right->unfinished)
		return left->unfinished ? -1 : 1;
	if (left->seen_ns != right->seen_ns)
		return left->seen_ns > right->seen_ns ? -1 : 1;
	return address_compare(&left->peer, &right->peer);
}

static int add_seen(struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	if (!report || report->peer_count == 0)
		return 0;
	struct handshake_peer *peers = calloc(report->peer_count, sizeof(*peers));
	int result = peers ? 0 : -ENOMEM;
	size_t count = 0;
	for (size_t i = 0; result == 0 && i < report->peer_count; i++)
		if (services_first(facts, &report->peers[i].local) < facts->service_count)
			peers[count++] = report->peers[i];
	if (count)
		qsort(peers, count, sizeof(*peers), failing_first);
	for (size_t i = 0; result == 0 && i < count && facts->destination_count < MOST_SEEN; i++)
		result = add_one_seen(facts, &peers[i]);
	free(peers);
	return result;
}

static int latest_first(const void *a, const void *b)
{
	const struct flow_example *left = a, *right = b;
	if (left->seen_ns != right->seen_ns)
		return left->seen_ns > right->seen_ns ? -1 : 1;
	return address_compare(&left->peer, &right->peer);
}

static int gather_examples(const struct facts *facts, struct flow_example **examples, size_t *count)
{
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		for (unsigned e = 0; e < endpoint->example_count; e++) {
			struct flow_example *example = ARRAY_ADD(*examples, *count);
			if (!example)
				return -ENOMEM;
			*example = endpoint->examples[e];
		}
	}
	return 0;
}

static int add_peers(struct facts *facts)
{
	struct flow_example *examples = NULL;
	size_t count = 0;
	int result = gather_examples(facts, &examples, &count);
	if (count)
		qsort(examples, count, sizeof(*examples), latest_first);
	for (size_t i = 0; result == 0 && i < count && facts->destination_count < MOST_PEERS; i++)
		result = add(facts, &examples[i].peer, DESTINATION_PEER);
	free(examples);
	return result;
}

static int add_settings(struct reply_paths *replies)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < replies->settings->probe_count; i++)
		result = add(replies->facts, &replies->settings->probes[i], DESTINATION_SET);
	return result;
}

static int add_probes(struct reply_paths *replies)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < sizeof(probe_candidates) / sizeof(*probe_candidates); i++) {
		struct address address;
		if (address_parse(probe_candidates[i], &address) == 0)
			result = add(replies->facts, &address, DESTINATION_PROBE);
	}
	return result;
}

static int ask_plain(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct queued_lookups queue = { 0 };
	int result = 0;
	for (size_t i = 0; result == 0 && i < facts->destination_count; i++)
		if (!lookup_queue(
			    &queue, &(struct route_query){ .destination = facts->destinations[i].address,
					    .protocol = IPPROTO_TCP }))
			result = -ENOMEM;
	if (result == 0)
		result = lookup_flush(replies, &queue);
	for (size_t i = 0; result == 0 && i < facts->destination_count; i++)
		facts->destinations[i].plain = queue.answers[i];
	queued_lookups_clear(&queue);
	return result;
}

struct probe_count {
	unsigned set[2], probes[2];
};

/* A probe under a more specific route says nothing about the rest of the world. One without any route in the
 * plain lookup is kept: policy rules may know a default route for it. */
static bool wants_probe(const struct destination *destination, struct probe_count *count)
{
	unsigned family = family_index(destination->address.family);
	if (destination->kind == DESTINATION_SET)
		count->set[family]++;
	if (destination->kind != DESTINATION_PROBE)
		return destination->plain.result != ROUTE_LOCAL;
	if (count->set[family] || count->probes[family] == MOST_PROBES)
		return false;
	if (destination->plain.result == ROUTE_FOUND && destination->plain.prefix_length > 0)
		return false;
	count->probes[family]++;
	return true;
}

static void keep_wanted(struct facts *facts)
{
	struct probe_count count = { 0 };
	size_t kept = 0;
	for (size_t i = 0; i < facts->destination_count; i++)
		if (wants_probe(&facts->destinations[i], &count))
			facts->destinations[kept++] = facts->destinations[i];
	facts->destination_count = kept;
}

int reply_destinations(struct reply_paths *replies)
{
	int result = add_seen(replies->facts);
	if (result == 0)
		result = add_peers(replies->facts);
	if (result == 0)
		result = add_settings(replies);
	if (result == 0)
		result = add_probes(replies);
	if (result == 0)
		result = ask_plain(replies);
	if (result == 0)
		keep_wanted(replies->facts);
	return result;
}
