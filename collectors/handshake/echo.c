// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/echo.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int echoes_init(struct echoes *echoes, uint32_t limit, uint64_t seed)
{
	*echoes = (struct echoes){ .limit = limit ? limit : 1, .seed = seed };
	echoes->requests = calloc(echoes->limit, sizeof(*echoes->requests));
	return echoes->requests ? hash_index_init(&echoes->by_asker, echoes->limit) : -ENOMEM;
}

void echoes_destroy(struct echoes *echoes)
{
	free(echoes->requests);
	echoes->requests = NULL;
	hash_index_destroy(&echoes->by_asker);
}

/* The asked is left out: an answer may come from anywhere. Id and sequence make chains of equal keys short,
 * but whoever sends the same ones to many addresses must not make a long one, see CANDIDATES. */
static uint32_t echo_hash(
	const struct echoes *echoes, const struct address *asker, uint16_t id, uint16_t sequence)
{
	uint64_t numbers = (uint64_t)id << 16 | sequence;
	return (uint32_t)hash_bytes(echoes->seed ^ numbers << 20, asker, sizeof(*asker));
}

#define CANDIDATES 8

struct candidates {
	struct echo_request *exact;
	struct echo_request *any; /* whatever the asked, the last that was found */
	unsigned count;           /* looked at */
	unsigned matches;         /* whatever the asked */
};

static struct candidates echo_find(struct echoes *echoes, uint32_t hash, const struct address *asker,
	const struct address *asked, const struct packet *packet)
{
	struct candidates found = { 0 };
	uint32_t at = hash, item;
	while ((item = hash_index_next(&echoes->by_asker, hash, &at)) != HASH_INDEX_NONE &&
		found.count < CANDIDATES) {
		struct echo_request *request = &echoes->requests[item];
		found.count++;
		if (request->id != packet->echo_id || request->sequence != packet->echo_sequence ||
			!address_equal(&request->asker, asker))
			continue;
		found.any = request;
		found.matches++;
		if (address_equal(&request->asked, asked))
			found.exact = request;
	}
	return found;
}

static enum echo_outcome echo_outcome_of(const struct echo_request *request)
{
	return request->answered ? ECHO_ANSWERED : request->elsewhere ? ECHO_OTHER_ADDRESS : ECHO_UNANSWERED;
}

static void echo_end_oldest(struct echoes *echoes, struct handshake_counters *counters)
{
	uint32_t place = (uint32_t)(echoes->oldest++ % echoes->limit);
	const struct echo_request *request = &echoes->requests[place];
	counters_echo(counters, counters_device_slot(counters, request->device), echo_outcome_of(request));
	hash_index_remove(&echoes->by_asker, request->hash, place);
}

static void echo_on_request(struct echoes *echoes, struct handshake_counters *counters,
	const struct packet *packet, const struct sighting *sighting, int64_t now_ns)
{
	uint32_t hash = echo_hash(echoes, &packet->source, packet->echo_id, packet->echo_sequence);
	struct candidates found = echo_find(echoes, hash, &packet->source, &packet->destination, packet);
	if (found.exact || found.count == CANDIDATES)
		return;
	if (echoes->next - echoes->oldest == echoes->limit)
		echo_end_oldest(echoes, counters);
	uint32_t place = (uint32_t)(echoes->next++ % echoes->limit);
	echoes->requests[place] = (struct echo_request){ .asker = packet->source,
		.asked = packet->destination,
		.id = packet->echo_id,
		.sequence = packet->echo_sequence,
		.device = sighting->device,
		.direction = (uint8_t)sighting->direction,
		.hash = hash,
		.time_ns = now_ns };
	hash_index_add(&echoes->by_asker, hash, place);
}

static void echo_add_suspect(struct echoes *echoes, const struct echo_request *request,
	const struct packet *packet, int64_t now_ns)
{
	echoes->suspects[echoes->suspect_count++ % ECHO_SUSPECTS] = (struct echo_suspect){
		.device = request->device,
		.direction = (enum direction)request->direction,
		.asker = request->asker,
		.asked = request->asked,
		.answerer = packet->source,
		.time_ns = now_ns,
	};
}

/* The asked answers this host. A packet passes lower devices first (eth0, then eth0.10): the last counts. */
static void echo_note_ingress(struct handshake_counters *counters, struct ingress_peers *ingress,
	struct echo_request *request, const struct sighting *sighting, int64_t now_ns)
{
	if (sighting->direction != DIRECTION_IN || request->direction != DIRECTION_OUT ||
		request->arrival == sighting->device)
		return;
	struct handshake_peer peer = { .device = request->arrival,
		.peer = request->asked,
		.local = request->asker,
		.protocol = request->asked.family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.seen_ns = now_ns };
	ingress_peers_forget(ingress, counters_device_find(counters, request->arrival), &peer);
	peer.device = request->arrival = sighting->device;
	ingress_peers_note(ingress, counters_device_slot(counters, sighting->device), &peer);
}

/* Some tools ask many addresses with one id and sequence: then nobody knows whose answer is missing. */
static void echo_on_reply(struct echoes *echoes, struct handshake_counters *counters,
	struct ingress_peers *ingress, const struct packet *packet, const struct sighting *sighting,
	int64_t now_ns)
{
	uint32_t hash = echo_hash(echoes, &packet->destination, packet->echo_id, packet->echo_sequence);
	struct candidates found = echo_find(echoes, hash, &packet->destination, &packet->source, packet);
	if (found.exact)
		echo_note_ingress(counters, ingress, found.exact, sighting, now_ns);
	if (found.exact)
		found.exact->answered = true;
	else if (found.any && address_is_multicast(&found.any->asked))
		found.any->answered = true; /* everyone answers with an address of their own */
	else if (found.any && found.matches == 1 && !found.any->answered && !found.any->elsewhere) {
		found.any->elsewhere = true;
		echo_add_suspect(echoes, found.any, packet, now_ns);
	}
}

void echoes_feed(struct echoes *echoes, struct handshake_counters *counters, struct ingress_peers *ingress,
	const struct packet *packet, const struct sighting *sighting, int64_t now_ns)
{
	if (packet->kind == PACKET_ECHO_REQUEST)
		echo_on_request(echoes, counters, packet, sighting, now_ns);
	else
		echo_on_reply(echoes, counters, ingress, packet, sighting, now_ns);
}

void echoes_advance(struct echoes *echoes, struct handshake_counters *counters, int64_t now_ns)
{
	while (echoes->oldest != echoes->next &&
		now_ns - echoes->requests[echoes->oldest % echoes->limit].time_ns >= ECHO_WAIT_NS)
		echo_end_oldest(echoes, counters);
}

void echoes_report(const struct echoes *echoes, struct handshake_report *out)
{
	uint64_t count = echoes->suspect_count < ECHO_SUSPECTS ? echoes->suspect_count : ECHO_SUSPECTS;
	for (uint64_t i = 0; i < count; i++)
		out->echo_suspects[i] = echoes->suspects[(echoes->suspect_count - 1 - i) % ECHO_SUSPECTS];
	out->echo_suspect_count = count;
}
