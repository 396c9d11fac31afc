// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/packet_reader.h"
#include "collectors/capture/packet.h"

/* Frames in hexadecimal; spaces do not matter. */
#define MACS "020000000001 020000000002 "
#define ETH4 MACS "0800 "
#define ETH6 MACS "86dd "
/* From 192.0.2.1 to 198.51.100.2. */
#define IP4(length, fragment, protocol) "4500" length "0000" fragment "40" protocol "0000 c0000201 c6336402 "
/* From 2001:db8::1 to 2001:db8::2. */
#define IP6(length, next) \
	"60000000" length next "40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
/* From port 1000 to 80, sequence 100, acknowledgement 500. */
#define TCP(offset, flags) "03e8 0050 00000064 000001f4 " offset "0" flags " ffff 0000 0000 "
#define SYN                TCP("5", "02")
#define TCP4               IP4("0028", "4000", "06")

struct example {
	const char *name;
	enum packet_link link;
	const char *hex;
	int result;
	uint8_t family;
	uint8_t flags;
	uint32_t payload;
};

static size_t bytes_of(const char *hex, uint8_t *out)
{
	size_t count = 0;
	while (*hex) {
		if (*hex == ' ') {
			hex++;
			continue;
		}
		char digits[3] = { hex[0], hex[1], 0 }, *end;
		out[count++] = (uint8_t)strtoul(digits, &end, 16);
		assert_int_equal(end - digits, 2);
		hex += 2;
	}
	return count;
}

/* In memory of exactly its size, so that the sanitizer sees every byte too far. */
static int read_exactly(enum packet_link link, const uint8_t *bytes, size_t size, struct packet *out)
{
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, bytes, size);
	int result = packet_read(link, copy, size, out);
	free(copy);
	return result;
}

static int read_hex(enum packet_link link, const char *hex, struct packet *out)
{
	uint8_t bytes[1024];
	return read_exactly(link, bytes, bytes_of(hex, bytes), out);
}

