// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/handshake.h"
#include "collectors/handshake/handshake_state.h"

static struct handshake_suspect report_suspect(const struct handshakes *handshakes, const struct entry *entry)
{
	const struct flow *flow = &entry->flow;
	const enum handshake_role role = entry_role(entry);
	const struct entry_devices synack = entry_devices(entry, VIEW_SYNACK);
	struct handshake_suspect suspect = {
		.id = entry->id,
		.sign = !(entry->flags & ENTRY_SYN)                 ? SIGN_RETURN_ONLY
			: role == HANDSHAKE_OPENED && synack.has_in ? SIGN_REPLY_IGNORED
								    : SIGN_SYN_REPEATED,
		.role = role,
		.client = address_make(flow->family, flow->client),
		.server = address_make(flow->family, flow->server),
		.client_port = flow->client_port,
		.server_port = flow->server_port,
		.sequence = entry->sequence,
		.first_ns = handshake_wall(handshakes, entry->start_ns),
		.last_ns = handshake_wall(handshakes, entry->last_ns),
		.asked_ns = handshake_wall(handshakes, entry_last(entry, VIEW_SYN)),
		.answered_ns = handshake_wall(handshakes, entry->start_ns + (int64_t)entry->synack_us * 1000),
		.repeats = entry->repeats,
		.counted = entry->flags & ENTRY_COUNTED,
		.acknowledged = entry->flags & ENTRY_ACKED,
		.syn = entry_devices(entry, VIEW_SYN).pair,
		.synack = synack.pair,
	};
	for (unsigned i = 0; i < entry->view_count; i++)
		if (entry->views[i].synack_repeats > suspect.synack_repeats)
			suspect.synack_repeats = entry->views[i].synack_repeats;
	return suspect;
}

/* ---- joining views of one opening on both sides of a translation ----
 *
 * NAT leaves the client's initial sequence number and one endpoint as they were. The suspects are few, so the
 * numbers of the table are gone through once, and nearly all are turned away by a bitmap of those wanted.
 */

#define WANTED_BITS 65536
/* So many entries are looked at for each number: whoever sends the same one all the time must not hold up the
 * rest. */
#define WANTED_DEPTH 16

struct wanted {
	uint64_t bits[WANTED_BITS / 64];
	size_t count;
	struct wanted_number {
		uint32_t number, depth;
	} numbers[]; /* the report's suspects' first, then those of unanswered services */
};

static uint32_t wanted_bit(uint32_t number)
{
	return (number ^ number >> 16) % WANTED_BITS;
}

static void wanted_add(struct wanted *wanted, uint32_t number)
{
	wanted->bits[wanted_bit(number) / 64] |= UINT64_C(1) << wanted_bit(number) % 64;
	wanted->numbers[wanted->count++].number = number;
}

static bool same_endpoint(
	const struct address *a, uint16_t a_port, const uint8_t b[static 16], uint16_t b_port)
{
	return a_port == b_port && memcmp(a->bytes, b, 16) == 0;
}

/* entry: of the suspect's number. */
static void report_join(struct handshakes *handshakes, struct handshake_suspect *suspect, struct entry *entry)
{
	const struct flow *flow = &entry->flow;
	bool client = same_endpoint(&suspect->client, suspect->client_port, flow->client, flow->client_port);
	bool server = same_endpoint(&suspect->server, suspect->server_port, flow->server, flow->server_port);
	if (suspect->joined || suspect->id == entry->id || suspect->client.family != flow->family ||
		(!client && !server))
		return;
	struct handshake_suspect other = report_suspect(handshakes, entry);
	suspect->joined = true;
	suspect->other_id = other.id;
	suspect->other_client = other.client;
	suspect->other_server = other.server;
	suspect->other_client_port = other.client_port;
	suspect->other_server_port = other.server_port;
	suspect->other_syn = other.syn;
	suspect->other_synack = other.synack;
	/* A SYN to another address that was answered by nobody else. */
	if (suspect->role == HANDSHAKE_PASSED && client &&
		(entry->flags & (ENTRY_SYN | ENTRY_SYNACK)) == ENTRY_SYN) {
		suspect->sign = SIGN_OTHER_ADDRESS;
		handshake_keep_first_frames(handshakes, entry, EVIDENCE_RETURN);
	}
}

