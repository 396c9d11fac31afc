// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/handshake_state.h"

const struct handshake_limits handshake_limits_default = {
	.handshakes = 32768,
	.departed = 1 << 20,
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

/* ---- packets ---- */

static bool is_open(const struct entry *entry)
{
	return entry->queue < QUEUE_SETTLING;
}

static void complete(struct handshakes *handshakes, struct entry *entry)
{
	entry->flags |= ENTRY_ACKED;
	if (is_open(entry) && entry->flags & ENTRY_SYN)
		handshake_move(handshakes, entry, QUEUE_SETTLING);
}

static void first_syn(struct handshakes *handshakes, struct entry *entry, const struct packet *packet)
{
	bool known = entry->flags & ENTRY_SYNACK; /* rings of two devices, read in the wrong order */
	entry->flags |= ENTRY_SYN;
	entry->syn_payload = packet->payload < UINT16_MAX ? (uint16_t)packet->payload : UINT16_MAX;
	if (!known || !is_open(entry))
		return;
	handshake_move(handshakes, entry, QUEUE_OPEN);
	if (entry->flags & ENTRY_ACKED)
		complete(handshakes, entry);
}

/* One that goes on is remembered as the same one. */
static void remember(struct handshakes *handshakes, struct entry *entry, const struct sighting *sighting)
{
	if (entry->flags & ENTRY_COUNTED && sighting->time_ns - entry->start_ns < LIFE_NS)
		handshake_move(handshakes, entry, (enum entry_queue)entry->queue);
}

static void repeated_syn(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting)
{
	remember(handshakes, entry, sighting);
	struct view *view = entry_view(entry, sighting->device, sighting->direction);
	uint32_t now = microseconds_since(entry->start_ns, sighting->time_ns);
	if (!view || !(entry->flags & ENTRY_SYNACK) || now <= entry->synack_us)
		return;
	if (view->repeats < UINT8_MAX)
		view->repeats++;
	if (view->repeats > entry->repeats)
		entry->repeats = view->repeats;
	if (is_open(entry) && entry->queue != QUEUE_SUSPECT)
		handshake_move(handshakes, entry, QUEUE_SUSPECT);
	if (!(entry->flags & (ENTRY_ACKED | ENTRY_REFUSED)))
		handshake_keep_evidence(handshakes, entry, packet, sighting);
}

/* Its way is known from the first one: the device that routes, not one below it. */
static void note_asking(
	struct handshakes *handshakes, const struct entry *entry, const struct sighting *sighting)
{
	if (sighting->direction == DIRECTION_IN)
		entry_note_arrival(handshakes, entry, entry_way(entry, VIEW_SYN).devices.in,
			&(struct handshake_peer){ .asks = true, .unfinished = true });
}

static void note_silence(
	struct handshakes *handshakes, const struct entry *entry, const struct sighting *sighting)
{
	const struct flow *flow = &entry->flow;
	int device = entry_way(entry, VIEW_SYN).devices.in;
	if (entry->flags & (ENTRY_SYNACK | ENTRY_REFUSED) || sighting->direction != DIRECTION_IN ||
		sighting->device != device)
		return;
	const struct handshake_silence silence = {
		.server = address_make(flow->family, flow->server),
		.port = flow->server_port,
		.device = device,
		.client = address_make(flow->family, flow->client),
		.client_port = flow->client_port,
		.id = entry->id,
		.since_ns = entry->start_ns,
		.last_ns = sighting->time_ns,
	};
	silences_note(&handshakes->silences, &silence, entry->sequence);
}

static void end_silence(struct handshakes *handshakes, const struct entry *entry)
{
	if (handshakes->silences.count == 0)
		return;
	struct address server = address_make(entry->flow.family, entry->flow.server);
	silences_answered(&handshakes->silences, &server, entry->flow.server_port);
}

/* Its SYN-ACK was seen, but it has no entry: that was evicted, or never made, since it was not sampled. */
static bool is_recalled(struct handshakes *handshakes, const struct flow *flow, const struct packet *packet,
	const struct sighting *sighting)
{
	uint64_t hash = handshake_table_hash(&handshakes->table, flow, packet->sequence);
	return departed_recall(
		&handshakes->departed, hash, sighting->time_ns, HANDSHAKE_REPEAT_NS, HANDSHAKE_MEMORY_NS);
}

/* A client that comes back is followed even if it is not sampled; then it stands for itself alone. */
static struct entry *add_opening(struct handshakes *handshakes, const struct flow *flow,
	const struct packet *packet, const struct sighting *sighting)
{
	bool sampled = handshake_is_sampled(handshakes, flow, handshakes->ratio);
	bool recalled = is_recalled(handshakes, flow, packet, sighting);
	if (!sampled && !recalled)
		return NULL;
	struct entry *entry = handshake_add(handshakes, flow, packet->sequence, sighting->time_ns);
	entry->weight = sampled ? handshakes->ratio : 1;
	if (recalled) {
		entry->flags |= ENTRY_SYNACK | ENTRY_RECALLED;
		entry->start_ns -= HANDSHAKE_REPEAT_NS; /* at least: this SYN comes behind its SYN-ACK */
	}
	return entry;
}

static void on_syn(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow, packet->sequence);
	if (!entry) {
		entry = add_opening(handshakes, &flow, packet, sighting);
		if (!entry)
			return;
	}
	bool recalled = entry->flags & ENTRY_RECALLED && !(entry->flags & ENTRY_SYN);
	if (!(entry->flags & ENTRY_SYN))
		first_syn(handshakes, entry, packet);
	enum note note = handshake_sight(handshakes, entry, VIEW_SYN, packet, sighting);
	if (note == NOTE_REPEAT) {
		note_asking(handshakes, entry, sighting);
		note_silence(handshakes, entry, sighting);
	}
	if (note == NOTE_REPEAT || recalled)
		repeated_syn(handshakes, entry, packet, sighting);
}

