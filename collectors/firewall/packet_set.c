// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/packet_set.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

const struct packet_set packet_set_all = { .ports = { 0, UINT16_MAX } };

uint8_t nat_family(uint32_t nfproto)
{
	return nfproto == NFPROTO_IPV4 ? AF_INET : nfproto == NFPROTO_IPV6 ? AF_INET6 : AF_UNSPEC;
}

void nat_match_family(struct nat_packets *packets, uint8_t family)
{
	struct packet_set *set = &packets->set;
	if (set->family != AF_UNSPEC && set->family != family)
		packets->never = true;
	set->family = family;
}

void nat_match_protocol(struct nat_packets *packets, uint8_t protocol)
{
	struct packet_set *set = &packets->set;
	if (set->protocol != 0 && set->protocol != protocol)
		packets->never = true;
	set->protocol = protocol;
}

void nat_match_destination(struct nat_packets *packets, const struct address *low, const struct address *high)
{
	struct packet_set *set = &packets->set;
	nat_match_family(packets, low->family);
	if (packets->never)
		return;
	if (address_is_none(&set->low) || address_compare(low, &set->low) > 0)
		set->low = *low;
	if (address_is_none(&set->high) || address_compare(high, &set->high) < 0)
		set->high = *high;
	if (address_compare(&set->low, &set->high) > 0)
		packets->never = true;
}

void nat_match_ports(struct nat_packets *packets, uint16_t low, uint16_t high)
{
	struct packet_set *set = &packets->set;
	if (low > set->ports[0])
		set->ports[0] = low;
	if (high < set->ports[1])
		set->ports[1] = high;
	if (set->ports[0] > set->ports[1])
		packets->never = true;
}

/* ---- devices */

static size_t stem_length(const char *name)
{
	size_t length = strlen(name);
	return length && name[length - 1] == '*' ? length - 1 : SIZE_MAX;
}

bool device_name_covers(const char *outer, const char *inner)
{
	size_t stem = stem_length(outer), inner_stem = stem_length(inner);
	if (stem == SIZE_MAX)
		return strcmp(outer, inner) == 0;
	return strncmp(outer, inner, stem) == 0 && (inner_stem == SIZE_MAX || inner_stem >= stem);
}

static bool is_excluded(const struct packet_set *set, const char *name)
{
	for (unsigned i = 0; i < set->excluded_count; i++)
		if (device_name_covers(set->excluded[i], name))
			return true;
	return false;
}

/* Exclusions that say nothing of the wanted device are dropped. */
static void packet_set_tidy_excluded(struct nat_packets *packets)
{
	struct packet_set *set = &packets->set;
	unsigned kept = 0;
	if (set->iif[0] && is_excluded(set, set->iif))
		packets->never = true;
	for (unsigned i = 0; i < set->excluded_count; i++)
		if (!set->iif[0] || device_name_covers(set->iif, set->excluded[i]))
			memmove(set->excluded[kept++], set->excluded[i], IF_NAMESIZE);
	set->excluded_count = kept;
}

static void packet_set_exclude_device(struct nat_packets *packets, const char *name)
{
	struct packet_set *set = &packets->set;
	if (is_excluded(set, name))
		return;
	if (set->ifindex || set->excluded_count == NAT_EXCLUDED_MAX) {
		packets->opaque = true;
		return;
	}
	snprintf(set->excluded[set->excluded_count++], IF_NAMESIZE, "%s", name);
	packet_set_tidy_excluded(packets);
}

static void packet_set_want_device(struct nat_packets *packets, const char *name)
{
	struct packet_set *set = &packets->set;
	if (set->ifindex) { /* a number and a name: only the host knows */
		packets->opaque = true;
		return;
	}
	if (set->iif[0] && device_name_covers(name, set->iif))
		return;
	if (set->iif[0] && !device_name_covers(set->iif, name)) {
		packets->never = true;
		return;
	}
	snprintf(set->iif, sizeof(set->iif), "%s", name);
	packet_set_tidy_excluded(packets);
}

