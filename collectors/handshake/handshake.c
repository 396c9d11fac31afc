// SPDX-License-Identifier: GPL-2.0-or-later
/* What each packet does to its handshake. A packet goes from handshakes_feed() to one of handshake_on_…(),
 * which finds or adds the entry, marks where it was seen and what it now knows, and puts it into the queue in
 * which its time runs out; handshake_expiry.c counts it then. */
#include "collectors/handshake/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/flow_sample.h"
#include "collectors/handshake/handshake_state.h"

const struct handshake_limits handshake_limits_default = {
	.handshakes = 32768,
	.evicted_syns = 1 << 20,
	.echoes = 4096,
	.devices = 4096,
	.pairs = 8192,
	.services = 1024,
	.suspects = 256,
	.frames = 2048,
	.ends = 64,
};

/* How many entries of one flow are looked at where the number alone does not find it. */
#define FLOW_DEPTH 8
/* A server answers a SYN within so long. */
#define ANSWER_NS (250 * INT64_C(1000000))
/* The first repetition of a SYN-ACK comes a second after it, later ones at twice the time each. */
#define FIRST_REPEAT_NS (1500 * INT64_C(1000000))
/* Linux sends its last SYN after 63 s and gives up after 127. Whatever comes later keeps nothing alive. */
#define LIFE_NS (130 * INT64_C(1000000000))
/* Far from where sums of times would not fit. */
#define TIME_MAX_NS (INT64_MAX / 2)

/* Sequence number a stands at or behind b (RFC 9293 3.4). */
static bool at_or_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* Further from the initial number than any window is wide: another connection's. */
static bool in_reach(uint32_t sequence, uint32_t initial)
{
	return sequence - initial < UINT32_C(1) << 30;
}

static struct flow flow_from_client(const struct packet *packet)
{
	struct flow flow = { .client_port = packet->source_port,
		.server_port = packet->destination_port,
		.family = packet->source.family };
	memcpy(flow.client, packet->source.bytes, sizeof(flow.client));
	memcpy(flow.server, packet->destination.bytes, sizeof(flow.server));
	return flow;
}

static struct flow flow_from_server(const struct packet *packet)
{
	struct flow flow = { .client_port = packet->destination_port,
		.server_port = packet->source_port,
		.family = packet->source.family };
	memcpy(flow.client, packet->destination.bytes, sizeof(flow.client));
	memcpy(flow.server, packet->source.bytes, sizeof(flow.server));
	return flow;
}

enum note {
	NOTE_FIRST,  /* not seen at this device in this direction before */
	NOTE_REPEAT, /* seen there at least HANDSHAKE_REPEAT_NS ago */
	NOTE_COPY,   /* the same packet captured again, or there are too many views */
};

static const enum handshake_kind kinds[VIEW_PACKETS][2] = {
	[VIEW_SYN] = { HANDSHAKE_SYN, HANDSHAKE_SYN_REPEAT },
	[VIEW_SYNACK] = { HANDSHAKE_SYNACK, HANDSHAKE_SYNACK_REPEAT },
	[VIEW_ACK] = { HANDSHAKE_ACK, HANDSHAKE_ACK },
	[VIEW_RST] = { HANDSHAKE_RST, HANDSHAKE_RST },
};

/* Marks the packet as seen where it was, counts it there if it is no copy, and keeps its frame if it may be
 * of use. *view: NULL if there is no room for another. */
static enum note handshake_sight(struct handshakes *handshakes, struct entry *entry, enum view_packet kind,
	const struct packet *packet, const struct sighting *sighting, struct view **view)
{
	struct view *at = *view = entry_view(entry, sighting->device, sighting->direction);
	if (!at)
		return NOTE_COPY;
	bool seen = at->seen & 1 << kind, repeated = false;
	at->seen |= (uint8_t)(1 << kind);
	if (kind <= VIEW_SYNACK) {
		uint32_t now = entry_microseconds(entry, sighting->time_ns), last = at->last_us[kind];
		repeated = seen && now > last && now - last >= HANDSHAKE_REPEAT_NS / 1000;
		at->last_us[kind] = now > last ? now : last;
	}
	if (seen && !repeated)
		return NOTE_COPY;
	entry->last_ns = sighting->time_ns;
	counters_packet(&handshakes->counters, counters_device_slot(&handshakes->counters, sighting->device),
		sighting->direction, kinds[kind][repeated], entry->weight);
	handshake_keep_frame(handshakes, entry, kind, packet, sighting);
	return repeated ? NOTE_REPEAT : NOTE_FIRST;
}