/* With TCP Fast Open the SYN-ACK acknowledges data of the SYN as well, all or a part (RFC 7413). */
static struct entry *find_fast_open(
	struct handshakes *handshakes, const struct flow *flow, const struct packet *packet)
{
	struct entry *entry = handshake_table_newest(&handshakes->table, flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (packet->acknowledgement - 1 - entry->sequence <= entry->syn_payload)
			return entry;
		entry = entry_older(&handshakes->table, entry);
	}
	return NULL;
}

static struct entry *add_return(struct handshakes *handshakes, const struct flow *flow,
	const struct packet *packet, const struct sighting *sighting)
{
	if (!handshake_is_sampled(handshakes, flow, handshakes->return_ratio)) {
		departed_note(&handshakes->departed,
			handshake_table_hash(&handshakes->table, flow, packet->acknowledgement - 1),
			sighting->time_ns);
		return NULL;
	}
	if (handshakes->now_ns < handshakes->crowded_until_ns) {
		handshakes->unmatched += handshakes->return_ratio;
		return NULL;
	}
	struct entry *entry = handshake_add(handshakes, flow, packet->acknowledgement - 1, sighting->time_ns);
	entry->weight = handshakes->return_ratio;
	entry->flags |= ENTRY_EVIDENCE;
	bool blind = handshakes->now_ns < handshakes->blind_until_ns;
	handshake_move(handshakes, entry, blind ? QUEUE_BLIND : QUEUE_RETURN);
	return entry;
}

static void first_synack(struct handshakes *handshakes, struct entry *entry, const struct sighting *sighting)
{
	entry->flags |= ENTRY_SYNACK;
	end_silence(handshakes, entry);
	entry->synack_us = microseconds_since(entry->start_ns, sighting->time_ns);
	handshake_table_renew(&handshakes->table, entry);
	if (entry->flags & ENTRY_EARLY_ACK && entry->early_ack == entry->server_sequence + 1)
		complete(handshakes, entry);
	else if (is_open(entry))
		handshake_move(handshakes, entry, (enum entry_queue)entry->queue);
}

/* A client that answers a SYN with a SYN-ACK while its own SYN is out: simultaneous open (RFC 9293 3.5). Its
 * SYN-ACK acknowledges the number that the peer's SYN-ACK to it will have or has. */