void nat_match_iif(struct nat_packets *packets, const char *name, bool excluded)
{
	if (strcmp(name, "*") == 0) /* any device */
		packets->never |= excluded;
	else if (strlen(name) >= IF_NAMESIZE)
		packets->opaque = true;
	else if (excluded)
		packet_set_exclude_device(packets, name);
	else
		packet_set_want_device(packets, name);
}

void nat_match_ifindex(struct nat_packets *packets, int ifindex, bool excluded)
{
	struct packet_set *set = &packets->set;
	if (ifindex <= 0 || (set->ifindex && (set->ifindex == ifindex) == excluded))
		packets->never |= !excluded || ifindex == set->ifindex;
	else if (excluded && set->ifindex)
		return;
	else if (excluded || set->iif[0] || set->excluded_count)
		packets->opaque = true;
	else
		set->ifindex = ifindex;
}

/* ---- sets compared */

static bool devices_disjoint(const struct packet_set *a, const struct packet_set *b)
{
	if (a->ifindex && b->ifindex)
		return a->ifindex != b->ifindex;
	if (a->ifindex || b->ifindex)
		return false;
	if ((a->iif[0] && is_excluded(b, a->iif)) || (b->iif[0] && is_excluded(a, b->iif)))
		return true;
	return a->iif[0] && b->iif[0] && !device_name_covers(a->iif, b->iif) &&
	       !device_name_covers(b->iif, a->iif);
}

static bool devices_cover(const struct packet_set *a, const struct packet_set *b)
{
	if (a->ifindex || b->ifindex)
		return a->ifindex == b->ifindex || (!a->iif[0] && !a->ifindex && a->excluded_count == 0);
	if (a->iif[0] && (!b->iif[0] || !device_name_covers(a->iif, b->iif)))
		return false;
	for (unsigned i = 0; i < a->excluded_count; i++) {
		bool apart = b->iif[0] && !device_name_covers(a->excluded[i], b->iif) &&
			     !device_name_covers(b->iif, a->excluded[i]);
		if (!apart && !is_excluded(b, a->excluded[i]))
			return false;
	}
	return true;
}

static bool destinations_cover(const struct packet_set *a, const struct packet_set *b)
{
	if (a->local && !b->local)
		return false;
	if (address_is_none(&a->low))
		return true;
	return !address_is_none(&b->low) && address_compare(&a->low, &b->low) <= 0 &&
	       address_compare(&a->high, &b->high) >= 0;
}

bool packet_set_disjoint(const struct packet_set *a, const struct packet_set *b)
{
	bool apart = !address_is_none(&a->low) && !address_is_none(&b->low) &&
		     (address_compare(&a->low, &b->high) > 0 || address_compare(&b->low, &a->high) > 0);
	return apart || (a->family && b->family && a->family != b->family) ||
	       (a->protocol && b->protocol && a->protocol != b->protocol) || a->ports[0] > b->ports[1] ||
	       b->ports[0] > a->ports[1] || devices_disjoint(a, b);
}

/* But for devices and ports. */
static bool covers_rest(const struct packet_set *a, const struct packet_set *b)
{
	return (!a->family || a->family == b->family) && (!a->protocol || a->protocol == b->protocol) &&
	       destinations_cover(a, b);
}

static bool ports_cover(const struct packet_set *a, const struct packet_set *b)
{
	return a->ports[0] <= b->ports[0] && a->ports[1] >= b->ports[1];
}

bool packet_set_covers(const struct packet_set *set, const struct packet_set *other)
{
	return covers_rest(set, other) && ports_cover(set, other) && devices_cover(set, other);
}

