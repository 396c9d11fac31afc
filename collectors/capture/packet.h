/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One captured frame, read into plain values: what the handshake and echo tables want to know of it and
 * nothing else. Pure; any thread. Checksums are not looked at (they are not there yet when a leaving packet
 * is captured), and packets inside tunnels are not either.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"

/* How a frame begins (https://www.tcpdump.org/linktypes.html). */
enum packet_link {
	PACKET_ETHERNET, /* with any number of VLAN tags up to PACKET_TAGS_MAX */
	PACKET_RAW,      /* IPv4 or IPv6 */
	PACKET_SLL,      /* Linux "cooked": tells the direction */
	PACKET_SLL2,     /* the same with the interface's number */
	PACKET_NULL,     /* address family in the byte order of the capturing host */
	PACKET_LOOP,     /* the same in network byte order */
	PACKET_LINKS
};

#define PACKET_TAGS_MAX    4
#define PACKET_HEADERS_MAX 8 /* IPv6 extension headers before it is given up */

enum direction { DIRECTION_UNKNOWN, DIRECTION_IN, DIRECTION_OUT, DIRECTIONS };

enum packet_kind {
	PACKET_TCP,
	PACKET_ECHO_REQUEST,
	PACKET_ECHO_REPLY,
};

/* Of the TCP header's 14th byte. */
enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct packet {
	enum packet_kind kind;
	struct address source, destination;
	int ifindex;              /* PACKET_SLL2 alone tells; 0: not known */
	enum direction direction; /* PACKET_SLL and PACKET_SLL2 tell */
	uint8_t hops;             /* TTL or hop limit */
	uint8_t tags;             /* VLAN tags passed over: on a live device, the frame is a VLAN device's */

	/* PACKET_TCP; host byte order */
	uint16_t source_port, destination_port;
	uint32_t sequence, acknowledgement;
	uint8_t flags;
	uint32_t payload; /* bytes after the TCP header by the IP length, captured or not; 0 if unknown */

	/* PACKET_ECHO_* */
	uint16_t echo_id, echo_sequence;
};

/* size: bytes of the frame that were captured. 0; -EPROTONOSUPPORT: nothing of the above, or a fragment that
 * is not the first; -EBADMSG: cut off before what is needed, or malformed. */
int packet_read(enum packet_link link, const void *frame, size_t size, struct packet *out);
