// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/viewpoints.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"

/* As in the handshake table: copies of a packet follow sooner. */
#define REPEAT_NS (20 * INT64_C(1000000))
/* A viewpoint whose capture ends sooner after the reply's time may have missed it. */
#define GRACE_NS (SECOND_NS / 2)
/* More openings of one initial number are nobody's clients. */
#define SAME_SEQUENCE_MAX 64

/* ---- what one viewpoint saw ---- */

/* Without padding: it is hashed. */
struct opening_key {
	uint8_t client[16], server[16];
	uint32_t sequence;
	uint16_t client_port, server_port;
};

static uint32_t hash_of(const struct openings *openings, const struct opening *opening)
{
	struct opening_key key = { .sequence = opening->sequence,
		.client_port = opening->client_port,
		.server_port = opening->server_port };
	memcpy(key.client, opening->client.bytes, sizeof(key.client));
	memcpy(key.server, opening->server.bytes, sizeof(key.server));
	return (uint32_t)hash_bytes(openings->seed, &key, sizeof(key));
}

static bool is_client(const struct opening *a, const struct opening *b)
{
	return a->client_port == b->client_port && address_compare(&a->client, &b->client) == 0;
}

static bool is_server(const struct opening *a, const struct opening *b)
{
	return a->server_port == b->server_port && address_compare(&a->server, &b->server) == 0;
}

static struct opening *find_opening(const struct openings *openings, const struct opening *wanted)
{
	uint32_t hash = hash_of(openings, wanted), position = hash, at;
	if (!openings->count)
		return NULL;
	while ((at = hash_index_next(&openings->index, hash, &position)) != HASH_INDEX_NONE) {
		struct opening *opening = &openings->items[at];
		if (opening->sequence == wanted->sequence && is_client(opening, wanted) &&
			is_server(opening, wanted))
			return opening;
	}
	return NULL;
}

static int add_opening(struct openings *openings, const struct opening *wanted, struct opening **out)
{
	if (!openings->seed)
		openings->seed = hash_seed() | 1;
	if (hash_index_reserve(&openings->index, (uint32_t)openings->count + 1) < 0)
		return -ENOMEM;
	struct opening *added = ARRAY_ADD(openings->items, openings->count);
	if (!added)
		return -ENOMEM;
	*added = *wanted;
	hash_index_add(&openings->index, hash_of(openings, wanted), (uint32_t)openings->count - 1);
	*out = added;
	return 0;
}

