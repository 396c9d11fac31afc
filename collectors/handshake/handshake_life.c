// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake_state.h"

#include <netinet/in.h>
#include <string.h>

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

/* ---- where it was seen ---- */

/* A packet passes lower devices first on its way in and last on its way out (eth0, then eth0.10): the device
 * that routes is the last one in and the first one out. */
struct entry_way entry_way(const struct entry *entry, enum view_packet packet)
{
	struct entry_way way = { 0 };
	for (unsigned i = 0; i < entry->view_count; i++) {
		const struct view *view = &entry->views[i];
		if (!(view->seen & 1 << packet))
			continue;
		bool out = view->direction == DIRECTION_OUT ||
			   (view->direction == DIRECTION_UNKNOWN && packet == VIEW_SYNACK);
		if (!out)
			way.devices.in = view->device;
		else if (!way.has_out)
			way.devices.out = view->device;
		*(out ? &way.has_out : &way.has_in) = true;
	}
	return way;
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
	struct entry_way syn = entry_way(entry, VIEW_SYN);
	if (syn.has_in)
		return syn.has_out ? HANDSHAKE_FORWARDED : HANDSHAKE_SERVED;
	return syn.has_out ? HANDSHAKE_OPENED : HANDSHAKE_PASSED;
}

/* The device of the SYN-ACK that belongs beside the SYN's in struct handshake_pair. */
static int synack_device(enum handshake_role role, const struct entry_way *synack)
{
	switch (role) {
	case HANDSHAKE_FORWARDED: /* one that came in and did not leave did not get through */
		return synack->has_out ? synack->devices.out : 0;
	case HANDSHAKE_OPENED:
		return synack->has_in ? synack->devices.in : synack->devices.out;
	case HANDSHAKE_SERVED:
	case HANDSHAKE_PASSED:
	case HANDSHAKE_ROLES:
		break;
	}
	return synack->has_out ? synack->devices.out : synack->devices.in;
}

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

uint32_t microseconds_since(int64_t start_ns, int64_t time_ns)
{
	int64_t passed = (time_ns - start_ns) / 1000;
	return passed < 0 ? 0 : passed > UINT32_MAX ? UINT32_MAX : (uint32_t)passed;
}

/* Marks the packet as seen at this device and says whether it is new there. */
static enum note note(struct entry *entry, struct view *view, enum view_packet packet, int64_t time_ns)
{
	if (!view)
		return NOTE_COPY;
	uint32_t now = microseconds_since(entry->start_ns, time_ns);
	bool seen = view->seen & 1 << packet;
	view->seen |= (uint8_t)(1 << packet);
	if (packet > VIEW_SYNACK)
		return seen ? NOTE_COPY : NOTE_FIRST;
	uint32_t last = view->last_us[packet];
	if (now > last)
		view->last_us[packet] = now;
	if (!seen)
		return NOTE_FIRST;
	return now > last && now - last >= HANDSHAKE_REPEAT_NS / 1000 ? NOTE_REPEAT : NOTE_COPY;
}

static const enum handshake_kind kinds[VIEW_PACKETS][2] = {
	[VIEW_SYN] = { HANDSHAKE_SYN, HANDSHAKE_SYN_REPEAT },
	[VIEW_SYNACK] = { HANDSHAKE_SYNACK, HANDSHAKE_SYNACK_REPEAT },
	[VIEW_ACK] = { HANDSHAKE_ACK, HANDSHAKE_ACK },
	[VIEW_RST] = { HANDSHAKE_RST, HANDSHAKE_RST },
};

/* ---- frames ---- */

static struct frame frame_of(
	const struct entry *entry, const struct packet *packet, const struct sighting *sighting)
{
	struct frame frame = { .handshake = entry->id,
		.time_ns = sighting->time_ns,
		.device = sighting->device,
		.direction = sighting->direction,
		.flags = packet->flags,
		.size = (uint16_t)(sighting->size < FRAME_BYTES ? sighting->size : FRAME_BYTES),
		.length = sighting->length };
	memcpy(frame.bytes, sighting->frame, frame.size);
	return frame;
}

