// SPDX-License-Identifier: GPL-2.0-or-later
/* The matches and targets of iptables (linux/netfilter/xt_*.h), for one packet. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CONNMARK.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_MARK.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>

#include "collectors/firewall/filter_eval.h"
#include "collectors/firewall/xt_match.h"

#define TCP_SYN   0x02
#define TCP_ACK   0x10
#define ECN_FLAGS 0xc0 /* a SYN may have them */

/* What is asked: data of the size that its row says, aligned. */
struct asked {
	const void *info;
	const struct filter_scene *scene;
	const struct filter_packet *packet;
};

static enum filter_match port_within(uint16_t port, uint16_t low, uint16_t high, bool unknown)
{
	if (low == 0 && high == UINT16_MAX)
		return MATCH_SURELY;
	return unknown ? MATCH_PERHAPS : filter_match_of(port >= low && port <= high);
}

static enum filter_match inverted(enum filter_match match, bool invert)
{
	return invert ? filter_not(match) : match;
}

static enum filter_match match_tcp(const struct asked *asked)
{
	const struct xt_tcp *tcp = asked->info;
	const struct filter_packet *packet = asked->packet;
	uint8_t flags = packet->reply ? TCP_SYN | TCP_ACK : TCP_SYN;
	enum filter_match match = inverted(
		port_within(packet->source.port, tcp->spts[0], tcp->spts[1], packet->source.port_unknown),
		tcp->invflags & XT_TCP_INV_SRCPT);
	match = filter_both(match, inverted(port_within(packet->destination.port, tcp->dpts[0], tcp->dpts[1],
						    packet->destination.port_unknown),
					   tcp->invflags & XT_TCP_INV_DSTPT));
	if (tcp->flg_mask || tcp->flg_cmp)
		match = filter_both(match,
			inverted(filter_masked(flags, ~(uint32_t)ECN_FLAGS, tcp->flg_mask, tcp->flg_cmp),
				tcp->invflags & XT_TCP_INV_FLAGS));
	return tcp->option ? filter_both(match, MATCH_PERHAPS) : match;
}

static enum filter_match match_none(const struct asked *asked)
{
	(void)asked;
	return MATCH_NOT;
}

static enum filter_match match_all(const struct asked *asked)
{
	(void)asked;
	return MATCH_SURELY;
}

static enum filter_match match_multiport(const struct asked *asked)
{
	const struct xt_multiport_v1 *ports = asked->info;
	const struct filter_packet *packet = asked->packet;
	bool source = ports->flags != XT_MULTIPORT_DESTINATION, dest = ports->flags != XT_MULTIPORT_SOURCE;
	if (ports->count > XT_MULTI_PORTS)
		return MATCH_PERHAPS;
	enum filter_match found = MATCH_NOT;
	for (unsigned i = 0; i < ports->count; i++) {
		uint16_t low = ports->ports[i];
		if (ports->pflags[i] && i + 1 < ports->count)
			i++;
		enum filter_match by_source =
			port_within(packet->source.port, low, ports->ports[i], packet->source.port_unknown);
		enum filter_match by_dest = port_within(
			packet->destination.port, low, ports->ports[i], packet->destination.port_unknown);
		if (source && by_source > found)
			found = by_source;
		if (dest && by_dest > found)
			found = by_dest;
	}
	return inverted(found, ports->invert);
}

static enum filter_match type_within(const struct asked *asked, bool source, uint16_t mask)
{
	const struct filter_packet *packet = asked->packet;
	bool unknown = source ? packet->source.address_unknown : packet->destination.address_unknown;
	uint32_t types = filter_address_types(
		asked->scene->facts, source ? &packet->source.address : &packet->destination.address);
	return unknown || (types & mask && types & ~(uint32_t)mask) ? MATCH_PERHAPS
								    : filter_match_of(types & mask);
}

