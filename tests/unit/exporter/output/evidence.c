// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/capture/capture_file.h"
#include "collectors/capture/packet.h"
#include "exporter/output/evidence.h"
#include "exporter/output/pcapng.h"
#include "tests/support/sample.h"
#include "tests/support/sample_wire.h"

struct written {
	struct facts *facts;
	struct findings *findings;
	struct buffer file;
};

static struct written written(struct facts *facts)
{
	struct written written = { facts, sample_findings(), { 0 } };
	assert_int_equal(evidence_write(&written.file, facts, &written.findings->items[0]), 0);
	return written;
}

static void clear(struct written *written)
{
	facts_free(written->facts);
	findings_free(written->findings);
	buffer_clear(&written->file);
}

/* ---- as libpcap reads it ---- */

struct packets {
	char name[32];
	struct capture_file *file;
};

static struct packets open_packets(const struct buffer *buffer)
{
	struct packets packets = { .name = "/tmp/oneway-evidence-XXXXXX" };
	char error[CAPTURE_ERROR_SIZE] = "";
	int descriptor = mkstemp(packets.name);
	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, buffer->data, buffer->size), buffer->size);
	close(descriptor);
	assert_int_equal(capture_file_open(packets.name, &packets.file, error), 0);
	return packets;
}

static void close_packets(struct packets *packets)
{
	struct capture_frame frame;
	char error[CAPTURE_ERROR_SIZE] = "";
	assert_int_equal(capture_file_next(packets->file, &frame, error), 0);
	capture_file_close(packets->file);
	unlink(packets->name);
}

static struct capture_frame next(struct packets *packets)
{
	struct capture_frame frame;
	char error[CAPTURE_ERROR_SIZE] = "";
	assert_int_equal(capture_file_next(packets->file, &frame, error), 1);
	return frame;
}

static void libpcap_reads_the_packets_of_the_finding(void **state)
{
	(void)state;
	struct written all = written(sample_facts());
	struct packets packets = open_packets(&all.file);
	size_t count = 0;
	for (size_t i = 0; i < all.facts->frame_count; i++) {
		const struct frame *expected = &all.facts->frames[i];
		if (expected->handshake == 999)
			continue;
		struct capture_frame frame = next(&packets);
		assert_int_equal(frame.link, PACKET_SLL2);
		assert_int_equal(frame.time_ns, expected->time_ns);
		assert_int_equal(frame.size, expected->size);
		assert_int_equal(frame.length, expected->length);
		assert_memory_equal(frame.bytes, expected->bytes, frame.size);
		count++;
	}
	assert_int_equal(count, SAMPLE_FRAMES);
	close_packets(&packets);
	clear(&all);
}

/* ---- what libpcap does not hand on ---- */

struct block {
	uint32_t type, length;
	const char *body;
};

static uint32_t number_at(const char *bytes)
{
	uint32_t number;
	memcpy(&number, bytes, sizeof(number));
	return number;
}

/* The next block, or type 0 at the end. */
static struct block next_block(const struct buffer *file, size_t *at)
{
	if (*at == file->size)
		return (struct block){ 0 };
	assert_true(file->size - *at >= 12);
	const char *begin = file->data + *at;
	struct block block = { number_at(begin), number_at(begin + 4), begin + 8 };
	assert_true(block.length >= 12 && block.length % 4 == 0 && block.length <= file->size - *at);
	assert_int_equal(number_at(begin + block.length - 4), block.length);
	*at += block.length;
	return block;
}

static bool contains(const struct block *block, const char *text)
{
	return memmem(block->body, block->length - 12, text, strlen(text)) != NULL;
}

static void packets_name_their_device_and_direction(void **state)
{
	static const struct {
		uint32_t interface, flags;
	} expected[SAMPLE_FRAMES] = { { 0, 1 }, { 1, 2 }, { 0, 1 }, { 1, 2 }, { 1, 2 }, { 0, 1 }, { 0, 1 } };
	(void)state;
	struct written all = written(sample_facts());
	size_t at = 0, interfaces = 0, packets = 0;
	struct block block = next_block(&all.file, &at);
	assert_int_equal(block.type, 0x0a0d0d0a);
	assert_int_equal(number_at(block.body), 0x1a2b3c4d);
	assert_true(contains(&block, all.findings->items[0].id));
	assert_true(contains(&block, "Summary of reply_wrong_device <wan2>"));
	while ((block = next_block(&all.file, &at)).type) {
		if (block.type == 1) {
			assert_true(contains(&block, interfaces++ ? "wan1" : "wan2"));
			continue;
		}
		assert_int_equal(block.type, 6);
		assert_int_equal(number_at(block.body), expected[packets].interface);
		/* the flags are the last option before the end of options */
		assert_int_equal(number_at(block.body + block.length - 12 - 8), expected[packets].flags);
		packets++;
	}
	assert_int_equal(interfaces, 2);
	assert_int_equal(packets, SAMPLE_FRAMES);
	clear(&all);
}

static void texts_become_valid(void **state)
{
	(void)state;
	struct buffer out = { 0 };
	size_t at = 0;
	pcapng_section(&out,
		"a\xff"
		"b",
		"");
	pcapng_interface(&out, 1, "");
	struct block block = next_block(&out, &at);
	assert_true(contains(&block, "a%FFb"));
	next_block(&out, &at);
	assert_int_equal(next_block(&out, &at).type, 0);
	buffer_clear(&out);
}

/* ---- none ---- */

static void without_packets_there_is_no_file(void **state)
{
	(void)state;
	struct facts *facts = sample_facts();
	struct findings *findings = sample_findings();
	struct buffer out = { 0 };
	assert_int_equal(evidence_write(&out, facts, &findings->items[1]), -ENOENT);
	assert_false(evidence_has_packets(facts, &findings->items[1]));
	assert_false(evidence_has_handshakes(facts, &findings->items[1]));
	assert_true(evidence_has_packets(facts, &findings->items[0]));
	facts->frame_count = 0;
	assert_int_equal(evidence_write(&out, facts, &findings->items[0]), -ENOENT);
	assert_false(evidence_has_packets(facts, &findings->items[0]));
	assert_int_equal(out.size, 0);
	findings_free(findings);
	facts_free(facts);
}

/* A finding stays for a while after its handshakes were forgotten. */
static void packets_outlive_the_report(void **state)
{
	(void)state;
	struct facts *facts = sample_facts();
	handshake_report_clear(facts->handshakes);
	free(facts->handshakes);
	facts->handshakes = NULL;
	struct written all = written(facts);
	struct packets packets = open_packets(&all.file);
	for (size_t i = 0; i < SAMPLE_FRAMES - 1; i++) /* nobody knows 202 any more */
		next(&packets);
	close_packets(&packets);
	clear(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libpcap_reads_the_packets_of_the_finding),
		cmocka_unit_test(packets_name_their_device_and_direction),
		cmocka_unit_test(texts_become_valid),
		cmocka_unit_test(without_packets_there_is_no_file),
		cmocka_unit_test(packets_outlive_the_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
