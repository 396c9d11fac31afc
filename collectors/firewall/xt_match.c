// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/xt_match.h"

#include <arpa/inet.h>
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
#include <string.h>

#define TCP_SYN 0x02

struct match {
	unsigned revision;
	const uint8_t *info;
	size_t size;
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
	struct xt_tcp tcp;
	if (match->size < sizeof(tcp))
		return false;
	memcpy(&tcp, match->info, sizeof(tcp));
	nat_match_protocol(match->packets, IPPROTO_TCP);
	match_source_ports(match, tcp.spts);
	match_ports(match, tcp.dpts, tcp.invflags & XT_TCP_INV_DSTPT);
	bool first = (tcp.flg_mask & TCP_SYN) == tcp.flg_cmp;
	if (tcp.option || (tcp.flg_mask && first == !!(tcp.invflags & XT_TCP_INV_FLAGS)))
		match->packets->opaque = true;
	return true;
}

static bool match_udp(struct match *match)
{
	struct xt_udp udp;
	if (match->size < sizeof(udp))
		return false;
	memcpy(&udp, match->info, sizeof(udp));
	nat_match_protocol(match->packets, IPPROTO_UDP);
	match_source_ports(match, udp.spts);
	match_ports(match, udp.dpts, udp.invflags & XT_UDP_INV_DSTPT);
	return true;
}

static bool match_multiport(struct match *match)
{
	struct xt_multiport_v1 multiport;
	if (match->revision != 1 || match->size < sizeof(multiport))
		return false;
	memcpy(&multiport, match->info, sizeof(multiport));
	if (multiport.flags == XT_MULTIPORT_SOURCE) {
		match->packets->narrowed = true;
		return true;
	}
	if (multiport.flags != XT_MULTIPORT_DESTINATION || multiport.invert ||
		multiport.count > XT_MULTI_PORTS)
		return false;
	for (unsigned i = 0; i < multiport.count; i++) {
		uint16_t low = multiport.ports[i];
		if (multiport.pflags[i] && i + 1 < multiport.count)
			i++;
		add_range(match->ports, low, multiport.ports[i]);
	}
	return match->ports->count > 0;
}

static void match_type(
	struct match *match, unsigned source, unsigned dest, bool source_other, bool dest_other)
{
	if (source && !(source == XT_ADDRTYPE_LOCAL && source_other))
		match->packets->narrowed = true;
	if (dest == XT_ADDRTYPE_LOCAL && !dest_other)
		match->packets->set.local = true;
	else if (dest)
		match->packets->opaque = true;
}

static bool match_addrtype(struct match *match)
{
	struct xt_addrtype_info_v1 info;
	struct xt_addrtype_info old;
	if (match->revision == 0 && match->size >= sizeof(old)) {
		memcpy(&old, match->info, sizeof(old));
		match_type(match, old.source, old.dest, old.invert_source, old.invert_dest);
		return true;
	}
	if (match->revision != 1 || match->size < sizeof(info))
		return false;
	memcpy(&info, match->info, sizeof(info));
	if (info.flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		return false;
	match_type(match, info.source, info.dest, info.flags & XT_ADDRTYPE_INVERT_SOURCE,
		info.flags & XT_ADDRTYPE_INVERT_DEST);
	return true;
}

/* Only the first packet of a connection is asked, and nearly all of these are new. */
static bool match_state(struct match *match)
{
	struct xt_state_info info;
	if (match->size < sizeof(info))
		return false;
	memcpy(&info, match->info, sizeof(info));
	return info.statemask & XT_STATE_BIT(IP_CT_NEW);
}

static bool match_conntrack(struct match *match)
{
	struct xt_conntrack_mtinfo3 info;
	size_t size = match->revision == 3 ? sizeof(info) : sizeof(struct xt_conntrack_mtinfo2);
	if (match->revision < 2 || match->revision > 3 || match->size < size)
		return false;
	memset(&info, 0, sizeof(info));
	memcpy(&info, match->info, size);
	return info.match_flags == XT_CONNTRACK_STATE && !(info.invert_flags & XT_CONNTRACK_STATE) &&
	       (info.state_mask & XT_CONNTRACK_STATE_BIT(IP_CT_NEW));
}

static bool match_iprange(struct match *match)
{
	struct xt_iprange_mtinfo info;
	uint8_t family = match->packets->set.family;
	if (match->revision != 1 || match->size < sizeof(info) || family == AF_UNSPEC)
		return false;
	memcpy(&info, match->info, sizeof(info));
	if (info.flags & IPRANGE_SRC)
		match->packets->narrowed = true;
	if (!(info.flags & IPRANGE_DST))
		return true;
	struct address low = address_make(family, &info.dst_min), high = address_make(family, &info.dst_max);
	if (info.flags & IPRANGE_DST_INV)
		return false;
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

static bool match_source(struct match *match)
{
	match->packets->narrowed = true;
	return true;
}

/* To note a source is to match it; to ask for it is to match some. */
static bool match_recent(struct match *match)
{
	struct xt_recent_mtinfo info;
	if (match->size < sizeof(info))
		return false;
	memcpy(&info, match->info, sizeof(info));
	if (!(info.check_set & XT_RECENT_SET) || info.invert)
		match->packets->narrowed = true;
	return true;
}

struct reader {
	const char *name;
	bool (*read)(struct match *match); /* false: it demands more than could be read */
};

static const struct reader readers[] = {
	{ "addrtype", match_addrtype },
	{ "comment", match_anything },
	{ "conntrack", match_conntrack },
	{ "iprange", match_iprange },
	{ "mac", match_source },
	{ "multiport", match_multiport },
	{ "recent", match_recent },
	{ "state", match_state },
	{ "statistic", match_statistic },
	{ "tcp", match_tcp },
	{ "udp", match_udp },
};

void xt_match_apply(const char *name, unsigned revision, const uint8_t *info, size_t size,
	struct nat_packets *packets, struct xt_ports *ports)
{
	struct match match = { revision, info, size, packets, ports };
	*ports = (struct xt_ports){ 0 };
	for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++)
		if (strcmp(readers[i].name, name) == 0) {
			packets->opaque |= !readers[i].read(&match);
			return;
		}
	packets->opaque = true;
}
