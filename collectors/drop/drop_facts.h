/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Packets that the kernel dropped. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Why the kernel drops a packet: those of its reasons (include/net/dropreason-core.h) that tell why a
 * connection goes one way. Kernels before 6.13 have no LOCAL_SOURCE, INVALID_SOURCE, LOCALNET and
 * INVALID_DEST. */
enum drop_reason {
	DROP_IP_RPFILTER,       /* reverse-path filtering; as TcpExt IPReversePathFilter */
	DROP_IP_LOCAL_SOURCE,   /* the source is an address of this host */
	DROP_IP_INVALID_SOURCE, /* multicast, broadcast, ... as source */
	DROP_IP_LOCALNET,       /* 127.0.0.0/8 from elsewhere */
	DROP_IP_INVALID_DEST,
	DROP_IP_OUTNOROUTES,  /* no route for what this host sends */
	DROP_IP_INNOROUTES,   /* no route for what is to be forwarded */
	DROP_IP_INADDRERRORS, /* neither for this host nor to be forwarded */
	DROP_NETFILTER_DROP,  /* by a rule or policy, or by connection tracking or NAT itself */
	DROP_REASONS
};

/* As in labels: "ip_rpfilter". The kernel's name is that in capitals, behind SKB_DROP_REASON_. */
const char *drop_reason_name(enum drop_reason reason);

/* Packets dropped since start on a device, under the name it had then: where it arrived, or if it was on its
 * way out, where it would have left. A port of a bridge or bond counts as that. One row for a name and
 * reason that ever occurred; rows of devices that have gone stay while there is room. */
struct device_drop {
	int ifindex;            /* of the device that has the name now, or 0 */
	char name[IF_NAMESIZE]; /* "" where the packet had no device yet */
	enum drop_reason reason;
	uint64_t packets;
	int64_t risen_ns; /* monotonic time of the last rise that was seen; 0 if none was */
	uint64_t recent;  /* rise within the last DEVICE_DROPS_RECENT_NS */
};

#define DEVICE_DROPS_RECENT_NS (60 * INT64_C(1000000000))

struct drop_facts {
	bool device_drops_known;
	struct device_drop *device_drops;
	size_t device_drop_count;
	uint32_t drop_reasons; /* bit per enum drop_reason that this kernel tells of; others are not counted
				*/
	uint64_t device_drops_uncounted; /* at most so many packets could not be counted since start */
};

static inline void drop_facts_clear(struct drop_facts *own)
{
	free(own->device_drops);
}
