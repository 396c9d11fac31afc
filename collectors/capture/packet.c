// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/packet.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>

#include "collectors/base/cursor.h"

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86dd

/* What is known of the IP packet while its headers are read. */
struct network {
	struct address source, destination;
	uint8_t protocol;
	bool length_known;
	size_t length; /* of what follows the IP headers, if known */
	bool later_fragment;
};

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

static int read_ethertype(struct cursor *cursor, struct packet *packet)
{
	uint16_t ethertype = cursor_u16(cursor);
	for (; is_tag(ethertype) && packet->tags < PACKET_TAGS_MAX; packet->tags++) {
		cursor_skip(cursor, 2);
		ethertype = cursor_u16(cursor);
	}
	return ethertype == ETHERTYPE_IP4 || ethertype == ETHERTYPE_IP6 ? 0 : -EPROTONOSUPPORT;
}

static int link_ethernet(struct cursor *cursor, struct packet *packet)
{
	cursor_skip(cursor, 12);
	return read_ethertype(cursor, packet);
}

static int link_raw(struct cursor *cursor, struct packet *packet)
{
	(void)cursor;
	(void)packet;
	return 0;
}

/* linux/if_packet.h: PACKET_OUTGOING is 4; all others came in. */
static enum direction sll_direction(unsigned packet_type)
{
	return packet_type == 4 ? DIRECTION_OUT : DIRECTION_IN;
}

static int link_sll(struct cursor *cursor, struct packet *packet)
{
	packet->direction = sll_direction(cursor_u16(cursor));
	cursor_skip(cursor, 12);
	return read_ethertype(cursor, packet);
}

static int sll2_protocol(struct cursor *cursor, uint16_t protocol, struct packet *packet)
{
	if (is_tag(protocol)) {
		packet->tags++;
		cursor_skip(cursor, 2);
		return read_ethertype(cursor, packet);
	}
	return protocol == ETHERTYPE_IP4 || protocol == ETHERTYPE_IP6 ? 0 : -EPROTONOSUPPORT;
}

static int link_sll2(struct cursor *cursor, struct packet *packet)
{
	uint16_t protocol = cursor_u16(cursor);
	cursor_skip(cursor, 2);
	packet->ifindex = (int)(cursor_u32(cursor) & INT32_MAX);
	cursor_skip(cursor, 2);
	packet->direction = sll_direction(cursor_u8(cursor));
	cursor_skip(cursor, 9);
	return sll2_protocol(cursor, protocol, packet);
}