static bool wanted_has(const struct wanted *wanted, uint32_t number)
{
	if (!(wanted->bits[wanted_bit(number) / 64] >> wanted_bit(number) % 64 & 1))
		return false;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->numbers[i].number == number && wanted->numbers[i].depth < WANTED_DEPTH)
			return true;
	return false;
}

static void report_join_all(
	struct handshakes *handshakes, struct wanted *wanted, struct handshake_report *report)
{
	struct handshake_table *table = &handshakes->table;
	for (uint32_t at = 0; wanted->count && at < table->fresh; at++) {
		struct entry *entry = &table->entries[at];
		if (!wanted_has(wanted, table->numbers[at]) || entry->queue == QUEUES)
			continue;
		struct entry_devices syn = entry_devices(entry, VIEW_SYN);
		for (size_t i = 0; i < wanted->count; i++) {
			if (wanted->numbers[i].number != entry->sequence ||
				wanted->numbers[i].depth++ >= WANTED_DEPTH)
				continue;
			if (i < report->suspect_count) {
				report_join(handshakes, &report->suspects[i], entry);
			} else if (syn.has_out) { /* its SYN left, perhaps under another address */
				struct unanswered_service *service =
					&report->unanswered[i - report->suspect_count];
				service->left = true;
				service->target = address_make(entry->flow.family, entry->flow.server);
				service->target_port = entry->flow.server_port;
			}
		}
	}
}

/* ---- the parts ---- */

/* Which entries are reported as suspects, and what share of the report they may fill; the blind ones last. */
static const struct suspect_source {
	enum entry_queue queue;
	unsigned share; /* one part of so many */
} sources[] = { { QUEUE_SUSPECT, 2 }, { QUEUE_KNOWN, 4 }, { QUEUE_RETURN, 4 }, { QUEUE_BLIND, 4 } };

static int report_suspects(struct handshakes *handshakes, struct handshake_report *report)
{
	const struct handshake_table *table = &handshakes->table;
	const struct unanswered_table *unanswered = &handshakes->unanswered;
	const size_t limit = handshakes->limits.suspects;
	struct wanted *wanted =
		calloc(1, sizeof(*wanted) + (limit + unanswered->count) * sizeof(*wanted->numbers));
	report->suspects = calloc(limit + 1, sizeof(*report->suspects));
	report->unanswered = calloc(unanswered->count + 1, sizeof(*report->unanswered));
	if (!wanted || !report->suspects || !report->unanswered) {
		free(wanted);
		return -ENOMEM;
	}
	size_t blind = 0;
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
		blind = report->suspect_count;
		uint32_t at = table->queues[sources[i].queue].tail;
		for (size_t most = limit / sources[i].share;
			most && report->suspect_count < limit && at != HASH_INDEX_NONE; most--) {
			const struct entry *entry = &table->entries[at];
			report->suspects[report->suspect_count++] = report_suspect(handshakes, entry);
			wanted_add(wanted, entry->sequence);
			at = entry->previous;
		}
	}
	for (unsigned i = 0; i < unanswered->count; i++) {
		struct unanswered_service service = unanswered->rows[i].service;
		if (handshakes->now_ns - service.last_ns >= HANDSHAKE_RECENT_NS)
			continue;
		service.since_ns = handshake_wall(handshakes, service.since_ns);
		service.repeated_ns = handshake_wall(handshakes, service.repeated_ns);
		service.last_ns = handshake_wall(handshakes, service.last_ns);
		report->unanswered[report->unanswered_count++] = service;
		wanted_add(wanted, unanswered->rows[i].sequence);
	}
	report_join_all(handshakes, wanted, report);
	free(wanted);
	/* Of those whose SYN may have been missed only such count as answer another SYN. */
	size_t count = report->suspect_count;
	report->suspect_count = blind;
	for (size_t i = blind; i < count; i++)
		if (report->suspects[i].sign == SIGN_OTHER_ADDRESS)
			report->suspects[report->suspect_count++] = report->suspects[i];
	return 0;
}

struct handshake_load handshakes_load(const struct handshakes *handshakes)
{
	struct handshake_load load = { .limit = handshakes->limits.handshakes,
		.evicted = handshakes->evicted };
	for (unsigned queue = 0; queue < QUEUE_REMEMBERED; queue++)
		load.tracked += handshakes->table.queues[queue].count;
	return load;
}

