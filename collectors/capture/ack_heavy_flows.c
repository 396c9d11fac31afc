// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/ack_heavy_flows.h"

#include <string.h>

static uint32_t last_bytes(const struct address *address)
{
	const uint8_t *last = address->bytes + address_size(address->family) - 4;
	return (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3];
}

static struct ack_heavy_flow flow_of(const struct packet *packet)
{
	return (struct ack_heavy_flow){ .family = packet->source.family,
		.source = last_bytes(&packet->source),
		.destination = last_bytes(&packet->destination),
		.ports = (uint32_t)packet->source_port << 16 | packet->destination_port };
}

static bool same_flow(const struct ack_heavy_flow *a, const struct ack_heavy_flow *b)
{
	return a->ports == b->ports && a->source == b->source && a->destination == b->destination &&
	       a->family == b->family;
}

static uint32_t slot_of(const struct ack_heavy_flow *flow)
{
	uint32_t hash = (flow->ports ^ (flow->source + flow->destination) * UINT32_C(0x9e3779b1)) *
			UINT32_C(0x85ebca6b);
	return (hash ^ hash >> 15) % ACK_HEAVY_SLOTS;
}

/* The majority vote of Boyer and Moore, in each slot: what comes most often stays. */
static void vote(struct ack_heavy_slot *slot, const struct ack_heavy_flow *flow)
{
	if (same_flow(&slot->flow, flow))
		slot->count++;
	else if (slot->count > 0)
		slot->count--;
	else
		*slot = (struct ack_heavy_slot){ .flow = *flow, .count = 1 };
}

static void let_in(struct ack_heavy_flows *heavy, size_t at)
{
	heavy->count--;
	heavy->flows[at] = heavy->flows[heavy->count];
	heavy->until_ns[at] = heavy->until_ns[heavy->count];
	heavy->changed = true;
}

static void let_in_flow(struct ack_heavy_flows *heavy, const struct ack_heavy_flow *flow)
{
	for (size_t i = heavy->count; i-- > 0;)
		if (same_flow(&heavy->flows[i], flow))
			let_in(heavy, i);
}

void ack_heavy_feed(struct ack_heavy_flows *heavy, const struct packet *packet)
{
	if (packet->kind != PACKET_TCP)
		return;
	struct ack_heavy_flow flow = flow_of(packet);
	if (packet->flags & TCP_SYN)
		let_in_flow(heavy, &flow);
	else if (packet->flags == TCP_ACK && packet->payload == 0)
		vote(&heavy->slots[slot_of(&flow)], &flow);
}

static void leave_out(struct ack_heavy_flows *heavy, const struct ack_heavy_flow *flow, int64_t now_ns)
{
	let_in_flow(heavy, flow); /* ACKs from before the filter was changed may still come */
	if (heavy->count == ACK_HEAVY_FLOWS)
		return;
	heavy->flows[heavy->count] = *flow;
	heavy->until_ns[heavy->count++] = now_ns + ACK_HEAVY_REST_NS;
	heavy->changed = true;
}

void ack_heavy_advance(struct ack_heavy_flows *heavy, int64_t now_ns)
{
	if (now_ns - heavy->step_ns < ACK_HEAVY_STEP_NS)
		return;
	for (size_t i = heavy->count; i-- > 0;)
		if (now_ns >= heavy->until_ns[i])
			let_in(heavy, i);
	for (size_t i = 0; i < ACK_HEAVY_SLOTS; i++)
		if (heavy->slots[i].count >= ACK_HEAVY_PACE * ACK_HEAVY_STEP_NS / 1000000000)
			leave_out(heavy, &heavy->slots[i].flow, now_ns);
	memset(heavy->slots, 0, sizeof(heavy->slots));
	heavy->step_ns = now_ns;
}
