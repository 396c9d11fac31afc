// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collectors/base/array.h"
#include "collectors/base/flow_sample.h"
#include "collectors/base/name_pattern.h"
#include "collectors/capture/ack_heavy_flows.h"
#include "collectors/capture/capture_filter.h"
#include "collectors/capture/capture_set.h"
#include "collectors/capture/sampling.h"
#include "collectors/socket/socket.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define SECOND       INT64_C(1000000000)

/* ---- the filter: one packet after the other, by libpcap's own interpreter ---- */

#define SLL2_IN               "0000 00000002 0001 00 06 0200000000010000"
#define SLL2_OUT              "0000 00000002 0001 04 06 0200000000010000"
#define ARRIVES4              "0800" SLL2_IN
#define LEAVES4               "0800" SLL2_OUT
#define ARRIVES6              "86dd" SLL2_IN
#define ADDRS4                "cb007105 c0000201"
#define ADDRS6                "20010db8000000000000000000000005 20010db8000000000000000000000001"
#define IP4(length, protocol) "4500" length "0000 4000 40" protocol "0000" ADDRS4
#define IP6(length, protocol) "60000000" length protocol "40" ADDRS6
/* ports 50000 and 22 */
#define TCP(offset, flags) "c3500016 00000001 00000001" offset flags "ffff00000000"
#define OPTIONS            "0101080a0000000100000002"