static const struct example tcp_examples[] = {
	{ "Ethernet", PACKET_ETHERNET, ETH4 TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "Ethernet, padded", PACKET_ETHERNET, ETH4 TCP4 SYN "000000000000", 0, AF_INET, 2, 0 },
	{ "802.1Q", PACKET_ETHERNET, MACS "8100 0064 0800" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "802.1ad in 802.1Q", PACKET_ETHERNET, MACS "88a8 0064 8100 0065 0800" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "four tags", PACKET_ETHERNET, MACS "8100 0064 8100 0064 8100 0064 8100 0064 0800" TCP4 SYN, 0,
		AF_INET, 2, 0 },
	{ "five tags", PACKET_ETHERNET,
		MACS "8100 0064 8100 0064 8100 0064 8100 0064 8100 0064 0800" TCP4 SYN, -EPROTONOSUPPORT, 0,
		0, 0 },
	{ "IPv6", PACKET_ETHERNET, ETH6 IP6("0014", "06") SYN, 0, AF_INET6, 2, 0 },
	{ "raw IPv4", PACKET_RAW, TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "raw IPv6", PACKET_RAW, IP6("0014", "06") SYN, 0, AF_INET6, 2, 0 },
	{ "SLL", PACKET_SLL, "0000 0001 0006 0200000000010000 0800" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "SLL with a tag", PACKET_SLL, "0000 0001 0006 0200000000010000 8100 0064 0800" TCP4 SYN, 0, AF_INET,
		2, 0 },
	{ "SLL2", PACKET_SLL2, "0800 0000 00000007 0001 04 06 0200000000010000" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "SLL2, IPv6", PACKET_SLL2, "86dd 0000 00000007 0001 00 06 0200000000010000" IP6("0014", "06") SYN,
		0, AF_INET6, 2, 0 },
	{ "SLL2 with a tag", PACKET_SLL2, "8100 0000 00000007 0001 04 06 0200000000010000 0064 0800" TCP4 SYN,
		0, AF_INET, 2, 0 },
	{ "SLL2, ARP", PACKET_SLL2, "0806 0000 00000007 0001 04 06 0200000000010000" TCP4 SYN,
		-EPROTONOSUPPORT, 0, 0, 0 },
	{ "null, little-endian", PACKET_NULL, "02000000" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "null, big-endian", PACKET_NULL, "0000001e" IP6("0014", "06") SYN, 0, AF_INET6, 2, 0 },
	{ "loop", PACKET_LOOP, "00000002" TCP4 SYN, 0, AF_INET, 2, 0 },
	{ "null, neither", PACKET_NULL, "07000000" TCP4 SYN, -EPROTONOSUPPORT, 0, 0, 0 },
	{ "ARP", PACKET_ETHERNET, MACS "0806 0001", -EPROTONOSUPPORT, 0, 0, 0 },
	{ "UDP", PACKET_RAW, IP4("001c", "0000", "11") "0035 0035 0008 0000", -EPROTONOSUPPORT, 0, 0, 0 },
	{ "IP in IP", PACKET_RAW, IP4("003c", "0000", "04") TCP4 SYN, -EPROTONOSUPPORT, 0, 0, 0 },
	{ "IPv4 options", PACKET_RAW, "4600002c0000400040060000 c0000201 c6336402 01010100" SYN, 0, AF_INET,
		2, 0 },
	{ "header length below 20", PACKET_RAW, "440000280000400040060000 c0000201 c6336402" SYN, -EBADMSG, 0,
		0, 0 },
	{ "total length below the header", PACKET_RAW, IP4("0013", "0000", "06") SYN, -EBADMSG, 0, 0, 0 },
	{ "no IP version", PACKET_RAW, "50000000" SYN SYN, -EBADMSG, 0, 0, 0 },
	{ "first fragment", PACKET_RAW, IP4("0028", "2000", "06") SYN, 0, AF_INET, 2, 0 },
	{ "second fragment", PACKET_RAW, IP4("0028", "2003", "06") SYN, -EPROTONOSUPPORT, 0, 0, 0 },
	{ "last fragment", PACKET_RAW, IP4("0028", "0003", "06") SYN, -EPROTONOSUPPORT, 0, 0, 0 },
	{ "payload that was not captured", PACKET_RAW, IP4("0578", "4000", "06") TCP("5", "18"), 0, AF_INET,
		0x18, 1360 },
	{ "payload after TCP options", PACKET_RAW, IP4("0034", "4000", "06") TCP("8", "10"), 0, AF_INET, 0x10,
		0 },
	{ "no total length: segmentation offload", PACKET_RAW, IP4("0000", "4000", "06") TCP("5", "18"), 0,
		AF_INET, 0x18, 0 },
	{ "TCP header longer than the packet", PACKET_RAW, IP4("0034", "4000", "06") TCP("a", "aa"), 0,
		AF_INET, 0x2a, 0 },
	{ "TCP header cut behind the flags", PACKET_RAW, TCP4 "03e8 0050 00000064 000001f4 5002", 0, AF_INET,
		2, 0 },
	{ "TCP header cut before the flags", PACKET_RAW, TCP4 "03e8 0050 00000064 000001f4 50", -EBADMSG, 0,
		0, 0 },
	{ "IP packet shorter than TCP, padding behind", PACKET_RAW, IP4("0020", "4000", "06") SYN, -EBADMSG,
		0, 0, 0 },
	{ "hop-by-hop", PACKET_RAW, IP6("001c", "00") "0600 010400000000" SYN, 0, AF_INET6, 2, 0 },
	{ "destination options", PACKET_RAW, IP6("001c", "3c") "0600 010400000000" SYN, 0, AF_INET6, 2, 0 },
	{ "routing, 16 bytes", PACKET_RAW, IP6("0024", "2b") "0601 0000 00000000 0000000000000000" SYN, 0,
		AF_INET6, 2, 0 },
	{ "AH", PACKET_RAW, IP6("002c", "33") "0604 0000 00000001 00000001 000000000000000000000000" SYN, 0,
		AF_INET6, 2, 0 },
	{ "atomic fragment", PACKET_RAW, IP6("001c", "2c") "0600 0000 00000001" SYN, 0, AF_INET6, 2, 0 },
	{ "first fragment, IPv6", PACKET_RAW, IP6("001c", "2c") "0600 0001 00000001" SYN, 0, AF_INET6, 2, 0 },
	{ "later fragment, IPv6", PACKET_RAW, IP6("001c", "2c") "0600 0008 00000001" SYN, -EPROTONOSUPPORT, 0,
		0, 0 },
	{ "three headers and payload", PACKET_RAW,
		IP6("0036", "00") "3c00 010400000000 2c00 010400000000 0600 0000 00000001" TCP(
			"5", "18") "6162",
		0, AF_INET6, 0x18, 10 },
	{ "extension header beyond the end", PACKET_RAW, IP6("001c", "00") "06ff 010400000000" SYN, -EBADMSG,
		0, 0, 0 },
	{ "nine extension headers", PACKET_RAW,
		IP6("0060", "3c") "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
				  "3c00010400000000 3c00010400000000 3c00010400000000 3c00010400000000 "
				  "0600010400000000" SYN,
		-EPROTONOSUPPORT, 0, 0, 0 },
	{ "jumbogram", PACKET_RAW, IP6("0000", "00") "0600 c20400010000" TCP("5", "18"), 0, AF_INET6, 0x18,
		0 },
	{ "no next header", PACKET_RAW, IP6("0000", "3b"), -EPROTONOSUPPORT, 0, 0, 0 },
	{ "nothing", PACKET_ETHERNET, "", -EBADMSG, 0, 0, 0 },
};