static void handshake_complete(struct handshakes *handshakes, struct entry *entry)
{
	entry->flags |= ENTRY_ACKED;
	if (entry_is_open(entry) && entry->flags & ENTRY_SYN)
		handshake_move(handshakes, entry, QUEUE_SETTLING);
}

static bool handshake_is_sampled(const struct handshakes *handshakes, const struct flow *flow, uint32_t ratio)
{
	return ratio == 1 || flow_is_sampled(flow_symmetric_hash(handshakes->table.seed, flow), ratio);
}

/* ---- SYN ---- */

/* A client whose SYN-ACK was seen, but whose entry was evicted, or never made since it was not sampled, is
 * followed when it comes back, sampled or not; then it stands for itself alone. NULL: it is not followed. */
static struct entry *handshake_add_opening(struct handshakes *handshakes, const struct flow *flow,
	struct flow_hash hash, uint32_t sequence, const struct sighting *sighting)
{
	bool sampled = handshake_is_sampled(handshakes, flow, handshakes->ratio);
	bool recalled =
		sighting->recalled || evicted_syns_recall(&handshakes->evicted_syns, flow_hash_whole(hash),
					      sighting->time_ns, HANDSHAKE_REPEAT_NS, HANDSHAKE_MEMORY_NS);
	if (!sampled && !recalled)
		return NULL;
	struct entry *entry = handshake_add(handshakes, flow, hash, sequence, sighting->time_ns);
	entry->weight = sampled ? handshakes->ratio : 1;
	if (recalled) {
		entry->flags |= ENTRY_SYNACK | ENTRY_RECALLED;
		entry->start_ns -= HANDSHAKE_REPEAT_NS; /* at least: this SYN comes behind its SYN-ACK */
	}
	return entry;
}

/* device: the one that routes, known from the first SYN. */
static void handshake_note_unanswered(
	struct handshakes *handshakes, const struct entry *entry, int device, int64_t time_ns)
{
	const struct flow *flow = &entry->flow;
	const struct unanswered_service unanswered = {
		.server = address_make(flow->family, flow->server),
		.port = flow->server_port,
		.device = device,
		.client = address_make(flow->family, flow->client),
		.client_port = flow->client_port,
		.id = entry->id,
		.since_ns = entry->start_ns,
		.last_ns = time_ns,
	};
	unanswered_note(&handshakes->unanswered, &unanswered, entry->sequence);
}

static void handshake_on_syn(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_client(packet);
	struct flow_hash hash = handshake_table_hash(&handshakes->table, &flow, packet->sequence);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow, hash, packet->sequence);
	if (!entry)
		entry = handshake_add_opening(handshakes, &flow, hash, packet->sequence, sighting);
	if (!entry)
		return;
	bool recalled = false;
	if (!(entry->flags & ENTRY_SYN)) {
		recalled = entry->flags & ENTRY_RECALLED;
		entry->flags |= ENTRY_SYN;
		entry->syn_payload = packet->payload < UINT16_MAX ? (uint16_t)packet->payload : UINT16_MAX;
		/* Its SYN-ACK may be known: rings of two devices, read in the wrong order. */
		if (entry->flags & ENTRY_SYNACK && entry_is_open(entry))
			handshake_move(handshakes, entry, QUEUE_OPEN);
		if ((entry->flags & (ENTRY_SYNACK | ENTRY_ACKED)) == (ENTRY_SYNACK | ENTRY_ACKED))
			handshake_complete(handshakes, entry);
	}
	struct view *view;
	enum note note = handshake_sight(handshakes, entry, VIEW_SYN, packet, sighting, &view);
	if (note == NOTE_REPEAT && sighting->direction == DIRECTION_IN) {
		int device = entry_devices(entry, VIEW_SYN).pair.in;
		struct handshake_peer peer = entry_peer(entry, device, true, handshakes->now_ns);
		peer.unfinished = true;
		ingress_peers_note(&handshakes->ingress_peers,
			counters_device_slot(&handshakes->counters, device), &peer);
		if (!(entry->flags & (ENTRY_SYNACK | ENTRY_REFUSED)) && sighting->device == device)
			handshake_note_unanswered(handshakes, entry, device, sighting->time_ns);
	}
	if (note != NOTE_REPEAT && !recalled)
		return;
	/* One that goes on is remembered as the same one. */
	if (entry->flags & ENTRY_COUNTED && sighting->time_ns - entry->start_ns < LIFE_NS)
		handshake_move(handshakes, entry, (enum entry_queue)entry->queue);
	if (!view || !(entry->flags & ENTRY_SYNACK) ||
		entry_microseconds(entry, sighting->time_ns) <= entry->synack_us)
		return;
	if (view->repeats < UINT8_MAX)
		view->repeats++;
	entry->repeats = view->repeats > entry->repeats ? view->repeats : entry->repeats;
	if (entry_is_open(entry) && entry->queue != QUEUE_SUSPECT)
		handshake_move(handshakes, entry, QUEUE_SUSPECT);
	if (!(entry->flags & (ENTRY_ACKED | ENTRY_REFUSED)))
		handshake_keep_evidence(handshakes, entry, packet, sighting);
}

