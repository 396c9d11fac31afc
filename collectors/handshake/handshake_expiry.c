// SPDX-License-Identifier: GPL-2.0-or-later
/* How handshakes end: when their time in a queue has run out they are counted and remembered, and then
 * forgotten; when the table is full, one has to go before. */
#include "collectors/handshake/handshake.h"
#include "collectors/handshake/handshake_state.h"

/* Suspects may hold so large a part of the table before they make room for others. */
#define SUSPECT_SHARE 4

static const int64_t time_to_live[QUEUES] = {
	[QUEUE_OPEN] = HANDSHAKE_OPEN_NS,
	[QUEUE_RETURN] = HANDSHAKE_OPEN_NS,
	[QUEUE_BLIND] = HANDSHAKE_OPEN_NS,
	[QUEUE_SUSPECT] = HANDSHAKE_OPEN_NS,
	[QUEUE_SETTLING] = HANDSHAKE_SETTLE_NS,
	[QUEUE_REMEMBERED] = HANDSHAKE_MEMORY_NS,
	[QUEUE_KNOWN] = HANDSHAKE_MEMORY_NS,
};

void handshake_move(struct handshakes *handshakes, struct entry *entry, enum entry_queue queue)
{
	entry->moved_ns = handshakes->now_ns;
	handshake_table_move(&handshakes->table, entry, queue);
}

static enum handshake_outcome handshake_outcome_of(const struct entry *entry)
{
	if (entry->flags & ENTRY_REFUSED)
		return HANDSHAKE_REFUSED;
	if (!(entry->flags & ENTRY_SYN))
		return HANDSHAKE_RETURN_ONLY;
	if (!(entry->flags & ENTRY_SYNACK))
		return HANDSHAKE_UNANSWERED;
	if (entry->flags & ENTRY_ACKED)
		return HANDSHAKE_COMPLETED;
	return entry->repeats ? HANDSHAKE_ONE_WAY : HANDSHAKE_ABANDONED;
}

/* The device of the SYN-ACK that belongs beside the SYN's in struct handshake_pair. */
static int handshake_synack_device(enum handshake_role role, const struct entry_devices *synack)
{
	if (role == HANDSHAKE_FORWARDED) /* one that came in and did not leave did not get through */
		return synack->has_out ? synack->pair.out : 0;
	bool in = role == HANDSHAKE_OPENED ? synack->has_in : !synack->has_out;
	return in ? synack->pair.in : synack->pair.out;
}

/* Counts it, or forgets one that was counted. */
static void handshake_end(struct handshakes *handshakes, struct entry *entry)
{
	if (entry->flags & ENTRY_COUNTED) {
		handshake_table_remove(&handshakes->table, entry);
		return;
	}
	if (entry->queue == QUEUE_BLIND) {
		handshakes->unmatched += entry->weight;
		entry->flags |= ENTRY_COUNTED;
		handshake_move(handshakes, entry, QUEUE_REMEMBERED);
		return;
	}
	struct entry_devices syn = entry_devices(entry, VIEW_SYN), synack = entry_devices(entry, VIEW_SYNACK);
	enum handshake_role role = entry_role(entry);
	const struct counters_end end = {
		.syn_device = syn.has_in ? syn.pair.in : syn.pair.out,
		.synack_device = handshake_synack_device(role, &synack),
		.synack = synack.pair,
		.role = role,
		.server = address_make(entry->flow.family, entry->flow.server),
		.outcome = handshake_outcome_of(entry),
		.weight = entry->weight,
		.time_ns = handshakes->now_ns,
		.completed_ns = entry->last_ns,
		.failed_ns = entry_last(entry, entry->flags & ENTRY_SYN ? VIEW_SYN : VIEW_SYNACK),
	};
	entry->flags |= ENTRY_COUNTED;
	counters_end(&handshakes->counters, &end);
	if (end.outcome == HANDSHAKE_COMPLETED && (syn.has_in || synack.has_in)) {
		int device = syn.has_in ? syn.pair.in : synack.pair.in;
		struct handshake_peer peer = entry_peer(entry, device, syn.has_in, handshakes->now_ns);
		peer.completed = true;
		peer.synack_device = syn.has_in ? synack.pair.out : 0;
		ingress_peers_note(&handshakes->ingress_peers,
			counters_device_slot(&handshakes->counters, device), &peer);
	}
	handshake_move(handshakes, entry, end.outcome == HANDSHAKE_ONE_WAY ? QUEUE_KNOWN : QUEUE_REMEMBERED);
}