/* To which opening the packet would belong. */
static struct opening opening_of(const struct packet *packet)
{
	bool from_server = (packet->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
	struct opening opening = { .client = from_server ? packet->destination : packet->source,
		.server = from_server ? packet->source : packet->destination,
		.client_port = from_server ? packet->destination_port : packet->source_port,
		.server_port = from_server ? packet->source_port : packet->destination_port };
	if (from_server)
		opening.sequence = packet->acknowledgement - 1;
	else
		opening.sequence = packet->flags & TCP_SYN ? packet->sequence : packet->sequence - 1;
	return opening;
}

static void note_syn(struct opening *opening, const struct packet *packet, int64_t time_ns)
{
	if (!opening->syn_ns) {
		opening->syn_ns = time_ns;
		opening->syn_hops = packet->hops;
	} else if (opening->synack_ns && time_ns - opening->syn_ns > REPEAT_NS) {
		opening->repeated = true;
	}
}

static void note_synack(struct opening *opening, const struct packet *packet, int64_t time_ns)
{
	if (!opening->synack_ns) {
		opening->synack_ns = time_ns;
		opening->synack_hops = packet->hops;
		opening->synack_sequence = packet->sequence;
	} else if (time_ns - opening->synack_ns > REPEAT_NS) {
		opening->repeated = true;
	}
}

int openings_put(struct openings *openings, const struct packet *packet, int64_t time_ns)
{
	if (time_ns > openings->last_ns)
		openings->last_ns = time_ns;
	if (packet->kind != PACKET_TCP || packet->flags & TCP_RST || !(packet->flags & (TCP_SYN | TCP_ACK)))
		return 0;
	const struct opening wanted = opening_of(packet);
	struct opening *opening = find_opening(openings, &wanted);
	if (!(packet->flags & TCP_SYN)) {
		if (opening && opening->synack_ns && !opening->ack_ns &&
			packet->acknowledgement == opening->synack_sequence + 1)
			opening->ack_ns = time_ns;
		return 0;
	}
	if (!opening && openings->count == OPENINGS_MAX) {
		openings->omitted++;
		return 0;
	}
	if (!opening && add_opening(openings, &wanted, &opening) < 0)
		return -ENOMEM;
	(packet->flags & TCP_ACK ? note_synack : note_syn)(opening, packet, time_ns);
	return 0;
}

void openings_clear(struct openings *openings)
{
	free(openings->items);
	hash_index_destroy(&openings->index);
	*openings = (struct openings){ 0 };
}

/* ---- the same opening at several viewpoints ---- */

struct reference {
	const struct opening *opening;
	uint32_t sequence, viewpoint;
};

/* One opening, as each viewpoint has it: the one whose SYN it saw, and the one whose SYN-ACK it saw. */
struct joined {
	const struct opening *syn[VIEWPOINTS_MAX], *synack[VIEWPOINTS_MAX];
	size_t viewpoints;
};

struct comparison {
	const struct openings *const *seen;
	size_t count;
	struct reference *references;
	size_t reference_count;
	struct joined *joined; /* seen at two or more */
	size_t joined_count;
	struct viewpoints *out;
};

static int compare_references(const void *left, const void *right)
{
	const struct reference *a = left, *b = right;
	if (a->sequence != b->sequence)
		return a->sequence < b->sequence ? -1 : 1;
	if (a->viewpoint != b->viewpoint)
		return a->viewpoint < b->viewpoint ? -1 : 1;
	return (a->opening > b->opening) - (a->opening < b->opening);
}

static int list_references(struct comparison *comparison)
{
	size_t total = 0;
	for (size_t i = 0; i < comparison->count; i++)
		total += comparison->seen[i]->count;
	comparison->references = calloc(total ? total : 1, sizeof(*comparison->references));
	if (!comparison->references)
		return -ENOMEM;
	for (size_t i = 0; i < comparison->count; i++)
		for (size_t j = 0; j < comparison->seen[i]->count; j++) {
			const struct opening *opening = &comparison->seen[i]->items[j];
			comparison->references[comparison->reference_count++] = (struct reference){
				.opening = opening, .sequence = opening->sequence, .viewpoint = (uint32_t)i
			};
		}
	qsort(comparison->references, total, sizeof(*comparison->references), compare_references);
	return 0;
}

static bool belongs(const struct reference *references, const bool *taken, size_t count, size_t at)
{
	for (size_t i = 0; i < count; i++)
		if (taken[i] && (is_client(references[i].opening, references[at].opening) ||
					is_server(references[i].opening, references[at].opening)))
			return true;
	return false;
}

static void join_in(struct joined *joined, const struct reference *reference)
{
	const struct opening *opening = reference->opening;
	uint32_t at = reference->viewpoint;
	joined->viewpoints += !joined->syn[at] && !joined->synack[at];
	if (joined->syn[at] && joined->syn[at] == joined->synack[at])
		return; /* the asked address answered: nothing else matters here */
	if (opening->syn_ns && (!joined->syn[at] || opening->synack_ns))
		joined->syn[at] = opening;
	if (opening->synack_ns && (!joined->synack[at] || opening->syn_ns))
		joined->synack[at] = opening;
}

/* References of one sequence number: those that hang together by an endpoint are one opening. */
static int join_same(struct comparison *comparison, const struct reference *references, size_t count)
{
	bool done[SAME_SEQUENCE_MAX] = { false };
	if (count < 2 || count > SAME_SEQUENCE_MAX)
		return 0;
	for (size_t first = 0; first < count; first++) {
		bool taken[SAME_SEQUENCE_MAX] = { false }, grown = !done[first];
		struct joined joined = { .viewpoints = 0 };
		taken[first] = grown;
		while (grown) {
			grown = false;
			for (size_t i = 0; i < count; i++)
				if (!taken[i] && !done[i] && belongs(references, taken, count, i))
					taken[i] = grown = true;
		}
		for (size_t i = 0; i < count; i++)
			if (taken[i]) {
				done[i] = true;
				join_in(&joined, &references[i]);
			}
		if (joined.viewpoints < 2)
			continue;
		struct joined *added = ARRAY_ADD(comparison->joined, comparison->joined_count);
		if (!added)
			return -ENOMEM;
		*added = joined;
	}
	return 0;
}

static int join_all(struct comparison *comparison)
{
	const struct reference *all = comparison->references;
	int result = 0;
	for (size_t i = 0, next; result == 0 && i < comparison->reference_count; i = next) {
		for (next = i + 1;
			next < comparison->reference_count && all[next].sequence == all[i].sequence;)
			next++;
		result = join_same(comparison, &all[i], next - i);
	}
	comparison->out->common = comparison->joined_count;
	return result;
}

/* ---- clocks ---- */

static int compare_times(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;
	return (*a > *b) - (*a < *b);
}

static int64_t median(int64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare_times);
	return times[count / 2];
}