static void note_mutual(struct handshakes *handshakes, const struct packet *packet)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow, packet->sequence);
	if (!entry)
		return;
	entry->flags |= ENTRY_EARLY_ACK;
	entry->early_ack = packet->acknowledgement;
	if (entry->flags & ENTRY_SYNACK && entry->early_ack == entry->server_sequence + 1)
		complete(handshakes, entry);
}

static void repeated_synack(struct entry *entry, const struct sighting *sighting)
{
	struct view *view = entry_view(entry, sighting->device, sighting->direction);
	if (view && view->synack_repeats < UINT8_MAX)
		view->synack_repeats++;
}

/* It answers a SYN of this host's. */
static bool is_answer(const struct entry *entry, const struct sighting *sighting)
{
	return sighting->direction == DIRECTION_IN && entry_role(entry) == HANDSHAKE_OPENED;
}

static void note_answering(
	struct handshakes *handshakes, const struct entry *entry, int before, bool repeated)
{
	int device = entry_way(entry, VIEW_SYNACK).devices.in;
	if (before && before != device)
		entry_forget_arrival(handshakes, entry, before, false);
	entry_note_arrival(handshakes, entry, device, &(struct handshake_peer){ .unfinished = repeated });
}

static void sight_synack(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting)
{
	int before = entry_way(entry, VIEW_SYNACK).devices.in;
	enum note note = handshake_sight(handshakes, entry, VIEW_SYNACK, packet, sighting);
	if (note == NOTE_REPEAT)
		repeated_synack(entry, sighting);
	if (note != NOTE_COPY && is_answer(entry, sighting))
		note_answering(handshakes, entry, before, note == NOTE_REPEAT);
}

static void on_synack(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_server(packet);
	struct entry *entry = handshake_table_find(&handshakes->table, &flow, packet->acknowledgement - 1);
	note_mutual(handshakes, packet);
	if (!entry)
		entry = find_fast_open(handshakes, &flow, packet);
	if (!entry)
		entry = add_return(handshakes, &flow, packet, sighting);
	if (!entry)
		return;
	entry->server_sequence = packet->sequence;
	entry->flags &= (uint8_t)~ENTRY_RECALLED;
	if (!(entry->flags & ENTRY_SYNACK))
		first_synack(handshakes, entry, sighting);
	sight_synack(handshakes, entry, packet, sighting);
}

static bool acknowledges(const struct entry *entry, const struct packet *packet)
{
	if (entry->flags & ENTRY_RECALLED)
		return packet->sequence == entry->sequence + 1;
	return entry->flags & ENTRY_SYNACK && in_reach(packet->sequence, entry->sequence) &&
	       at_or_after(packet->acknowledgement, entry->server_sequence + 1);
}

static void sight_ack(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting)
{
	if (handshake_sight(handshakes, entry, VIEW_ACK, packet, sighting) != NOTE_FIRST ||
		!(entry->flags & ENTRY_SYNACK))
		return;
	int64_t delay = sighting->time_ns - entry->start_ns - (int64_t)entry->synack_us * 1000;
	tally_delay(&handshakes->tally, tally_device_slot(&handshakes->tally, sighting->device),
		delay > 0 ? (double)delay / 1e9 : 0, entry->weight);
}

/* Any segment from the client: the ACK that completes, the same at another device, or one of the many later.
 */
static bool take_ack(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_newest(&handshakes->table, &flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		bool early = !(entry->flags & ENTRY_SYNACK) && packet->sequence == entry->sequence + 1;
		bool completes = acknowledges(entry, packet);
		if (early) {
			entry->flags |= ENTRY_EARLY_ACK;
			entry->early_ack = packet->acknowledgement;
		}
		if (early || (completes && (!(entry->flags & ENTRY_ACKED) ||
						   packet->acknowledgement == entry->server_sequence + 1)))
			sight_ack(handshakes, entry, packet, sighting);
		if (completes)
			complete(handshakes, entry);
		if (early || completes)
			return true;
		entry = entry_older(&handshakes->table, entry);
	}
	return false;
}

/* The handshake that a server's RST belongs to. Some stacks and middleboxes do not acknowledge the SYN in it.
 */