static void keep_old_frame(struct handshakes *handshakes, uint64_t number, struct frame_ring *ring)
{
	const struct frame *frame = frame_ring_get(&handshakes->recent, number);
	if (frame)
		frame_ring_put(ring, frame);
}

void entry_keep_frames(struct handshakes *handshakes, struct entry *entry, enum evidence_ring ring)
{
	if (entry->flags & ENTRY_EVIDENCE)
		return;
	entry->flags |= ENTRY_EVIDENCE;
	uint64_t earlier = entry->syn_frame, later = entry->synack_frame;
	if (earlier > later && later != FRAME_NONE) {
		earlier = entry->synack_frame;
		later = entry->syn_frame;
	}
	keep_old_frame(handshakes, earlier, &handshakes->evidence[ring]);
	keep_old_frame(handshakes, later, &handshakes->evidence[ring]);
}

void handshake_keep_evidence(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting)
{
	if (entry->flags & ENTRY_EVIDENCE)
		return;
	entry_keep_frames(handshakes, entry, EVIDENCE_REPEATED);
	if (!sighting->frame)
		return;
	struct frame frame = frame_of(entry, packet, sighting);
	frame_ring_put(&handshakes->evidence[EVIDENCE_REPEATED], &frame);
}

static void keep_frame(struct handshakes *handshakes, struct entry *entry, enum view_packet view,
	const struct packet *packet, const struct sighting *sighting)
{
	if (!sighting->frame)
		return;
	uint64_t *first = view == VIEW_SYN      ? &entry->syn_frame
			  : view == VIEW_SYNACK ? &entry->synack_frame
						: NULL;
	bool needed = first && *first == FRAME_NONE;
	if (!needed && !(entry->flags & ENTRY_EVIDENCE))
		return;
	struct frame frame = frame_of(entry, packet, sighting);
	if (needed)
		*first = frame_ring_put(&handshakes->recent, &frame);
	if (entry->flags & ENTRY_EVIDENCE)
		frame_ring_put(
			&handshakes->evidence[entry->flags & ENTRY_SYN ? EVIDENCE_REPEATED : EVIDENCE_RETURN],
			&frame);
}

/* Counts the packet at its device and keeps its frame if it may be of use. */
enum note handshake_sight(struct handshakes *handshakes, struct entry *entry, enum view_packet packet_kind,
	const struct packet *packet, const struct sighting *sighting)
{
	uint16_t slot = tally_device_slot(&handshakes->tally, sighting->device);
	struct view *view = entry_view(entry, sighting->device, sighting->direction);
	enum note result = note(entry, view, packet_kind, sighting->time_ns);
	if (result == NOTE_COPY)
		return result;
	entry->last_ns = sighting->time_ns;
	tally_packet(&handshakes->tally, slot, sighting->direction, kinds[packet_kind][result == NOTE_REPEAT],
		entry->weight);
	keep_frame(handshakes, entry, packet_kind, packet, sighting);
	return result;
}

/* ---- endings ---- */

void handshake_move(struct handshakes *handshakes, struct entry *entry, enum entry_queue queue)
{
	entry->moved_ns = handshakes->now_ns;
	handshake_table_move(&handshakes->table, entry, queue);
}

static enum handshake_outcome outcome_of(const struct entry *entry)
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

static void fill_arrival(const struct entry *entry, struct handshake_peer *peer)
{
	const struct flow *flow = &entry->flow;
	struct address client = address_make(flow->family, flow->client);
	struct address server = address_make(flow->family, flow->server);
	peer->peer = peer->asks ? client : server;
	peer->local = peer->asks ? server : client;
}

void entry_forget_arrival(struct handshakes *handshakes, const struct entry *entry, int device, bool asks)
{
	struct handshake_peer peer = { .device = device, .asks = asks };
	fill_arrival(entry, &peer);
	arrivals_forget(&handshakes->arrivals, tally_device_find(&handshakes->tally, device), &peer);
}