static const struct filter_case {
	const char *name, *frame;
	bool passes;
} filter_cases[] = {
	{ "SYN", ARRIVES4 IP4("0028", "06") TCP("50", "02"), true },
	{ "SYN-ACK that leaves", LEAVES4 IP4("0028", "06") TCP("50", "12"), true },
	{ "RST", ARRIVES4 IP4("0028", "06") TCP("50", "04"), true },
	{ "RST-ACK", ARRIVES4 IP4("0028", "06") TCP("50", "14"), true },
	{ "SYN with data", ARRIVES4 IP4("002c", "06") TCP("50", "02") "01020304", true },
	{ "ACK", ARRIVES4 IP4("0028", "06") TCP("50", "10"), true },
	{ "ACK with options", ARRIVES4 IP4("0034", "06") TCP("80", "10") OPTIONS, true },
	{ "ACK of a padded frame", ARRIVES4 IP4("0028", "06") TCP("50", "10") "000000000000", true },
	{ "ACK behind IP options", ARRIVES4 "4600002c0000400040060000" ADDRS4 "01010101" TCP("50", "10"),
		true },
	{ "data", ARRIVES4 IP4("002c", "06") TCP("50", "18") "01020304", false },
	{ "one byte of data", ARRIVES4 IP4("0029", "06") TCP("50", "18") "01", false },
	{ "data with options", ARRIVES4 IP4("0038", "06") TCP("80", "10") OPTIONS "01020304", false },
	{ "FIN with data", ARRIVES4 IP4("002c", "06") TCP("50", "11") "01020304", false },
	{ "a great segment of no known length", LEAVES4 IP4("0000", "06") TCP("50", "10") "0102", false },
	{ "for another host",
		"0800 0000 00000002 0001 03 06 0200000000010000" IP4("0028", "06") TCP("50", "02"), false },
	{ "later fragment",
		ARRIVES4 "450000280000 0064 40060000" ADDRS4 "ffffffffffffffffffffffffff02ffff00000000",
		false },
	{ "UDP", ARRIVES4 IP4("001c", "11") "c35000350008000000000000", false },
	{ "ARP", "0806" SLL2_IN "0001080006040001020000000001c0000201000000000000c0000202", false },
	{ "echo request", ARRIVES4 IP4("001c", "01") "0800000000010001", true },
	{ "echo reply", ARRIVES4 IP4("001c", "01") "0000000000010001", true },
	{ "unreachable", ARRIVES4 IP4("001c", "01") "0301000000000000", false },
	{ "time exceeded", ARRIVES4 IP4("001c", "01") "0b00000000000000", false },
	{ "redirect", ARRIVES4 IP4("001c", "01") "0500000000000000", false },
	{ "SYN, IPv6", ARRIVES6 IP6("0014", "06") TCP("50", "02"), true },
	{ "RST, IPv6", ARRIVES6 IP6("0014", "06") TCP("50", "04"), true },
	{ "ACK, IPv6", ARRIVES6 IP6("0020", "06") TCP("80", "10") OPTIONS, true },
	{ "data, IPv6", ARRIVES6 IP6("0018", "06") TCP("50", "10") "01020304", false },
	{ "echo request, IPv6", ARRIVES6 IP6("0008", "3a") "8000000000010001", true },
	{ "packet too big", ARRIVES6 IP6("0008", "3a") "0200000000000578", false },
	{ "neighbour solicitation", ARRIVES6 IP6("0008", "3a") "8700000000000000", false },
	{ "SYN behind hop-by-hop options", ARRIVES6 IP6("001c", "00") "0600010400000000" TCP("50", "02"),
		true },
	{ "large behind hop-by-hop options", ARRIVES6 IP6("0500", "00") "0600010400000000" TCP("50", "10"),
		false },
	{ "jumbogram", ARRIVES6 IP6("0000", "00") "0600c20400010000" TCP("50", "10"), false },
	{ "first fragment, IPv6", ARRIVES6 IP6("001c", "2c") "0600000100000001" TCP("50", "02"), true },
	{ "later fragment, IPv6", ARRIVES6 IP6("001c", "2c") "0600010100000001" TCP("50", "02"), false },
	{ "UDP, IPv6", ARRIVES6 IP6("0008", "11") "c350003500080000", false },
	{ "tagged SYN", "8100" SLL2_IN "00640800" IP4("0028", "06") TCP("50", "02"), true },
	{ "tagged ACK", "88a8" SLL2_IN "00640800" IP4("0028", "06") TCP("50", "10"), true },
	{ "tagged data", "8100" SLL2_IN "00640800" IP4("002c", "06") TCP("50", "10") "01020304", false },
	{ "tagged UDP", "8100" SLL2_IN "00640800" IP4("001c", "11") "c350003500080000", false },
	{ "tagged SYN, IPv6", "8100" SLL2_IN "006486dd" IP6("0014", "06") TCP("50", "02"), true },
	{ "tagged data, IPv6", "8100" SLL2_IN "006486dd" IP6("0018", "06") TCP("50", "10") "01020304",
		false },
	{ "tagged echo", "8100" SLL2_IN "00640800" IP4("001c", "01") "0800000000010001", true },
	{ "tagged unreachable", "8100" SLL2_IN "00640800" IP4("001c", "01") "0301000000000000", false },
	{ "tagged ARP", "8100" SLL2_IN "006408060001080006040001020000000001c0000201000000000000", false },
	{ "cut off", ARRIVES4 "450000", false },
};

static size_t read_hex(const char *text, uint8_t *out)
{
	size_t size = 0;
	for (const char *at = text; *at; at++) {
		char digits[3] = { at[0], at[1], '\0' };
		if (*at == ' ')
			continue;
		out[size++] = (uint8_t)strtoul(digits, NULL, 16);
		at++;
	}
	return size;
}

static bool passes(const struct bpf_program *program, const char *text)
{
	uint8_t frame[256];
	size_t size = read_hex(text, frame);
	return bpf_filter(program->bf_insns, frame, (unsigned)size, (unsigned)size) > 0;
}

static void handshakes_pass_and_data_does_not(void **state)
{
	(void)state;
	struct bpf_program program;
	assert_int_equal(capture_filter_make(NULL, 0, &program), 0);
	for (size_t i = 0; i < COUNT(filter_cases); i++)
		if (passes(&program, filter_cases[i].frame) != filter_cases[i].passes)
			fail_msg("%s", filter_cases[i].name);
	pcap_freecode(&program);
}

