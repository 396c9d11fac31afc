// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/packet.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>

#include "collectors/base/packet_reader.h"

#define ETHERTYPE_IP4 0x0800
#define ETHERTYPE_IP6 0x86dd

/* What is known of the IP packet while its headers are read. */
struct network {
	struct address source, destination;
	uint8_t protocol, hops;
	bool length_known;
	size_t length; /* of what follows the IP headers, if known */
	bool later_fragment;
};

static bool is_tag(uint16_t ethertype)
{
	return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100;
}

/* From the first ethertype on, over VLAN tags. */
static int read_tags(struct packet_reader *reader, uint16_t ethertype, struct packet *packet)
{
	for (; is_tag(ethertype) && packet->tags < PACKET_TAGS_MAX; packet->tags++) {
		packet_reader_skip(reader, 2);
		ethertype = packet_reader_u16(reader);
	}
	return ethertype == ETHERTYPE_IP4 || ethertype == ETHERTYPE_IP6 ? 0 : -EPROTONOSUPPORT;
}

static int link_ethernet(struct packet_reader *reader, struct packet *packet)
{
	packet_reader_skip(reader, 12);
	return read_tags(reader, packet_reader_u16(reader), packet);
}

static int link_raw(struct packet_reader *reader, struct packet *packet)
{
	(void)reader;
	(void)packet;
	return 0;
}

/* linux/if_packet.h: PACKET_OUTGOING is 4; all others came in. */
static enum direction sll_direction(unsigned packet_type)
{
	return packet_type == 4 ? DIRECTION_OUT : DIRECTION_IN;
}

static int link_sll(struct packet_reader *reader, struct packet *packet)
{
	packet->direction = sll_direction(packet_reader_u16(reader));
	packet_reader_skip(reader, 12);
	return read_tags(reader, packet_reader_u16(reader), packet);
}

static int link_sll2(struct packet_reader *reader, struct packet *packet)
{
	uint16_t protocol = packet_reader_u16(reader);
	packet_reader_skip(reader, 2);
	packet->ifindex = (int)(packet_reader_u32(reader) & INT32_MAX);
	packet_reader_skip(reader, 2);
	packet->direction = sll_direction(packet_reader_u8(reader));
	packet_reader_skip(reader, 9);
	return read_tags(reader, protocol, packet);
}

