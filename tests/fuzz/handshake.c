// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream of packets, ten bytes each, between few hosts with few sequence numbers, so that they meet,
 * through a table that is soon full. Whatever comes, every handshake that was ever made ends in one way.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/packet_reader.h"
#include "collectors/handshake/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORD  10
#define FRAMES  16
#define STEP_NS INT64_C(4000000)

static const uint32_t numbers[] = { 0, 1, 2, 100, 101, 150, 151, 0x7fffffff, 0x80000000, 0x80000001,
	0xfffffffe, 0xffffffff };

static uint32_t number(uint8_t choice)
{
	return numbers[choice % (sizeof(numbers) / sizeof(*numbers))];
}

static struct address host(uint8_t family, uint8_t number)
{
	const uint8_t bytes[16] = { [3] = number };
	return address_make(family, bytes);
}

static void read_packet(struct packet_reader *reader, struct packet *packet, struct sighting *sighting)
{
	uint8_t hosts = packet_reader_u8(reader), ports = packet_reader_u8(reader),
		where = packet_reader_u8(reader);
	uint8_t family = hosts & 0x80 ? AF_INET6 : AF_INET;
	*packet = (struct packet){ .kind = (enum packet_kind)(where >> 6),
		.source = host(family, hosts & 7),
		.destination = host(family, hosts >> 3 & 7),
		.source_port = ports & 3,
		.destination_port = ports >> 2 & 3,
		.echo_id = ports & 3,
		.echo_sequence = ports >> 2 & 1,
		.flags = packet_reader_u8(reader) & 0x3f,
		.sequence = number(packet_reader_u8(reader)),
		.acknowledgement = number(packet_reader_u8(reader)),
		.payload = number(packet_reader_u8(reader)) };
	sighting->device = where & 15;
	sighting->direction = (enum direction)((where >> 4 & 3) % DIRECTIONS);
	sighting->frame = reader->at;
	sighting->size = (uint32_t)reader->left;
	sighting->length = sighting->size;
}

static void look(struct handshakes *handshakes)
{
	struct frame frames[FRAMES];
	struct handshake_report report;
	if (handshakes_evidence(handshakes, frames, FRAMES) > FRAMES ||
		handshakes_report(handshakes, &report) < 0)
		abort();
	for (size_t i = 0; i < report.suspect_count; i++)
		if (report.suspects[i].joined && report.suspects[i].other_id == report.suspects[i].id)
			abort();
	if (report.tracked > report.limit || report.device_count > 9 || report.service_count > 3)
		abort();
	handshake_report_clear(&report);
}

static void control(struct handshakes *handshakes, uint8_t what, int64_t now_ns)
{
	switch (what & 7) {
	case 1:
		handshakes_sample(handshakes, what >> 3);
		break;
	case 2:
		handshakes_missed(handshakes, now_ns);
		break;
	case 3:
		look(handshakes);
		break;
	}
}

static void finish(struct handshakes *handshakes)
{
	struct handshake_report report;
	handshakes_finish(handshakes);
	look(handshakes);
	if (handshakes_report(handshakes, &report) < 0 || report.tracked)
		abort();
	uint64_t syns = 0, ended = 0;
	for (size_t i = 0; i < report.device_count; i++)
		for (unsigned way = 0; way < DIRECTIONS; way++)
			syns += report.devices[i].packets[way][HANDSHAKE_SYN] +
				report.devices[i].packets[way][HANDSHAKE_SYNACK];
	for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		ended += report.outcomes[outcome];
	if (ended > syns)
		abort();
	handshake_report_clear(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct handshake_limits limits = { .handshakes = 8,
		.evicted_syns = 16,
		.echoes = 4,
		.devices = 8,
		.pairs = 4,
		.services = 3,
		.suspects = 8,
		.frames = 8 };
	struct handshakes *handshakes;
	int64_t now_ns = 0;
	if (handshakes_new(&limits, 1, &handshakes) < 0)
		return 0;
	struct packet_reader reader = packet_reader_make(data, size);
	while (reader.left >= RECORD) {
		struct packet packet;
		struct sighting sighting = { 0 };
		uint8_t step = packet_reader_u8(&reader);
		now_ns += (int64_t)(step & 0x7f) * (step & 0x7f) * STEP_NS - (step & 0x80 ? 8 * STEP_NS : 0);
		sighting.time_ns = now_ns;
		uint8_t command = packet_reader_u8(&reader);
		read_packet(&reader, &packet, &sighting);
		packet_reader_skip(&reader, 1);
		handshakes_feed(handshakes, &packet, &sighting);
		control(handshakes, command, now_ns);
	}
	finish(handshakes);
	handshakes_free(handshakes);
	return 0;
}