static void of_bulk_flows_only_the_ends_pass(void **state)
{
	(void)state;
	struct bpf_program program;
	struct ack_heavy_flow heavy[ACK_HEAVY_FLOWS];
	for (size_t i = 0; i < ACK_HEAVY_FLOWS; i++)
		heavy[i] = (struct ack_heavy_flow){ i % 2 ? AF_INET : AF_INET6, 0xffffff00 + (uint32_t)i,
			0xfffffff0, 0xfffffff0 };
	heavy[7] = (struct ack_heavy_flow){ AF_INET, 0xcb007105, 0xc0000201, 0xc3500016 };
	heavy[8] = (struct ack_heavy_flow){ AF_INET6, 5, 1, 0xc3500016 };
	assert_int_equal(capture_filter_make(heavy, ACK_HEAVY_FLOWS, &program), 0);
	assert_true(program.bf_len < 4096); /* BPF_MAXINSNS */
	assert_false(passes(&program, ARRIVES4 IP4("0028", "06") TCP("50", "10")));
	assert_true(passes(&program, ARRIVES4 IP4("0028", "06") TCP("50", "02")));
	assert_true(passes(&program, ARRIVES4 IP4("0028", "06") TCP("50", "14")));
	assert_true(
		passes(&program, ARRIVES4 IP4("0028", "06") "c3510016 00000001 00000001 5010 ffff00000000"));
	assert_true(passes(&program, ARRIVES4 "4500002800004000400600 00 cb007105 c0000202" TCP("50", "10")));
	assert_false(passes(&program, ARRIVES6 IP6("0014", "06") TCP("50", "10")));
	assert_true(passes(&program, ARRIVES6 IP6("0014", "06") TCP("50", "12")));
	pcap_freecode(&program);
}

/* ---- ack-heavy flows ---- */

static struct packet segment(const char *source, uint16_t port, uint8_t flags)
{
	struct packet packet = {
		.kind = PACKET_TCP, .source_port = port, .destination_port = 80, .flags = flags
	};
	assert_int_equal(address_parse(source, &packet.source), 0);
	packet.destination = packet.source;
	return packet;
}

static void feed(
	struct ack_heavy_flows *heavy, const char *source, uint16_t port, uint8_t flags, unsigned count)
{
	const struct packet packet = segment(source, port, flags);
	for (unsigned i = 0; i < count; i++)
		ack_heavy_feed(heavy, &packet);
}

static void many_acks_make_a_bulk_flow(void **state)
{
	(void)state;
	static struct ack_heavy_flows heavy;
	heavy = (struct ack_heavy_flows){ 0 };
	ack_heavy_advance(&heavy, SECOND);
	feed(&heavy, "192.0.2.1", 1000, TCP_ACK, 1000);
	feed(&heavy, "2001:db8::1", 1000, TCP_ACK, 1000);
	feed(&heavy, "192.0.2.2", 1001, TCP_ACK, ACK_HEAVY_PACE / 4 - 1);
	feed(&heavy, "192.0.2.3", 1002, TCP_ACK | TCP_PSH, 1000);
	ack_heavy_advance(&heavy, SECOND + ACK_HEAVY_STEP_NS - 1);
	assert_int_equal(heavy.count, 0);
	ack_heavy_advance(&heavy, SECOND + ACK_HEAVY_STEP_NS);
	assert_int_equal(heavy.count, 2);
	assert_true(heavy.changed);
	heavy.changed = false;
	feed(&heavy, "192.0.2.1", 1000, TCP_SYN, 1);
	assert_int_equal(heavy.count, 1);
	assert_int_equal(heavy.flows[0].family, AF_INET6);
	assert_true(heavy.changed);
	ack_heavy_advance(&heavy, 2 * SECOND + ACK_HEAVY_REST_NS);
	assert_int_equal(heavy.count, 0);
}

static void short_connections_are_no_ack_heavy(void **state)
{
	(void)state;
	static struct ack_heavy_flows heavy;
	heavy = (struct ack_heavy_flows){ 0 };
	ack_heavy_advance(&heavy, SECOND);
	for (unsigned i = 0; i < 60000; i++)
		feed(&heavy, "192.0.2.1", (uint16_t)(i + 1), TCP_ACK, 3);
	ack_heavy_advance(&heavy, 2 * SECOND);
	assert_int_equal(heavy.count, 0);
}

