// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/conntrack_sweep.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct conntrack_sweep *conntrack_sweep_new(void)
{
	struct conntrack_sweep *sweep = calloc(1, sizeof(*sweep));
	if (!sweep)
		return NULL;
	sweep->endpoints = endpoint_table_new();
	if (!sweep->endpoints) {
		free(sweep);
		return NULL;
	}
	return sweep;
}

void conntrack_sweep_free(struct conntrack_sweep *sweep)
{
	if (sweep)
		endpoint_table_free(sweep->endpoints);
	free(sweep);
}

void conntrack_sweep_begin(
	struct conntrack_sweep *sweep, const struct conntrack_sweep *before, int64_t now_ns)
{
	memset(sweep->flows, 0, sizeof(sweep->flows));
	sweep->entries = 0;
	endpoint_table_begin(sweep->endpoints, before->endpoints, now_ns);
}

/* NAT_KINDS: not translated. The bits are set only where the translation changed something
 * (nf_nat_setup_info, net/netfilter/nf_nat_core.c), be it a port alone. */
static enum nat_kind nat_kind(const struct conntrack_flow *flow)
{
	static const enum nat_kind kinds[2][2] = { { NAT_KINDS, NAT_SNAT }, { NAT_DNAT, NAT_BOTH } };
	return kinds[(flow->status & IPS_DST_NAT) != 0][(flow->status & IPS_SRC_NAT) != 0];
}

static bool is_confined(const struct address *address)
{
	static const uint8_t broadcast[4] = { 0xff, 0xff, 0xff, 0xff };
	return address_is_loopback(address) || address_is_multicast(address) ||
	       (address->family == AF_INET && memcmp(address->bytes, broadcast, sizeof(broadcast)) == 0);
}

/* False if the flow is at no endpoint. */
static bool endpoint_of_flow(const struct conntrack_flow *flow, enum nat_kind kind,
	const struct address_set *local, struct endpoint_key *key)
{
	const struct conntrack_tuple *original = &flow->original;
	if (is_confined(&original->source) || is_confined(&original->destination) || kind == NAT_SNAT)
		return false;
	if (kind != NAT_KINDS) {
		*key = (struct endpoint_key){ ENDPOINT_DNAT, original->destination, flow->reply.source };
		return true;
	}
	bool to_here = address_set_contains(local, &original->destination);
	bool from_here = address_set_contains(local, &original->source);
	if (to_here == from_here)
		return false;
	const struct address *here = to_here ? &original->destination : &original->source;
	*key = (struct endpoint_key){ to_here ? ENDPOINT_IN : ENDPOINT_OUT, *here, *here };
	return true;
}

void conntrack_sweep_add(
	struct conntrack_sweep *sweep, const struct address_set *local, const struct conntrack_flow *flow)
{
	const struct conntrack_tuple *original = &flow->original;
	enum nat_kind kind = nat_kind(flow);
	enum nat_state state = conntrack_flow_state(flow);
	struct endpoint_key key;
	sweep->entries++;
	if (kind != NAT_KINDS)
		sweep->flows[kind][conntrack_protocol(original->protocol)][state]++;
	if (!endpoint_of_flow(flow, kind, local, &key))
		return;
	bool out = key.kind == ENDPOINT_OUT;
	const struct flow_example example = {
		.peer = out ? original->destination : original->source,
		.protocol = original->protocol,
		.peer_port = out ? original->destination_port : original->source_port,
		.port = out ? original->source_port : original->destination_port,
		.target_port = out ? original->source_port : flow->reply.source_port,
		.zone = flow->zone,
		.mark = flow->mark,
		.state = state,
		.assured = flow->status & IPS_ASSURED,
	};
	endpoint_table_add(sweep->endpoints, &key, &example);
}

bool conntrack_sweep_end(struct conntrack_sweep *sweep)
{
	return endpoint_table_end(sweep->endpoints);
}
