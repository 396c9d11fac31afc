// SPDX-License-Identifier: GPL-2.0-or-later
/* Legacy iptables, for one packet. A chain is a place in the table (net/ipv4/netfilter/ip_tables.c). */
#include "collectors/firewall/filter_eval.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include "collectors/firewall/ip_table_entry.h"

static enum filter_match address_fits(const struct address *address, bool unknown,
	const struct address *wanted, const uint8_t *mask, bool invert)
{
	bool fits = true, any = true;
	for (size_t i = 0; i < address_size(wanted->family); i++) {
		fits &= (address->bytes[i] & mask[i]) == wanted->bytes[i];
		any &= mask[i] == 0;
	}
	return unknown && !any ? MATCH_PERHAPS : filter_match_of(fits != invert);
}

/* Names are compared as far as the mask goes, their end included. */
static bool device_fits(const char *name, const char *wanted, const uint8_t *mask, bool invert)
{
	bool fits = true;
	for (size_t i = 0; i < IFNAMSIZ; i++)
		fits &= ((name[i] ^ wanted[i]) & mask[i]) == 0;
	return fits != invert;
}

static enum filter_match entry_fits(const struct ip_table_entry *entry, const struct filter_packet *packet)
{
	bool tcp = entry->protocol == 0 ||
		   (entry->protocol == IPPROTO_TCP) == !(entry->inverted & IPT_INV_PROTO);
	bool whole = !entry->fragments || entry->inverted & IPT_INV_FRAG;
	if (!tcp || !whole ||
		!device_fits(
			packet->iifname, entry->iif, entry->iif_mask, entry->inverted & IPT_INV_VIA_IN) ||
		!device_fits(packet->oifname, entry->oif, entry->oif_mask, entry->inverted & IPT_INV_VIA_OUT))
		return MATCH_NOT;
	return filter_both(address_fits(&packet->source.address, packet->source.address_unknown,
				   &entry->source, entry->source_mask, entry->inverted & IPT_INV_SRCIP),
		address_fits(&packet->destination.address, packet->destination.address_unknown,
			&entry->destination, entry->destination_mask, entry->inverted & IPT_INV_DSTIP));
}

static enum filter_match matches_fit(const struct filter_scene *scene, const struct ip_table_entry *entry,
	const struct filter_packet *packet, const char **reason)
{
	enum filter_match match = MATCH_SURELY;
	size_t at = entry->matches;
	while (match != MATCH_NOT && at + sizeof(struct xt_entry_match) <= entry->target) {
		const struct xt_entry_match *raw = (const struct xt_entry_match *)(scene->table->bytes + at);
		char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
		size_t size = raw->u.match_size;
		if (size < sizeof(*raw) || size > entry->target - at ||
			size % _Alignof(struct xt_entry_match))
			return MATCH_PERHAPS;
		memcpy(name, raw->u.user.name, XT_EXTENSION_MAXNAMELEN);
		enum filter_match one = filter_xt_match(
			scene, packet, name, raw->u.user.revision, raw->data, size - sizeof(*raw));
		if (one == MATCH_PERHAPS)
			*reason = "it asks for something that reading does not tell";
		match = filter_both(match, one);
		at += size;
	}
	return match;
}

static void follow_target(const struct filter_scene *scene, struct filter_walk *walk,
	const struct ip_table_entry *entry, struct filter_effect *effect)
{
	const struct xt_entry_target *raw = ip_table_entry_target(scene->table, entry);
	struct xt_standard_target target;
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	memcpy(name, raw->u.user.name, XT_EXTENSION_MAXNAMELEN);
	if (name[0]) {
		filter_xt_target(scene, walk, name, raw->u.user.revision, raw->data,
			entry->next - entry->target - sizeof(*raw), effect);
		return;
	}
	if (entry->next - entry->target < sizeof(target)) {
		effect->verdict = VERDICT_LOST;
		effect->reason = "it is malformed";
		return;
	}
	memcpy(&target, raw, sizeof(target));
	effect->chain = (size_t)target.verdict;
	if (target.verdict >= 0 && effect->chain != entry->next)
		effect->verdict = entry->is_goto ? VERDICT_GOES_TO : VERDICT_JUMPS;
	else if (target.verdict == XT_RETURN)
		effect->verdict = VERDICT_RETURNS;
	else if (target.verdict < 0)
		effect->verdict = target.verdict == -NF_DROP - 1     ? VERDICT_DROPS
				  : target.verdict == -NF_ACCEPT - 1 ? VERDICT_ACCEPTS
								     : VERDICT_LOST;
}

bool filter_table_next(
	const struct filter_scene *scene, struct filter_walk *walk, struct filter_effect *effect)
{
	struct filter_frame *frame = &walk->frames[walk->depth - 1];
	struct ip_table_entry entry;
	struct filter_effect found = { .verdict = VERDICT_GOES_ON };
	if (!ip_table_entry_read(scene->table, frame->next, &entry) ||
		ip_table_entry_name(scene->table, &entry))
		return false;
	frame->rule = frame->next;
	frame->next = entry.next;
	frame->number++;
	enum filter_match match = entry_fits(&entry, &walk->path.packet);
	if (match == MATCH_PERHAPS)
		found.reason = "its addresses are translated to something that reading does not tell";
	if (match != MATCH_NOT)
		match = filter_both(match, matches_fit(scene, &entry, &walk->path.packet, &found.reason));
	found.perhaps = match == MATCH_PERHAPS;
	if (match != MATCH_NOT)
		follow_target(scene, walk, &entry, &found);
	*effect = found;
	return true;
}

struct filter_place filter_table_place(const struct filter_scene *scene, const struct filter_walk *walk)
{
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING" };
	const struct filter_frame *frame = &walk->frames[walk->depth ? walk->depth - 1 : 0];
	bool policy = frame->rule == scene->table->policies[scene->hook];
	const char *name = frame->chain == scene->table->hooks[scene->hook]
				   ? NULL
				   : ip_table_chain_name(scene->table, frame->chain);
	return (struct filter_place){ .hook = scene->hook,
		.family = scene->table->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6,
		.legacy = true,
		.table = scene->table_name,
		.chain = name ? name : chains[scene->hook],
		.handle = policy ? 0 : frame->number };
}