static enum filter_match match_types(
	const struct asked *asked, uint16_t source, uint16_t dest, bool source_other, bool dest_other)
{
	enum filter_match match = MATCH_SURELY;
	if (source)
		match = inverted(type_within(asked, true, source), source_other);
	if (dest)
		match = filter_both(match, inverted(type_within(asked, false, dest), dest_other));
	return match;
}

static enum filter_match match_addrtype0(const struct asked *asked)
{
	const struct xt_addrtype_info *info = asked->info;
	return match_types(asked, info->source, info->dest, info->invert_source, info->invert_dest);
}

static enum filter_match match_addrtype1(const struct asked *asked)
{
	const struct xt_addrtype_info_v1 *info = asked->info;
	if (info->flags & (XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT))
		return MATCH_PERHAPS;
	return match_types(asked, info->source, info->dest, info->flags & XT_ADDRTYPE_INVERT_SOURCE,
		info->flags & XT_ADDRTYPE_INVERT_DEST);
}

static enum filter_match match_state(const struct asked *asked)
{
	const struct xt_state_info *info = asked->info;
	enum filter_match tracked = filter_is_tracked(asked->scene, asked->packet);
	bool reply = asked->packet->reply;
	if (tracked == MATCH_PERHAPS)
		return MATCH_PERHAPS;
	if (tracked == MATCH_NOT)
		return filter_match_of(
			info->statemask & (asked->packet->untracked ? XT_STATE_UNTRACKED : XT_STATE_INVALID));
	return filter_match_of(
		info->statemask & (reply ? XT_STATE_BIT(IP_CT_ESTABLISHED) : XT_STATE_BIT(IP_CT_NEW)));
}

/* The state of a translated connection has a bit of its own for that (conntrack_mt). */
static enum filter_match match_ct_state(const struct asked *asked, uint16_t mask)
{
	const struct filter_packet *packet = asked->packet;
	enum filter_match tracked = filter_is_tracked(asked->scene, packet);
	if (tracked == MATCH_PERHAPS)
		return MATCH_PERHAPS;
	if (tracked == MATCH_NOT)
		return filter_match_of(mask & (packet->untracked ? XT_CONNTRACK_STATE_UNTRACKED
								 : XT_CONNTRACK_STATE_INVALID));
	uint16_t state =
		packet->reply ? XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) : XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
	if (packet->translated)
		state |= XT_CONNTRACK_STATE_DNAT;
	if (mask & state)
		return MATCH_SURELY;
	return mask & XT_CONNTRACK_STATE_SNAT && packet->reply ? MATCH_PERHAPS : MATCH_NOT;
}

/* What mtinfo2 has is in the same place. */
static enum filter_match match_conntrack(const struct asked *asked)
{
	const struct xt_conntrack_mtinfo3 *info = asked->info;
	uint16_t known = XT_CONNTRACK_STATE | XT_CONNTRACK_DIRECTION;
	enum filter_match match = MATCH_SURELY;
	if (info->match_flags & XT_CONNTRACK_STATE)
		match = inverted(
			match_ct_state(asked, info->state_mask), info->invert_flags & XT_CONNTRACK_STATE);
	/* Without a connection nothing but the state is asked. */
	if (info->match_flags & ~XT_CONNTRACK_STATE &&
		filter_is_tracked(asked->scene, asked->packet) != MATCH_SURELY)
		return filter_both(match, MATCH_PERHAPS);
	/* The flag says which: inverted is the reply's direction. */
	if (info->match_flags & XT_CONNTRACK_DIRECTION)
		match = filter_both(match, filter_match_of(asked->packet->reply ==
							   !!(info->invert_flags & XT_CONNTRACK_DIRECTION)));
	return info->match_flags & ~known ? filter_both(match, MATCH_PERHAPS) : match;
}

static enum filter_match address_within(
	const struct address *address, const void *low, const void *high, bool unknown)
{
	size_t size = address_size(address->family);
	return unknown ? MATCH_PERHAPS
		       : filter_match_of(memcmp(address->bytes, low, size) >= 0 &&
					 memcmp(address->bytes, high, size) <= 0);
}