static void check_tcp(const struct example *example, const struct packet *packet)
{
	char source[ADDRESS_TEXT_SIZE], destination[ADDRESS_TEXT_SIZE];
	bool v4 = example->family == AF_INET;
	assert_string_equal(address_format(&packet->source, source), v4 ? "192.0.2.1" : "2001:db8::1");
	assert_string_equal(
		address_format(&packet->destination, destination), v4 ? "198.51.100.2" : "2001:db8::2");
	assert_int_equal(packet->kind, PACKET_TCP);
	assert_int_equal(packet->source_port, 1000);
	assert_int_equal(packet->destination_port, 80);
	assert_int_equal(packet->sequence, 100);
	assert_int_equal(packet->acknowledgement, 500);
	assert_int_equal(packet->flags, example->flags);
	if (packet->payload != example->payload)
		fail_msg("%s: payload %u", example->name, packet->payload);
}

static void tcp_is_read_as_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tcp_examples) / sizeof(*tcp_examples); i++) {
		struct packet packet;
		int result = read_hex(tcp_examples[i].link, tcp_examples[i].hex, &packet);
		if (result != tcp_examples[i].result)
			fail_msg("%s: %d", tcp_examples[i].name, result);
		if (result == 0)
			check_tcp(&tcp_examples[i], &packet);
	}
}

/* No prefix of a frame may read beyond its end, claim another address, or write on failure. */
static void frames_may_be_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tcp_examples) / sizeof(*tcp_examples); i++) {
		uint8_t bytes[1024];
		size_t size = bytes_of(tcp_examples[i].hex, bytes);
		for (size_t cut = 0; cut < size; cut++) {
			struct packet packet, before;
			memset(&packet, 0xaa, sizeof(packet));
			before = packet;
			if (read_exactly(tcp_examples[i].link, bytes, cut, &packet) == 0)
				assert_int_equal(packet.source_port, 1000);
			else
				assert_memory_equal(&packet, &before, sizeof(packet));
		}
	}
}