static void too_many_bulk_flows_are_bounded(void **state)
{
	(void)state;
	static struct ack_heavy_flows heavy;
	heavy = (struct ack_heavy_flows){ 0 };
	ack_heavy_advance(&heavy, SECOND);
	for (uint16_t i = 1; i <= 2 * ACK_HEAVY_FLOWS; i++)
		feed(&heavy, "192.0.2.1", i, TCP_ACK, 1000);
	ack_heavy_advance(&heavy, 2 * SECOND);
	assert_int_equal(heavy.count, ACK_HEAVY_FLOWS);
}

/* ---- the set of devices; taps are numbers ---- */

#define MOST 8192

static struct script {
	int opened[MOST], closed[MOST]; /* by ifindex */
	uint32_t received[MOST], dropped[MOST];
	int error, error_from; /* of devices from that ifindex on */
	unsigned tried;
	bool broken;
	int taps[MOST];
} script;

static int open_tap(void *argument, int ifindex, void **tap)
{
	(void)argument;
	script.tried++;
	if (script.error && ifindex >= script.error_from)
		return script.error;
	script.opened[ifindex]++;
	script.taps[ifindex] = ifindex;
	script.received[ifindex] = script.dropped[ifindex] = 0;
	*tap = &script.taps[ifindex];
	return 0;
}

static void close_tap(void *argument, void *tap)
{
	(void)argument;
	script.closed[*(int *)tap]++;
}

static bool count_tap(void *argument, void *tap, uint32_t *received, uint32_t *dropped)
{
	(void)argument;
	*received = script.received[*(int *)tap];
	*dropped = script.dropped[*(int *)tap];
	return !script.broken;
}

static const struct capture_source source = { .open = open_tap, .close = close_tap, .counts = count_tap };

static struct facts *host(const struct device *devices, size_t count)
{
	struct facts *facts = facts_new();
	for (size_t i = 0; i < count; i++) {
		struct device *device = ARRAY_ADD(facts->devices, facts->device_count);
		*device = devices[i];
	}
	return facts;
}

/* Updates with these devices; returns what was lost. */
static bool update(struct capture_set *set, const struct device *devices, size_t count, int expected)
{
	bool lost;
	struct facts *facts = host(devices, count);
	assert_int_equal(capture_set_update(set, facts, &lost), expected);
	facts_free(facts);
	return lost;
}

static const struct device plain[] = {
	{ .ifindex = 1, .name = "lo", .kind = DEVICE_LOOPBACK, .up = true },
	{ .ifindex = 2, .name = "wan1", .up = true },
	{ .ifindex = 3, .name = "wan2", .up = true },
	{ .ifindex = 4, .name = "down" },
	{ .ifindex = 5, .name = "eth5", .up = true, .port = true },
	{ .ifindex = 6, .name = "mgmt", .kind = DEVICE_VRF, .up = true },
};

static struct capture_set new_set(void)
{
	script = (struct script){ 0 };
	return (struct capture_set){ .source = &source };
}

static void devices_come_and_go(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	assert_true(update(&set, plain, COUNT(plain), 0));
	assert_int_equal(set.count, 2);
	assert_int_equal(script.opened[2], 1);
	assert_int_equal(script.opened[3], 1);
	script.received[2] = 10;
	script.received[3] = 20;
	assert_false(update(&set, plain, COUNT(plain), 0));
	assert_int_equal(script.opened[2], 1);
	assert_false(update(&set, plain, 2, 0)); /* wan2 is removed */
	assert_int_equal(script.closed[3], 1);
	assert_false(set.rows[1].capture.running);
	assert_int_equal(set.rows[1].capture.packets, 20);
	assert_true(update(&set, plain, COUNT(plain), 0));
	script.received[3] = 5;
	update(&set, plain, COUNT(plain), 0);
	assert_int_equal(set.rows[1].capture.packets, 25);
	assert_int_equal(set.rows[0].capture.packets, 10);
	capture_set_clear(&set);
	for (int i = 0; i < 16; i++)
		assert_int_equal(script.opened[i], script.closed[i]);
}