/* How far b's clock is ahead of a's, by what both have seen: the time on the way cancels out if both SYNs and
 * SYN-ACKs are among it. False if there is nothing. room: for as many times as there are joined ones, twice.
 */
static bool measure_offset(
	const struct comparison *comparison, size_t a, size_t b, int64_t *room, int64_t *out)
{
	int64_t *syns = room, *synacks = room + comparison->joined_count;
	size_t syn_count = 0, synack_count = 0;
	for (size_t i = 0; i < comparison->joined_count; i++) {
		const struct joined *joined = &comparison->joined[i];
		if (joined->syn[a] && joined->syn[b])
			syns[syn_count++] = joined->syn[b]->syn_ns - joined->syn[a]->syn_ns;
		if (joined->synack[a] && joined->synack[b])
			synacks[synack_count++] = joined->synack[b]->synack_ns - joined->synack[a]->synack_ns;
	}
	if (!syn_count && !synack_count)
		return false;
	int64_t by_syns = syn_count ? median(syns, syn_count) : 0;
	int64_t by_synacks = synack_count ? median(synacks, synack_count) : by_syns;
	if (!syn_count)
		by_syns = by_synacks;
	*out = by_syns / 2 + by_synacks / 2 + (by_syns % 2 + by_synacks % 2) / 2;
	return true;
}

/* From the first viewpoint on, to those that have something in common with one that is aligned. */
static int align_clocks(struct comparison *comparison)
{
	struct viewpoint_clock *clocks = comparison->out->clocks;
	int64_t *room = calloc(2 * comparison->joined_count + 1, sizeof(*room));
	bool grown = true;
	if (!room)
		return -ENOMEM;
	clocks[0].known = true;
	while (grown) {
		grown = false;
		for (size_t a = 0; a < comparison->count; a++)
			for (size_t b = 0; clocks[a].known && b < comparison->count; b++) {
				int64_t offset;
				if (clocks[b].known || !measure_offset(comparison, a, b, room, &offset))
					continue;
				clocks[b].known = grown = true;
				clocks[b].offset_ns = clocks[a].offset_ns + offset;
			}
	}
	free(room);
	return 0;
}

/* ---- how far the reply came ---- */

static int64_t aligned_syn(const struct comparison *comparison, const struct joined *joined, size_t at)
{
	return joined->syn[at]->syn_ns - comparison->out->clocks[at].offset_ns;
}

/* Whether `a` is nearer the client than b; both saw the SYN. */
static bool is_nearer_client(
	const struct comparison *comparison, const struct joined *joined, size_t a, size_t b)
{
	uint8_t hops_a = joined->syn[a]->syn_hops, hops_b = joined->syn[b]->syn_hops;
	if (hops_a != hops_b)
		return hops_a > hops_b;
	return aligned_syn(comparison, joined, a) < aligned_syn(comparison, joined, b);
}

static bool answered_rightly(const struct joined *joined, size_t at)
{
	return joined->syn[at] && joined->synack[at] == joined->syn[at];
}

static bool has_failed(const struct comparison *comparison, const struct joined *joined)
{
	bool repeated = false;
	for (size_t i = 0; i < comparison->count; i++) {
		const struct opening *both[] = { joined->syn[i], joined->synack[i] };
		for (size_t j = 0; j < 2; j++) {
			if (both[j] && both[j]->ack_ns)
				return false;
			repeated = repeated || (both[j] && both[j]->repeated);
		}
	}
	return repeated;
}

/* Its capture went on after the reply should have come. */
static bool was_watching(
	const struct comparison *comparison, const struct joined *joined, size_t at, size_t from)
{
	int64_t answer_ns = joined->synack[from]->synack_ns - joined->syn[from]->syn_ns;
	return comparison->seen[at]->last_ns >= joined->syn[at]->syn_ns + answer_ns + GRACE_NS;
}

/* The viewpoint nearest the client that the reply passed; count if there is none. */
static size_t find_from(const struct comparison *comparison, const struct joined *joined)
{
	size_t from = comparison->count;
	for (size_t i = 0; i < comparison->count; i++)
		if (answered_rightly(joined, i) &&
			(from == comparison->count || is_nearer_client(comparison, joined, i, from)))
			from = i;
	return from;
}

