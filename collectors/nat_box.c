// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/nat_box.h"

#include <stdio.h>
#include <string.h>

const struct nat_box nat_box_all = { .ports = { 0, UINT16_MAX } };

void nat_need_family(struct nat_packets *packets, uint8_t family)
{
	struct nat_box *box = &packets->box;
	if (box->family != AF_UNSPEC && box->family != family)
		packets->never = true;
	box->family = family;
}

void nat_need_protocol(struct nat_packets *packets, uint8_t protocol)
{
	struct nat_box *box = &packets->box;
	if (box->protocol != 0 && box->protocol != protocol)
		packets->never = true;
	box->protocol = protocol;
}

void nat_need_destination(struct nat_packets *packets, const struct address *low, const struct address *high)
{
	struct nat_box *box = &packets->box;
	nat_need_family(packets, low->family);
	if (packets->never)
		return;
	if (address_is_none(&box->low) || address_compare(low, &box->low) > 0)
		box->low = *low;
	if (address_is_none(&box->high) || address_compare(high, &box->high) < 0)
		box->high = *high;
	if (address_compare(&box->low, &box->high) > 0)
		packets->never = true;
}

void nat_need_ports(struct nat_packets *packets, uint16_t low, uint16_t high)
{
	struct nat_box *box = &packets->box;
	if (low > box->ports[0])
		box->ports[0] = low;
	if (high < box->ports[1])
		box->ports[1] = high;
	if (box->ports[0] > box->ports[1])
		packets->never = true;
}

/* ---- devices */

static bool has_iif(const struct nat_box *box)
{
	return box->iif[0] || box->ifindex;
}

static size_t stem_length(const char *name)
{
	size_t length = strlen(name);
	return length && name[length - 1] == '*' ? length - 1 : SIZE_MAX;
}

/* Every name that `inner` stands for is one that `outer` stands for. */
static bool name_covers(const char *outer, const char *inner)
{
	size_t stem = stem_length(outer), inner_stem = stem_length(inner);
	if (stem == SIZE_MAX)
		return strcmp(outer, inner) == 0;
	return strncmp(outer, inner, stem) == 0 && (inner_stem == SIZE_MAX || inner_stem >= stem);
}

static bool is_excluded(const struct nat_box *box, const char *name)
{
	for (unsigned i = 0; i < box->excluded_count; i++)
		if (name_covers(box->excluded[i], name))
			return true;
	return false;
}

/* Exclusions that say nothing of the wanted device are dropped. */
static void tidy_excluded(struct nat_packets *packets)
{
	struct nat_box *box = &packets->box;
	unsigned kept = 0;
	if (box->iif[0] && is_excluded(box, box->iif))
		packets->never = true;
	for (unsigned i = 0; i < box->excluded_count; i++)
		if (!box->iif[0] || name_covers(box->iif, box->excluded[i]))
			memmove(box->excluded[kept++], box->excluded[i], IF_NAMESIZE);
	box->excluded_count = kept;
}

static void exclude(struct nat_packets *packets, const char *name)
{
	struct nat_box *box = &packets->box;
	if (is_excluded(box, name))
		return;
	if (box->ifindex || box->excluded_count == NAT_EXCLUDED_MAX) {
		packets->opaque = true;
		return;
	}
	snprintf(box->excluded[box->excluded_count++], IF_NAMESIZE, "%s", name);
	tidy_excluded(packets);
}

static void want(struct nat_packets *packets, const char *name)
{
	struct nat_box *box = &packets->box;
	if (box->ifindex) { /* a number and a name: only the host knows */
		packets->opaque = true;
		return;
	}
	if (box->iif[0] && name_covers(name, box->iif))
		return;
	if (box->iif[0] && !name_covers(box->iif, name)) {
		packets->never = true;
		return;
	}
	snprintf(box->iif, sizeof(box->iif), "%s", name);
	tidy_excluded(packets);
}

void nat_need_iif(struct nat_packets *packets, const char *name, bool excluded)
{
	if (strcmp(name, "*") == 0) /* any device */
		packets->never |= excluded;
	else if (strlen(name) >= IF_NAMESIZE)
		packets->opaque = true;
	else if (excluded)
		exclude(packets, name);
	else
		want(packets, name);
}

void nat_need_ifindex(struct nat_packets *packets, int ifindex, bool excluded)
{
	struct nat_box *box = &packets->box;
	if (ifindex <= 0 || (box->ifindex && (box->ifindex == ifindex) == excluded))
		packets->never |= !excluded || ifindex == box->ifindex;
	else if (excluded && box->ifindex)
		return;
	else if (excluded || box->iif[0] || box->excluded_count)
		packets->opaque = true;
	else
		box->ifindex = ifindex;
}

/* ---- boxes compared */

static bool devices_disjoint(const struct nat_box *a, const struct nat_box *b)
{
	if (a->ifindex && b->ifindex)
		return a->ifindex != b->ifindex;
	if (a->ifindex || b->ifindex)
		return false;
	if ((a->iif[0] && is_excluded(b, a->iif)) || (b->iif[0] && is_excluded(a, b->iif)))
		return true;
	return a->iif[0] && b->iif[0] && !name_covers(a->iif, b->iif) && !name_covers(b->iif, a->iif);
}

