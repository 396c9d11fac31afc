// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/handshake_metrics.h"

#include <stdlib.h>

#include "collectors/facts.h"
#include "collectors/handshake/wire_rows.h"

/* Fewer handshakes in the last minute than this make no ratio. */
#define RATIO_LEAST 10

/* ---- captures ---- */

static void emit_captures(struct metric_sink *sink, const struct facts *facts)
{
	struct capture *rows = NULL;
	size_t count = 0;
	sink->failed |= wire_captures(facts, &rows, &count) < 0;
	for (size_t i = 0; i < count; i++) {
		const uint64_t *packets = (const void *)((const char *)&rows[i] + sink->family->field);
		metric_add(sink, (double)*packets, rows[i].name);
	}
	free(rows);
}

static void emit_capture_unwatched(struct metric_sink *sink, const struct facts *facts)
{
	for (int i = 0; facts->handshakes && i < UNWATCHED_REASONS; i++)
		metric_add(sink, facts->unwatched[i], unwatched_name((enum unwatched)i));
}

static void emit_capture_info(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->tap)
		metric_add(sink, 1, facts->tap);
}

/* ---- devices ---- */

typedef void device_function(
	struct metric_sink *sink, const struct handshake_device *device, const char *name);

static void emit_devices(struct metric_sink *sink, const struct facts *facts, device_function *function)
{
	struct handshake_device *rows = NULL;
	size_t count = 0;
	sink->failed |= wire_devices(facts, &rows, &count) < 0;
	for (size_t i = 0; i < count; i++)
		function(sink, &rows[i], wire_name(facts, rows[i].device));
	free(rows);
}

static void emit_packets_of(struct metric_sink *sink, const struct handshake_device *device, const char *name)
{
	for (int direction = DIRECTION_IN; direction < DIRECTIONS; direction++)
		for (int kind = 0; kind < HANDSHAKE_KINDS; kind++)
			metric_add(sink, (double)device->packets[direction][kind], name,
				direction_name((enum direction)direction),
				handshake_kind_name((enum handshake_kind)kind));
}

static void emit_handshake_packets(struct metric_sink *sink, const struct facts *facts)
{
	emit_devices(sink, facts, emit_packets_of);
}

static void emit_echoes_of(struct metric_sink *sink, const struct handshake_device *device, const char *name)
{
	for (int i = 0; i < ECHO_OUTCOMES; i++)
		metric_add(sink, (double)device->echoes[i], name, echo_outcome_name((enum echo_outcome)i));
}

static void emit_echoes(struct metric_sink *sink, const struct facts *facts)
{
	emit_devices(sink, facts, emit_echoes_of);
}

/* Completed ones among those that were answered by a SYN-ACK. */
static void emit_ratio_of(struct metric_sink *sink, const struct handshake_device *device, const char *name)
{
	uint64_t completed = device->recent[HANDSHAKE_COMPLETED];
	uint64_t answered =
		completed + device->recent[HANDSHAKE_ONE_WAY] + device->recent[HANDSHAKE_ABANDONED];
	if (answered >= RATIO_LEAST)
		metric_add(sink, (double)completed / (double)answered, name);
}

static void emit_handshake_ack_ratio(struct metric_sink *sink, const struct facts *facts)
{
	emit_devices(sink, facts, emit_ratio_of);
}

static void emit_delay_of(struct metric_sink *sink, const struct handshake_device *device, const char *name)
{
	const struct metric_histogram histogram = {
		.bounds = handshake_delay_bounds,
		.counts = device->delays,
		.buckets = HANDSHAKE_DELAYS,
		.sum = device->delay_sum,
	};
	sink->histogram(sink, &histogram, (const char *const[]){ name, NULL });
}

static void emit_handshake_ack_delay(struct metric_sink *sink, const struct facts *facts)
{
	emit_devices(sink, facts, emit_delay_of);
}

/* ---- pairs ---- */