void entry_note_arrival(struct handshakes *handshakes, const struct entry *entry, int device,
	const struct handshake_peer *peer)
{
	const struct flow *flow = &entry->flow;
	struct handshake_peer full = *peer;
	full.device = device;
	fill_arrival(entry, &full);
	full.peer_port = peer->asks ? flow->client_port : flow->server_port;
	full.port = peer->asks ? flow->server_port : flow->client_port;
	full.protocol = IPPROTO_TCP;
	full.seen_ns = handshakes->now_ns;
	arrivals_note(&handshakes->arrivals, tally_device_slot(&handshakes->tally, device), &full);
}

static void note_completed(struct handshakes *handshakes, const struct entry *entry,
	const struct entry_way *syn, const struct entry_way *synack)
{
	if (syn->has_in)
		entry_note_arrival(handshakes, entry, syn->devices.in,
			&(struct handshake_peer){
				.asks = true, .completed = true, .synack_device = synack->devices.out });
	else if (synack->has_in)
		entry_note_arrival(
			handshakes, entry, synack->devices.in, &(struct handshake_peer){ .completed = true });
}

static void count(struct handshakes *handshakes, struct entry *entry)
{
	struct entry_way syn = entry_way(entry, VIEW_SYN);
	struct entry_way synack = entry_way(entry, VIEW_SYNACK);
	enum handshake_role role = entry_role(entry);
	const struct tally_end end = {
		.syn_device = syn.has_in ? syn.devices.in : syn.devices.out,
		.synack_device = synack_device(role, &synack),
		.synack = synack.devices,
		.role = role,
		.server = address_make(entry->flow.family, entry->flow.server),
		.outcome = outcome_of(entry),
		.weight = entry->weight,
		.time_ns = handshakes->now_ns,
		.completed_ns = entry->last_ns,
		.failed_ns = entry_last(entry, entry->flags & ENTRY_SYN ? VIEW_SYN : VIEW_SYNACK),
	};
	entry->flags |= ENTRY_COUNTED;
	tally_end(&handshakes->tally, &end);
	if (end.outcome == HANDSHAKE_COMPLETED)
		note_completed(handshakes, entry, &syn, &synack);
	handshake_move(handshakes, entry, end.outcome == HANDSHAKE_ONE_WAY ? QUEUE_KNOWN : QUEUE_REMEMBERED);
}

static void leave_unmatched(struct handshakes *handshakes, struct entry *entry)
{
	handshakes->unmatched += entry->weight;
	entry->flags |= ENTRY_COUNTED;
	handshake_move(handshakes, entry, QUEUE_REMEMBERED);
}

static void end(struct handshakes *handshakes, struct entry *entry)
{
	if (entry->flags & ENTRY_COUNTED)
		handshake_table_remove(&handshakes->table, entry);
	else if (entry->queue == QUEUE_BLIND)
		leave_unmatched(handshakes, entry);
	else
		count(handshakes, entry);
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
			end(handshakes, entry);
		}
	echoes_advance(&handshakes->echoes, &handshakes->tally, handshakes->now_ns);
	if (handshakes->now_ns >= handshakes->return_ratio_until_ns)
		handshakes->return_ratio = handshakes->ratio;
	return true;
}

void handshakes_advance(struct handshakes *handshakes, int64_t now_ns)
{
	while (!handshakes_advance_some(handshakes, now_ns, UINT32_MAX))
		;
}

void handshakes_set_wall(struct handshakes *handshakes, int64_t wall_ns)
{
	handshakes->wall_ns = wall_ns;
}

void handshakes_devices(struct handshakes *handshakes, const struct handshake_presence *devices, size_t count)
{
	tally_survey(&handshakes->tally, devices, count, handshakes->now_ns);
}

void handshakes_finish(struct handshakes *handshakes)
{
	for (unsigned queue = 0; queue < QUEUE_REMEMBERED; queue++) {
		struct entry *entry;
		while ((entry = handshake_table_oldest(&handshakes->table, (enum entry_queue)queue)))
			end(handshakes, entry);
	}
	echoes_advance(&handshakes->echoes, &handshakes->tally, INT64_MAX);
}