static bool devices_cover(const struct nat_box *a, const struct nat_box *b)
{
	if (a->ifindex || b->ifindex)
		return a->ifindex == b->ifindex || (!has_iif(a) && a->excluded_count == 0);
	if (a->iif[0] && (!b->iif[0] || !name_covers(a->iif, b->iif)))
		return false;
	for (unsigned i = 0; i < a->excluded_count; i++) {
		bool apart = b->iif[0] && !name_covers(a->excluded[i], b->iif) &&
			     !name_covers(b->iif, a->excluded[i]);
		if (!apart && !is_excluded(b, a->excluded[i]))
			return false;
	}
	return true;
}

static bool destinations_disjoint(const struct nat_box *a, const struct nat_box *b)
{
	return !address_is_none(&a->low) && !address_is_none(&b->low) &&
	       (address_compare(&a->low, &b->high) > 0 || address_compare(&b->low, &a->high) > 0);
}

static bool destinations_cover(const struct nat_box *a, const struct nat_box *b)
{
	if (a->local && !b->local)
		return false;
	if (address_is_none(&a->low))
		return true;
	return !address_is_none(&b->low) && address_compare(&a->low, &b->low) <= 0 &&
	       address_compare(&a->high, &b->high) >= 0;
}

bool nat_box_disjoint(const struct nat_box *a, const struct nat_box *b)
{
	return (a->family && b->family && a->family != b->family) ||
	       (a->protocol && b->protocol && a->protocol != b->protocol) || a->ports[0] > b->ports[1] ||
	       b->ports[0] > a->ports[1] || destinations_disjoint(a, b) || devices_disjoint(a, b);
}

/* But for devices and ports. */
static bool covers_rest(const struct nat_box *a, const struct nat_box *b)
{
	return (!a->family || a->family == b->family) && (!a->protocol || a->protocol == b->protocol) &&
	       destinations_cover(a, b);
}

static bool ports_cover(const struct nat_box *a, const struct nat_box *b)
{
	return a->ports[0] <= b->ports[0] && a->ports[1] >= b->ports[1];
}

bool nat_box_covers(const struct nat_box *box, const struct nat_box *other)
{
	return covers_rest(box, other) && ports_cover(box, other) && devices_cover(box, other);
}

static bool subtract_ports(struct nat_box *box, const struct nat_box *other)
{
	if (other->ports[0] <= box->ports[0])
		box->ports[0] = (uint16_t)(other->ports[1] + 1);
	else if (other->ports[1] >= box->ports[1])
		box->ports[1] = (uint16_t)(other->ports[0] - 1);
	else
		return false;
	return true;
}

static bool subtract_device(struct nat_box *box, const struct nat_box *other)
{
	struct nat_packets left = { .box = *box };
	if (!other->iif[0] || other->excluded_count)
		return false;
	exclude(&left, other->iif);
	*box = left.box;
	return !left.opaque && !left.never;
}

bool nat_box_subtract(struct nat_box *box, const struct nat_box *other)
{
	if (nat_box_disjoint(box, other))
		return true;
	if (!covers_rest(other, box))
		return false;
	if (devices_cover(other, box))
		return !ports_cover(other, box) && subtract_ports(box, other);
	return ports_cover(other, box) && subtract_device(box, other);
}

/* ---- prefixes */

static bool bit_of(const struct address *address, unsigned bit)
{
	return address->bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static void set_tail(struct address *address, unsigned from, bool value)
{
	for (unsigned bit = from; bit < address_size(address->family) * 8; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		if (value)
			address->bytes[bit / 8] |= mask;
		else
			address->bytes[bit / 8] &= (uint8_t)~mask;
	}
}

void nat_prefix_range(
	const struct address *address, uint8_t length, struct address *low, struct address *high)
{
	*low = *high = *address;
	set_tail(low, length, false);
	set_tail(high, length, true);
}

/* False if it was the last address of all. */
static bool step_beyond(struct address *address)
{
	for (size_t i = address_size(address->family); i-- > 0;)
		if (++address->bytes[i] != 0)
			return true;
	return false;
}

static struct prefix longest_step(const struct address *from, const struct address *to)
{
	unsigned bits = (unsigned)address_size(from->family) * 8;
	unsigned length = bits;
	struct address low, high;
	while (length > 0 && !bit_of(from, length - 1)) {
		nat_prefix_range(from, (uint8_t)(length - 1), &low, &high);
		if (address_compare(&high, to) > 0)
			break;
		length--;
	}
	return (struct prefix){ *from, (uint8_t)length };
}

unsigned nat_box_prefixes(const struct nat_box *box, struct prefix out[static NAT_PREFIXES_MAX])
{
	struct address at = box->low, last, ignored;
	unsigned count = 0;
	do {
		if (count == NAT_PREFIXES_MAX)
			return 0;
		out[count] = longest_step(&at, &box->high);
		nat_prefix_range(&at, out[count++].length, &ignored, &last);
		at = last;
	} while (address_compare(&last, &box->high) < 0 && step_beyond(&at));
	return count;
}
