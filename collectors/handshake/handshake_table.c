// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE HASH_INDEX_NONE

static uint32_t position(const struct handshake_table *table, const struct entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

static uint32_t hash_of_flow(const struct handshake_table *table, const struct flow *flow)
{
	return (uint32_t)hash_bytes(table->seed, flow, sizeof(*flow));
}

static uint32_t hash_of_sequence(const struct handshake_table *table, uint32_t flow_hash, uint32_t sequence)
{
	uint64_t both = (uint64_t)flow_hash << 32 | sequence;
	return (uint32_t)hash_bytes(table->seed, &both, sizeof(both));
}

uint64_t handshake_table_hash(const struct handshake_table *table, const struct flow *flow, uint32_t sequence)
{
	uint32_t flow_hash = hash_of_flow(table, flow);
	return (uint64_t)flow_hash << 32 | hash_of_sequence(table, flow_hash, sequence);
}

uint32_t flow_symmetric_hash(uint64_t seed, const struct flow *flow)
{
	struct flow reverse = {
		.family = flow->family, .client_port = flow->server_port, .server_port = flow->client_port
	};
	memcpy(reverse.client, flow->server, sizeof(reverse.client));
	memcpy(reverse.server, flow->client, sizeof(reverse.server));
	return (uint32_t)((hash_bytes(seed, flow, sizeof(*flow)) ^
				  hash_bytes(seed, &reverse, sizeof(reverse))) >>
			  16);
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

struct entry *handshake_table_find(struct handshake_table *table, const struct flow *flow, uint32_t sequence)
{
	uint32_t hash = hash_of_sequence(table, hash_of_flow(table, flow), sequence), at = hash, item;
	while ((item = hash_index_next(&table->by_sequence, hash, &at)) != NONE) {
		struct entry *entry = &table->entries[item];
		if (entry->sequence == sequence && memcmp(&entry->flow, flow, sizeof(*flow)) == 0)
			return entry;
	}
	return NULL;
}

struct entry *handshake_table_newest(struct handshake_table *table, const struct flow *flow)
{
	uint32_t hash = hash_of_flow(table, flow), at = hash, item;
	while ((item = hash_index_next(&table->by_flow, hash, &at)) != NONE)
		if (memcmp(&table->entries[item].flow, flow, sizeof(*flow)) == 0)
			return &table->entries[item];
	return NULL;
}

struct entry *entry_older(struct handshake_table *table, const struct entry *entry)
{
	return entry->older == NONE ? NULL : &table->entries[entry->older];
}

static void chain(struct handshake_table *table, struct entry *entry)
{
	struct entry *newest = handshake_table_newest(table, &entry->flow);
	entry->newer = entry->older = NONE;
	if (!newest) {
		hash_index_add(&table->by_flow, entry->hashes[1], position(table, entry));
		return;
	}
	hash_index_replace(
		&table->by_flow, entry->hashes[1], position(table, newest), position(table, entry));
	entry->older = position(table, newest);
	newest->newer = position(table, entry);
}

static void unchain(struct handshake_table *table, const struct entry *entry)
{
	uint32_t at = position(table, entry);
	if (entry->older != NONE)
		table->entries[entry->older].newer = entry->newer;
	if (entry->newer != NONE)
		table->entries[entry->newer].older = entry->older;
	else if (entry->older != NONE)
		hash_index_replace(&table->by_flow, entry->hashes[1], at, entry->older);
	else
		hash_index_remove(&table->by_flow, entry->hashes[1], at);
}

static void enqueue(struct handshake_table *table, struct entry *entry, enum entry_queue queue)
{
	struct entry_list *list = &table->queues[queue];
	entry->queue = (uint8_t)queue;
	entry->next = NONE;
	entry->previous = list->tail;
	if (list->tail == NONE)
		list->head = position(table, entry);
	else
		table->entries[list->tail].next = position(table, entry);
	list->tail = position(table, entry);
	list->count++;
}

static void dequeue(struct handshake_table *table, const struct entry *entry)
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

static struct entry *take_free(struct handshake_table *table)
{
	if (table->free == NONE)
		return &table->entries[table->fresh++];
	struct entry *entry = &table->entries[table->free];
	table->free = entry->next;
	return entry;
}

struct entry *handshake_table_add(struct handshake_table *table, const struct flow *flow, uint32_t sequence)
{
	struct entry *entry = take_free(table);
	uint32_t flow_hash = hash_of_flow(table, flow);
	*entry = (struct entry){ .flow = *flow,
		.sequence = sequence,
		.weight = 1,
		.hashes = { hash_of_sequence(table, flow_hash, sequence), flow_hash },
		.id = ++table->last_id,
		.syn_frame = FRAME_NONE,
		.synack_frame = FRAME_NONE };
	table->numbers[position(table, entry)] = sequence;
	hash_index_add(&table->by_sequence, entry->hashes[0], position(table, entry));
	chain(table, entry);
	enqueue(table, entry, QUEUE_OPEN);
	return entry;
}

void handshake_table_remove(struct handshake_table *table, struct entry *entry)
{
	hash_index_remove(&table->by_sequence, entry->hashes[0], position(table, entry));
	unchain(table, entry);
	dequeue(table, entry);
	entry->queue = QUEUES;
	entry->next = table->free;
	table->free = position(table, entry);
}

void handshake_table_renew(struct handshake_table *table, struct entry *entry)
{
	if (entry->newer == NONE)
		return;
	unchain(table, entry);
	chain(table, entry);
}

void handshake_table_move(struct handshake_table *table, struct entry *entry, enum entry_queue queue)
{
	dequeue(table, entry);
	enqueue(table, entry, queue);
}

struct entry *handshake_table_oldest(struct handshake_table *table, enum entry_queue queue)
{
	uint32_t head = table->queues[queue].head;
	return head == NONE ? NULL : &table->entries[head];
}
