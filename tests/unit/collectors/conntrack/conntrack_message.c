// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/conntrack_message.h"

#define MESSAGE_MAX 1024

/* What tests/data/conntrack/record has recorded. */
static const struct recorded {
	const char *name;
	unsigned protocol;
	const char *source, *destination, *reply_source, *reply_destination;
	uint16_t port, reply_port; /* the original's destination and the reply's source; 0: not looked at */
	uint32_t status;           /* of SEEN_REPLY, ASSURED and the NAT bits */
	enum nat_state state;
	unsigned zone;
} recordings[] = {
#define CLIENT "203.0.113.7"
#define HOST   "192.0.2.1"
#define PLAIN  CLIENT, HOST, HOST, CLIENT
#define WHOLE  (IPS_SEEN_REPLY | IPS_ASSURED)
#define NATS   (IPS_SRC_NAT | IPS_DST_NAT)
	{ "tcp_none", 6, PLAIN, 1, 1, 0, NAT_SYN_SENT, 0 },
	{ "tcp_syn_sent", 6, PLAIN, 2, 2, 0, NAT_SYN_SENT, 0 },
	{ "tcp_syn_recv", 6, PLAIN, 3, 3, IPS_SEEN_REPLY, NAT_SYN_RECV, 0 },
	{ "tcp_established", 6, PLAIN, 4, 4, WHOLE, NAT_ESTABLISHED, 0 },
	{ "tcp_fin_wait", 6, PLAIN, 5, 5, WHOLE, NAT_CLOSING, 0 },
	{ "tcp_close_wait", 6, PLAIN, 6, 6, WHOLE, NAT_CLOSING, 0 },
	{ "tcp_last_ack", 6, PLAIN, 7, 7, WHOLE, NAT_CLOSING, 0 },
	{ "tcp_time_wait", 6, PLAIN, 8, 8, WHOLE, NAT_CLOSING, 0 },
	{ "tcp_close", 6, PLAIN, 9, 9, WHOLE, NAT_CLOSING, 0 },
	{ "tcp6_syn_recv", 6, "2001:db8:1::7", "2001:db8::1", "2001:db8::1", "2001:db8:1::7", 22, 22,
		IPS_SEEN_REPLY, NAT_SYN_RECV, 0 },
	{ "tcp_dnat", 6, CLIENT, HOST, "10.8.10.2", CLIENT, 101, 22, IPS_SEEN_REPLY | IPS_DST_NAT,
		NAT_SYN_RECV, 0 },
	{ "tcp_snat", 6, CLIENT, HOST, HOST, "198.51.100.4", 102, 102, IPS_SEEN_REPLY | IPS_SRC_NAT,
		NAT_SYN_RECV, 0 },
	{ "tcp_both", 6, CLIENT, HOST, "10.8.10.2", "10.8.10.1", 103, 103, IPS_SEEN_REPLY | NATS,
		NAT_SYN_RECV, 0 },
	{ "tcp6_dnat", 6, "2001:db8:1::7", "2001:db8::1", "2001:db8:8::2", "2001:db8:1::7", 104, 104,
		IPS_SEEN_REPLY | IPS_DST_NAT, NAT_SYN_RECV, 0 },
	{ "tcp_zone", 6, PLAIN, 105, 105, IPS_SEEN_REPLY, NAT_SYN_RECV, 7 },
	{ "udp_unreplied", 17, PLAIN, 53, 53, 0, NAT_UNREPLIED, 0 },
	{ "udp_replied", 17, PLAIN, 54, 54, WHOLE, NAT_REPLIED, 0 },
	{ "sctp", 132, PLAIN, 132, 132, 0, NAT_UNREPLIED, 0 },
	{ "icmp", 1, PLAIN, 0, 0, 0, NAT_UNREPLIED, 0 },
	{ "icmp6", 58, "2001:db8:1::7", "2001:db8::1", "2001:db8::1", "2001:db8:1::7", 0, 0, 0, NAT_UNREPLIED,
		0 },
	{ "gre", 47, PLAIN, 0, 0, 0, NAT_UNREPLIED, 0 },
	{ "real_tcp", 6, HOST, HOST, HOST, HOST, 80, 80, WHOLE, NAT_ESTABLISHED, 0 },
	{ "real_dnat", 6, HOST, "192.0.2.9", HOST, HOST, 8080, 80, WHOLE | IPS_DST_NAT, NAT_ESTABLISHED, 0 },
	{ "real_snat", 6, "192.0.2.2", "192.0.2.2", "192.0.2.2", "192.0.2.3", 80, 80, WHOLE | IPS_SRC_NAT,
		NAT_ESTABLISHED, 0 },
	{ "real_udp_dnat", 17, HOST, "192.0.2.9", HOST, HOST, 53, 53, IPS_DST_NAT, NAT_UNREPLIED, 0 },
};

