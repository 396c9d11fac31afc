// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/handshake_state.h"

/* Which entries are reported as suspects, and what share of the report they may fill;
 * the blind ones come last, see drop_blind(). */
static const struct suspect_source {
	enum entry_queue queue;
	unsigned share; /* one part of so many */
} sources[] = { { QUEUE_SUSPECT, 2 }, { QUEUE_KNOWN, 4 }, { QUEUE_RETURN, 4 }, { QUEUE_BLIND, 4 } };

static enum handshake_sign sign_of(const struct entry *entry)
{
	if (!(entry->flags & ENTRY_SYN))
		return SIGN_RETURN_ONLY;
	if (entry_role(entry) != HANDSHAKE_OPENED)
		return SIGN_SYN_REPEATED;
	return entry_way(entry, VIEW_SYNACK).has_in ? SIGN_REPLY_IGNORED : SIGN_SYN_REPEATED;
}

static uint32_t synack_repeats(const struct entry *entry)
{
	uint32_t most = 0;
	for (unsigned i = 0; i < entry->view_count; i++)
		if (entry->views[i].synack_repeats > most)
			most = entry->views[i].synack_repeats;
	return most;
}

/* CLOCK_REALTIME of a time of the table, where there is one. */
static int64_t wall(const struct handshakes *handshakes, int64_t time_ns)
{
	return time_ns ? time_ns + handshakes->wall_ns : 0;
}

static struct handshake_suspect suspect_of(const struct handshakes *handshakes, const struct entry *entry)
{
	const struct flow *flow = &entry->flow;
	return (struct handshake_suspect){
		.id = entry->id,
		.sign = sign_of(entry),
		.role = entry_role(entry),
		.client = address_make(flow->family, flow->client),
		.server = address_make(flow->family, flow->server),
		.client_port = flow->client_port,
		.server_port = flow->server_port,
		.sequence = entry->sequence,
		.first_ns = wall(handshakes, entry->start_ns),
		.last_ns = wall(handshakes, entry->last_ns),
		.asked_ns = wall(handshakes, entry_last(entry, VIEW_SYN)),
		.answered_ns = wall(handshakes, entry->start_ns + (int64_t)entry->synack_us * 1000),
		.repeats = entry->repeats,
		.synack_repeats = synack_repeats(entry),
		.counted = entry->flags & ENTRY_COUNTED,
		.acknowledged = entry->flags & ENTRY_ACKED,
		.syn = entry_way(entry, VIEW_SYN).devices,
		.synack = entry_way(entry, VIEW_SYNACK).devices,
	};
}

static void add_suspects(const struct handshakes *handshakes, const struct suspect_source *source,
	struct handshake_report *out)
{
	const struct handshake_table *table = &handshakes->table;
	size_t most = handshakes->limits.suspects / source->share;
	size_t room = handshakes->limits.suspects - out->suspect_count;
	most = most < room ? most : room;
	uint32_t at = table->queues[source->queue].tail;
	for (size_t added = 0; added < most && at != HASH_INDEX_NONE; added++) {
		out->suspects[out->suspect_count++] = suspect_of(handshakes, &table->entries[at]);
		at = table->entries[at].previous;
	}
}

/* ---- joining views of one opening on both sides of a translation ----
 *
 * NAT leaves the client's initial sequence number and one endpoint as they were. The suspects are few, so the
 * table is gone through once, and nearly all entries are turned away by a bitmap of the suspects' numbers.
 */

#define JOIN_BITS 16384

struct join {
	struct handshakes *handshakes;
	struct handshake_report *report;
	uint64_t bits[JOIN_BITS / 64];
};

static uint32_t join_bit(uint32_t sequence)
{
	return (sequence ^ sequence >> 14 ^ sequence >> 28) % JOIN_BITS;
}

static bool same_endpoint(
	const struct address *a, uint16_t a_port, const uint8_t b[static 16], uint16_t b_port)
{
	return a_port == b_port && memcmp(a->bytes, b, 16) == 0;
}

static bool is_other_view(const struct handshake_suspect *suspect, const struct entry *entry)
{
	if (suspect->sequence != entry->sequence || suspect->id == entry->id ||
		suspect->client.family != entry->flow.family)
		return false;
	const struct flow *flow = &entry->flow;
	return same_endpoint(&suspect->client, suspect->client_port, flow->client, flow->client_port) ||
	       same_endpoint(&suspect->server, suspect->server_port, flow->server, flow->server_port);
}

/* A SYN to another address that was answered by nobody else. */
static bool is_asked(const struct handshake_suspect *suspect, const struct entry *entry)
{
	return !(suspect->role != HANDSHAKE_PASSED || entry->flags & ENTRY_SYNACK ||
		       !(entry->flags & ENTRY_SYN)) &&
	       same_endpoint(
		       &suspect->client, suspect->client_port, entry->flow.client, entry->flow.client_port);
}