/* The next one on the way to the client that the request had passed; `from` if there is none. */
static size_t find_to(const struct comparison *comparison, const struct joined *joined, size_t from)
{
	size_t to = from;
	for (size_t i = 0; i < comparison->count; i++)
		if (i != from && joined->syn[i] && !answered_rightly(joined, i) &&
			is_nearer_client(comparison, joined, i, from) &&
			(to == from || is_nearer_client(comparison, joined, to, i)))
			to = i;
	return to;
}

static bool is_same_crossing(const struct crossing *a, const struct crossing *b)
{
	return a->kind == b->kind && a->from == b->from && a->to == b->to && a->port == b->port &&
	       address_compare(&a->server, &b->server) == 0 && address_compare(&a->other, &b->other) == 0;
}

static int add_crossing(struct viewpoints *out, const struct crossing *found)
{
	for (size_t i = 0; i < out->crossing_count; i++)
		if (is_same_crossing(&out->crossings[i], found)) {
			out->crossings[i].count++;
			return 0;
		}
	struct crossing *added = ARRAY_ADD(out->crossings, out->crossing_count);
	if (!added)
		return -ENOMEM;
	*added = *found;
	added->count = 1;
	return 0;
}

static int judge_joined(const struct comparison *comparison, const struct joined *joined)
{
	if (!has_failed(comparison, joined))
		return 0;
	size_t from = find_from(comparison, joined);
	if (from == comparison->count)
		return 0;
	size_t to = find_to(comparison, joined, from);
	const struct opening *asked = joined->syn[to], *came = joined->synack[to];
	if (to != from && !came && !was_watching(comparison, joined, to, from))
		return 0;
	struct crossing found = { .kind = to == from ? CROSSING_BEYOND : CROSSING_LOST,
		.from = from,
		.to = to,
		.server = asked->server,
		.port = asked->server_port,
		.sample = *asked };
	if (to != from && came) {
		found.kind = CROSSING_CHANGED;
		found.other = came->server;
	}
	return add_crossing(comparison->out, &found);
}

int viewpoints_compare(const struct openings *const *seen, size_t count, struct viewpoints *out)
{
	struct comparison comparison = { .seen = seen, .count = count, .out = out };
	*out = (struct viewpoints){ 0 };
	int result = list_references(&comparison);
	if (result == 0)
		result = join_all(&comparison);
	if (result == 0)
		result = align_clocks(&comparison);
	for (size_t i = 0; result == 0 && i < comparison.joined_count; i++)
		result = judge_joined(&comparison, &comparison.joined[i]);
	free(comparison.references);
	free(comparison.joined);
	if (result < 0)
		viewpoints_clear(out);
	return result;
}

void viewpoints_clear(struct viewpoints *viewpoints)
{
	free(viewpoints->crossings);
	*viewpoints = (struct viewpoints){ 0 };
}

static const char *replies(uint64_t count, char *text, size_t size)
{
	snprintf(text, size, count == 1 ? "The reply" : "%" PRIu64 " replies", count);
	return text;
}

char *crossing_text(const struct crossing *crossing, const char *from, const char *to)
{
	char server[ADDRESS_TEXT_SIZE], other[ADDRESS_TEXT_SIZE], who[32], *text = NULL;
	const char *came = crossing->count == 1 ? "was" : "were";
	replies(crossing->count, who, sizeof(who));
	address_format(&crossing->server, server);
	address_format(&crossing->other, other);
	int size = -1;
	switch (crossing->kind) {
	case CROSSING_LOST:
		size = asprintf(&text,
			"%s of %s port %u passed %s and never came to %s, which the request had passed: lost "
			"between the two, or on another way.",
			who, server, crossing->port, from, to);
		break;
	case CROSSING_CHANGED:
		size = asprintf(&text,
			"%s of %s port %u passed %s, but came to %s from %s, which the client did not ask: "
			"between the two nobody translated the source back, or somebody did it wrongly.",
			who, server, crossing->port, from, to, other);
		break;
	case CROSSING_BEYOND:
		size = asprintf(&text,
			"%s of %s port %u passed %s, the last of these files on the way to the client, and %s not "
			"acknowledged: lost between %s and the client, or refused by it.",
			who, server, crossing->port, from, came, from);
		break;
	}
	return size < 0 ? NULL : text;
}