bool handshakes_advance_some(struct handshakes *handshakes, int64_t now_ns, uint32_t most)
{
	struct entry *entry;
	if (now_ns > handshakes->now_ns)
		handshakes->now_ns = now_ns;
	for (unsigned queue = 0; queue < QUEUES; queue++)
		while ((entry = handshake_table_oldest(&handshakes->table, (enum entry_queue)queue)) &&
			handshakes->now_ns - entry->moved_ns >= time_to_live[queue]) {
			if (most-- == 0)
				return false;
			handshake_end(handshakes, entry);
		}
	echoes_advance(&handshakes->echoes, &handshakes->counters, handshakes->now_ns);
	if (handshakes->now_ns >= handshakes->return_ratio_until_ns)
		handshakes->return_ratio = handshakes->ratio;
	return true;
}

void handshakes_advance(struct handshakes *handshakes, int64_t now_ns)
{
	while (!handshakes_advance_some(handshakes, now_ns, UINT32_MAX))
		;
}

void handshakes_finish(struct handshakes *handshakes)
{
	for (unsigned queue = 0; queue < QUEUE_REMEMBERED; queue++) {
		struct entry *entry;
		while ((entry = handshake_table_oldest(&handshakes->table, (enum entry_queue)queue)))
			handshake_end(handshakes, entry);
	}
	echoes_advance(&handshakes->echoes, &handshakes->counters, INT64_MAX);
}

/* ---- room ---- */

/* What costs nothing goes first, then suspects beyond their share, then the oldest that is undecided: there
 * is one, since both shares leave room in any table. */
static struct entry *handshake_choose_victim(struct handshake_table *table)
{
	static const enum entry_queue costless[] = { QUEUE_REMEMBERED, QUEUE_BLIND, QUEUE_SETTLING };
	static const enum entry_queue suspects[] = { QUEUE_KNOWN, QUEUE_SUSPECT };
	struct entry *victim = NULL;
	for (unsigned i = 0; i < sizeof(costless) / sizeof(*costless) && !victim; i++)
		victim = handshake_table_oldest(table, costless[i]);
	for (unsigned i = 0; i < 2 && !victim; i++)
		if (table->queues[suspects[i]].count > table->limit / SUSPECT_SHARE)
			victim = handshake_table_oldest(table, suspects[i]);
	if (victim)
		return victim;
	struct entry *open = handshake_table_oldest(table, QUEUE_OPEN);
	victim = handshake_table_oldest(table, QUEUE_RETURN);
	return !victim || (open && open->moved_ns <= victim->moved_ns) ? open : victim;
}

static void handshake_make_room(struct handshakes *handshakes)
{
	struct entry *victim = handshake_choose_victim(&handshakes->table);
	if (victim->queue == QUEUE_SETTLING || victim->queue == QUEUE_BLIND)
		handshake_end(handshakes, victim);
	if (!(victim->flags & ENTRY_COUNTED)) {
		handshakes->evicted += victim->weight;
		if ((victim->flags & (ENTRY_SYN | ENTRY_SYNACK | ENTRY_ACKED)) == (ENTRY_SYN | ENTRY_SYNACK))
			evicted_syns_note(
				&handshakes->evicted_syns, flow_hash_whole(victim->hash), victim->last_ns);
		handshakes->crowded_until_ns = handshakes->now_ns + HANDSHAKE_OPEN_NS;
	}
	handshake_table_remove(&handshakes->table, victim);
}

struct entry *handshake_add(struct handshakes *handshakes, const struct flow *flow, struct flow_hash hash,
	uint32_t sequence, int64_t time_ns)
{
	if (handshake_table_is_full(&handshakes->table))
		handshake_make_room(handshakes);
	struct entry *entry = handshake_table_add(&handshakes->table, flow, hash, sequence);
	entry->start_ns = entry->last_ns = time_ns;
	entry->moved_ns = handshakes->now_ns;
	return entry;
}
