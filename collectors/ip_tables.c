// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules are followed as those of nftables are (nat_walk.c): with all packets at once, which each match
 * makes fewer. A chain is a place in the table; it ends with a rule that fits all packets.
 */
#include "collectors/ip_tables.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <string.h>

#include "collectors/nat_exclusions.h"
#include "collectors/xt_match.h"

#define DEPTH_MAX 16
#define STEPS_MAX 500000u
#define RETURN    XT_RETURN

struct walk {
	const struct ip_table *table;
	struct nat_list *list;
	struct nat_exclusions exclusions;
	uint64_t visits;
	unsigned steps;
};

/* The parts of an entry that both families have. */
struct entry {
	size_t at, target, next; /* offsets in the table */
	uint8_t source_length, destination_length;
	bool source_odd, destination_odd; /* a mask that is no prefix */
	struct address destination;
	const char *iif, *oif;
	const uint8_t *iif_mask;
	uint16_t protocol;
	bool is_goto, fragments;
	uint8_t inverted; /* IPT_INV_*, which are those of IPv6 as well */
};

struct visit {
	size_t start;
	uint64_t scope;
	uint64_t number; /* of the rule, from 1 */
	unsigned depth;
	struct nat_packets packets;
};

static void visit_chain(struct walk *walk, size_t at, unsigned depth, const struct nat_packets *packets);

/* ---- entries */

/* Bits of a mask; *odd if it is no prefix. */
static uint8_t mask_length(const uint8_t *mask, size_t size, bool *odd)
{
	unsigned length = 0;
	while (length < size * 8 && (mask[length / 8] >> (7 - length % 8) & 1))
		length++;
	for (size_t bit = length; bit < size * 8; bit++)
		*odd |= mask[bit / 8] >> (7 - bit % 8) & 1;
	return (uint8_t)length;
}

static void take4(const struct ipt_entry *raw, struct entry *entry)
{
	entry->source_length = mask_length((const uint8_t *)&raw->ip.smsk, 4, &entry->source_odd);
	entry->destination_length = mask_length((const uint8_t *)&raw->ip.dmsk, 4, &entry->destination_odd);
	entry->destination = address_make(AF_INET, &raw->ip.dst);
	entry->iif = raw->ip.iniface;
	entry->oif = raw->ip.outiface;
	entry->iif_mask = raw->ip.iniface_mask;
	entry->protocol = raw->ip.proto;
	entry->is_goto = raw->ip.flags & IPT_F_GOTO;
	entry->fragments = raw->ip.flags & IPT_F_FRAG;
	entry->inverted = raw->ip.invflags;
	entry->target = entry->at + raw->target_offset;
	entry->next = entry->at + raw->next_offset;
}

static void take6(const struct ip6t_entry *raw, struct entry *entry)
{
	entry->source_length = mask_length((const uint8_t *)&raw->ipv6.smsk, 16, &entry->source_odd);
	entry->destination_length =
		mask_length((const uint8_t *)&raw->ipv6.dmsk, 16, &entry->destination_odd);
	entry->destination = address_make(AF_INET6, &raw->ipv6.dst);
	entry->iif = raw->ipv6.iniface;
	entry->oif = raw->ipv6.outiface;
	entry->iif_mask = raw->ipv6.iniface_mask;
	entry->protocol = raw->ipv6.proto;
	entry->is_goto = raw->ipv6.flags & IP6T_F_GOTO;
	entry->inverted = raw->ipv6.invflags;
	entry->target = entry->at + raw->target_offset;
	entry->next = entry->at + raw->next_offset;
}

static size_t header_size(const struct walk *walk)
{
	return walk->table->family == AF_INET ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);
}

/* False where there is no whole entry. */
static bool read_entry(const struct walk *walk, size_t at, struct entry *entry)
{
	const struct ip_table *table = walk->table;
	if (at % _Alignof(struct ipt_entry) || at > table->size || table->size - at < header_size(walk))
		return false;
	*entry = (struct entry){ .at = at };
	if (table->family == AF_INET)
		take4((const struct ipt_entry *)(table->bytes + at), entry);
	else
		take6((const struct ip6t_entry *)(table->bytes + at), entry);
	return entry->target >= at + header_size(walk) && entry->next <= table->size &&
	       entry->target % _Alignof(struct xt_entry_target) == 0 && entry->target <= entry->next &&
	       entry->next - entry->target >= sizeof(struct xt_entry_target);
}

static const struct xt_entry_target *target_of(const struct walk *walk, const struct entry *entry)
{
	return (const struct xt_entry_target *)(walk->table->bytes + entry->target);
}

static bool is_named(const char *name, const char *wanted)
{
	return strncmp(name, wanted, XT_EXTENSION_MAXNAMELEN) == 0;
}

/* ---- places */

/* The name of a chain stands in an entry of its own before its first rule, as the target ERROR has it. */
static const char *error_name(const struct walk *walk, const struct entry *entry)
{
	const struct xt_entry_target *target = target_of(walk, entry);
	if (!is_named(target->u.user.name, XT_ERROR_TARGET) ||
		entry->next - entry->target < sizeof(struct xt_error_target))
		return NULL;
	const char *name = ((const struct xt_error_target *)target)->errorname;
	return memchr(name, '\0', XT_FUNCTION_MAXNAMELEN) ? name : NULL;
}