/* AF_INET is 2 everywhere; AF_INET6 differs: Linux, NetBSD and OpenBSD, FreeBSD, macOS. */
static bool is_ip_family(uint32_t family)
{
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

static int link_null(struct cursor *cursor, struct packet *packet)
{
	(void)packet;
	uint32_t family = cursor_u32(cursor);
	return is_ip_family(family) || is_ip_family(__builtin_bswap32(family)) ? 0 : -EPROTONOSUPPORT;
}

static int (*const links[PACKET_LINKS])(struct cursor *cursor, struct packet *packet) = {
	[PACKET_ETHERNET] = link_ethernet,
	[PACKET_RAW] = link_raw,
	[PACKET_SLL] = link_sll,
	[PACKET_SLL2] = link_sll2,
	[PACKET_NULL] = link_null,
	[PACKET_LOOP] = link_null,
};

static struct address read_address(struct cursor *cursor, uint8_t family)
{
	const uint8_t *bytes = cursor_take(cursor, address_size(family));
	return bytes ? address_make(family, bytes) : (struct address){ 0 };
}

static int read_ip4(struct cursor *cursor, struct network *network)
{
	size_t header = (size_t)(cursor_u8(cursor) & 0xf) * 4;
	cursor_skip(cursor, 1);
	size_t total = cursor_u16(cursor);
	cursor_skip(cursor, 2);
	network->later_fragment = cursor_u16(cursor) & 0x1fff;
	cursor_skip(cursor, 1);
	network->protocol = cursor_u8(cursor);
	cursor_skip(cursor, 2);
	network->source = read_address(cursor, AF_INET);
	network->destination = read_address(cursor, AF_INET);
	/* 0: segmentation offload of more than 64 KiB */
	if (header < 20 || (total && total < header))
		return -EBADMSG;
	cursor_skip(cursor, header - 20);
	network->length_known = total != 0;
	network->length = total ? total - header : 0;
	return 0;
}

enum { NEXT_HOP_BY_HOP = 0, NEXT_ROUTING = 43, NEXT_FRAGMENT = 44, NEXT_AH = 51, NEXT_OPTIONS = 60 };

/* The length of an extension header by its second byte; 0: it is none. */
static size_t extension_length(uint8_t protocol, uint8_t length)
{
	switch (protocol) {
	case NEXT_HOP_BY_HOP:
	case NEXT_ROUTING:
	case NEXT_OPTIONS:
		return ((size_t)length + 1) * 8;
	case NEXT_FRAGMENT:
		return 8;
	case NEXT_AH:
		return ((size_t)length + 2) * 4; /* RFC 4302: in words, minus 2 */
	}
	return 0;
}

static bool read_extension(struct cursor *cursor, struct network *network)
{
	if (!extension_length(network->protocol, 0))
		return false;
	uint8_t next = cursor_u8(cursor), second = cursor_u8(cursor);
	uint16_t third = cursor_u16(cursor);
	size_t length = extension_length(network->protocol, second);
	cursor_skip(cursor, length - 4);
	if (network->protocol == NEXT_FRAGMENT)
		network->later_fragment = third & 0xfff8; /* an atomic fragment is the first and last one */
	network->length_known = network->length_known && network->length >= length;
	network->length -= network->length_known ? length : 0;
	network->protocol = next;
	return !cursor->failed && !network->later_fragment;
}

static int read_ip6(struct cursor *cursor, struct network *network)
{
	cursor_skip(cursor, 4);
	network->length = cursor_u16(cursor);
	network->length_known = network->length != 0; /* 0: a jumbogram */
	network->protocol = cursor_u8(cursor);
	cursor_skip(cursor, 1);
	network->source = read_address(cursor, AF_INET6);
	network->destination = read_address(cursor, AF_INET6);
	unsigned headers = 0;
	while (headers < PACKET_HEADERS_MAX && read_extension(cursor, network))
		headers++;
	return 0;
}

static int read_network(struct cursor *cursor, struct network *network)
{
	int error = -EBADMSG;
	switch (cursor_peek(cursor) >> 4) {
	case 4:
		error = read_ip4(cursor, network);
		break;
	case 6:
		error = read_ip6(cursor, network);
		break;
	}
	if (network->length_known)
		cursor_limit(cursor, network->length); /* what follows is the link's padding */
	return cursor->failed ? -EBADMSG : error;
}

static int read_tcp(struct cursor *cursor, const struct network *network, struct packet *packet)
{
	packet->kind = PACKET_TCP;
	packet->source_port = cursor_u16(cursor);
	packet->destination_port = cursor_u16(cursor);
	packet->sequence = cursor_u32(cursor);
	packet->acknowledgement = cursor_u32(cursor);
	size_t header = (size_t)(cursor_u8(cursor) >> 4) * 4;
	packet->flags = cursor_u8(cursor) & 0x3f;
	if (network->length_known && network->length > header)
		packet->payload = (uint32_t)(network->length - header);
	return 0;
}

static int read_echo(struct cursor *cursor, enum packet_kind kind, struct packet *packet)
{
	packet->kind = kind;
	packet->echo_id = cursor_u16(cursor);
	packet->echo_sequence = cursor_u16(cursor);
	return 0;
}

static int read_icmp(struct cursor *cursor, uint8_t request, uint8_t reply, struct packet *packet)
{
	uint8_t type = cursor_u8(cursor);
	cursor_skip(cursor, 3);
	if (type == request)
		return read_echo(cursor, PACKET_ECHO_REQUEST, packet);
	return type == reply ? read_echo(cursor, PACKET_ECHO_REPLY, packet) : -EPROTONOSUPPORT;
}

static int read_transport(struct cursor *cursor, const struct network *network, struct packet *packet)
{
	uint8_t family = network->source.family;
	if (network->later_fragment)
		return -EPROTONOSUPPORT;
	if (network->protocol == IPPROTO_TCP)
		return read_tcp(cursor, network, packet);
	if (network->protocol == IPPROTO_ICMP && family == AF_INET)
		return read_icmp(cursor, ICMP_ECHO, ICMP_ECHOREPLY, packet);
	if (network->protocol == IPPROTO_ICMPV6 && family == AF_INET6)
		return read_icmp(cursor, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, packet);
	return -EPROTONOSUPPORT;
}

int packet_read(enum packet_link link, const void *frame, size_t size, struct packet *out)
{
	struct cursor cursor = cursor_make(frame, size);
	struct packet packet = { 0 };
	struct network network = { 0 };
	int error = links[link](&cursor, &packet);
	if (!error)
		error = read_network(&cursor, &network);
	if (!error) {
		packet.source = network.source;
		packet.destination = network.destination;
		error = read_transport(&cursor, &network, &packet);
	}
	if (cursor.failed)
		error = -EBADMSG;
	if (!error)
		*out = packet;
	return error;
}