static enum filter_match match_iprange(const struct asked *asked)
{
	const struct xt_iprange_mtinfo *info = asked->info;
	const struct filter_packet *packet = asked->packet;
	enum filter_match match = MATCH_SURELY;
	if (info->flags & IPRANGE_SRC)
		match = inverted(address_within(&packet->source.address, &info->src_min, &info->src_max,
					 packet->source.address_unknown),
			info->flags & IPRANGE_SRC_INV);
	if (info->flags & IPRANGE_DST)
		match = filter_both(
			match, inverted(address_within(&packet->destination.address, &info->dst_min,
						&info->dst_max, packet->destination.address_unknown),
				       info->flags & IPRANGE_DST_INV));
	return match;
}

static enum filter_match match_mark(const struct asked *asked)
{
	const struct xt_mark_mtinfo1 *info = asked->info;
	return inverted(filter_masked(asked->packet->mark, asked->packet->mark_known, info->mask, info->mark),
		info->invert);
}

static enum filter_match match_connmark(const struct asked *asked)
{
	const struct xt_connmark_mtinfo1 *info = asked->info;
	enum filter_match tracked = filter_is_tracked(asked->scene, asked->packet);
	enum filter_match match = inverted(
		filter_masked(asked->packet->ct_mark, asked->packet->ct_mark_known, info->mask, info->mark),
		info->invert);
	return filter_both(tracked, match);
}

#define INFO_MAX     512
#define ANY_REVISION UINT32_MAX

static const struct form {
	const char *name;
	unsigned revision;
	size_t size;
	enum filter_match (*match)(const struct asked *asked);
} forms[] = {
	{ "addrtype", 0, sizeof(struct xt_addrtype_info), match_addrtype0 },
	{ "addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype1 },
	{ "comment", ANY_REVISION, 0, match_all },
	{ "connmark", 1, sizeof(struct xt_connmark_mtinfo1), match_connmark },
	{ "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack },
	{ "icmp", ANY_REVISION, 0, match_none },
	{ "icmp6", ANY_REVISION, 0, match_none },
	{ "iprange", 1, sizeof(struct xt_iprange_mtinfo), match_iprange },
	{ "mark", 1, sizeof(struct xt_mark_mtinfo1), match_mark },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), match_multiport },
	{ "state", ANY_REVISION, sizeof(struct xt_state_info), match_state },
	{ "tcp", ANY_REVISION, sizeof(struct xt_tcp), match_tcp },
	{ "udp", ANY_REVISION, 0, match_none },
};

enum filter_match filter_xt_match(const struct filter_scene *scene, const struct filter_packet *packet,
	const char *name, unsigned revision, const uint8_t *info, size_t size)
{
	alignas(max_align_t) uint8_t aligned[INFO_MAX] = { 0 };
	const struct asked asked = { aligned, scene, packet };
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct form *form = &forms[i];
		if (strcmp(form->name, name) != 0 || size < form->size || form->size > sizeof(aligned) ||
			(form->revision != revision && form->revision != ANY_REVISION))
			continue;
		memcpy(aligned, info, form->size);
		return form->match(&asked);
	}
	return MATCH_PERHAPS;
}

/* ---- targets */

/* (to & ~mask) ^ value, bit by bit; of the bits that the value has some may not be known. */
static void set_mark(uint32_t *to, uint32_t *known, uint32_t mask, uint32_t value, uint32_t value_known)
{
	*to = (*to & ~mask) ^ value;
	*known = (*known | mask) & value_known;
	*to &= *known;
}

static void connmark(const struct filter_scene *scene, struct filter_packet *packet,
	const struct xt_connmark_tginfo1 *info)
{
	if (filter_is_tracked(scene, packet) == MATCH_NOT)
		return;
	switch (info->mode) {
	case XT_CONNMARK_SET:
		set_mark(&packet->ct_mark, &packet->ct_mark_known, info->ctmask, info->ctmark, UINT32_MAX);
		return;
	case XT_CONNMARK_SAVE:
		set_mark(&packet->ct_mark, &packet->ct_mark_known, info->ctmask, packet->mark & info->nfmask,
			packet->mark_known | ~info->nfmask);
		return;
	case XT_CONNMARK_RESTORE:
		set_mark(&packet->mark, &packet->mark_known, info->nfmask, packet->ct_mark & info->ctmask,
			packet->ct_mark_known | ~info->ctmask);
		return;
	}
	packet->mark_known = packet->ct_mark_known = 0;
}

