// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/xt_match.h"

#include <arpa/inet.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <string.h>

#define TCP_SYN 0x02

/* What a match makes of the packets, and its data: of the size that its row says, aligned. */
struct match {
	const void *info;
	struct nat_packets *packets;
	struct xt_ports *ports;
};

static void add_range(struct xt_ports *ports, uint16_t low, uint16_t high)
{
	if (ports->count < XT_PORT_RANGES_MAX && low <= high) {
		ports->ranges[ports->count][0] = low;
		ports->ranges[ports->count][1] = high;
		ports->count++;
	}
}

void xt_ports_except(struct xt_ports *ports, uint16_t low, uint16_t high)
{
	ports->count = 0;
	if (low > 0)
		add_range(ports, 0, (uint16_t)(low - 1));
	if (high < UINT16_MAX)
		add_range(ports, (uint16_t)(high + 1), UINT16_MAX);
}

static void match_ports(struct match *match, const uint16_t ports[static 2], bool inverted)
{
	if (!inverted) {
		nat_match_ports(match->packets, ports[0], ports[1]);
		return;
	}
	xt_ports_except(match->ports, ports[0], ports[1]);
	if (match->ports->count == 0)
		match->packets->never = true;
}

static void match_source_ports(struct match *match, const uint16_t ports[static 2])
{
	if (ports[0] != 0 || ports[1] != UINT16_MAX)
		match->packets->narrowed = true;
}

static bool match_tcp(struct match *match)
{
	const struct xt_tcp *tcp = match->info;
	nat_match_protocol(match->packets, IPPROTO_TCP);
	match_source_ports(match, tcp->spts);
	match_ports(match, tcp->dpts, tcp->invflags & XT_TCP_INV_DSTPT);
	bool first = (tcp->flg_mask & TCP_SYN) == tcp->flg_cmp;
	return !tcp->option && !(tcp->flg_mask && first == !!(tcp->invflags & XT_TCP_INV_FLAGS));
}

static bool match_udp(struct match *match)
{
	const struct xt_udp *udp = match->info;
	nat_match_protocol(match->packets, IPPROTO_UDP);
	match_source_ports(match, udp->spts);
	match_ports(match, udp->dpts, udp->invflags & XT_UDP_INV_DSTPT);
	return true;
}

static bool match_source(struct match *match)
{
	match->packets->narrowed = true;
	return true;
}

static bool match_multiport(struct match *match)
{
	const struct xt_multiport_v1 *multiport = match->info;
	if (multiport->flags == XT_MULTIPORT_SOURCE)
		return match_source(match);
	if (multiport->flags != XT_MULTIPORT_DESTINATION || multiport->invert ||
		multiport->count > XT_MULTI_PORTS)
		return false;
	for (unsigned i = 0; i < multiport->count; i++) {
		uint16_t low = multiport->ports[i];
		if (multiport->pflags[i] && i + 1 < multiport->count)
			i++;
		add_range(match->ports, low, multiport->ports[i]);
	}
	return match->ports->count > 0;
}

static bool match_type(
	struct match *match, unsigned source, unsigned dest, bool source_other, bool dest_other)
{
	if (source && !(source == XT_ADDRTYPE_LOCAL && source_other))
		match->packets->narrowed = true;
	if (dest == XT_ADDRTYPE_LOCAL && !dest_other)
		match->packets->set.local = true;
	else if (dest)
		return false;
	return true;
}

static bool match_addrtype0(struct match *match)
{
	const struct xt_addrtype_info *info = match->info;
	return match_type(match, info->source, info->dest, info->invert_source, info->invert_dest);
}

static bool match_addrtype1(struct match *match)
{
	const struct xt_addrtype_info_v1 *info = match->info;
	return !(info->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT) &&
	       match_type(match, info->source, info->dest, info->flags & XT_ADDRTYPE_INVERT_SOURCE,
		       info->flags & XT_ADDRTYPE_INVERT_DEST);
}

/* Only the first packet of a connection is asked, and nearly all of these are new. */
static bool match_state(struct match *match)
{
	const struct xt_state_info *info = match->info;
	return info->statemask & XT_STATE_BIT(IP_CT_NEW);
}

/* What mtinfo2 has is in the same place. */
static bool match_conntrack(struct match *match)
{
	const struct xt_conntrack_mtinfo3 *info = match->info;
	return info->match_flags == XT_CONNTRACK_STATE && !(info->invert_flags & XT_CONNTRACK_STATE) &&
	       (info->state_mask & XT_CONNTRACK_STATE_BIT(IP_CT_NEW));
}

static bool match_iprange(struct match *match)
{
	const struct xt_iprange_mtinfo *info = match->info;
	uint8_t family = match->packets->set.family;
	if (family == AF_UNSPEC)
		return false;
	if (info->flags & IPRANGE_SRC)
		match->packets->narrowed = true;
	if (!(info->flags & IPRANGE_DST))
		return true;
	if (info->flags & IPRANGE_DST_INV)
		return false;
	struct address low = address_make(family, &info->dst_min),
		       high = address_make(family, &info->dst_max);
	nat_match_destination(match->packets, &low, &high);
	return true;
}

static bool match_statistic(struct match *match)
{
	match->packets->balanced = true;
	return true;
}

static bool match_anything(struct match *match)
{
	(void)match;
	return true;
}

/* To note a source is to match it; to ask for it is to match some. */
static bool match_recent(struct match *match)
{
	const struct xt_recent_mtinfo *info = match->info;
	if (!(info->check_set & XT_RECENT_SET) || info->invert)
		match->packets->narrowed = true;
	return true;
}

#define INFO_MAX     512 /* no match here has more */
#define ANY_REVISION UINT_MAX

_Static_assert(sizeof(struct xt_recent_mtinfo) <= INFO_MAX && sizeof(struct xt_conntrack_mtinfo3) <= INFO_MAX,
	"the largest ones have room");

static const struct reader {
	const char *name;
	unsigned revision;
	size_t size;                       /* of what is read of it */
	bool (*read)(struct match *match); /* false: it demands more than could be read */
} readers[] = {
	{ "addrtype", 0, sizeof(struct xt_addrtype_info), match_addrtype0 },
	{ "addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype1 },
	{ "comment", ANY_REVISION, 0, match_anything },
	{ "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack },
	{ "iprange", 1, sizeof(struct xt_iprange_mtinfo), match_iprange },
	{ "mac", ANY_REVISION, 0, match_source },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), match_multiport },
	{ "recent", ANY_REVISION, sizeof(struct xt_recent_mtinfo), match_recent },
	{ "state", ANY_REVISION, sizeof(struct xt_state_info), match_state },
	{ "statistic", ANY_REVISION, 0, match_statistic },
	{ "tcp", ANY_REVISION, sizeof(struct xt_tcp), match_tcp },
	{ "udp", ANY_REVISION, sizeof(struct xt_udp), match_udp },
};

void xt_match_apply(const char *name, unsigned revision, const uint8_t *info, size_t size,
	struct nat_packets *packets, struct xt_ports *ports)
{
	alignas(max_align_t) uint8_t aligned[INFO_MAX] = { 0 };
	struct match match = { aligned, packets, ports };
	bool known = false;
	*ports = (struct xt_ports){ 0 };
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
		const struct reader *reader = &readers[i];
		if (strcmp(reader->name, name) != 0 || size < reader->size ||
			(reader->revision != revision && reader->revision != ANY_REVISION))
			continue;
		memcpy(aligned, info, reader->size);
		known = reader->read(&match);
		break;
	}
	packets->opaque |= !known;
}
