// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake_table.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/flow_sample.h"

#define NONE HASH_INDEX_NONE

static uint32_t table_position(const struct handshake_table *table, const struct entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

uint32_t handshake_table_flow_hash(const struct handshake_table *table, const struct flow *flow)
{
	return (uint32_t)hash_bytes(table->seed, flow, sizeof(*flow));
}

struct flow_hash handshake_table_hash(
	const struct handshake_table *table, const struct flow *flow, uint32_t sequence)
{
	uint32_t flow_hash = handshake_table_flow_hash(table, flow);
	uint64_t both = (uint64_t)flow_hash << 32 | sequence;
	return (struct flow_hash){ flow_hash, (uint32_t)hash_bytes(table->seed, &both, sizeof(both)) };
}

uint64_t flow_symmetric_hash(uint64_t seed, const struct flow *flow)
{
	const int words = flow->family == AF_INET ? FLOW_SAMPLE_WORDS4 : FLOW_SAMPLE_WORDS6;
	uint32_t client[4], server[4];
	memcpy(client, flow->client, sizeof(client));
	memcpy(server, flow->server, sizeof(server));
	return flow_sample_hash(seed, flow_sample_address(seed, client, words), flow->client_port,
		flow_sample_address(seed, server, words), flow->server_port);
}

int handshake_table_init(struct handshake_table *table, uint32_t limit, uint64_t seed)
{
	*table = (struct handshake_table){ .limit = limit ? limit : 1, .free = NONE, .seed = seed };
	for (unsigned queue = 0; queue < QUEUES; queue++)
		table->queues[queue] = (struct entry_list){ .head = NONE, .tail = NONE };
	table->entries = malloc(table->limit * sizeof(*table->entries)); /* untouched pages cost nothing */
	table->numbers = malloc(table->limit * sizeof(*table->numbers));
	if (!table->entries || !table->numbers || hash_index_init(&table->by_sequence, table->limit) < 0 ||
		hash_index_init(&table->by_flow, table->limit) < 0)
		return -ENOMEM;
	return 0;
}

void handshake_table_destroy(struct handshake_table *table)
{
	free(table->entries);
	free(table->numbers);
	table->entries = NULL;
	table->numbers = NULL;
	hash_index_destroy(&table->by_sequence);
	hash_index_destroy(&table->by_flow);
}

struct entry *handshake_table_find(
	struct handshake_table *table, const struct flow *flow, struct flow_hash hash, uint32_t sequence)
{
	uint32_t at = hash.number, item;
	while ((item = hash_index_next(&table->by_sequence, hash.number, &at)) != NONE) {
		struct entry *entry = &table->entries[item];
		if (entry->sequence == sequence && memcmp(&entry->flow, flow, sizeof(*flow)) == 0)
			return entry;
	}
	return NULL;
}

struct entry *handshake_table_newest(
	struct handshake_table *table, const struct flow *flow, uint32_t flow_hash)
{
	uint32_t at = flow_hash, item;
	while ((item = hash_index_next(&table->by_flow, flow_hash, &at)) != NONE)
		if (memcmp(&table->entries[item].flow, flow, sizeof(*flow)) == 0)
			return &table->entries[item];
	return NULL;
}

struct entry *entry_older(struct handshake_table *table, const struct entry *entry)
{
	return entry->older == NONE ? NULL : &table->entries[entry->older];
}

static void table_chain(struct handshake_table *table, struct entry *entry)
{
	struct entry *newest = handshake_table_newest(table, &entry->flow, entry->hash.flow);
	entry->newer = entry->older = NONE;
	if (!newest) {
		hash_index_add(&table->by_flow, entry->hash.flow, table_position(table, entry));
		return;
	}
	hash_index_replace(&table->by_flow, entry->hash.flow, table_position(table, newest),
		table_position(table, entry));
	entry->older = table_position(table, newest);
	newest->newer = table_position(table, entry);
}

static void table_unchain(struct handshake_table *table, const struct entry *entry)
{
	uint32_t at = table_position(table, entry);
	if (entry->older != NONE)
		table->entries[entry->older].newer = entry->newer;
	if (entry->newer != NONE)
		table->entries[entry->newer].older = entry->older;
	else if (entry->older != NONE)
		hash_index_replace(&table->by_flow, entry->hash.flow, at, entry->older);
	else
		hash_index_remove(&table->by_flow, entry->hash.flow, at);
}

static void table_enqueue(struct handshake_table *table, struct entry *entry, enum entry_queue queue)
{
	struct entry_list *list = &table->queues[queue];
	entry->queue = (uint8_t)queue;
	entry->next = NONE;
	entry->previous = list->tail;
	if (list->tail == NONE)
		list->head = table_position(table, entry);
	else
		table->entries[list->tail].next = table_position(table, entry);
	list->tail = table_position(table, entry);
	list->count++;
}

static void table_dequeue(struct handshake_table *table, const struct entry *entry)
{
	struct entry_list *list = &table->queues[entry->queue];
	if (entry->previous == NONE)
		list->head = entry->next;
	else
		table->entries[entry->previous].next = entry->next;
	if (entry->next == NONE)
		list->tail = entry->previous;
	else
		table->entries[entry->next].previous = entry->previous;
	list->count--;
}

bool handshake_table_is_full(const struct handshake_table *table)
{
	return table->free == NONE && table->fresh == table->limit;
}

struct entry *handshake_table_add(
	struct handshake_table *table, const struct flow *flow, struct flow_hash hash, uint32_t sequence)
{
	uint32_t at = table->free == NONE ? table->fresh++ : table->free;
	struct entry *entry = &table->entries[at];
	if (at == table->free)
		table->free = entry->next;
	table->numbers[at] = sequence;
	*entry = (struct entry){ .flow = *flow,
		.sequence = sequence,
		.weight = 1,
		.hash = hash,
		.id = ++table->last_id,
		.syn_frame = FRAME_NONE,
		.synack_frame = FRAME_NONE };
	hash_index_add(&table->by_sequence, hash.number, at);
	table_chain(table, entry);
	table_enqueue(table, entry, QUEUE_OPEN);
	return entry;
}

void handshake_table_remove(struct handshake_table *table, struct entry *entry)
{
	hash_index_remove(&table->by_sequence, entry->hash.number, table_position(table, entry));
	table_unchain(table, entry);
	table_dequeue(table, entry);
	entry->queue = QUEUES;
	entry->next = table->free;
	table->free = table_position(table, entry);
}

void handshake_table_renew(struct handshake_table *table, struct entry *entry)
{
	if (entry->newer == NONE)
		return;
	table_unchain(table, entry);
	table_chain(table, entry);
}

void handshake_table_move(struct handshake_table *table, struct entry *entry, enum entry_queue queue)
{
	table_dequeue(table, entry);
	table_enqueue(table, entry, queue);
}

struct entry *handshake_table_oldest(struct handshake_table *table, enum entry_queue queue)
{
	uint32_t head = table->queues[queue].head;
	return head == NONE ? NULL : &table->entries[head];
}

/* ---- what was seen of an entry ---- */

struct view *entry_view(struct entry *entry, int device, enum direction direction)
{
	for (unsigned i = 0; i < entry->view_count; i++)
		if (entry->views[i].device == device && entry->views[i].direction == direction)
			return &entry->views[i];
	if (entry->view_count == HANDSHAKE_VIEWS)
		return NULL;
	struct view *view = &entry->views[entry->view_count++];
	*view = (struct view){ .device = device, .direction = (uint8_t)direction };
	return view;
}

static bool entry_view_is_out(const struct view *view, enum view_packet packet)
{
	return view->direction == DIRECTION_OUT ||
	       (view->direction == DIRECTION_UNKNOWN && packet == VIEW_SYNACK);
}

/* A packet passes lower devices first on its way in and last on its way out (eth0, then eth0.10): the device
 * that routes is the last one in and the first one out. Of SYN-ACKs that were repeated the last was
 * acknowledged, and the route may have changed in between. */
struct entry_devices entry_devices(const struct entry *entry, enum view_packet packet)
{
	struct entry_devices seen = { 0 };
	uint32_t last_us = 0;
	for (unsigned i = 0; i < entry->view_count && packet == VIEW_SYNACK && entry->flags & ENTRY_ACKED;
		i++)
		if (entry_view_is_out(&entry->views[i], packet) && entry->views[i].last_us[packet] > last_us)
			last_us = entry->views[i].last_us[packet];
	for (unsigned i = 0; i < entry->view_count; i++) {
		const struct view *view = &entry->views[i];
		bool out = entry_view_is_out(view, packet);
		if (!(view->seen & 1 << packet))
			continue;
		if (!out)
			seen.pair.in = view->device;
		else if (!seen.has_out && view->last_us[packet] + HANDSHAKE_REPEAT_NS / 1000 > last_us)
			seen.pair.out = view->device;
		else
			continue;
		*(out ? &seen.has_out : &seen.has_in) = true;
	}
	return seen;
}

int64_t entry_last(const struct entry *entry, enum view_packet packet)
{
	int64_t last = -1;
	for (unsigned i = 0; i < entry->view_count; i++)
		if (entry->views[i].seen & 1 << packet && entry->views[i].last_us[packet] > last)
			last = entry->views[i].last_us[packet];
	return last < 0 ? 0 : entry->start_ns + last * 1000;
}

enum handshake_role entry_role(const struct entry *entry)
{
	struct entry_devices syn = entry_devices(entry, VIEW_SYN);
	if (syn.has_in)
		return syn.has_out ? HANDSHAKE_FORWARDED : HANDSHAKE_SERVED;
	return syn.has_out ? HANDSHAKE_OPENED : HANDSHAKE_PASSED;
}

struct handshake_peer entry_peer(const struct entry *entry, int device, bool asks, int64_t now_ns)
{
	const struct flow *flow = &entry->flow;
	const struct address client = address_make(flow->family, flow->client);
	const struct address server = address_make(flow->family, flow->server);
	return (struct handshake_peer){ .device = device,
		.peer = asks ? client : server,
		.local = asks ? server : client,
		.protocol = IPPROTO_TCP,
		.peer_port = asks ? flow->client_port : flow->server_port,
		.port = asks ? flow->server_port : flow->client_port,
		.asks = asks,
		.seen_ns = now_ns };
}