#define RECORDINGS (sizeof(recordings) / sizeof(recordings[0]))

static size_t load(const char *name, uint8_t bytes[static MESSAGE_MAX])
{
	char path[512];
	snprintf(path, sizeof(path), "%s/conntrack/%s", TEST_DATA, name);
	FILE *file = fopen(path, "rbe");
	assert_non_null(file);
	size_t size = fread(bytes, 1, MESSAGE_MAX, file);
	fclose(file);
	assert_true(size > sizeof(struct nlmsghdr) && size < MESSAGE_MAX);
	return size;
}

/* Parses from memory that ends where the message does, so that a sanitizer sees each byte too far. */
static int parse(const uint8_t *bytes, size_t size, struct conntrack_flow *out)
{
	struct nlmsghdr *header = malloc(size);
	assert_non_null(header);
	memcpy(header, bytes, size);
	header->nlmsg_len = (uint32_t)size;
	int result = conntrack_message_parse(header, out);
	free(header);
	return result;
}

static void assert_address(const struct address *address, const char *text)
{
	char own[ADDRESS_TEXT_SIZE];
	assert_string_equal(address_format(address, own), text);
}

static void assert_flow(const struct recorded *recorded, size_t number, const struct conntrack_flow *flow)
{
	bool real = strncmp(recorded->name, "real_", 5) == 0;
	assert_address(&flow->original.source, recorded->source);
	assert_address(&flow->original.destination, recorded->destination);
	assert_address(&flow->reply.source, recorded->reply_source);
	assert_address(&flow->reply.destination, recorded->reply_destination);
	assert_int_equal(flow->original.protocol, recorded->protocol);
	assert_int_equal(flow->reply.protocol, recorded->protocol);
	if (recorded->port && !real) {
		assert_int_equal(flow->original.source_port, 40000);
		assert_int_equal(flow->reply.destination_port, 40000);
	}
	if (recorded->port) {
		assert_int_equal(flow->original.destination_port, recorded->port);
		assert_int_equal(flow->reply.source_port, recorded->reply_port);
	}
	assert_int_equal(flow->status & (WHOLE | NATS), recorded->status);
	assert_int_equal(flow->mark, real ? 0 : number + 1);
	assert_int_equal(flow->zone, recorded->zone);
	assert_int_equal(conntrack_flow_state(flow), recorded->state);
}

static void recorded_messages_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORDINGS; i++) {
		uint8_t bytes[MESSAGE_MAX];
		struct conntrack_flow flow;
		size_t size = load(recordings[i].name, bytes);
		assert_int_equal(parse(bytes, size, &flow), 0);
		assert_flow(&recordings[i], i, &flow);
	}
}

/* A cut message is either refused, with the flow left alone, or was cut between attributes after all that a
 * flow must have. */