static void cooked_frames_tell_direction_and_device(void **state)
{
	(void)state;
	struct packet packet;
	assert_int_equal(read_hex(PACKET_SLL2, tcp_examples[11].hex, &packet), 0);
	assert_int_equal(packet.direction, DIRECTION_OUT);
	assert_int_equal(packet.ifindex, 7);
	assert_int_equal(read_hex(PACKET_SLL2, tcp_examples[12].hex, &packet), 0);
	assert_int_equal(packet.direction, DIRECTION_IN);
	assert_int_equal(read_hex(PACKET_SLL, tcp_examples[9].hex, &packet), 0);
	assert_int_equal(packet.direction, DIRECTION_IN);
	assert_int_equal(packet.ifindex, 0);
	assert_int_equal(read_hex(PACKET_ETHERNET, tcp_examples[0].hex, &packet), 0);
	assert_int_equal(packet.direction, DIRECTION_UNKNOWN);
	assert_int_equal(packet.tags, 0);
	assert_int_equal(read_hex(PACKET_ETHERNET, tcp_examples[3].hex, &packet), 0);
	assert_int_equal(packet.tags, 2);
	assert_int_equal(read_hex(PACKET_SLL2, tcp_examples[13].hex, &packet), 0);
	assert_int_equal(packet.tags, 1);
}

static void echoes_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		enum packet_kind kind;
	} examples[] = {
		{ IP4("001c", "0000", "01") "0800 0000 1234 0007", PACKET_ECHO_REQUEST },
		{ IP4("001c", "0000", "01") "0000 0000 1234 0007", PACKET_ECHO_REPLY },
		{ IP6("0008", "3a") "8000 0000 1234 0007", PACKET_ECHO_REQUEST },
		{ IP6("0008", "3a") "8100 0000 1234 0007", PACKET_ECHO_REPLY },
	};
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
		struct packet packet;
		assert_int_equal(read_hex(PACKET_RAW, examples[i].hex, &packet), 0);
		assert_int_equal(packet.kind, examples[i].kind);
		assert_int_equal(packet.echo_id, 0x1234);
		assert_int_equal(packet.echo_sequence, 7);
	}
	struct packet packet;
	assert_int_equal(
		read_hex(PACKET_RAW, IP6("0008", "3a") "8700 0000 1234 0007", &packet), -EPROTONOSUPPORT);
	assert_int_equal(read_hex(PACKET_RAW, IP4("001c", "0000", "3a") "8000 0000 1234 0007", &packet),
		-EPROTONOSUPPORT);
}

static void errors_are_not_read(void **state)
{
	(void)state;
	struct packet packet;
	assert_int_equal(read_hex(PACKET_RAW,
				 IP4("0038", "0000", "01") "0301 0000 00000000" IP4(
					 "0028", "4000", "06") "03e80050 00000064",
				 &packet),
		-EPROTONOSUPPORT);
	assert_int_equal(
		read_hex(PACKET_RAW, IP6("0050", "3a") "0300 0000 00000000" IP6("0014", "06") SYN, &packet),
		-EPROTONOSUPPORT);
}

static void a_cursor_fails_once_and_for_all(void **state)
{
	(void)state;
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct packet_reader reader = packet_reader_make(bytes, sizeof(bytes));
	assert_int_equal(packet_reader_peek(&reader), 1);
	assert_int_equal(packet_reader_u16(&reader), 0x0102);
	assert_int_equal(packet_reader_u32(&reader), 0x03040506);
	assert_int_equal(packet_reader_u16(&reader), 0); /* one byte is left */
	assert_true(reader.failed);
	assert_int_equal(packet_reader_u8(&reader), 0); /* and stays */
	assert_int_equal(packet_reader_peek(&reader), 0);
	assert_null(packet_reader_take(&reader, 0));

	reader = packet_reader_make(bytes, sizeof(bytes));
	packet_reader_limit(&reader, 1);
	packet_reader_limit(&reader, 3); /* only ever less */
	packet_reader_skip(&reader, 1);
	assert_false(reader.failed);
	packet_reader_skip(&reader, SIZE_MAX);
	assert_true(reader.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_is_read_as_written),
		cmocka_unit_test(frames_may_be_cut_anywhere),
		cmocka_unit_test(cooked_frames_tell_direction_and_device),
		cmocka_unit_test(echoes_are_read),
		cmocka_unit_test(errors_are_not_read),
		cmocka_unit_test(a_cursor_fails_once_and_for_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