static void emit_handshakes(struct metric_sink *sink, const struct facts *facts)
{
	struct handshake_pair *rows = NULL;
	size_t count = 0;
	sink->failed |= wire_pairs(facts, &rows, &count) < 0;
	for (size_t i = 0; i < count; i++)
		for (int outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
			metric_add(sink, (double)rows[i].counts[outcome],
				wire_name(facts, rows[i].syn_device), wire_name(facts, rows[i].synack_device),
				handshake_outcome_name((enum handshake_outcome)outcome));
	free(rows);
}

/* ---- the table ---- */

static void emit_number(struct metric_sink *sink, const struct facts *facts)
{
	const char *report = (const char *)facts->handshakes;
	if (report)
		metric_add(sink, (double)*(const uint64_t *)(const void *)(report + sink->family->field));
}

static void emit_handshake_sampling_ratio(struct metric_sink *sink, const struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	if (report)
		metric_add(sink, 1.0 / report->ratio);
}

const struct metric_family handshake_metrics[] = {
	{ .name = "oneway_capture_devices_unwatched",
		.type = METRIC_GAUGE,
		.labels = { "reason" },
		.help = "Devices that are up and wanted and yet not captured on.",
		.emit = emit_capture_unwatched },
	{ .name = "oneway_capture_dropped_total",
		.type = METRIC_COUNTER,
		.labels = { "device" },
		.help = "Packets that passed the capture filter and were lost before they were read.",
		.field = offsetof(struct capture, dropped),
		.emit = emit_captures },
	{ .name = "oneway_capture_info",
		.type = METRIC_GAUGE,
		.labels = { "tap" },
		.help = "How packets are captured: bpf, or libpcap where that does not work; always 1.",
		.emit = emit_capture_info },
	{ .name = "oneway_capture_packets_total",
		.type = METRIC_COUNTER,
		.labels = { "device" },
		.help = "Packets that passed the capture filter.",
		.field = offsetof(struct capture, packets),
		.emit = emit_captures },
	{ .name = "oneway_echo_total",
		.type = METRIC_COUNTER,
		.labels = { "device", "outcome" },
		.help = "ICMP echo requests by what became of them, and by the device they were seen on.",
		.emit = emit_echoes },
	{ .name = "oneway_handshake_ack_delay_seconds",
		.type = METRIC_HISTOGRAM,
		.unit = "seconds",
		.labels = { "device" },
		.help = "Time from a SYN-ACK to its acknowledgement, by the device of the latter.",
		.emit = emit_handshake_ack_delay },
	{ .name = "oneway_handshake_ack_ratio",
		.type = METRIC_GAUGE,
		.labels = { "device" },
		.help = "Completed share of the handshakes that were answered by a SYN-ACK and ended in the last "
			"minute; absent below 10.",
		.emit = emit_handshake_ack_ratio },
	{ .name = "oneway_handshake_devices_omitted_total",
		.type = METRIC_COUNTER,
		.help = "Devices with handshakes that found no place, and are counted together as other.",
		.field = offsetof(struct handshake_report, devices_omitted),
		.emit = emit_number },
	{ .name = "oneway_handshake_packets_total",
		.type = METRIC_COUNTER,
		.labels = { "device", "direction", "kind" },
		.help = "Packets of TCP handshakes seen on a device.",
		.emit = emit_handshake_packets },
	{ .name = "oneway_handshake_pairs_omitted_total",
		.type = METRIC_COUNTER,
		.help = "Pairs of devices of SYN and SYN-ACK that found no place, and are counted together as other.",
		.field = offsetof(struct handshake_report, pairs_omitted),
		.emit = emit_number },
	{ .name = "oneway_handshake_sampling_ratio",
		.type = METRIC_GAUGE,
		.help = "Share of new handshakes that is followed; below 1 under floods, and counts are scaled.",
		.emit = emit_handshake_sampling_ratio },
	{ .name = "oneway_handshake_services_omitted_total",
		.type = METRIC_COUNTER,
		.help = "Service addresses whose recent handshakes were forgotten to make room for others.",
		.field = offsetof(struct handshake_report, services_omitted),
		.emit = emit_number },
	{ .name = "oneway_handshakes_evicted_total",
		.type = METRIC_COUNTER,
		.help = "Undecided handshakes that were given up because the table was full.",
		.field = offsetof(struct handshake_report, evicted),
		.emit = emit_number },
	{ .name = "oneway_handshakes_total",
		.type = METRIC_COUNTER,
		.labels = { "syn_device", "synack_device", "outcome" },
		.help = "TCP handshakes that ended, by the devices of SYN and SYN-ACK (empty: not seen).",
		.emit = emit_handshakes },
	{ .name = "oneway_handshakes_tracked",
		.type = METRIC_GAUGE,
		.help = "Handshakes that have not ended yet.",
		.field = offsetof(struct handshake_report, tracked),
		.emit = emit_number },
	{ .name = "oneway_handshakes_tracked_limit",
		.type = METRIC_GAUGE,
		.help = "Handshakes that can be followed at the same time.",
		.field = offsetof(struct handshake_report, limit),
		.emit = emit_number },
	{ 0 },
};