/* ---- SYN-ACK ---- */

/* With TCP Fast Open the SYN-ACK acknowledges data of the SYN as well, all or a part (RFC 7413). */
static struct entry *handshake_find_fast_open(struct handshakes *handshakes, const struct flow *flow,
	struct flow_hash hash, uint32_t acknowledgement)
{
	struct entry *entry = handshake_table_newest(&handshakes->table, flow, hash.flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (acknowledgement - 1 - entry->sequence <= entry->syn_payload)
			return entry;
		entry = entry_older(&handshakes->table, entry);
	}
	return NULL;
}

/* One whose SYN was not seen; NULL: it is not followed. */
static struct entry *handshake_add_return(struct handshakes *handshakes, const struct flow *flow,
	struct flow_hash hash, uint32_t sequence, int64_t time_ns)
{
	if (!handshake_is_sampled(handshakes, flow, handshakes->return_ratio)) {
		evicted_syns_note(&handshakes->evicted_syns, flow_hash_whole(hash), time_ns);
		return NULL;
	}
	if (handshakes->now_ns < handshakes->crowded_until_ns) {
		handshakes->unmatched += handshakes->return_ratio;
		return NULL;
	}
	struct entry *entry = handshake_add(handshakes, flow, hash, sequence, time_ns);
	entry->weight = handshakes->return_ratio;
	entry->flags |= ENTRY_EVIDENCE;
	bool blind = handshakes->now_ns < handshakes->blind_until_ns;
	handshake_move(handshakes, entry, blind ? QUEUE_BLIND : QUEUE_RETURN);
	return entry;
}

/* A client that answers a SYN with a SYN-ACK while its own SYN is out: simultaneous open (RFC 9293 3.5). Its
 * SYN-ACK acknowledges the number that the peer's SYN-ACK to it will have or has. */
static void handshake_on_mutual_synack(struct handshakes *handshakes, const struct packet *packet)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow,
		handshake_table_hash(&handshakes->table, &flow, packet->sequence), packet->sequence);
	if (!entry)
		return;
	entry->flags |= ENTRY_EARLY_ACK;
	entry->early_ack = packet->acknowledgement;
	if (entry->flags & ENTRY_SYNACK && entry->early_ack == entry->server_sequence + 1)
		handshake_complete(handshakes, entry);
}

static void handshake_note_answered(struct handshakes *handshakes, const struct entry *entry)
{
	if (handshakes->unanswered.count == 0)
		return;
	struct address server = address_make(entry->flow.family, entry->flow.server);
	unanswered_end(&handshakes->unanswered, &server, entry->flow.server_port);
}

/* A SYN-ACK that came again shows that its SYN was not merely missed, if the one before it was sighted when
 * nothing had been missed for some time: its SYN would have been, too. Or if it comes again as soon once
 * more: a server alone (what a flood has left) repeats it more and more seldom, so that it was asked again,
 * by a SYN. last_us: of the one before. */
static bool handshake_lacks_syn(const struct handshakes *handshakes, const struct entry *entry,
	const struct view *view, uint32_t last_us, int64_t time_ns)
{
	int64_t last_ns = entry->start_ns + (int64_t)last_us * 1000;
	return entry->queue == QUEUE_BLIND && time_ns - last_ns <= FIRST_REPEAT_NS &&
	       last_ns - handshakes->missed_ns >= (view->synack_repeats == 1 ? ANSWER_NS : 0);
}