static void a_device_keeps_its_tap(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	struct device device = { .ifindex = 2, .name = "wan1", .up = true };
	update(&set, &device, 1, 0);
	device.up = false;
	update(&set, &device, 1, 0);
	assert_false(set.rows[0].capture.running);
	device.up = true;
	memcpy(device.name, "red", 4);
	update(&set, &device, 1, 0);
	assert_true(set.rows[0].capture.running);
	assert_string_equal(set.rows[0].capture.name, "red");
	assert_int_equal(script.opened[2], 1);
	device.port = true;
	update(&set, &device, 1, 0);
	assert_int_equal(script.closed[2], 1);
	capture_set_clear(&set);
}

static void counts_overflow_and_losses_are_told(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	update(&set, plain, 2, 0);
	script.received[2] = UINT32_MAX;
	assert_false(update(&set, plain, 2, 0));
	script.received[2] = 4;
	script.dropped[2] = 3;
	assert_true(update(&set, plain, 2, 0));
	assert_int_equal(set.rows[0].capture.packets, UINT64_C(0x100000004));
	assert_int_equal(set.rows[0].capture.dropped, 3);
	assert_false(update(&set, plain, 2, 0));
	script.broken = true;
	update(&set, plain, 2, 0);
	assert_int_equal(script.opened[2], 2);
	capture_set_clear(&set);
}

static void errors_are_told_but_for_vanished_devices(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	script.error = -ENODEV;
	update(&set, plain, COUNT(plain), 0);
	script.error = -EPERM;
	update(&set, plain, COUNT(plain), -EPERM);
	script.error = 0;
	update(&set, plain, COUNT(plain), 0);
	assert_int_equal(set.count, 2);
	capture_set_clear(&set);
}

/* wan1 and so many more, from `first` on; named by `names` numbers. */
static struct device *many(size_t count, int first, int names)
{
	struct device *devices = calloc(count + 1, sizeof(*devices));
	devices[0] = (struct device){ .ifindex = 2, .name = "wan1", .up = true };
	for (size_t i = 0; i < count; i++) {
		struct device *device = &devices[1 + i];
		*device = (struct device){ .ifindex = first + (int)i, .up = true };
		snprintf(device->name, sizeof(device->name), "ppp%d", ((int)i + first) % names);
	}
	return devices;
}

static unsigned steps(struct capture_set *set)
{
	unsigned count = 0;
	bool lost = false;
	while (capture_set_has_work(set) && count < 10 * MOST) {
		capture_set_step(set, &lost);
		count++;
	}
	return count;
}

static uint32_t unwatched(const struct capture_set *set, enum unwatched reason)
{
	struct facts *facts = facts_new();
	assert_int_equal(capture_set_copy(set, facts), 0);
	uint32_t count = facts->unwatched[reason];
	for (int i = 0; i < UNWATCHED_REASONS; i++)
		assert_true(i == (int)reason || facts->unwatched[i] == 0);
	facts_free(facts);
	return count;
}

static void many_devices_are_opened_one_by_one(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	struct device *devices = many(CAPTURE_DEVICES_MAX + 75, 10, MOST);
	assert_true(update(&set, devices, CAPTURE_DEVICES_MAX, 0));
	assert_int_equal(set.open_count, CAPTURE_UPDATE_STEPS);
	assert_int_equal(unwatched(&set, UNWATCHED_PENDING), CAPTURE_DEVICES_MAX - CAPTURE_UPDATE_STEPS);
	assert_int_equal(steps(&set), CAPTURE_DEVICES_MAX - CAPTURE_UPDATE_STEPS);
	assert_int_equal(unwatched(&set, UNWATCHED_PENDING), 0);
	assert_false(update(&set, devices, CAPTURE_DEVICES_MAX + 76, 0));
	assert_int_equal(steps(&set), 0);
	assert_int_equal(set.open_count, CAPTURE_DEVICES_MAX);
	assert_int_equal(unwatched(&set, UNWATCHED_LIMIT), 76);
	update(&set, devices, 1, 0); /* all but one go */
	assert_int_equal(set.open_count, 1);
	unsigned closed = CAPTURE_DEVICES_MAX - 1 - CAPTURE_UPDATE_STEPS;
	assert_int_equal(steps(&set), closed);
	assert_int_equal(unwatched(&set, UNWATCHED_LIMIT), 0);
	capture_set_clear(&set);
	for (int i = 0; i < MOST; i++)
		assert_int_equal(script.opened[i], script.closed[i]);
	free(devices);
}