/* AF_INET is 2 everywhere; AF_INET6 differs: Linux, NetBSD and OpenBSD, FreeBSD, macOS. */
static bool is_ip_family(uint32_t family)
{
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

static int link_null(struct packet_reader *reader, struct packet *packet)
{
	(void)packet;
	uint32_t family = packet_reader_u32(reader);
	return is_ip_family(family) || is_ip_family(__builtin_bswap32(family)) ? 0 : -EPROTONOSUPPORT;
}

static int (*const links[PACKET_LINKS])(struct packet_reader *reader, struct packet *packet) = {
	[PACKET_ETHERNET] = link_ethernet,
	[PACKET_RAW] = link_raw,
	[PACKET_SLL] = link_sll,
	[PACKET_SLL2] = link_sll2,
	[PACKET_NULL] = link_null,
	[PACKET_LOOP] = link_null,
};

static struct address read_address(struct packet_reader *reader, uint8_t family)
{
	const uint8_t *bytes = packet_reader_take(reader, address_size(family));
	return bytes ? address_make(family, bytes) : (struct address){ 0 };
}

static int read_ip4(struct packet_reader *reader, struct network *network)
{
	size_t header = (size_t)(packet_reader_u8(reader) & 0xf) * 4;
	packet_reader_skip(reader, 1);
	size_t total = packet_reader_u16(reader);
	packet_reader_skip(reader, 2);
	network->later_fragment = packet_reader_u16(reader) & 0x1fff;
	network->hops = packet_reader_u8(reader);
	network->protocol = packet_reader_u8(reader);
	packet_reader_skip(reader, 2);
	network->source = read_address(reader, AF_INET);
	network->destination = read_address(reader, AF_INET);
	/* 0: segmentation offload of more than 64 KiB */
	if (header < 20 || (total && total < header))
		return -EBADMSG;
	packet_reader_skip(reader, header - 20);
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

static bool read_extension(struct packet_reader *reader, struct network *network)
{
	if (!extension_length(network->protocol, 0))
		return false;
	uint8_t next = packet_reader_u8(reader), second = packet_reader_u8(reader);
	uint16_t third = packet_reader_u16(reader);
	size_t length = extension_length(network->protocol, second);
	packet_reader_skip(reader, length - 4);
	if (network->protocol == NEXT_FRAGMENT)
		network->later_fragment = third & 0xfff8; /* an atomic fragment is the first and last one */
	network->length_known = network->length_known && network->length >= length;
	network->length -= network->length_known ? length : 0;
	network->protocol = next;
	return !reader->failed && !network->later_fragment;
}

static int read_ip6(struct packet_reader *reader, struct network *network)
{
	packet_reader_skip(reader, 4);
	network->length = packet_reader_u16(reader);
	network->length_known = network->length != 0; /* 0: a jumbogram */
	network->protocol = packet_reader_u8(reader);
	network->hops = packet_reader_u8(reader);
	network->source = read_address(reader, AF_INET6);
	network->destination = read_address(reader, AF_INET6);
	unsigned headers = 0;
	while (headers < PACKET_HEADERS_MAX && read_extension(reader, network))
		headers++;
	return 0;
}

static int read_network(struct packet_reader *reader, struct network *network)
{
	int error = -EBADMSG;
	switch (packet_reader_peek(reader) >> 4) {
	case 4:
		error = read_ip4(reader, network);
		break;
	case 6:
		error = read_ip6(reader, network);
		break;
	}
	if (network->length_known)
		packet_reader_limit(reader, network->length); /* what follows is the link's padding */
	return reader->failed ? -EBADMSG : error;
}

static int read_tcp(struct packet_reader *reader, const struct network *network, struct packet *packet)
{
	packet->kind = PACKET_TCP;
	packet->source_port = packet_reader_u16(reader);
	packet->destination_port = packet_reader_u16(reader);
	packet->sequence = packet_reader_u32(reader);
	packet->acknowledgement = packet_reader_u32(reader);
	size_t header = (size_t)(packet_reader_u8(reader) >> 4) * 4;
	packet->flags = packet_reader_u8(reader) & 0x3f;
	if (network->length_known && network->length > header)
		packet->payload = (uint32_t)(network->length - header);
	return 0;
}

static int read_icmp(struct packet_reader *reader, uint8_t request, uint8_t reply, struct packet *packet)
{
	uint8_t type = packet_reader_u8(reader);
	if (type != request && type != reply)
		return -EPROTONOSUPPORT;
	packet_reader_skip(reader, 3);
	packet->kind = type == request ? PACKET_ECHO_REQUEST : PACKET_ECHO_REPLY;
	packet->echo_id = packet_reader_u16(reader);
	packet->echo_sequence = packet_reader_u16(reader);
	return 0;
}

static int read_transport(struct packet_reader *reader, const struct network *network, struct packet *packet)
{
	uint8_t family = network->source.family;
	if (network->later_fragment)
		return -EPROTONOSUPPORT;
	if (network->protocol == IPPROTO_TCP)
		return read_tcp(reader, network, packet);
	if (network->protocol == IPPROTO_ICMP && family == AF_INET)
		return read_icmp(reader, ICMP_ECHO, ICMP_ECHOREPLY, packet);
	if (network->protocol == IPPROTO_ICMPV6 && family == AF_INET6)
		return read_icmp(reader, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, packet);
	return -EPROTONOSUPPORT;
}

int packet_read(enum packet_link link, const void *frame, size_t size, struct packet *out)
{
	struct packet_reader reader = packet_reader_make(frame, size);
	struct packet packet = { 0 };
	struct network network = { 0 };
	int error = links[link](&reader, &packet);
	if (!error)
		error = read_network(&reader, &network);
	if (!error) {
		packet.source = network.source;
		packet.destination = network.destination;
		packet.hops = network.hops;
		error = read_transport(&reader, &network, &packet);
	}
	if (reader.failed)
		error = -EBADMSG;
	if (!error)
		*out = packet;
	return error;
}
