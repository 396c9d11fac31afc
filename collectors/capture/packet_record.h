/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the capturing program in the kernel and its loader share. Included by both: no libc. */

#include <linux/types.h>

#define PACKETS_RING_BYTES  (2 * 1024 * 1024) /* a power of two; 13,800 packets */
#define PACKETS_DEVICES_MAX 4096
#define PACKETS_BYTES       108 /* of a packet, from its network header on; with SLL2's header 128 */
#define PACKETS_LENGTH_MAX  (4 + 4 + 40 + 65535) /* of two VLAN tags and IPv6 */

/* One packet, in the ring. */
struct packet_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex;
	__u32 length;    /* of the network header and all behind it */
	__u16 protocol;  /* Ethertype, network byte order */
	__u16 tag;       /* of VLAN, that does not stand in the packet; host byte order */
	__u8 tagged;     /* whether it has that */
	__u8 outgoing;   /* or incoming */
	__u16 size;      /* how many of bytes[] are there */
	__u8 address[8]; /* the link layer's source; 6 bytes */
	__u8 bytes[PACKETS_BYTES];
	__u8 recalled; /* a SYN of a flow that was left out, which comes again behind its SYN-ACK */
	__u8 unused[3];
};

/* Where the packets of a device are seen. Those of one that is not in the map are traced if the loader says
 * so. */
enum packets_place {
	PACKETS_AT_TRACEPOINTS,
	PACKETS_AT_SOCKET, /* what comes in; what goes out is traced */
	PACKETS_AT_TCX,
};

/* Of a flow that is not sampled: that its SYN was answered, and when, so that a client that does not get the
 * answer is known when it comes again; from then on all of the flow passes. New ones overwrite old ones. */
#define PACKETS_LEFT_OUT_MAX (1 << 20) /* 8 MiB, while there is a flood; a power of two */

struct packets_left_out {
	__u32 tag;
	__u32 milliseconds; /* CLOCK_MONOTONIC */
};

struct packets_counts {
	__u64 passed;  /* are in the ring, or found no room */
	__u64 dropped; /* found no room in the ring */
};