static const char *chain_name(const struct walk *walk, size_t start)
{
	size_t size = header_size(walk) + XT_ALIGN(sizeof(struct xt_error_target));
	struct entry entry;
	bool named = start >= size && read_entry(walk, start - size, &entry) && entry.next == start;
	const char *name = named ? error_name(walk, &entry) : NULL;
	return name ? name : "PREROUTING";
}

static struct nat_place place_of(const struct walk *walk, const struct visit *visit)
{
	return (struct nat_place){ .family = walk->table->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.table = "nat",
		.chain = chain_name(walk, visit->start),
		.handle = visit->number,
		.legacy = true };
}

/* ---- what an entry demands */

static void need_iif(const struct entry *entry, struct nat_packets *packets)
{
	char name[IF_NAMESIZE + 1] = "";
	size_t length = 0;
	while (length < IF_NAMESIZE && entry->iif_mask[length] == 0xff && entry->iif[length])
		length++;
	if (entry->iif_mask[0] == 0)
		return;
	memcpy(name, entry->iif, length);
	if (length < IF_NAMESIZE && entry->iif_mask[length] == 0)
		name[length++] = '*';
	name[length] = '\0';
	nat_need_iif(packets, name, entry->inverted & IPT_INV_VIA_IN);
}

static void need_destination(const struct entry *entry, struct nat_packets *packets)
{
	struct address low, high;
	bool loopback = address_is_loopback(&entry->destination);
	if (entry->destination_odd) {
		packets->opaque = true;
		return;
	}
	if (entry->destination_length == 0 && !(entry->inverted & IPT_INV_DSTIP))
		return;
	if (entry->inverted & IPT_INV_DSTIP) {
		packets->opaque |= !loopback;
		return;
	}
	nat_prefix_range(&entry->destination, entry->destination_length, &low, &high);
	nat_need_destination(packets, &low, &high);
}

static void need_entry(const struct entry *entry, struct nat_packets *packets)
{
	need_destination(entry, packets);
	need_iif(entry, packets);
	if (entry->source_length || entry->source_odd || (entry->inverted & IPT_INV_SRCIP))
		packets->narrowed = true;
	if (entry->protocol && (entry->protocol > UINT8_MAX || (entry->inverted & IPT_INV_PROTO)))
		packets->opaque = true;
	else if (entry->protocol)
		nat_need_protocol(packets, (uint8_t)entry->protocol);
	if (entry->oif[0] || entry->fragments)
		packets->opaque = true;
}

/* ---- where entries lead */

/* All packets that came to the rule; false if some go on to the next one. */
static bool are_all(const struct visit *visit, const struct nat_packets *packets)
{
	const struct nat_packets *before = &visit->packets;
	return packets->narrowed == before->narrowed && packets->opaque == before->opaque &&
	       packets->balanced == before->balanced && nat_box_covers(&packets->box, &before->box);
}

static void note_chance(struct walk *walk, const struct visit *visit, const struct nat_packets *packets)
{
	if (packets->balanced && !packets->opaque && !visit->packets.balanced)
		nat_exclude(&walk->exclusions, visit->scope, packets);
}

static void translate(struct walk *walk, const struct visit *visit, const struct nat_packets *packets,
	const struct nat_target *target)
{
	const struct nat_place place = place_of(walk, visit);
	struct nat_packets left = *packets;
	nat_exclusions_apply(&walk->exclusions, &left);
	if (!left.never)
		nat_list_add(walk->list, &place, &left, target);
	note_chance(walk, visit, packets);
}

static void jump(struct walk *walk, const struct visit *visit, const struct entry *entry, int verdict,
	const struct nat_packets *packets)
{
	visit_chain(walk, (size_t)verdict, visit->depth + 1, packets);
	if (entry->is_goto)
		nat_exclude(&walk->exclusions, visit->scope, packets);
	else
		note_chance(walk, visit, packets);
}

static void follow_standard(struct walk *walk, const struct visit *visit, const struct entry *entry,
	const struct nat_packets *packets)
{
	struct xt_standard_target target;
	if (entry->next - entry->target < sizeof(target))
		return;
	memcpy(&target, target_of(walk, entry), sizeof(target));
	if (target.verdict >= 0 && (size_t)target.verdict != entry->next)
		jump(walk, visit, entry, target.verdict, packets);
	else if (target.verdict == RETURN)
		nat_exclude(&walk->exclusions, visit->scope, packets);
	else if (target.verdict < 0)
		nat_exclude(&walk->exclusions,
			target.verdict == -NF_DROP - 1 ? NAT_SCOPE_FOREVER : NAT_SCOPE_BASE, packets);
}

static void fail(
	struct walk *walk, const struct visit *visit, const struct nat_packets *packets, const char *reason)
{
	const struct nat_place place = place_of(walk, visit);
	if (reason)
		nat_list_add_unread(walk->list, &place, reason);
	nat_exclude(&walk->exclusions, NAT_SCOPE_FOREVER, packets);
}

