/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Devices, the addresses of this host, and what reverse-path filtering dropped. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collectors/base/address.h"

enum device_kind {
	DEVICE_PLAIN,    /* Ethernet, veth, VLAN, macvlan, ...: anything not below */
	DEVICE_LOOPBACK, /* or dummy */
	DEVICE_BRIDGE,
	DEVICE_BOND, /* or team */
	DEVICE_VRF,
	DEVICE_TUNNEL, /* tun, vxlan, gre, ipip, sit, wireguard, ipsec, ppp, ... */
};

/* rp_filter: 0 off, 1 strict, 2 loose (Documentation/networking/ip-sysctl). */
#define RP_FILTER_UNKNOWN (-1)

struct device {
	int ifindex;
	char name[IF_NAMESIZE];
	enum device_kind kind;
	int master;         /* ifindex of bridge, bond or VRF above it, or 0 */
	uint32_t vrf_table; /* of a VRF: the routing table of its devices; 0 if the kernel did not say */
	bool port;          /* of a bridge or bond: no device of its own, see DESIGN "device" */
	bool up;            /* administratively up and with carrier */
	bool forwarding4;
	bool forwarding6;        /* of conf/all: in IPv6 the host forwards, not the device (ip6_forward) */
	int rp_filter_raw;       /* conf/<device>/rp_filter, or RP_FILTER_UNKNOWN */
	int rp_filter_effective; /* max(conf/all, conf/<device>): include/linux/inetdevice.h IN_DEV_RPFILTER
				  */
	bool src_valid_mark;     /* conf/all or conf/<device>: the reverse lookup uses the packet's mark */
};

/* An address of this host. Link-local, multicast, tentative and temporary ones are not listed. */
struct local_address {
	struct prefix prefix; /* the address itself, with the length of its connected network */
	int ifindex;
};

struct address_index; /* collectors/device/address_index.h */
/* Accepts NULL. */
void address_index_free(struct address_index *index);

struct device_facts {
	struct device *devices; /* by ifindex */
	size_t device_count;
	struct local_address *addresses;
	size_t address_count;
	struct address_index *address_index; /* of these; NULL: each is looked at */
};

static inline void device_facts_clear(struct device_facts *own)
{
	free(own->devices);
	free(own->addresses);
	address_index_free(own->address_index);
}

struct rpfilter_counters {
	bool known;               /* /proc/net/netstat could be read */
	uint64_t drops;           /* TcpExt IPReversePathFilter, this namespace */
	int64_t drops_risen_ns;   /* monotonic time of the last rise that was seen; 0 if none was */
	uint64_t drops_recent;    /* rise within the last RPFILTER_RECENT_NS */
	bool martians_known;      /* /proc/net/stat/rt_cache could be read */
	uint64_t martian_sources; /* host-wide, all namespaces: never evidence */
	uint64_t martian_destinations;
};

#define RPFILTER_RECENT_NS (60 * INT64_C(1000000000))