bool packet_set_subtract(struct packet_set *set, const struct packet_set *other)
{
	if (packet_set_disjoint(set, other))
		return true;
	if (!covers_rest(other, set))
		return false;
	bool ports = ports_cover(other, set);
	if (!devices_cover(other, set)) {
		struct nat_packets left = { .set = *set };
		if (!ports || !other->iif[0] || other->excluded_count)
			return false;
		packet_set_exclude_device(&left, other->iif);
		*set = left.set;
		return !left.opaque && !left.never;
	}
	if (!ports && other->ports[0] <= set->ports[0])
		set->ports[0] = (uint16_t)(other->ports[1] + 1);
	else if (!ports && other->ports[1] >= set->ports[1])
		set->ports[1] = (uint16_t)(other->ports[0] - 1);
	else
		return false;
	return true;
}

/* ---- prefixes */

void nat_prefix_range(
	const struct address *address, uint8_t length, struct address *low, struct address *high)
{
	*low = *high = prefix_network(&(struct prefix){ *address, length }).address;
	for (unsigned bit = length; bit < address_size(address->family) * 8; bit++)
		high->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static bool bit_of(const uint8_t *bytes, size_t bit)
{
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

int nat_mask_length(const uint8_t *mask, size_t size)
{
	size_t length = 0;
	while (length < size * 8 && bit_of(mask, length))
		length++;
	for (size_t bit = length; bit < size * 8; bit++)
		if (bit_of(mask, bit))
			return -1;
	return (int)length;
}

static struct prefix longest_step(const struct address *from, const struct address *to)
{
	unsigned bits = (unsigned)address_size(from->family) * 8;
	unsigned length = bits;
	struct address low, high;
	while (length > 0 && !bit_of(from->bytes, length - 1)) {
		nat_prefix_range(from, (uint8_t)(length - 1), &low, &high);
		if (address_compare(&high, to) > 0)
			break;
		length--;
	}
	return (struct prefix){ *from, (uint8_t)length };
}

unsigned packet_set_prefixes(const struct packet_set *set, struct prefix out[static NAT_PREFIXES_MAX])
{
	struct address at = set->low, last, ignored;
	unsigned count = 0;
	do {
		if (count == NAT_PREFIXES_MAX)
			return 0;
		out[count] = longest_step(&at, &set->high);
		nat_prefix_range(&at, out[count++].length, &ignored, &last);
		at = last;
	} while (address_compare(&last, &set->high) < 0 &&
		 number_step(at.bytes, address_size(at.family), true));
	return count;
}

/* ---- exclusions */

void nat_exclude(struct nat_exclusions *exclusions, uint64_t scope, const struct nat_packets *packets)
{
	/* Those of some sources only are for others as if they were not there. */
	if (packets->never || (!packets->opaque && packets->narrowed))
		return;
	if (exclusions->count == NAT_EXCLUSIONS_MAX) {
		exclusions->overflown = true;
		return;
	}
	exclusions->items[exclusions->count++] =
		(struct nat_exclusion){ .packets = *packets, .scope = scope };
}

void nat_exclusions_leave(struct nat_exclusions *exclusions, uint64_t scope)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < exclusions->count; i++)
		if (exclusions->items[i].scope != scope)
			exclusions->items[kept++] = exclusions->items[i];
	exclusions->count = kept;
}

void nat_exclusions_apply(const struct nat_exclusions *exclusions, struct nat_packets *packets)
{
	packets->opaque |= exclusions->overflown;
	for (unsigned i = 0; i < exclusions->count && !packets->never; i++) {
		const struct nat_packets *gone = &exclusions->items[i].packets;
		if (packet_set_disjoint(&gone->set, &packets->set))
			continue;
		if (!gone->opaque && gone->balanced)
			packets->balanced = true;
		else if (!gone->opaque && packet_set_covers(&gone->set, &packets->set))
			packets->never = true;
		else if (gone->opaque || !packet_set_subtract(&packets->set, &gone->set))
			packets->opaque = true;
	}
}
