/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What connection tracking shows. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collectors/base/address.h"

enum nat_kind { NAT_DNAT, NAT_SNAT, NAT_BOTH, NAT_KINDS };
enum nat_protocol { NAT_TCP, NAT_UDP, NAT_ICMP, NAT_OTHER, NAT_PROTOCOLS };
/* TCP flows are in one of the first four, all others in one of the last two. */
enum nat_state {
	NAT_SYN_SENT,
	NAT_SYN_RECV,
	NAT_ESTABLISHED,
	NAT_CLOSING,
	NAT_UNREPLIED,
	NAT_REPLIED,
	NAT_STATES
};

enum conntrack_stat {
	CONNTRACK_INVALID,
	CONNTRACK_INSERT_FAILED,
	CONNTRACK_DROP,
	CONNTRACK_EARLY_DROP,
	CONNTRACK_CHAIN_TOOLONG,
	CONNTRACK_STATS
};

struct conntrack_sample {
	bool known;  /* a sweep has ended since start */
	bool in_use; /* nf_conntrack is loaded and tracks flows in this namespace */
	uint64_t flows[NAT_KINDS][NAT_PROTOCOLS][NAT_STATES];
	uint64_t entries; /* all entries met, NAT or not */
	int64_t ended_ns; /* CLOCK_REALTIME at the end of the sweep */
	double seconds;   /* CPU time of the loop thread for the sweep */
	bool stats_known;
	uint64_t stats[CONNTRACK_STATS]; /* sums over CPUs; absent columns stay 0 */
	uint64_t endpoints_omitted; /* that gave way or found no place since start, once for each such flow */
};

enum endpoint_kind {
	ENDPOINT_DNAT, /* flows to `address`, translated to `target` */
	ENDPOINT_IN,   /* flows to `address` of this host, not translated; target is the same */
	ENDPOINT_OUT,  /* flows from `address` of this host, not translated; target is the same */
};

/* What one connection at an endpoint looked like. */
struct flow_example {
	struct address peer;  /* who opened it (DNAT, IN) or was asked (OUT) */
	uint8_t protocol;     /* IPPROTO_* */
	uint16_t peer_port;   /* host byte order; 0 where the protocol has none */
	uint16_t port;        /* of `address` */
	uint16_t target_port; /* of `target` */
	uint16_t zone;        /* CTA_ZONE */
	uint32_t mark;        /* CTA_MARK */
	enum nat_state state; /* as last met */
	bool assured;         /* IPS_ASSURED: the handshake was completed */
	int64_t seen_ns;      /* monotonic */
	int64_t stuck_ns; /* monotonic time since when each sweep met the peer in NAT_SYN_RECV; 0: not now */
};

#define ENDPOINT_EXAMPLES 4

/* The flows of one address (and, for DNAT, one target) as conntrack shows them, folded together. Remembered
 * for a while after the last flow is gone (seen_ns), counts are of the last sweep alone. */
struct endpoint {
	enum endpoint_kind kind;
	struct address address;
	struct address target;
	uint64_t half_open; /* SYN_SENT, SYN_RECV, unreplied */
	uint64_t syn_recv;  /* of these: the reply came to this host, its acknowledgement never */
	uint64_t open;      /* established, closing, replied */
	int64_t seen_ns;    /* monotonic */
	unsigned example_count;
	struct flow_example examples[ENDPOINT_EXAMPLES]; /* distinct peers, latest first */
};

struct conntrack_facts {
	struct conntrack_sample conntrack;
	struct endpoint *endpoints;
	size_t endpoint_count;
};

static inline void conntrack_facts_clear(struct conntrack_facts *own)
{
	free(own->endpoints);
}
