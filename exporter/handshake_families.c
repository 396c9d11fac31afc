// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/handshake_families.h"

#include "collectors/wire_rows.h"

/* Fewer handshakes in the last minute than this make no ratio. */
#define RATIO_LEAST 10

static const struct handshake_report *known_report(const struct exposition *exposition)
{
	return exposition->facts ? exposition->facts->handshakes : NULL;
}

/* ---- captures ---- */

static void emit_captures(struct metrics *metrics, const struct facts *facts, size_t offset)
{
	struct capture capture;
	for (size_t at = 0; facts && wire_next_capture(facts, &at, &capture);)
		metrics_add(
			metrics, (double)*(const uint64_t *)((const char *)&capture + offset), capture.name);
}

void emit_capture_packets(struct metrics *metrics, const struct exposition *exposition)
{
	emit_captures(metrics, exposition->facts, offsetof(struct capture, packets));
}

void emit_capture_dropped(struct metrics *metrics, const struct exposition *exposition)
{
	emit_captures(metrics, exposition->facts, offsetof(struct capture, dropped));
}

/* ---- devices ---- */

typedef void device_function(
	struct metrics *metrics, const struct handshake_device *device, const char *name);

static void emit_devices(
	struct metrics *metrics, const struct exposition *exposition, device_function *function)
{
	const struct facts *facts = exposition->facts;
	struct handshake_device device;
	for (size_t at = 0; facts && wire_next_device(facts, &at, &device);)
		function(metrics, &device, wire_name(facts, device.device));
}

static void emit_packets_of(struct metrics *metrics, const struct handshake_device *device, const char *name)
{
	for (int direction = DIRECTION_IN; direction < DIRECTIONS; direction++)
		for (int kind = 0; kind < HANDSHAKE_KINDS; kind++)
			metrics_add(metrics, (double)device->packets[direction][kind], name,
				direction_name((enum direction)direction),
				handshake_kind_name((enum handshake_kind)kind));
}

void emit_handshake_packets(struct metrics *metrics, const struct exposition *exposition)
{
	emit_devices(metrics, exposition, emit_packets_of);
}

static void emit_echoes_of(struct metrics *metrics, const struct handshake_device *device, const char *name)
{
	for (int i = 0; i < ECHO_OUTCOMES; i++)
		metrics_add(
			metrics, (double)device->echoes[i], name, echo_outcome_name((enum echo_outcome)i));
}

void emit_echoes(struct metrics *metrics, const struct exposition *exposition)
{
	emit_devices(metrics, exposition, emit_echoes_of);
}

/* Completed ones among those that were answered by a SYN-ACK. */
static void emit_ratio_of(struct metrics *metrics, const struct handshake_device *device, const char *name)
{
	uint64_t completed = device->recent[HANDSHAKE_COMPLETED];
	uint64_t answered =
		completed + device->recent[HANDSHAKE_ONE_WAY] + device->recent[HANDSHAKE_ABANDONED];
	if (answered >= RATIO_LEAST)
		metrics_add(metrics, (double)completed / (double)answered, name);
}

void emit_handshake_ack_ratio(struct metrics *metrics, const struct exposition *exposition)
{
	emit_devices(metrics, exposition, emit_ratio_of);
}

static void emit_delay_of(struct metrics *metrics, const struct handshake_device *device, const char *name)
{
	const struct metric_histogram histogram = {
		.bounds = handshake_delay_bounds,
		.counts = device->delays,
		.buckets = HANDSHAKE_DELAYS,
		.sum = device->delay_sum,
	};
	metrics_histogram(metrics, &histogram, (const char *const[]){ name, NULL });
}

void emit_handshake_ack_delay(struct metrics *metrics, const struct exposition *exposition)
{
	emit_devices(metrics, exposition, emit_delay_of);
}

/* ---- pairs ---- */

static void emit_pair(struct metrics *metrics, const struct facts *facts, const struct handshake_pair *pair)
{
	for (int i = 0; i < HANDSHAKE_OUTCOMES; i++)
		metrics_add(metrics, (double)pair->counts[i], wire_name(facts, pair->syn_device),
			wire_name(facts, pair->synack_device),
			handshake_outcome_name((enum handshake_outcome)i));
}

void emit_handshakes(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	struct handshake_pair pair;
	for (size_t at = 0; facts && wire_next_pair(facts, &at, &pair);)
		emit_pair(metrics, facts, &pair);
}

/* ---- the table ---- */

static void emit_number(struct metrics *metrics, const struct exposition *exposition, size_t offset)
{
	const struct handshake_report *report = known_report(exposition);
	if (report)
		metrics_add(metrics, (double)*(const uint64_t *)((const char *)report + offset));
}

void emit_handshakes_tracked(struct metrics *metrics, const struct exposition *exposition)
{
	emit_number(metrics, exposition, offsetof(struct handshake_report, tracked));
}

void emit_handshakes_tracked_limit(struct metrics *metrics, const struct exposition *exposition)
{
	emit_number(metrics, exposition, offsetof(struct handshake_report, limit));
}

void emit_handshakes_evicted(struct metrics *metrics, const struct exposition *exposition)
{
	emit_number(metrics, exposition, offsetof(struct handshake_report, evicted));
}

void emit_handshake_sampling_ratio(struct metrics *metrics, const struct exposition *exposition)
{
	const struct handshake_report *report = known_report(exposition);
	if (report)
		metrics_add(metrics, 1.0 / (report->ratio ? report->ratio : 1));
}

/* ---- synrecv ---- */

void emit_syn_recv_unanswered(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && facts->syn_recv_known && i < facts->syn_recv_count; i++) {
		char address[ADDRESS_TEXT_SIZE];
		metrics_add(metrics, facts->syn_recv[i].unanswered,
			address_format(&facts->syn_recv[i].address, address));
	}
}
