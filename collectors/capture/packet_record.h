/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the capturing program in the kernel and its loader share. Included by both: no libc. */

#include <linux/types.h>

#define PACKETS_RING_BYTES  (2 * 1024 * 1024) /* a power of two; 13,800 packets */
#define PACKETS_DEVICES_MAX 4096
#define PACKETS_BYTES       108 /* of a packet, from its network header on; with SLL2's header 128 */

/* One packet, in the ring. */
struct packet_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex;
	__u32 length;    /* of the network header and all behind it */
	__u16 protocol;  /* Ethertype, network byte order */
	__u16 tag;       /* of VLAN, that does not stand in the packet; host byte order */
	__u8 tagged;     /* whether it has that */
	__u8 leaves;     /* or comes in */
	__u16 size;      /* how many of bytes[] are there */
	__u8 address[8]; /* the link layer's source; 6 bytes */
	__u8 bytes[PACKETS_BYTES];
	__u8 unused[4];
};

/* Who looks at the packets of a device. One that is not in the map is traced if the loader says so. */
enum packets_device { PACKETS_TRACED, PACKETS_HOOKED };

struct packets_counts {
	__u64 passed;  /* are in the ring, or found no room */
	__u64 dropped; /* found no room in the ring */
};