/* Of 100 devices, all but the first nine fail: they are told, and delay neither others nor each other. */
static void devices_that_fail_are_told(void **state)
{
	(void)state;
	static const struct {
		int error;
		enum unwatched reason;
	} cases[] = { { -EMFILE, UNWATCHED_DESCRIPTORS }, { -ENOMEM, UNWATCHED_MEMORY },
		{ -EIO, UNWATCHED_ERROR } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capture_set set = new_set();
		struct device *devices = many(100, 10, MOST);
		script.error = cases[i].error;
		script.error_from = 18;
		update(&set, devices, 100, 0);
		steps(&set);
		update(&set, devices, 100, cases[i].error);
		assert_int_equal(set.open_count, 9);
		assert_int_equal(unwatched(&set, cases[i].reason), 91);
		script.tried = 0;
		update(&set, devices, 101, cases[i].error);
		assert_int_equal(script.tried, 2); /* the new one, and one that failed before */
		script.error_from = 19;
		for (int again = 0; again < 101; again++) /* comes round to all */
			update(&set, devices, 101, cases[i].error);
		assert_int_equal(script.opened[18], 1);
		script.error = 0;
		update(&set, devices, 101, cases[i].error);
		steps(&set);
		update(&set, devices, 101, 0);
		assert_int_equal(set.open_count, 101);
		assert_int_equal(unwatched(&set, cases[i].reason), 0);
		capture_set_clear(&set);
		free(devices);
	}
}

static uint64_t packets_of(const struct capture_set *set, const char *name)
{
	uint64_t packets = 0;
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->rows[i].capture.name, name) == 0)
			packets += set->rows[i].capture.packets;
	return packets;
}

/* A name comes back again and again, each time as another device, and counts one packet each time. */
static void rows_are_bounded_and_counters_keep_rising(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	const int rounds = 2 * CAPTURE_GONE_MAX + 100;
	for (int i = 0; i < rounds; i++) {
		struct device *devices = many(1, 10 + i, 1);
		update(&set, devices, 2, 0);
		script.received[2] = script.received[10 + i] = (uint32_t)i + 1;
		update(&set, devices, 2, 0);
		assert_int_equal(packets_of(&set, "ppp0"), (uint64_t)(i + 1) * (uint64_t)(i + 2) / 2);
		free(devices);
	}
	assert_int_equal(set.count, CAPTURE_GONE_MAX + 2);
	assert_string_equal(set.rows[0].capture.name, "wan1");
	assert_int_equal(packets_of(&set, "wan1"), rounds);
	capture_set_clear(&set);
}

static void the_first_to_go_are_forgotten_first(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	struct device *devices = many(CAPTURE_GONE_MAX + 10, 10, MOST);
	update(&set, devices, 1, 0); /* wan1 is the oldest, and the last to go */
	for (size_t i = 1; i <= CAPTURE_GONE_MAX + 10; i++) {
		const struct device both[] = { devices[0], devices[i] };
		update(&set, both, 2, 0);
	}
	update(&set, NULL, 0, 0);
	assert_int_equal(set.count, CAPTURE_GONE_MAX);
	assert_string_equal(set.rows[0].capture.name, "wan1");
	assert_int_equal(set.rows[1].capture.ifindex, 21);
	capture_set_clear(&set);
	free(devices);
}