static const uint16_t any[2];

static void translate(const struct filter_scene *scene, struct filter_walk *walk, const char *name,
	unsigned revision, const uint8_t *info, size_t size, struct filter_effect *effect)
{
	struct nat_target target = { 0 };
	struct filter_packet *packet = &walk->path.packet;
	uint8_t family = packet->destination.address.family;
	enum xt_effect found = xt_target_read(name, revision, info, size, family, &target);
	bool known = found == XT_TRANSLATES && !target.netmap;
	effect->verdict = VERDICT_TRANSLATES;
	if (known && target.redirect)
		filter_redirect(scene, packet, target.ports);
	else if (known && !address_is_none(&target.low))
		filter_translate(packet, false, &target.low, &target.high, target.ports);
	else if (known)
		filter_translate(packet, false, &packet->destination.address, &packet->destination.address,
			target.ports);
	else
		filter_translate(packet, false, NULL, NULL, any);
}

static bool is_any(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names) != 0)
		names++;
	return *names;
}

static const char *const handing[] = { "NFQUEUE", "SYNPROXY", "TARPIT", "TPROXY", NULL };
static const char *const translating[] = { "DNAT", "REDIRECT", "NETMAP", NULL };
static const char *const source_translating[] = { "SNAT", "MASQUERADE", NULL };

void filter_xt_target(const struct filter_scene *scene, struct filter_walk *walk, const char *name,
	unsigned revision, const uint8_t *info, size_t size, struct filter_effect *effect)
{
	struct filter_packet *packet = &walk->path.packet;
	struct xt_mark_tginfo2 mark;
	struct xt_connmark_tginfo1 connection;
	struct xt_ct_target_info ct;
	struct nat_target ignored;
	if (strcmp(name, "REJECT") == 0) {
		effect->verdict = VERDICT_DROPS;
	} else if (is_any(name, handing)) {
		effect->verdict = VERDICT_LOST;
		effect->reason = "it hands the packet to a program or another part of the kernel";
	} else if (is_any(name, translating)) {
		translate(scene, walk, name, revision, info, size, effect);
	} else if (is_any(name, source_translating)) {
		filter_translate(packet, true, NULL, NULL, any);
		effect->verdict = VERDICT_TRANSLATES;
	} else if (strcmp(name, "MARK") == 0 && revision == 2 && size >= sizeof(mark)) {
		memcpy(&mark, info, sizeof(mark));
		set_mark(&packet->mark, &packet->mark_known, mark.mask, mark.mark, UINT32_MAX);
	} else if (strcmp(name, "CONNMARK") == 0 && revision == 1 && size >= sizeof(connection)) {
		memcpy(&connection, info, sizeof(connection));
		connmark(scene, packet, &connection);
	} else if (strcmp(name, "MARK") == 0 || strcmp(name, "CONNMARK") == 0 || strcmp(name, "HMARK") == 0) {
		packet->mark_known = packet->ct_mark_known = packet->mark = packet->ct_mark = 0;
	} else if (strcmp(name, "NOTRACK") == 0) {
		packet->untracked = true;
	} else if (strcmp(name, "CT") == 0 && size >= sizeof(ct)) {
		memcpy(&ct, info, sizeof(ct));
		packet->untracked |= ct.flags & XT_CT_NOTRACK;
	} else if (xt_target_read(name, revision, info, size, AF_INET, &ignored) != XT_CONTINUES) {
		effect->verdict = VERDICT_LOST;
		effect->reason = "it ends in a target of which nothing is known";
	}
}
