// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/bulk.h"

#include <string.h>

static uint32_t last_bytes(const struct address *address)
{
	const uint8_t *last = address->bytes + address_size(address->family) - 4;
	return (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 | last[3];
}

static struct bulk_flow flow_of(const struct packet *packet)
{
	return (struct bulk_flow){ .family = packet->source.family,
		.source = last_bytes(&packet->source),
		.destination = last_bytes(&packet->destination),
		.ports = (uint32_t)packet->source_port << 16 | packet->destination_port };
}

static bool same_flow(const struct bulk_flow *a, const struct bulk_flow *b)
{
	return a->ports == b->ports && a->source == b->source && a->destination == b->destination &&
	       a->family == b->family;
}

static uint32_t slot_of(const struct bulk_flow *flow)
{
	uint32_t hash = (flow->ports ^ (flow->source + flow->destination) * UINT32_C(0x9e3779b1)) *
			UINT32_C(0x85ebca6b);
	return (hash ^ hash >> 15) % BULK_SLOTS;
}

/* The majority vote of Boyer and Moore, in each slot: what comes most often stays. */
static void vote(struct bulk_slot *slot, const struct bulk_flow *flow)
{
	if (same_flow(&slot->flow, flow))
		slot->count++;
	else if (slot->count > 0)
		slot->count--;
	else
		*slot = (struct bulk_slot){ .flow = *flow, .count = 1 };
}

static void let_in(struct bulk *bulk, size_t at)
{
	bulk->count--;
	bulk->flows[at] = bulk->flows[bulk->count];
	bulk->until_ns[at] = bulk->until_ns[bulk->count];
	bulk->changed = true;
}

static void let_in_flow(struct bulk *bulk, const struct bulk_flow *flow)
{
	for (size_t i = bulk->count; i-- > 0;)
		if (same_flow(&bulk->flows[i], flow))
			let_in(bulk, i);
}

void bulk_feed(struct bulk *bulk, const struct packet *packet)
{
	if (packet->kind != PACKET_TCP)
		return;
	struct bulk_flow flow = flow_of(packet);
	if (packet->flags & TCP_SYN)
		let_in_flow(bulk, &flow);
	else if (packet->flags == TCP_ACK && packet->payload == 0)
		vote(&bulk->slots[slot_of(&flow)], &flow);
}

static void leave_out(struct bulk *bulk, const struct bulk_flow *flow, int64_t now_ns)
{
	let_in_flow(bulk, flow); /* ACKs from before the filter was changed may still come */
	if (bulk->count == BULK_FLOWS)
		return;
	bulk->flows[bulk->count] = *flow;
	bulk->until_ns[bulk->count++] = now_ns + BULK_REST_NS;
	bulk->changed = true;
}

void bulk_advance(struct bulk *bulk, int64_t now_ns)
{
	if (now_ns - bulk->step_ns < BULK_STEP_NS)
		return;
	for (size_t i = bulk->count; i-- > 0;)
		if (now_ns >= bulk->until_ns[i])
			let_in(bulk, i);
	for (size_t i = 0; i < BULK_SLOTS; i++)
		if (bulk->slots[i].count >= BULK_PACE * BULK_STEP_NS / 1000000000)
			leave_out(bulk, &bulk->slots[i].flow, now_ns);
	memset(bulk->slots, 0, sizeof(bulk->slots));
	bulk->step_ns = now_ns;
}