static void handshake_on_synack(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	const uint32_t sequence = packet->acknowledgement - 1;
	struct flow flow = flow_from_server(packet);
	struct flow_hash hash = handshake_table_hash(&handshakes->table, &flow, sequence);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow, hash, sequence);
	handshake_on_mutual_synack(handshakes, packet);
	if (!entry)
		entry = handshake_find_fast_open(handshakes, &flow, hash, packet->acknowledgement);
	if (!entry)
		entry = handshake_add_return(handshakes, &flow, hash, sequence, sighting->time_ns);
	if (!entry)
		return;
	entry->server_sequence = packet->sequence;
	entry->flags &= (uint8_t)~ENTRY_RECALLED;
	if (!(entry->flags & ENTRY_SYNACK)) {
		entry->flags |= ENTRY_SYNACK;
		handshake_note_answered(handshakes, entry);
		entry->synack_us = entry_microseconds(entry, sighting->time_ns);
		handshake_table_renew(&handshakes->table, entry);
		if (entry->flags & ENTRY_EARLY_ACK && entry->early_ack == entry->server_sequence + 1)
			handshake_complete(handshakes, entry);
		else if (entry_is_open(entry))
			handshake_move(handshakes, entry, (enum entry_queue)entry->queue);
	}
	struct view *view = entry_view(entry, sighting->device, sighting->direction);
	uint32_t last_us = view ? view->last_us[VIEW_SYNACK] : 0;
	int before = entry_devices(entry, VIEW_SYNACK).pair.in;
	enum note note = handshake_sight(handshakes, entry, VIEW_SYNACK, packet, sighting, &view);
	if (note == NOTE_REPEAT && view->synack_repeats < UINT8_MAX)
		view->synack_repeats++;
	if (note == NOTE_REPEAT && handshake_lacks_syn(handshakes, entry, view, last_us, sighting->time_ns))
		handshake_move(handshakes, entry, QUEUE_RETURN);
	if (note == NOTE_COPY || sighting->direction != DIRECTION_IN || entry_role(entry) != HANDSHAKE_OPENED)
		return;
	/* It answers a SYN of this host's. What was noted when it passed a device below is void. */
	int device = entry_devices(entry, VIEW_SYNACK).pair.in;
	struct handshake_peer peer = entry_peer(entry, before, false, handshakes->now_ns);
	if (before && before != device)
		ingress_peers_forget(&handshakes->ingress_peers,
			counters_device_find(&handshakes->counters, before), &peer);
	peer.device = device;
	peer.unfinished = note == NOTE_REPEAT;
	ingress_peers_note(
		&handshakes->ingress_peers, counters_device_slot(&handshakes->counters, device), &peer);
}

/* ---- ACK and RST ---- */

/* Any segment from the client: the ACK that completes, the same at another device, or one of the many later.
 */
static void handshake_on_ack(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_newest(
		&handshakes->table, &flow, handshake_table_flow_hash(&handshakes->table, &flow));
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		bool answered = entry->flags & ENTRY_SYNACK;
		bool exact = packet->acknowledgement == entry->server_sequence + 1;
		bool early = !answered && packet->sequence == entry->sequence + 1;
		bool completes =
			entry->flags & ENTRY_RECALLED
				? packet->sequence == entry->sequence + 1
				: answered && in_reach(packet->sequence, entry->sequence) &&
					  at_or_after(packet->acknowledgement, entry->server_sequence + 1);
		if (early) {
			entry->flags |= ENTRY_EARLY_ACK;
			entry->early_ack = packet->acknowledgement;
		}
		struct view *view;
		if ((early || (completes && (!(entry->flags & ENTRY_ACKED) || exact))) &&
			handshake_sight(handshakes, entry, VIEW_ACK, packet, sighting, &view) == NOTE_FIRST &&
			answered) {
			int64_t delay =
				sighting->time_ns - entry->start_ns - (int64_t)entry->synack_us * 1000;
			counters_delay(&handshakes->counters,
				counters_device_slot(&handshakes->counters, sighting->device),
				delay > 0 ? (double)delay / 1e9 : 0, entry->weight);
		}
		if (completes)
			handshake_complete(handshakes, entry);
		if (early || completes)
			return;
		entry = entry_older(&handshakes->table, entry);
	}
}

/* Some stacks and middleboxes do not acknowledge the SYN in their RST. */
static struct entry *handshake_find_unanswered(
	struct handshake_table *table, const struct flow *flow, struct flow_hash hash)
{
	struct entry *entry = handshake_table_newest(table, flow, hash.flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (entry_is_open(entry) && !(entry->flags & ENTRY_SYNACK))
			return entry;
		entry = entry_older(table, entry);
	}
	return NULL;
}