static void join(struct handshakes *handshakes, struct handshake_suspect *suspect, struct entry *entry)
{
	struct handshake_suspect other = suspect_of(handshakes, entry);
	suspect->joined = true;
	suspect->other_id = other.id;
	suspect->other_client = other.client;
	suspect->other_server = other.server;
	suspect->other_client_port = other.client_port;
	suspect->other_server_port = other.server_port;
	suspect->other_syn = other.syn;
	suspect->other_synack = other.synack;
	if (is_asked(suspect, entry)) {
		suspect->sign = SIGN_OTHER_ADDRESS;
		entry_keep_frames(handshakes, entry, EVIDENCE_RETURN);
	}
}

static void join_entry(struct join *all, struct entry *entry)
{
	uint32_t bit = join_bit(entry->sequence);
	if (entry->queue == QUEUES || !(all->bits[bit / 64] >> bit % 64 & 1))
		return;
	for (size_t i = 0; i < all->report->suspect_count; i++) {
		struct handshake_suspect *suspect = &all->report->suspects[i];
		if (!suspect->joined && is_other_view(suspect, entry))
			join(all->handshakes, suspect, entry);
	}
}

static void join_all(struct handshakes *handshakes, struct handshake_report *report)
{
	struct join all = { .handshakes = handshakes, .report = report };
	for (size_t i = 0; i < report->suspect_count; i++) {
		uint32_t bit = join_bit(report->suspects[i].sequence);
		all.bits[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	for (uint32_t i = 0; report->suspect_count && i < handshakes->table.fresh; i++)
		join_entry(&all, &handshakes->table.entries[i]);
}

/* Of those whose SYN may have been missed only such count as answer another SYN. They begin at `first`. */
static void drop_blind(struct handshake_report *report, size_t first)
{
	size_t kept = first;
	for (size_t i = first; i < report->suspect_count; i++)
		if (report->suspects[i].sign == SIGN_OTHER_ADDRESS)
			report->suspects[kept++] = report->suspects[i];
	report->suspect_count = kept;
}

static void fill_suspects(struct handshakes *handshakes, struct handshake_report *report)
{
	size_t blind = 0;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		if (sources[i].queue == QUEUE_BLIND)
			blind = report->suspect_count;
		add_suspects(handshakes, &sources[i], report);
	}
	join_all(handshakes, report);
	drop_blind(report, blind);
}

/* ---- silent services ----
 *
 * Whether the SYN left is asked of the table: it left under another address if another SYN with its number
 * did.
 */

static bool is_current(const struct handshakes *handshakes, const struct handshake_silence *silence)
{
	return handshakes->now_ns - silence->last_ns < HANDSHAKE_RECENT_NS;
}

static void note_leaving(const struct entry *entry, struct handshake_silence *silence)
{
	const struct flow *flow = &entry->flow;
	if (!entry_way(entry, VIEW_SYN).has_out)
		return;
	silence->left = true;
	silence->target = address_make(flow->family, flow->server);
	silence->target_port = flow->server_port;
}

/* numbers: the silences' sequence numbers. */
static void find_leaving(
	const struct handshakes *handshakes, const uint32_t *numbers, struct handshake_report *report)
{
	uint64_t bits[JOIN_BITS / 64] = { 0 };
	for (size_t i = 0; i < report->silence_count; i++)
		bits[join_bit(numbers[i]) / 64] |= UINT64_C(1) << join_bit(numbers[i]) % 64;
	for (uint32_t i = 0; report->silence_count && i < handshakes->table.fresh; i++) {
		const struct entry *entry = &handshakes->table.entries[i];
		uint32_t bit = join_bit(entry->sequence);
		if (entry->queue == QUEUES || !(bits[bit / 64] >> bit % 64 & 1))
			continue;
		for (size_t j = 0; j < report->silence_count; j++)
			if (numbers[j] == entry->sequence)
				note_leaving(entry, &report->silences[j]);
	}
}

static void fill_silences(const struct handshakes *handshakes, struct handshake_report *report)
{
	uint32_t numbers[HANDSHAKE_SILENCES];
	const struct silences *silences = &handshakes->silences;
	for (unsigned i = 0; i < silences->count; i++) {
		if (!is_current(handshakes, &silences->rows[i].silence))
			continue;
		numbers[report->silence_count] = silences->rows[i].sequence;
		struct handshake_silence *silence = &report->silences[report->silence_count++];
		*silence = silences->rows[i].silence;
		silence->since_ns = wall(handshakes, silence->since_ns);
		silence->repeated_ns = wall(handshakes, silence->repeated_ns);
		silence->last_ns = wall(handshakes, silence->last_ns);
	}
	find_leaving(handshakes, numbers, report);
}

/* ---- all ---- */

struct handshake_load handshakes_load(const struct handshakes *handshakes)
{
	struct handshake_load load = { .limit = handshakes->limits.handshakes,
		.evicted = handshakes->evicted };
	for (unsigned queue = 0; queue < QUEUE_REMEMBERED; queue++)
		load.tracked += handshakes->table.queues[queue].count;
	return load;
}

static void set_times(const struct handshakes *handshakes, struct handshake_report *report)
{
	for (size_t i = 0; i < report->service_count; i++) {
		struct handshake_service *service = &report->services[i];
		service->completed_ns = wall(handshakes, service->completed_ns);
		service->failed_ns = wall(handshakes, service->failed_ns);
		service->ended_ns = wall(handshakes, service->ended_ns);
	}
	for (size_t i = 0; i < report->peer_count; i++) {
		struct handshake_peer *peer = &report->peers[i];
		peer->seen_ns = wall(handshakes, peer->seen_ns);
		peer->completed_ns = wall(handshakes, peer->completed_ns);
		peer->echoed_ns = wall(handshakes, peer->echoed_ns);
	}
	for (size_t i = 0; i < report->echo_suspect_count; i++)
		report->echo_suspects[i].time_ns = wall(handshakes, report->echo_suspects[i].time_ns);
}

int handshakes_report(struct handshakes *handshakes, struct handshake_report *out)
{
	const struct handshake_load load = handshakes_load(handshakes);
	struct handshake_report report = { .tracked = load.tracked,
		.limit = load.limit,
		.evicted = load.evicted,
		.unmatched = handshakes->unmatched,
		.ratio = handshakes->ratio };
	report.suspects = calloc(handshakes->limits.suspects + 1, sizeof(*report.suspects));
	report.silences = calloc(handshakes->silences.count + 1, sizeof(*report.silences));
	report.peers =
		calloc((size_t)handshakes->tally.device_count * ARRIVALS_OF_DEVICE, sizeof(*report.peers));
	if (!report.suspects || !report.silences || !report.peers ||
		tally_report_devices(&handshakes->tally, handshakes->now_ns, &report) < 0 ||
		tally_report_pairs(&handshakes->tally, &report) < 0 ||
		tally_report_services(&handshakes->tally, handshakes->now_ns, &report) < 0) {
		handshake_report_clear(&report);
		return -ENOMEM;
	}
	arrivals_report(&handshakes->arrivals, &handshakes->tally, 0, handshakes->tally.device_count,
		handshakes->now_ns, &report);
	fill_suspects(handshakes, &report);
	fill_silences(handshakes, &report);
	echoes_report(&handshakes->echoes, &report);
	set_times(handshakes, &report);
	*out = report;
	return 0;
}

void handshake_report_clear(struct handshake_report *report)
{
	free(report->devices);
	free(report->pairs);
	free(report->services);
	free(report->suspects);
	free(report->silences);
	free(report->peers);
	*report = (struct handshake_report){ 0 };
}

static int by_time(const void *a, const void *b)
{
	const struct frame *first = a, *second = b;
	return (first->time_ns > second->time_ns) - (first->time_ns < second->time_ns);
}

static size_t copy_newest(
	const struct handshakes *handshakes, const struct frame_ring *ring, struct frame *out, size_t most)
{
	size_t count = frame_ring_count(ring);
	count = count < most ? count : most;
	for (size_t i = 0; i < count; i++) {
		out[i] = *frame_ring_get(ring, ring->written - count + i);
		out[i].time_ns = wall(handshakes, out[i].time_ns);
	}
	return count;
}

size_t handshakes_evidence(const struct handshakes *handshakes, struct frame *out, size_t most)
{
	size_t returns = frame_ring_count(&handshakes->evidence[EVIDENCE_RETURN]);
	returns = returns < most / 2 ? returns : most / 2;
	size_t count = copy_newest(handshakes, &handshakes->evidence[EVIDENCE_REPEATED], out, most - returns);
	count += copy_newest(handshakes, &handshakes->evidence[EVIDENCE_RETURN], out + count, most - count);
	qsort(out, count, sizeof(*out), by_time);
	return count;
}

const char *handshake_outcome_name(enum handshake_outcome outcome)
{
	static const char *const names[HANDSHAKE_OUTCOMES] = {
		[HANDSHAKE_COMPLETED] = "completed",
		[HANDSHAKE_REFUSED] = "refused",
		[HANDSHAKE_ONE_WAY] = "one_way",
		[HANDSHAKE_ABANDONED] = "abandoned",
		[HANDSHAKE_UNANSWERED] = "unanswered",
		[HANDSHAKE_RETURN_ONLY] = "return_only",
	};
	return names[outcome];
}

const char *handshake_kind_name(enum handshake_kind kind)
{
	static const char *const names[HANDSHAKE_KINDS] = {
		[HANDSHAKE_SYN] = "syn",
		[HANDSHAKE_SYN_REPEAT] = "syn_repeat",
		[HANDSHAKE_SYNACK] = "synack",
		[HANDSHAKE_SYNACK_REPEAT] = "synack_repeat",
		[HANDSHAKE_ACK] = "ack",
		[HANDSHAKE_RST] = "rst",
	};
	return names[kind];
}

const char *direction_name(enum direction direction)
{
	static const char *const names[DIRECTIONS] = {
		[DIRECTION_UNKNOWN] = "unknown",
		[DIRECTION_IN] = "in",
		[DIRECTION_OUT] = "out",
	};
	return names[direction];
}

const char *echo_outcome_name(enum echo_outcome outcome)
{
	static const char *const names[ECHO_OUTCOMES] = {
		[ECHO_ANSWERED] = "answered",
		[ECHO_UNANSWERED] = "unanswered",
		[ECHO_OTHER_ADDRESS] = "other_address",
	};
	return names[outcome];
}