static void follow_target(struct walk *walk, const struct visit *visit, const struct entry *entry,
	const struct nat_packets *packets)
{
	const struct xt_entry_target *raw = target_of(walk, entry);
	size_t size = entry->next - entry->target - sizeof(*raw);
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	struct nat_packets unknown = *packets;
	struct nat_target target;
	memcpy(name, raw->u.user.name, XT_EXTENSION_MAXNAMELEN);
	if (name[0] == '\0') {
		follow_standard(walk, visit, entry, packets);
		return;
	}
	switch (xt_target_read(name, raw->u.user.revision, raw->data, size, walk->table->family, &target)) {
	case XT_GOES_ON:
		break;
	case XT_ENDS:
		nat_exclude(&walk->exclusions, NAT_SCOPE_BASE, packets);
		break;
	case XT_TRANSLATES:
		translate(walk, visit, packets, &target);
		break;
	case XT_UNREADABLE:
		fail(walk, visit, packets, "its target is of a form that is not known");
		break;
	case XT_UNKNOWN:
		unknown.opaque = true;
		fail(walk, visit, &unknown, NULL);
		break;
	}
}

/* ---- matches */

static void run_matches(struct walk *walk, const struct visit *visit, const struct entry *entry, size_t at,
	struct nat_packets packets);

static void run_ports(struct walk *walk, const struct visit *visit, const struct entry *entry, size_t next,
	const struct nat_packets *packets, const struct xt_ports *ports)
{
	for (unsigned i = 0; i < ports->count; i++) {
		struct nat_packets part = *packets;
		nat_need_ports(&part, ports->ranges[i][0], ports->ranges[i][1]);
		run_matches(walk, visit, entry, next, part);
	}
}

static void run_matches(struct walk *walk, const struct visit *visit, const struct entry *entry, size_t at,
	struct nat_packets packets)
{
	while (at + sizeof(struct xt_entry_match) <= entry->target && !packets.never) {
		const struct xt_entry_match *match = (const struct xt_entry_match *)(walk->table->bytes + at);
		size_t size = match->u.match_size;
		char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
		struct xt_ports ports;
		if (size < sizeof(*match) || size > entry->target - at ||
			size % _Alignof(struct xt_entry_match) || walk->steps++ >= STEPS_MAX)
			return;
		memcpy(name, match->u.user.name, XT_EXTENSION_MAXNAMELEN);
		xt_match_apply(
			name, match->u.user.revision, match->data, size - sizeof(*match), &packets, &ports);
		at += size;
		if (ports.count) {
			run_ports(walk, visit, entry, at, &packets, &ports);
			return;
		}
	}
	if (!packets.never)
		follow_target(walk, visit, entry, &packets);
}

/* ---- chains */

static bool ends_chain(const struct walk *walk, const struct visit *visit, const struct entry *entry)
{
	struct nat_packets packets = visit->packets;
	struct xt_standard_target target;
	if (entry->next - entry->target < sizeof(target) || target_of(walk, entry)->u.user.name[0] ||
		entry->target != entry->at + header_size(walk))
		return false;
	memcpy(&target, target_of(walk, entry), sizeof(target));
	need_entry(entry, &packets);
	return target.verdict < 0 && are_all(visit, &packets);
}

static void visit_chain(struct walk *walk, size_t at, unsigned depth, const struct nat_packets *packets)
{
	struct visit visit = { .start = at, .scope = ++walk->visits, .depth = depth, .packets = *packets };
	struct entry entry;
	while (depth <= DEPTH_MAX && walk->steps++ < STEPS_MAX && read_entry(walk, at, &entry) &&
		!error_name(walk, &entry)) {
		struct nat_packets some = visit.packets;
		visit.number++;
		need_entry(&entry, &some);
		if (ends_chain(walk, &visit, &entry)) {
			follow_standard(walk, &visit, &entry, &some);
			break;
		}
		run_matches(walk, &visit, &entry, entry.at + header_size(walk), some);
		at = entry.next;
	}
	nat_exclusions_leave(&walk->exclusions, visit.scope);
}

void ip_table_walk(const struct ip_table *table, struct nat_list *list)
{
	struct walk walk = { .table = table, .list = list };
	struct nat_packets packets = { .box = nat_box_all };
	packets.box.family = table->family;
	visit_chain(&walk, table->entry, 0, &packets);
	if (walk.steps >= STEPS_MAX) {
		const struct visit visit = { .start = table->entry };
		const struct nat_place place = place_of(&walk, &visit);
		nat_list_add_unread(list, &place, "the table has more rules than are followed");
	}
}

void ip_table_clear_counters(uint8_t family, uint8_t *bytes, size_t size)
{
	const struct ip_table table = { .family = family, .bytes = bytes, .size = size };
	const struct walk walk = { .table = &table };
	size_t counters = family == AF_INET ? offsetof(struct ipt_entry, counters)
					    : offsetof(struct ip6t_entry, counters);
	struct entry entry;
	for (size_t at = 0; read_entry(&walk, at, &entry); at = entry.next)
		memset(bytes + at + counters, 0, sizeof(struct xt_counters));
}
