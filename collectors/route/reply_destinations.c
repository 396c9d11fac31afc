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

static void insert(struct reply_paths *replies, const struct address *address, enum destination_kind kind)
{
	if (!address_is_none(address) && !address_is_loopback(address) && !address_is_link_local(address) &&
		!address_is_multicast(address) && !facts_local_address(replies->facts, address))
		destination_add(replies, address, kind);
}

static void add(struct reply_paths *replies, const struct address *address, enum destination_kind kind)
{
	if (!service_is_on_link(replies->facts, address))
		insert(replies, address, kind);
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

static void add_seen(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	const struct handshake_report *report = facts->handshakes;
	if (!report || report->peer_count == 0)
		return;
	struct handshake_peer *peers = calloc(report->peer_count, sizeof(*peers));
	size_t count = 0;
	if (!peers) {
		replies->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < report->peer_count; i++)
		if (services_first(facts, &report->peers[i].local) < facts->service_count)
			peers[count++] = report->peers[i];
	qsort(peers, count, sizeof(*peers), failing_first);
	/* A neighbour may come by another device than the one whose link it is on, through a router: the
	 * reply takes the link. */
	for (size_t i = 0; i < count && facts->destination_count < MOST_SEEN; i++)
		if (!facts_network(facts, peers[i].device, &peers[i].peer))
			insert(replies, &peers[i].peer, DESTINATION_PEER);
	free(peers);
}

static int latest_first(const void *a, const void *b)
{
	const struct flow_example *left = a, *right = b;
	if (left->seen_ns != right->seen_ns)
		return left->seen_ns > right->seen_ns ? -1 : 1;
	return address_compare(&left->peer, &right->peer);
}

static void add_peers(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	struct flow_example *examples = NULL;
	size_t count = 0;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		for (unsigned e = 0; e < endpoint->example_count; e++) {
			struct flow_example *example = ARRAY_ADD(examples, count);
			if (example)
				*example = endpoint->examples[e];
			else
				replies->error = -ENOMEM;
		}
	}
	if (count)
		qsort(examples, count, sizeof(*examples), latest_first);
	for (size_t i = 0; i < count && facts->destination_count < MOST_PEERS; i++)
		add(replies, &examples[i].peer, DESTINATION_PEER);
	free(examples);
}

static void ask_plain(struct reply_paths *replies, size_t destination)
{
	lookup_queue(replies,
		&(struct route_query){ .destination = replies->facts->destinations[destination].address,
			.protocol = IPPROTO_TCP });
}

static void note_plain(
	struct reply_paths *replies, size_t destination, const struct route_answer *answer, size_t count)
{
	(void)count;
	replies->facts->destinations[destination].plain = *answer;
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

void reply_destinations(struct reply_paths *replies)
{
	struct facts *facts = replies->facts;
	struct address address;
	struct probe_count count = { 0 };
	size_t kept = 0;
	add_seen(replies);
	add_peers(replies);
	for (size_t i = 0; i < replies->settings->probe_count; i++)
		add(replies, &replies->settings->probes[i], DESTINATION_SET);
	for (size_t i = 0; i < sizeof(probe_candidates) / sizeof(*probe_candidates); i++)
		if (address_parse(probe_candidates[i], &address) == 0)
			add(replies, &address, DESTINATION_PROBE);
	lookup_round(replies, facts->destination_count, ask_plain, note_plain);
	for (size_t i = 0; i < facts->destination_count; i++)
		if (wants_probe(&facts->destinations[i], &count))
			facts->destinations[kept++] = facts->destinations[i];
	facts->destination_count = kept;
}