static bool handshakes_are_waiting(const struct handshakes *handshakes)
{
	const struct handshake_table *table = &handshakes->table;
	for (unsigned queue = 0; queue < QUEUE_SETTLING; queue++) {
		uint32_t oldest = table->queues[queue].head;
		if (oldest != HASH_INDEX_NONE &&
			handshakes->now_ns - table->entries[oldest].start_ns >= HANDSHAKE_SETTLE_NS)
			return true;
	}
	return false;
}

static void report_echoes(const struct handshakes *handshakes, struct handshake_report *report)
{
	echoes_report(&handshakes->echoes, report);
	for (size_t i = 0; i < report->echo_suspect_count; i++)
		report->echo_suspects[i].time_ns =
			handshake_wall(handshakes, report->echo_suspects[i].time_ns);
}

static int report_services(const struct handshakes *handshakes, struct handshake_report *report)
{
	int result = counters_report_services(&handshakes->counters, handshakes->now_ns, report);
	for (size_t i = 0; i < report->service_count; i++) {
		struct handshake_service *service = &report->services[i];
		service->completed_ns = handshake_wall(handshakes, service->completed_ns);
		service->failed_ns = handshake_wall(handshakes, service->failed_ns);
		service->ended_ns = handshake_wall(handshakes, service->ended_ns);
	}
	return result;
}

/* Of so many devices at a time. */
#define PEERS_PART 128

/* Returns whether there are more. */
static bool report_peers(const struct handshakes *handshakes, struct handshake_progress *progress,
	struct handshake_report *report)
{
	uint32_t first = progress->row;
	size_t before = report->peer_count;
	progress->row = progress->rows - first > PEERS_PART ? first + PEERS_PART : progress->rows;
	ingress_peers_report(&handshakes->ingress_peers, &handshakes->counters, first, progress->row,
		handshakes->now_ns, report);
	for (size_t i = before; i < report->peer_count; i++) {
		struct handshake_peer *peer = &report->peers[i];
		peer->seen_ns = handshake_wall(handshakes, peer->seen_ns);
		peer->completed_ns = handshake_wall(handshakes, peer->completed_ns);
		peer->echoed_ns = handshake_wall(handshakes, peer->echoed_ns);
	}
	return progress->row < progress->rows;
}

int handshakes_report_part(
	struct handshakes *handshakes, struct handshake_report *report, struct handshake_progress *progress)
{
	const struct handshake_load load = handshakes_load(handshakes);
	int result = 0;
	switch (progress->part) {
	case 0:
		report->tracked = load.tracked;
		report->waiting = handshakes_are_waiting(handshakes);
		report->limit = load.limit;
		report->evicted = load.evicted;
		report->unmatched = handshakes->unmatched;
		report->ratio = handshakes->ratio;
		report_echoes(handshakes, report);
		result = report_suspects(handshakes, report);
		break;
	case 1:
		result = counters_report_devices(&handshakes->counters, handshakes->now_ns, report);
		break;
	case 2:
		result = counters_report_pairs(&handshakes->counters, report);
		break;
	case 3:
		result = report_services(handshakes, report);
		break;
	case 4: /* not cleared, for that would take long */
		progress->rows = handshakes->counters.device_count;
		report->peers =
			malloc((size_t)progress->rows * INGRESS_PEERS_OF_DEVICE * sizeof(*report->peers));
		result = report->peers ? 0 : -ENOMEM;
		break;
	default:
		return report_peers(handshakes, progress, report);
	}
	progress->part++;
	return result < 0 ? result : 1;
}

int handshakes_report(struct handshakes *handshakes, struct handshake_report *out)
{
	struct handshake_report report = { 0 };
	struct handshake_progress progress = { 0 };
	int result;
	while ((result = handshakes_report_part(handshakes, &report, &progress)) > 0)
		;
	if (result < 0)
		handshake_report_clear(&report);
	else
		*out = report;
	return result;
}

void handshake_report_clear(struct handshake_report *report)
{
	free(report->devices);
	free(report->pairs);
	free(report->services);
	free(report->suspects);
	free(report->unanswered);
	free(report->peers);
	*report = (struct handshake_report){ 0 };
}

const struct handshake_suspect *handshake_report_suspect(const struct handshake_report *report, uint64_t id)
{
	for (size_t i = 0; report && i < report->suspect_count; i++)
		if (report->suspects[i].id == id)
			return &report->suspects[i];
	return NULL;
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