static void names_are_matched_whole(void **state)
{
	(void)state;
	struct capture_set set = new_set();
	regex_t pattern;
	assert_int_equal(name_pattern_compile("wan1|wa", &pattern), 0);
	set.include = &pattern;
	update(&set, plain, COUNT(plain), 0);
	assert_int_equal(script.opened[2] + script.opened[3], 1);
	set.include = NULL;
	set.exclude = &pattern;
	update(&set, plain, COUNT(plain), 0);
	assert_int_equal(script.opened[3], 1);
	assert_int_equal(script.closed[2], 1);
	capture_set_clear(&set);
	regfree(&pattern);
	assert_int_equal(name_pattern_compile("a)|(b", &pattern), -EINVAL);
	assert_int_equal(name_pattern_compile("[", &pattern), -EINVAL);
}

/* ---- sampling ---- */

static void sampling_follows_the_load(void **state)
{
	(void)state;
	struct sampling sampling = { 0 };
	struct sampling_load load = { .table = { .limit = 1000 } };
	int64_t now = SECOND;
	assert_int_equal(sampling_step(&sampling, now, &load), 1);
	load.table.evicted = 1500; /* in half a second: 3,000 a second, and room for 100 */
	load.table.tracked = 1000;
	assert_int_equal(sampling_step(&sampling, now + SAMPLING_STEP_NS - 1, &load), 1);
	assert_int_equal(sampling_step(&sampling, now += SAMPLING_STEP_NS, &load), 32);
	load.table.evicted += 50;
	assert_int_equal(sampling_step(&sampling, now += SAMPLING_STEP_NS, &load), 32);
	for (int i = 0; i < 100; i++) /* nothing is given up, but the table is full */
		assert_int_equal(sampling_step(&sampling, now += SAMPLING_STEP_NS, &load), 32);
	load.table.tracked = 0;
	assert_int_equal(sampling_step(&sampling, now + SAMPLING_CALM_NS - SAMPLING_STEP_NS, &load), 32);
	for (uint32_t ratio = 16; ratio; ratio /= 2) {
		assert_int_equal(sampling_step(&sampling, now += SAMPLING_CALM_NS, &load), ratio * 2);
		assert_int_equal(sampling.ratio, ratio);
	}
	/* What was captured at the old ratio is still to be followed. */
	assert_int_equal(sampling_step(&sampling, now + SAMPLING_STEP_NS - 1, &load), 2);
	assert_int_equal(sampling_step(&sampling, now += SAMPLING_STEP_NS, &load), 1);
	load.cpu_ns += SAMPLING_STEP_NS;
	assert_int_equal(sampling_step(&sampling, now += SAMPLING_STEP_NS, &load), 2);
	for (int i = 0; i < 20; i++) {
		load.cpu_ns += SAMPLING_STEP_NS;
		sampling_step(&sampling, now += SAMPLING_STEP_NS, &load);
	}
	assert_int_equal(sampling.ratio, SAMPLING_MOST);
}

static uint64_t sample_hash(
	uint64_t seed, uint32_t client, uint16_t port, uint32_t server, uint16_t server_port)
{
	return flow_sample_hash(seed, flow_sample_address(seed, &client, FLOW_SAMPLE_WORDS4), port,
		flow_sample_address(seed, &server, FLOW_SAMPLE_WORDS4), server_port);
}

static void one_flow_of_so_many_is_sampled(void **state)
{
	(void)state;
	unsigned sampled[11] = { 0 }, by_both_seeds = 0;
	for (uint32_t i = 0; i < 100000; i++) { /* neighbours, as of a scan */
		uint32_t client = htonl(0x0a000000 + i / 10);
		uint16_t port = (uint16_t)(40000 + i % 10);
		uint64_t hash = sample_hash(7, client, port, htonl(0xc0000201), 443);
		assert_true(hash == sample_hash(7, htonl(0xc0000201), 443, client, port));
		for (unsigned bits = 0; bits < 11; bits++) {
			sampled[bits] += flow_is_sampled(hash, 1u << bits);
			assert_true(!bits || flow_is_sampled(hash, 1u << (bits - 1)) ||
				    !flow_is_sampled(hash, 1u << bits));
		}
		by_both_seeds += flow_is_sampled(hash, 16) &&
				 flow_is_sampled(sample_hash(8, client, port, htonl(0xc0000201), 443), 16);
	}
	assert_int_equal(sampled[0], 100000);
	assert_in_range(sampled[1], 49000, 51000);
	assert_in_range(sampled[4], 5900, 6600);
	assert_in_range(sampled[10], 60, 140);
	assert_in_range(by_both_seeds, 300, 500);
}