/* ---- room ---- */

void handshakes_missed(struct handshakes *handshakes, int64_t now_ns)
{
	if (now_ns + HANDSHAKE_OPEN_NS > handshakes->blind_until_ns)
		handshakes->blind_until_ns = now_ns + HANDSHAKE_OPEN_NS;
}

static struct entry *oldest_undecided(struct handshake_table *table)
{
	struct entry *open = handshake_table_oldest(table, QUEUE_OPEN);
	struct entry *other = handshake_table_oldest(table, QUEUE_RETURN);
	if (!open || !other)
		return open ? open : other;
	return open->moved_ns <= other->moved_ns ? open : other;
}

static bool exceeds_share(const struct handshake_table *table, enum entry_queue queue)
{
	return table->queues[queue].count > table->limit / SUSPECT_SHARE;
}

static struct entry *choose_victim(struct handshake_table *table)
{
	static const enum entry_queue costless[] = { QUEUE_REMEMBERED, QUEUE_BLIND, QUEUE_SETTLING };
	static const enum entry_queue suspects[] = { QUEUE_KNOWN, QUEUE_SUSPECT };
	struct entry *victim = NULL;
	for (unsigned i = 0; i < sizeof(costless) / sizeof(*costless) && !victim; i++)
		victim = handshake_table_oldest(table, costless[i]);
	for (unsigned i = 0; i < 2 && !victim; i++)
		if (exceeds_share(table, suspects[i]))
			victim = handshake_table_oldest(table, suspects[i]);
	if (!victim)
		victim = oldest_undecided(table);
	for (unsigned i = 0; i < 2 && !victim; i++)
		victim = handshake_table_oldest(table, suspects[i]);
	return victim;
}

static uint64_t entry_hash(const struct entry *entry)
{
	return (uint64_t)entry->hashes[1] << 32 | entry->hashes[0];
}

static void make_room(struct handshakes *handshakes)
{
	struct entry *victim = choose_victim(&handshakes->table);
	if (victim->queue == QUEUE_SETTLING || victim->queue == QUEUE_BLIND)
		end(handshakes, victim);
	if (!(victim->flags & ENTRY_COUNTED)) {
		handshakes->evicted += victim->weight;
		if ((victim->flags & (ENTRY_SYN | ENTRY_SYNACK | ENTRY_ACKED)) == (ENTRY_SYN | ENTRY_SYNACK))
			departed_note(&handshakes->departed, entry_hash(victim), victim->last_ns);
		handshakes->crowded_until_ns = handshakes->now_ns + HANDSHAKE_OPEN_NS;
	}
	handshake_table_remove(&handshakes->table, victim);
}

struct entry *handshake_add(
	struct handshakes *handshakes, const struct flow *flow, uint32_t sequence, int64_t time_ns)
{
	if (handshake_table_is_full(&handshakes->table))
		make_room(handshakes);
	struct entry *entry = handshake_table_add(&handshakes->table, flow, sequence);
	entry->start_ns = entry->last_ns = time_ns;
	entry->moved_ns = handshakes->now_ns;
	return entry;
}

bool handshake_is_sampled(const struct handshakes *handshakes, const struct flow *flow, uint32_t ratio)
{
	return ratio == 1 || flow_symmetric_hash(handshakes->table.seed, flow) < UINT32_MAX / ratio;
}

void handshakes_sample(struct handshakes *handshakes, uint32_t ratio)
{
	ratio = ratio ? ratio : 1;
	/* A flow whose SYN was left out at the old ratio may get its SYN-ACK now. */
	if (ratio < handshakes->ratio)
		handshakes->return_ratio_until_ns = handshakes->now_ns + HANDSHAKE_OPEN_NS;
	if (ratio > handshakes->return_ratio)
		handshakes->return_ratio = ratio;
	handshakes->ratio = ratio;
}
