// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's connected networks, each once: ten thousand addresses may stand in one. */
#include <errno.h>
#include <stdlib.h>

#include "collectors/route/reply_paths.h"
#include "collectors/route/service.h"

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* By device, and there as the addresses stand. */
static int compare_networks(const void *left, const void *right)
{
	const struct connected_network *a = left, *b = right;
	int order = ORDER(a->ifindex, b->ifindex);
	return order ? order : ORDER(a->position, b->position);
}

static int compare_prefixes(const void *left, const void *right)
{
	const struct connected_network *a = left, *b = right;
	int order = ORDER(a->ifindex, b->ifindex);
	if (order == 0)
		order = ORDER(a->prefix.length, b->prefix.length);
	if (order == 0)
		order = address_compare(&a->prefix.address, &b->prefix.address);
	return order ? order : ORDER(a->position, b->position);
}

static bool is_same(const struct connected_network *a, const struct connected_network *b)
{
	return a->ifindex == b->ifindex && a->prefix.length == b->prefix.length &&
	       address_equal(&a->prefix.address, &b->prefix.address);
}

static void drop_repeated(struct reply_paths *replies)
{
	size_t kept = 0;
	qsort(replies->networks, replies->network_count, sizeof(*replies->networks), compare_prefixes);
	for (size_t i = 0; i < replies->network_count; i++)
		if (kept == 0 || !is_same(&replies->networks[kept - 1], &replies->networks[i]))
			replies->networks[kept++] = replies->networks[i];
	replies->network_count = kept;
	qsort(replies->networks, replies->network_count, sizeof(*replies->networks), compare_networks);
}

static void find_neighbour(const struct reply_paths *replies, struct connected_network *network)
{
	const struct local_address *local = &replies->facts->addresses[network->position];
	const struct line *line = facts_line(replies->facts, local->ifindex, local->prefix.address.family);
	const struct address none = { 0 };
	if (!service_neighbour(replies->facts, local, line ? &line->gateway : &none, &network->neighbour))
		network->neighbour = none;
}

int reply_networks(struct reply_paths *replies)
{
	const struct facts *facts = replies->facts;
	replies->networks = calloc(facts->address_count + 1, sizeof(*replies->networks));
	if (!replies->networks)
		return -ENOMEM;
	for (size_t i = 0; i < facts->address_count; i++) {
		const struct local_address *local = &facts->addresses[i];
		if (local->prefix.length < address_size(local->prefix.address.family) * 8)
			replies->networks[replies->network_count++] =
				(struct connected_network){ .prefix = prefix_network(&local->prefix),
					.ifindex = local->ifindex,
					.position = i };
	}
	drop_repeated(replies);
	for (size_t i = 0; i < replies->network_count; i++)
		find_neighbour(replies, &replies->networks[i]);
	return 0;
}

const struct connected_network *connected_network_of(
	const struct reply_paths *replies, int ifindex, const struct address *address)
{
	size_t low = 0, high = replies->network_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (replies->networks[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < replies->network_count && replies->networks[low].ifindex == ifindex; low++)
		if (prefix_contains(&replies->networks[low].prefix, address))
			return &replies->networks[low];
	return NULL;
}