static struct entry *find_refused(
	struct handshakes *handshakes, const struct flow *flow, const struct packet *packet)
{
	if (packet->flags & TCP_ACK) {
		struct entry *exact =
			handshake_table_find(&handshakes->table, flow, packet->acknowledgement - 1);
		if (exact)
			return exact;
	}
	struct entry *entry = handshake_table_newest(&handshakes->table, flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (is_open(entry) && !(entry->flags & ENTRY_SYNACK))
			return entry;
		entry = entry_older(&handshakes->table, entry);
	}
	return NULL;
}

static bool take_server_reset(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_server(packet);
	struct entry *entry = find_refused(handshakes, &flow, packet);
	if (!entry)
		return false;
	if (!(entry->flags & ENTRY_ACKED))
		handshake_sight(handshakes, entry, VIEW_RST, packet, sighting);
	if (is_open(entry) && !(entry->flags & ENTRY_SYNACK)) {
		entry->flags |= ENTRY_REFUSED;
		end_silence(handshakes, entry);
		handshake_move(handshakes, entry, QUEUE_SETTLING);
	}
	return true;
}

static void take_client_reset(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct flow flow = flow_from_client(packet);
	struct entry *entry = handshake_table_newest(&handshakes->table, &flow);
	for (unsigned depth = 0; entry && depth < FLOW_DEPTH; depth++) {
		if (is_open(entry) && in_reach(packet->sequence, entry->sequence)) {
			handshake_sight(handshakes, entry, VIEW_RST, packet, sighting);
			return;
		}
		entry = entry_older(&handshakes->table, entry);
	}
}

static void on_rst(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	if (take_server_reset(handshakes, packet, sighting))
		return;
	take_client_reset(handshakes, packet, sighting);
	if (packet->flags & TCP_ACK)
		take_ack(handshakes, packet, sighting);
}

static void on_tcp(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	if (packet->flags & TCP_RST)
		on_rst(handshakes, packet, sighting);
	else if (packet->flags & TCP_SYN)
		(packet->flags & TCP_ACK ? on_synack : on_syn)(handshakes, packet, sighting);
	else if (packet->flags & TCP_ACK)
		take_ack(handshakes, packet, sighting);
}

void handshakes_feed(
	struct handshakes *handshakes, const struct packet *packet, const struct sighting *sighting)
{
	struct sighting checked = *sighting;
	if (checked.time_ns < 0 || checked.time_ns > TIME_MAX_NS)
		checked.time_ns = handshakes->now_ns; /* a capture file may claim anything */
	handshakes_advance_some(
		handshakes, checked.time_ns, handshakes->limits.ends ? handshakes->limits.ends : UINT32_MAX);
	switch (packet->kind) {
	case PACKET_TCP:
		on_tcp(handshakes, packet, &checked);
		break;
	case PACKET_ECHO_REQUEST:
	case PACKET_ECHO_REPLY:
		echoes_feed(&handshakes->echoes, &handshakes->tally, &handshakes->arrivals, packet, &checked,
			handshakes->now_ns);
		break;
	}
}

/* ---- all ---- */

int handshakes_new(const struct handshake_limits *limits, uint64_t seed, struct handshakes **out)
{
	struct handshakes *handshakes = calloc(1, sizeof(*handshakes));
	if (!handshakes)
		return -ENOMEM;
	handshakes->limits = *limits;
	handshakes->ratio = handshakes->return_ratio = 1;
	if (handshake_table_init(&handshakes->table, limits->handshakes, seed) < 0 ||
		tally_init(&handshakes->tally, limits, seed) < 0 ||
		departed_init(&handshakes->departed, limits->departed) < 0 ||
		echoes_init(&handshakes->echoes, limits->echoes, seed) < 0 ||
		arrivals_init(&handshakes->arrivals, handshakes->tally.device_limit) < 0 ||
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
	tally_destroy(&handshakes->tally);
	echoes_destroy(&handshakes->echoes);
	departed_destroy(&handshakes->departed);
	arrivals_destroy(&handshakes->arrivals);
	frame_ring_destroy(&handshakes->recent);
	for (unsigned ring = 0; ring < EVIDENCE_RINGS; ring++)
		frame_ring_destroy(&handshakes->evidence[ring]);
	free(handshakes);
}
