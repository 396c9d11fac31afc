// SPDX-License-Identifier: GPL-2.0-or-later
/* What the capturing program's records become, read as any captured frame is. */
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "collectors/capture/packet.h"
#include "collectors/capture/record_frame.h"

/* A SYN from 203.0.113.5:50000 to 192.0.2.1:22. */
static const uint8_t syn[] = { 0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 203, 0, 113, 5, 192, 0, 2, 1, 0xc3,
	0x50, 0, 22, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0 };

static struct packet_record record_of_syn(void)
{
	struct packet_record record = { .time_ns = 1234567890123,
		.ifindex = 70001,
		.length = sizeof(syn),
		.protocol = htons(0x0800),
		.size = sizeof(syn),
		.address = { 2, 0, 0, 0, 0, 9 } };
	memcpy(record.bytes, syn, sizeof(syn));
	return record;
}

static struct packet read_record(const struct packet_record *record, struct tap_frame *frame)
{
	static uint8_t bytes[RECORD_FRAME_BYTES];
	struct packet packet;
	assert_int_equal(record_frame_read(record, sizeof(*record), bytes, frame), 0);
	assert_int_equal(packet_read(PACKET_SLL2, frame->bytes, frame->size, &packet), 0);
	return packet;
}

static void device_direction_and_time_are_the_records(void **state)
{
	(void)state;
	struct packet_record record = record_of_syn();
	struct tap_frame frame;
	struct packet packet = read_record(&record, &frame);
	assert_int_equal(frame.time_ns, 1234567890123);
	assert_int_equal(frame.size, SLL2_HDR_LEN + sizeof(syn));
	assert_int_equal(frame.length, frame.size);
	assert_int_equal(packet.ifindex, 70001);
	assert_int_equal(packet.direction, DIRECTION_IN);
	assert_int_equal(packet.kind, PACKET_TCP);
	assert_int_equal(packet.flags, TCP_SYN);
	assert_int_equal(packet.source_port, 50000);
	assert_int_equal(packet.destination_port, 22);
	assert_int_equal(packet.sequence, 7);
	assert_int_equal(packet.tags, 0);
	record.outgoing = 1;
	assert_int_equal(read_record(&record, &frame).direction, DIRECTION_OUT);
	/* The link layer's source is the evidence's. */
	assert_memory_equal(frame.bytes + 12, record.address, 6);
	assert_int_equal(frame.bytes[11], 6);
}

static void a_tag_beside_the_packet_is_put_before_it(void **state)
{
	(void)state;
	struct packet_record record = record_of_syn();
	struct tap_frame frame;
	record.tagged = 1;
	record.tag = 0x6064;
	struct packet packet = read_record(&record, &frame);
	assert_int_equal(packet.tags, 1);
	assert_int_equal(packet.destination_port, 22);
	assert_memory_equal(frame.bytes + SLL2_HDR_LEN, "\x60\x64\x08\x00", 4);
	assert_int_equal(frame.size, SLL2_HDR_LEN + 4 + sizeof(syn));
	assert_int_equal(frame.length, frame.size);
}

static void what_was_cut_off_keeps_its_length(void **state)
{
	(void)state;
	struct packet_record record = record_of_syn();
	struct tap_frame frame;
	record.bytes[2] = 1400 >> 8; /* the IP length */
	record.bytes[3] = 1400 & 255;
	record.length = 1400;
	record.size = PACKETS_BYTES;
	struct packet packet = read_record(&record, &frame);
	assert_int_equal(frame.size, SLL2_HDR_LEN + PACKETS_BYTES);
	assert_int_equal(frame.length, SLL2_HDR_LEN + 1400);
	assert_int_equal(packet.payload, 1360);
}

static void a_record_that_is_none_is_refused(void **state)
{
	(void)state;
	struct packet_record record = record_of_syn();
	uint8_t bytes[RECORD_FRAME_BYTES];
	struct tap_frame frame = { .size = 77 };
	assert_int_equal(record_frame_read(&record, sizeof(record) - 1, bytes, &frame), -EBADMSG);
	record.size = PACKETS_BYTES + 1;
	record.length = 1400;
	assert_int_equal(record_frame_read(&record, sizeof(record), bytes, &frame), -EBADMSG);
	record.size = 40;
	record.length = 39;
	assert_int_equal(record_frame_read(&record, sizeof(record), bytes, &frame), -EBADMSG);
	record.length = PACKETS_LENGTH_MAX + 1;
	assert_int_equal(record_frame_read(&record, sizeof(record), bytes, &frame), -EBADMSG);
	assert_int_equal(frame.size, 77);
	record.length = PACKETS_LENGTH_MAX;
	assert_int_equal(record_frame_read(&record, sizeof(record), bytes, &frame), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_direction_and_time_are_the_records),
		cmocka_unit_test(a_tag_beside_the_packet_is_put_before_it),
		cmocka_unit_test(what_was_cut_off_keeps_its_length),
		cmocka_unit_test(a_record_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
