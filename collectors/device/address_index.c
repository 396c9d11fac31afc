// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/address_index.h"

#include <stdlib.h>

#include "collectors/device/device_facts.h"

#define LENGTHS (2 * 129) /* of prefixes: those of IPv4, those of IPv6 */

/* A connected network of a device. */
struct network {
	struct prefix prefix; /* without host bits */
	int ifindex;
	uint32_t position; /* of the first address in it */
};

struct address_index {
	size_t count;
	const struct local_address *addresses;
	uint32_t *by_address, *by_device;
	struct network *networks;    /* by length, prefix and device; distinct */
	size_t lengths[LENGTHS + 1]; /* where each length begins */
};

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

typedef int order_function(const struct local_address *a, const struct local_address *b);

static int by_address(const struct local_address *a, const struct local_address *b)
{
	return address_compare(&a->prefix.address, &b->prefix.address);
}

static int by_device(const struct local_address *a, const struct local_address *b)
{
	int order = ORDER(a->ifindex, b->ifindex);
	return order ? order : ORDER(a->prefix.address.family, b->prefix.address.family);
}

static size_t length_number(const struct prefix *prefix)
{
	return prefix->length + (prefix->address.family == AF_INET6 ? 129u : 0u);
}

static int compare_networks(const void *left, const void *right)
{
	const struct network *a = left, *b = right;
	int order = ORDER(length_number(&a->prefix), length_number(&b->prefix));
	if (order == 0)
		order = address_compare(&a->prefix.address, &b->prefix.address);
	if (order == 0)
		order = ORDER(a->ifindex, b->ifindex);
	return order ? order : ORDER(a->position, b->position);
}

struct sorting {
	const struct local_address *addresses;
	order_function *order;
};

static int compare_positions(const void *left, const void *right, void *argument)
{
	const struct sorting *sorting = argument;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = sorting->order(&sorting->addresses[a], &sorting->addresses[b]);
	return order ? order : ORDER(a, b);
}

static uint32_t *sorted(const struct address_index *index, order_function *order)
{
	struct sorting sorting = { index->addresses, order };
	uint32_t *positions = calloc(index->count + 1, sizeof(*positions));
	for (uint32_t i = 0; positions && i < index->count; i++)
		positions[i] = i;
	if (positions)
		qsort_r(positions, index->count, sizeof(*positions), compare_positions, &sorting);
	return positions;
}

/* Those that stand where `key` does: *found of them. */
static const uint32_t *find_all(const struct address_index *index, const uint32_t *positions,
	order_function *order, const struct local_address *key, size_t *found)
{
	size_t low = 0, high = index->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (order(&index->addresses[positions[middle]], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	size_t end = low;
	while (end < index->count && order(&index->addresses[positions[end]], key) == 0)
		end++;
	*found = end - low;
	return positions + low;
}

/* The address of a host route is in no network. */
static void make_networks(struct address_index *index)
{
	size_t count = 0, kept = 0;
	for (uint32_t i = 0; i < index->count; i++) {
		const struct prefix *prefix = &index->addresses[i].prefix;
		if (prefix->length < address_size(prefix->address.family) * 8)
			index->networks[count++] =
				(struct network){ prefix_network(prefix), index->addresses[i].ifindex, i };
	}
	qsort(index->networks, count, sizeof(*index->networks), compare_networks);
	for (size_t i = 0; i < count; i++) {
		const struct network *network = &index->networks[i];
		const struct network *last = kept ? &index->networks[kept - 1] : NULL;
		if (last && network->ifindex == last->ifindex &&
			network->prefix.length == last->prefix.length &&
			address_equal(&network->prefix.address, &last->prefix.address))
			continue;
		index->lengths[length_number(&network->prefix) + 1]++;
		index->networks[kept++] = *network;
	}
	for (size_t i = 0; i < LENGTHS; i++)
		index->lengths[i + 1] += index->lengths[i];
}

struct address_index *address_index_new(const struct local_address *addresses, size_t count)
{
	struct address_index *index = calloc(1, sizeof(*index));
	if (!index)
		return NULL;
	index->count = count;
	index->addresses = addresses;
	index->by_address = sorted(index, by_address);
	index->by_device = sorted(index, by_device);
	index->networks = calloc(count + 1, sizeof(*index->networks));
	if (!index->by_address || !index->by_device || !index->networks) {
		address_index_free(index);
		return NULL;
	}
	make_networks(index);
	return index;
}

void address_index_free(struct address_index *index)
{
	if (!index)
		return;
	free(index->by_address);
	free(index->by_device);
	free(index->networks);
	free(index);
}

const uint32_t *address_index_equal(
	const struct address_index *index, const struct address *address, size_t *found)
{
	const struct local_address key = { .prefix.address = *address };
	return find_all(index, index->by_address, by_address, &key, found);
}

const uint32_t *address_index_of_device(
	const struct address_index *index, int ifindex, uint8_t family, size_t *found)
{
	const struct local_address key = { .prefix.address.family = family, .ifindex = ifindex };
	return find_all(index, index->by_device, by_device, &key, found);
}

/* Of one length; count if there is none. */
static size_t find_network(
	const struct address_index *index, const struct prefix *prefix, int ifindex, size_t low, size_t high)
{
	size_t first = index->count, end = high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct network *network = &index->networks[middle];
		int order = address_compare(&network->prefix.address, &prefix->address);
		if (order < 0 || (order == 0 && network->ifindex < ifindex))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < end && address_equal(&index->networks[low].prefix.address, &prefix->address) &&
		(ifindex == 0 || index->networks[low].ifindex == ifindex);
		low++)
		if (index->networks[low].position < first)
			first = index->networks[low].position;
	return first;
}

size_t address_index_network(const struct address_index *index, const struct address *address, int ifindex)
{
	size_t first = index->count;
	for (unsigned length = 0; length < address_size(address->family) * 8; length++) {
		struct prefix prefix = { *address, (uint8_t)length };
		size_t number = length_number(&prefix);
		if (index->lengths[number] == index->lengths[number + 1])
			continue;
		prefix = prefix_network(&prefix);
		size_t found = find_network(
			index, &prefix, ifindex, index->lengths[number], index->lengths[number + 1]);
		if (found < first)
			first = found;
	}
	return first;
}
