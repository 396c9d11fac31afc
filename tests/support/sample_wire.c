// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/sample_wire.h"

#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

#define SECOND_NS INT64_C(1000000000)
#define FIRST     101
#define LAST      (FIRST + SAMPLE_HANDSHAKES - 1)

static void *must(void *item)
{
	if (!item)
		abort();
	return item;
}

#define ADD(items, count) ((__typeof__(*(items)) *)must(ARRAY_ADD(items, count)))

static struct address address(const char *text)
{
	struct address out;
	if (address_parse(text, &out) < 0)
		abort();
	return out;
}

static void add_suspects(struct facts *facts, int syn_device, int synack_device)
{
	for (unsigned id = LAST; id >= FIRST; id--) {
		int64_t last_ns = facts->time_ns - SECOND_NS * (LAST - id);
		struct handshake_suspect *suspect =
			ADD(facts->handshakes->suspects, facts->handshakes->suspect_count);
		*suspect = (struct handshake_suspect){ .id = id,
			.client = address("203.0.113.5"),
			.server = address("198.51.100.7"),
			.client_port = (uint16_t)(40000 + id),
			.server_port = 22,
			.first_ns = last_ns - 3 * SECOND_NS,
			.last_ns = last_ns,
			.repeats = 2,
			.syn = { .in = syn_device },
			.synack = { .out = synack_device } };
	}
	struct handshake_suspect *newest = facts->handshakes->suspects;
	newest->joined = true;
	newest->other_id = 202;
	newest->other_client = newest->client;
	newest->other_client_port = newest->client_port;
	newest->other_server = address("10.0.0.7");
	newest->other_server_port = 2222;
	newest->other_syn.out = synack_device;
	newest->other_synack.in = synack_device;
}

/* An Ethernet frame with an IPv4 TCP segment without data. */
static void write_segment(uint8_t bytes[static 60], const struct address *source, uint16_t source_port,
	const struct address *destination, uint16_t destination_port, uint8_t flags)
{
	const uint8_t sll2[20] = { 0x08, 0, [9] = 1, [10] = flags & TCP_ACK ? 4 : 0, 6, 2, 0, 0, 0, 0, 2 };
	static const uint8_t ip[] = { 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0 };
	const uint8_t tcp[] = { (uint8_t)(source_port >> 8), (uint8_t)source_port,
		(uint8_t)(destination_port >> 8), (uint8_t)destination_port, 0, 0, 0, 7, 0, 0, 0, 8, 0x50,
		flags, 0xff, 0xff };
	memcpy(bytes, sll2, sizeof(sll2));
	memcpy(bytes + 20, ip, sizeof(ip));
	memcpy(bytes + 32, source->bytes, 4);
	memcpy(bytes + 36, destination->bytes, 4);
	memcpy(bytes + 40, tcp, sizeof(tcp));
}

static void add_frame(
	struct facts *facts, uint64_t handshake, int64_t age_ns, int device, enum direction direction)
{
	const struct address client = address("203.0.113.5"), server = address("198.51.100.7");
	const uint16_t port = (uint16_t)(40000 + handshake);
	struct frame *frame = ADD(facts->frames, facts->frame_count);
	*frame = (struct frame){ .handshake = handshake,
		.time_ns = facts->time_ns - age_ns,
		.device = device,
		.direction = direction,
		.flags = direction == DIRECTION_IN ? TCP_SYN : TCP_SYN | TCP_ACK,
		.size = 60,
		.length = 66 };
	if (direction == DIRECTION_IN)
		write_segment(frame->bytes, &client, port, &server, 22, frame->flags);
	else
		write_segment(frame->bytes, &server, 22, &client, port, frame->flags);
}

static void add_frames(struct facts *facts, int syn_device, int synack_device)
{
	const int64_t second = SECOND_NS;
	add_frame(facts, 106, 4 * second, syn_device, DIRECTION_IN);
	add_frame(facts, 106, 4 * second - 1, synack_device, DIRECTION_OUT);
	add_frame(facts, 999, 3 * second + 1, syn_device, DIRECTION_IN);
	add_frame(facts, 107, 3 * second, syn_device, DIRECTION_IN);
	add_frame(facts, 202, 3 * second - 1, synack_device, DIRECTION_OUT);
	add_frame(facts, 107, 3 * second - 2, synack_device, DIRECTION_OUT);
	add_frame(facts, 106, second, syn_device, DIRECTION_IN);
	add_frame(facts, 107, 0, syn_device, DIRECTION_IN);
}

void sample_add_handshakes(struct facts *facts, int syn_device, int synack_device)
{
	add_suspects(facts, syn_device, synack_device);
	add_frames(facts, syn_device, synack_device);
}

void sample_name_handshakes(struct finding *finding)
{
	for (uint64_t id = LAST; id >= FIRST - 1; id--)
		finding_add_handshake(finding, id);
}
