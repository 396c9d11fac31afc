// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/address_set.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing, at most half full; AF_UNSPEC marks a free place. */
struct address_set {
	size_t mask;
	struct address places[];
};

uint32_t address_hash(const struct address *address)
{
	uint64_t low, high;
	memcpy(&low, address->bytes, sizeof(low));
	memcpy(&high, address->bytes + sizeof(low), sizeof(high));
	uint64_t mixed = (low ^ address->family) * UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ (mixed >> 32) ^ high) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(mixed >> 32);
}

static struct address *place_of(const struct address_set *set, const struct address *address)
{
	size_t at = address_hash(address) & set->mask;
	while (!address_is_none(&set->places[at]) && !address_equal(&set->places[at], address))
		at = (at + 1) & set->mask;
	return (struct address *)&set->places[at];
}

struct address_set *address_set_new(const struct local_address *addresses, size_t count)
{
	size_t places = 8;
	while (places < 2 * count)
		places *= 2;
	struct address_set *set = calloc(1, sizeof(*set) + places * sizeof(set->places[0]));
	if (!set)
		return NULL;
	set->mask = places - 1;
	for (size_t i = 0; i < count; i++) {
		const struct address *address = &addresses[i].prefix.address;
		if (!address_is_none(address))
			*place_of(set, address) = *address;
	}
	return set;
}

void address_set_free(struct address_set *set)
{
	free(set);
}

bool address_set_contains(const struct address_set *set, const struct address *address)
{
	return !address_is_none(address) && !address_is_none(place_of(set, address));
}