/* ---- synrecv ---- */

struct diag {
	struct nlmsghdr header;
	struct inet_diag_msg message;
};

static int take(
	uint8_t family, const char *address, uint8_t state, uint8_t repeats, struct syn_recv_list *list)
{
	struct address parsed;
	struct diag diag = { .header = { .nlmsg_len = sizeof(diag), .nlmsg_type = SOCK_DIAG_BY_FAMILY },
		.message = { .idiag_family = family, .idiag_state = state, .idiag_retrans = repeats } };
	assert_int_equal(address_parse(address, &parsed), 0);
	memcpy(diag.message.id.idiag_src, parsed.bytes, sizeof(parsed.bytes));
	return synrecv_parse(&diag.header, list);
}

static void repeated_synacks_are_counted_by_address(void **state)
{
	(void)state;
	struct syn_recv_list list = { 0 };
	assert_int_equal(take(AF_INET, "192.0.2.1", TCP_SYN_RECV, 2, &list), 0);
	assert_int_equal(take(AF_INET, "192.0.2.1", TCP_SYN_RECV, 1, &list), 0);
	assert_int_equal(take(AF_INET, "192.0.2.9", TCP_ESTABLISHED, 3, &list), 0);
	assert_int_equal(take(AF_INET6, "::ffff:192.0.2.1", TCP_SYN_RECV, 5, &list), 0);
	assert_int_equal(take(AF_INET6, "2001:db8::1", TCP_SYN_RECV, 3, &list), 0);
	assert_int_equal(take(77, "2001:db8::1", TCP_SYN_RECV, 3, &list), -EBADMSG);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].unanswered, 2);
	assert_int_equal(list.items[0].address.family, AF_INET);
	assert_int_equal(list.items[1].unanswered, 1);
	struct diag cut = { .header = { .nlmsg_len = sizeof(cut) - 1, .nlmsg_type = SOCK_DIAG_BY_FAMILY } };
	assert_int_equal(synrecv_parse(&cut.header, &list), -EBADMSG);
	free(list.items);
}

static void addresses_are_bounded(void **state)
{
	(void)state;
	struct syn_recv_list list = { 0 };
	for (unsigned i = 0; i < 2 * SYNRECV_ADDRESSES_MAX; i++) {
		const uint8_t bytes[4] = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i };
		const struct address address = address_make(AF_INET, bytes);
		assert_int_equal(synrecv_add(&address, 1, &list), 0);
	}
	assert_int_equal(list.count, SYNRECV_ADDRESSES_MAX);
	free(list.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes_pass_and_data_does_not),
		cmocka_unit_test(of_bulk_flows_only_the_ends_pass),
		cmocka_unit_test(many_acks_make_a_bulk_flow),
		cmocka_unit_test(short_connections_are_no_ack_heavy),
		cmocka_unit_test(too_many_bulk_flows_are_bounded),
		cmocka_unit_test(devices_come_and_go),
		cmocka_unit_test(a_device_keeps_its_tap),
		cmocka_unit_test(counts_overflow_and_losses_are_told),
		cmocka_unit_test(errors_are_told_but_for_vanished_devices),
		cmocka_unit_test(many_devices_are_opened_one_by_one),
		cmocka_unit_test(devices_that_fail_are_told),
		cmocka_unit_test(rows_are_bounded_and_counters_keep_rising),
		cmocka_unit_test(the_first_to_go_are_forgotten_first),
		cmocka_unit_test(names_are_matched_whole),
		cmocka_unit_test(sampling_follows_the_load),
		cmocka_unit_test(one_flow_of_so_many_is_sampled),
		cmocka_unit_test(repeated_synacks_are_counted_by_address),
		cmocka_unit_test(addresses_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