static void handshake_on_rst(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct handshake_table *table = &handshakes->table;
	struct flow flow = flow_from_server(packet);
	struct flow_hash hash = handshake_table_hash(table, &flow, packet->acknowledgement - 1);
	struct entry *entry = NULL;
	struct view *view;
	if (packet->flags & TCP_ACK)
		entry = handshake_table_find(table, &flow, hash, packet->acknowledgement - 1);
	if (!entry)
		entry = handshake_find_unanswered(table, &flow, hash);
	if (entry) { /* the server's */
		if (!(entry->flags & ENTRY_ACKED))
			handshake_sight(handshakes, entry, VIEW_RST, packet, sighting, &view);
		if (entry_is_open(entry) && !(entry->flags & ENTRY_SYNACK)) {
			entry->flags |= ENTRY_REFUSED;
			handshake_note_answered(handshakes, entry);
			handshake_move(handshakes, entry, QUEUE_SETTLING);
		}
		return;
	}
	flow = flow_from_client(packet);
	entry = handshake_table_newest(table, &flow, handshake_table_flow_hash(table, &flow));
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (entry_is_open(entry) && in_reach(packet->sequence, entry->sequence)) {
			handshake_sight(handshakes, entry, VIEW_RST, packet, sighting, &view);
			break;
		}
		entry = entry_older(table, entry);
	}
	if (packet->flags & TCP_ACK)
		handshake_on_ack(handshakes, packet, sighting);
}

/* ---- all ---- */

void handshakes_feed(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct sighting checked = *sighting;
	if (checked.time_ns < 0 || checked.time_ns > TIME_MAX_NS)
		checked.time_ns = handshakes->now_ns; /* a capture file may claim anything */
	handshakes_advance_some(
		handshakes, checked.time_ns, handshakes->limits.ends ? handshakes->limits.ends : UINT32_MAX);
	if (packet->kind == PACKET_ECHO_REQUEST || packet->kind == PACKET_ECHO_REPLY)
		echoes_feed(&handshakes->echoes, &handshakes->counters, &handshakes->ingress_peers, packet,
			&checked, handshakes->now_ns);
	if (packet->kind != PACKET_TCP)
		return;
	if (packet->flags & TCP_RST)
		handshake_on_rst(handshakes, packet, &checked);
	else if ((packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		handshake_on_syn(handshakes, packet, &checked);
	else if (packet->flags & TCP_SYN)
		handshake_on_synack(handshakes, packet, &checked);
	else if (packet->flags & TCP_ACK)
		handshake_on_ack(handshakes, packet, &checked);
}

void handshakes_set_wall(struct handshakes *handshakes, int64_t wall_ns)
{
	handshakes->wall_ns = wall_ns;
}

void handshakes_devices(struct handshakes *handshakes, const struct handshake_presence *devices, size_t count)
{
	counters_devices(&handshakes->counters, devices, count, handshakes->now_ns);
}

void handshakes_missed(struct handshakes *handshakes, int64_t now_ns)
{
	if (now_ns > handshakes->missed_ns)
		handshakes->missed_ns = now_ns;
	if (now_ns + HANDSHAKE_OPEN_NS > handshakes->blind_until_ns)
		handshakes->blind_until_ns = now_ns + HANDSHAKE_OPEN_NS;
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

int handshakes_new(const struct handshake_limits *limits, uint64_t seed, struct handshakes **out)
{
	struct handshakes *handshakes = calloc(1, sizeof(*handshakes));
	if (!handshakes)
		return -ENOMEM;
	handshakes->limits = *limits;
	handshakes->ratio = handshakes->return_ratio = 1;
	if (handshake_table_init(&handshakes->table, limits->handshakes, seed) < 0 ||
		counters_init(&handshakes->counters, limits, seed) < 0 ||
		evicted_syns_init(&handshakes->evicted_syns, limits->evicted_syns) < 0 ||
		echoes_init(&handshakes->echoes, limits->echoes, seed) < 0 ||
		ingress_peers_init(&handshakes->ingress_peers, handshakes->counters.device_limit) < 0 ||
		frame_ring_init(&handshakes->recent, limits->frames * 2) < 0 ||
		frame_ring_init(&handshakes->evidence[EVIDENCE_REPEATED], limits->frames) < 0 ||
		frame_ring_init(&handshakes->evidence[EVIDENCE_RETURN], limits->frames / 4) < 0) {
		handshakes_free(handshakes);
		return -ENOMEM;
	}
	*out = handshakes;
	return 0;
}

void handshakes_free(struct handshakes *handshakes)
{
	if (!handshakes)
		return;
	handshake_table_destroy(&handshakes->table);
	counters_destroy(&handshakes->counters);
	echoes_destroy(&handshakes->echoes);
	evicted_syns_destroy(&handshakes->evicted_syns);
	ingress_peers_destroy(&handshakes->ingress_peers);
	frame_ring_destroy(&handshakes->recent);
	for (unsigned ring = 0; ring < EVIDENCE_RINGS; ring++)
		frame_ring_destroy(&handshakes->evidence[ring]);
	free(handshakes);
}