static void truncations_are_refused(void **state)
{
	(void)state;
	unsigned refused = 0, read = 0;
	for (size_t i = 0; i < RECORDINGS; i++) {
		uint8_t bytes[MESSAGE_MAX];
		size_t size = load(recordings[i].name, bytes);
		for (size_t cut = sizeof(struct nlmsghdr); cut < size; cut++) {
			struct conntrack_flow flow, untouched;
			memset(&flow, 0xa5, sizeof(flow));
			memset(&untouched, 0xa5, sizeof(untouched));
			int result = parse(bytes, cut, &flow);
			if (result == 0) {
				assert_address(&flow.reply.source, recordings[i].reply_source);
				read++;
				continue;
			}
			assert_int_equal(result, -EBADMSG);
			assert_memory_equal(&flow, &untouched, sizeof(flow));
			refused++;
		}
	}
	assert_true(refused > 20 * read);
	assert_true(read > 0);
}

/* Every length field of every attribute, grown and shrunk. */
static void wrong_lengths_are_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECORDINGS; i++) {
		uint8_t bytes[MESSAGE_MAX];
		struct conntrack_flow flow;
		size_t size = load(recordings[i].name, bytes);
		for (size_t at = sizeof(struct nlmsghdr); at < size; at++)
			for (int value = 0; value < 256; value += 5) {
				uint8_t kept = bytes[at];
				bytes[at] = (uint8_t)value;
				int result = parse(bytes, size, &flow);
				assert_true(result == 0 || result == -EBADMSG);
				bytes[at] = kept;
			}
	}
}

static void families_are_not_mixed(void **state)
{
	(void)state;
	uint8_t bytes[MESSAGE_MAX];
	struct conntrack_flow flow;
	size_t size = load("tcp6_syn_recv", bytes);
	/* header, nfgenmsg, CTA_TUPLE_ORIG, CTA_TUPLE_IP, CTA_IP_V6_SRC: 20 + 4 + 4, then length and type */
	assert_int_equal(bytes[28], 20);
	assert_int_equal(bytes[30], 3);
	bytes[30] = 1;
	assert_int_equal(parse(bytes, size, &flow), -EBADMSG);
}

static void swap(uint8_t *bytes, size_t a, size_t b, size_t size)
{
	uint8_t kept[32];
	memcpy(kept, bytes + a, size);
	memmove(bytes + a, bytes + b, size);
	memcpy(bytes + b, kept, size);
}

/* The usual order is read by a shorter way than any other; both must see the same. */
static void the_order_of_attributes_does_not_matter(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		size_t address, ports; /* where the second attribute of each pair begins */
		size_t address_size;
	} messages[] = { { "tcp_dnat", 36, 64, 8 }, { "tcp6_dnat", 48, 88, 20 } };
	for (size_t i = 0; i < 2; i++) {
		uint8_t bytes[MESSAGE_MAX];
		struct conntrack_flow usual, other;
		size_t size = load(messages[i].name, bytes);
		assert_int_equal(parse(bytes, size, &usual), 0);
		swap(bytes, 28, messages[i].address, messages[i].address_size);
		swap(bytes, messages[i].ports - 8, messages[i].ports, 8);
		assert_int_equal(parse(bytes, size, &other), 0);
		assert_true(address_equal(&usual.original.source, &other.original.source));
		assert_true(address_equal(&usual.original.destination, &other.original.destination));
		assert_int_equal(usual.original.protocol, other.original.protocol);
		assert_int_equal(usual.original.source_port, other.original.source_port);
		assert_int_equal(usual.original.destination_port, other.original.destination_port);
	}
}

static void both_openers_are_half_open(void **state)
{
	(void)state;
	struct conntrack_flow flow = { .original.protocol = IPPROTO_TCP, .tcp_state = 9 };
	assert_int_equal(conntrack_flow_state(&flow), NAT_SYN_SENT);
	flow.tcp_state = 200;
	assert_int_equal(conntrack_flow_state(&flow), NAT_SYN_SENT);
	flow.status = IPS_SEEN_REPLY;
	assert_int_equal(conntrack_flow_state(&flow), NAT_ESTABLISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_messages_are_read),
		cmocka_unit_test(truncations_are_refused),
		cmocka_unit_test(wrong_lengths_are_survived),
		cmocka_unit_test(families_are_not_mixed),
		cmocka_unit_test(the_order_of_attributes_does_not_matter),
		cmocka_unit_test(both_openers_are_half_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
