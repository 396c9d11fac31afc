// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/conntrack_sweep.h"

#define SECOND       INT64_C(1000000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct local_address locals[] = {
	{ .prefix = { { AF_INET, { 192, 0, 2, 1 } }, 24 }, .ifindex = 2 },
	{ .prefix = { { AF_INET, { 192, 0, 2, 2 } }, 24 }, .ifindex = 2 },
	{ .prefix = { { AF_INET, { 127, 0, 0, 1 } }, 8 }, .ifindex = 1 },
	{ .prefix = { { AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, 64 }, .ifindex = 2 },
};

struct fixture {
	struct address_set *local;
	struct conntrack_sweep *before, *now;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	fixture->local = address_set_new(locals, COUNT(locals));
	fixture->before = conntrack_sweep_new();
	fixture->now = conntrack_sweep_new();
	assert_true(fixture->local && fixture->before && fixture->now);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	address_set_free(fixture->local);
	conntrack_sweep_free(fixture->before);
	conntrack_sweep_free(fixture->now);
	free(fixture);
	return 0;
}

/* The next sweep begins, on top of the last. */
static void begin(struct fixture *fixture, int64_t seconds)
{
	struct conntrack_sweep *swapped = fixture->before;
	fixture->before = fixture->now;
	fixture->now = swapped;
	conntrack_sweep_begin(fixture->now, fixture->before, seconds * SECOND);
}

static void add(struct fixture *fixture, const struct conntrack_flow *flow)
{
	conntrack_sweep_add(fixture->now, fixture->local, flow);
}

static struct address address(const char *text)
{
	struct address result;
	assert_int_equal(address_parse(text, &result), 0);
	return result;
}

/* An IPv4 address by number, host byte order. */
static struct address numbered(uint32_t number)
{
	number = htonl(number);
	return address_make(AF_INET, &number);
}

static struct conntrack_flow make_flow(const char *source, const char *destination, uint8_t protocol)
{
	struct conntrack_tuple original = { address(source), address(destination), protocol, 40000, 22 };
	struct conntrack_tuple reply = { original.destination, original.source, protocol, 22, 40000 };
	return (struct conntrack_flow){ .original = original, .reply = reply };
}

static struct conntrack_flow make_tcp(const char *source, const char *destination, uint8_t tcp_state)
{
	struct conntrack_flow flow = make_flow(source, destination, IPPROTO_TCP);
	flow.tcp_state = tcp_state;
	flow.status = tcp_state > 1 ? IPS_SEEN_REPLY : 0;
	return flow;
}

static unsigned endpoint_count(const struct fixture *fixture)
{
	return endpoint_table_count(fixture->now->endpoints);
}

static struct endpoint *copy(const struct fixture *fixture)
{
	struct endpoint *endpoints = calloc(ENDPOINT_LIMIT, sizeof(*endpoints));
	assert_non_null(endpoints);
	endpoint_table_copy(fixture->now->endpoints, endpoints);
	return endpoints;
}

static struct endpoint only(const struct fixture *fixture)
{
	assert_int_equal(endpoint_count(fixture), 1);
	struct endpoint *endpoints = copy(fixture), first = endpoints[0];
	free(endpoints);
	return first;
}

/* ---- flows by kind, protocol and state */

static const struct {
	uint32_t status;
	enum nat_kind kind;
} kinds[] = {
	{ IPS_DST_NAT, NAT_DNAT },
	{ IPS_SRC_NAT, NAT_SNAT },
	{ IPS_SRC_NAT | IPS_DST_NAT, NAT_BOTH },
	{ IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE, NAT_KINDS },
};

static const struct {
	uint8_t protocol, tcp_state;
	uint32_t status;
	enum nat_protocol column;
	enum nat_state state;
} states[] = {
	{ IPPROTO_TCP, 1, 0, NAT_TCP, NAT_SYN_SENT },
	{ IPPROTO_TCP, 2, IPS_SEEN_REPLY, NAT_TCP, NAT_SYN_RECV },
	{ IPPROTO_TCP, 3, IPS_SEEN_REPLY, NAT_TCP, NAT_ESTABLISHED },
	{ IPPROTO_TCP, 3, 0, NAT_TCP, NAT_ESTABLISHED },
	{ IPPROTO_TCP, 4, IPS_SEEN_REPLY, NAT_TCP, NAT_CLOSING },
	{ IPPROTO_TCP, 5, IPS_SEEN_REPLY, NAT_TCP, NAT_CLOSING },
	{ IPPROTO_TCP, 6, IPS_SEEN_REPLY, NAT_TCP, NAT_CLOSING },
	{ IPPROTO_TCP, 7, IPS_SEEN_REPLY, NAT_TCP, NAT_CLOSING },
	{ IPPROTO_TCP, 8, IPS_SEEN_REPLY, NAT_TCP, NAT_CLOSING },
	{ IPPROTO_TCP, 9, 0, NAT_TCP, NAT_SYN_SENT },
	{ IPPROTO_UDP, 0, 0, NAT_UDP, NAT_UNREPLIED },
	{ IPPROTO_UDP, 0, IPS_SEEN_REPLY, NAT_UDP, NAT_REPLIED },
	{ IPPROTO_ICMP, 0, 0, NAT_ICMP, NAT_UNREPLIED },
	{ IPPROTO_ICMPV6, 0, IPS_SEEN_REPLY, NAT_ICMP, NAT_REPLIED },
	{ IPPROTO_SCTP, 0, 0, NAT_OTHER, NAT_UNREPLIED },
	{ IPPROTO_GRE, 0, IPS_SEEN_REPLY, NAT_OTHER, NAT_REPLIED },
};

static uint64_t total(const struct conntrack_sweep *sweep)
{
	uint64_t sum = 0;
	const uint64_t *flows = &sweep->flows[0][0][0];
	for (size_t i = 0; i < sizeof(sweep->flows) / sizeof(*flows); i++)
		sum += flows[i];
	return sum;
}

static void flows_are_counted_by_kind_protocol_and_state(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		for (size_t j = 0; j < COUNT(states); j++) {
			struct conntrack_flow flow =
				make_flow("203.0.113.7", "198.51.100.1", states[j].protocol);
			flow.status = kinds[i].status | states[j].status;
			flow.tcp_state = states[j].tcp_state;
			begin(fixture, 1);
			add(fixture, &flow);
			assert_int_equal(fixture->now->entries, 1);
			assert_int_equal(total(fixture->now), kinds[i].kind == NAT_KINDS ? 0 : 1);
			if (kinds[i].kind != NAT_KINDS)
				assert_int_equal(
					fixture->now->flows[kinds[i].kind][states[j].column][states[j].state],
					1);
		}
}

/* ---- which endpoint */

enum { NONE = -1 };
static const struct {
	const char *source, *destination;
	uint32_t status;
	int kind;
	const char *address, *target, *peer;
} directions[] = {
	{ "203.0.113.7", "192.0.2.1", 0, ENDPOINT_IN, "192.0.2.1", "192.0.2.1", "203.0.113.7" },
	{ "192.0.2.1", "203.0.113.7", 0, ENDPOINT_OUT, "192.0.2.1", "192.0.2.1", "203.0.113.7" },
	{ "2001:db8:1::7", "2001:db8::1", 0, ENDPOINT_IN, "2001:db8::1", "2001:db8::1", "2001:db8:1::7" },
	{ "2001:db8::1", "2001:db8:1::7", 0, ENDPOINT_OUT, "2001:db8::1", "2001:db8::1", "2001:db8:1::7" },
	{ "203.0.113.7", "198.51.100.9", IPS_DST_NAT, ENDPOINT_DNAT, "198.51.100.9", "10.8.10.2",
		"203.0.113.7" },
	{ "203.0.113.7", "192.0.2.1", IPS_DST_NAT | IPS_SRC_NAT, ENDPOINT_DNAT, "192.0.2.1", "10.8.10.2",
		"203.0.113.7" },
	{ "192.0.2.2", "192.0.2.1", IPS_DST_NAT, ENDPOINT_DNAT, "192.0.2.1", "10.8.10.2", "192.0.2.2" },
	{ "10.8.10.2", "203.0.113.7", IPS_SRC_NAT, NONE, "", "", "" },
	{ "192.0.2.1", "203.0.113.7", IPS_SRC_NAT, NONE, "", "", "" },
	{ "203.0.113.7", "198.51.100.9", 0, NONE, "", "", "" },
	{ "192.0.2.1", "192.0.2.2", 0, NONE, "", "", "" },
	{ "127.0.0.1", "192.0.2.2", 0, NONE, "", "", "" },
	{ "127.0.0.1", "127.0.0.1", 0, NONE, "", "", "" },
	{ "127.0.0.1", "127.0.0.11", IPS_DST_NAT, NONE, "", "", "" },
	{ "192.0.2.1", "224.0.0.251", 0, NONE, "", "", "" },
	{ "192.0.2.1", "255.255.255.255", 0, NONE, "", "", "" },
	{ "2001:db8::1", "ff02::fb", 0, NONE, "", "", "" },
};

static void assert_text(const struct address *address, const char *text)
{
	char own[ADDRESS_TEXT_SIZE];
	assert_string_equal(address_format(address, own), text);
}

static void flows_belong_to_the_right_endpoint(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(directions); i++) {
		void *own;
		set_up(&own);
		struct fixture *fixture = own;
		struct conntrack_flow flow = make_tcp(directions[i].source, directions[i].destination, 3);
		flow.status |= directions[i].status;
		if (flow.status & IPS_DST_NAT)
			flow.reply.source = address("10.8.10.2");
		begin(fixture, 1);
		add(fixture, &flow);
		if (directions[i].kind == NONE) {
			assert_int_equal(endpoint_count(fixture), 0);
		} else {
			struct endpoint endpoint = only(fixture);
			assert_int_equal(endpoint.kind, directions[i].kind);
			assert_text(&endpoint.address, directions[i].address);
			assert_text(&endpoint.target, directions[i].target);
			assert_text(&endpoint.examples[0].peer, directions[i].peer);
		}
		tear_down(&own);
	}
}

static void a_port_only_translation_is_dnat(void **state)
{
	struct fixture *fixture = *state;
	struct conntrack_flow flow = make_tcp("203.0.113.7", "192.0.2.1", 2);
	flow.status |= IPS_DST_NAT;
	flow.reply.source_port = 2222;
	flow.mark = 77;
	flow.zone = 5;
	begin(fixture, 9);
	add(fixture, &flow);
	struct endpoint endpoint = only(fixture);
	assert_int_equal(endpoint.kind, ENDPOINT_DNAT);
	assert_memory_equal(&endpoint.address, &endpoint.target, sizeof(endpoint.address));
	assert_int_equal(endpoint.syn_recv, 1);
	assert_int_equal(endpoint.half_open, 1);
	assert_int_equal(endpoint.open, 0);
	const struct flow_example *example = &endpoint.examples[0];
	assert_int_equal(example->peer_port, 40000);
	assert_int_equal(example->port, 22);
	assert_int_equal(example->target_port, 2222);
	assert_int_equal(example->mark, 77);
	assert_int_equal(example->zone, 5);
	assert_int_equal(example->state, NAT_SYN_RECV);
	assert_int_equal(example->seen_ns, 9 * SECOND);
	assert_false(example->assured);
}

static void outgoing_examples_are_turned_round(void **state)
{
	struct fixture *fixture = *state;
	struct conntrack_flow flow = make_tcp("192.0.2.1", "203.0.113.7", 3);
	flow.status |= IPS_ASSURED;
	begin(fixture, 1);
	add(fixture, &flow);
	const struct endpoint endpoint = only(fixture);
	assert_int_equal(endpoint.examples[0].peer_port, 22);
	assert_int_equal(endpoint.examples[0].port, 40000);
	assert_int_equal(endpoint.examples[0].target_port, 40000);
	assert_true(endpoint.examples[0].assured);
	assert_int_equal(endpoint.open, 1);
}

/* ---- memory from sweep to sweep */

static void endpoints_are_remembered_for_a_while(void **state)
{
	struct fixture *fixture = *state;
	const struct conntrack_flow flow = make_tcp("203.0.113.7", "192.0.2.1", 3);
	begin(fixture, 1000);
	add(fixture, &flow);
	assert_true(conntrack_sweep_end(fixture->now));
	begin(fixture, 1001);
	assert_true(conntrack_sweep_end(fixture->now)); /* no open flow any more */
	struct endpoint endpoint = only(fixture);
	assert_int_equal(endpoint.open, 0);
	assert_int_equal(endpoint.seen_ns, 1000 * SECOND);
	assert_int_equal(endpoint.example_count, 1);
	begin(fixture, 1600);
	assert_false(conntrack_sweep_end(fixture->now));
	assert_int_equal(endpoint_count(fixture), 1);
	begin(fixture, 1601);
	assert_true(conntrack_sweep_end(fixture->now));
	assert_int_equal(endpoint_count(fixture), 0);
}

static void only_differences_are_changes(void **state)
{
	struct fixture *fixture = *state;
	struct conntrack_flow flow = make_tcp("203.0.113.7", "192.0.2.1", 3);
	begin(fixture, 1);
	add(fixture, &flow);
	assert_true(conntrack_sweep_end(fixture->now)); /* new endpoint */
	begin(fixture, 2);
	add(fixture, &flow);
	add(fixture, &flow);
	assert_false(conntrack_sweep_end(fixture->now)); /* merely more */
	begin(fixture, 3);
	add(fixture, &flow);
	flow.tcp_state = 2;
	add(fixture, &flow);
	assert_true(conntrack_sweep_end(fixture->now)); /* half open ones, too */
	begin(fixture, 4);
	add(fixture, &flow);
	flow.tcp_state = 3;
	add(fixture, &flow);
	assert_false(conntrack_sweep_end(fixture->now));
	flow.original.source = address("203.0.113.8");
	begin(fixture, 5);
	add(fixture, &flow);
	flow.tcp_state = 2;
	add(fixture, &flow);
	assert_true(conntrack_sweep_end(fixture->now)); /* new peer */
}

/* One DNAT endpoint for each number. */
static void add_numbered(struct fixture *fixture, uint32_t from, uint32_t to)
{
	struct conntrack_flow flow = make_tcp("203.0.113.7", "198.51.100.1", 3);
	flow.status |= IPS_DST_NAT;
	for (uint32_t i = from; i < to; i++) {
		flow.reply.source = numbered(0x0a000000 + i);
		add(fixture, &flow);
	}
}

static bool has_target(const struct fixture *fixture, uint32_t number)
{
	struct address target = numbered(0x0a000000 + number);
	struct endpoint *endpoints = copy(fixture);
	bool found = false;
	for (unsigned i = 0; i < endpoint_count(fixture); i++)
		found |= address_equal(&endpoints[i].target, &target);
	free(endpoints);
	return found;
}

static void a_full_table_lets_the_oldest_go(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 10);
	add_numbered(fixture, 0, ENDPOINT_LIMIT);
	assert_int_equal(endpoint_table_omitted(fixture->now->endpoints), 0);
	add_numbered(fixture, 5000, 5003); /* all others were seen in this very sweep */
	assert_int_equal(endpoint_table_omitted(fixture->now->endpoints), 3);
	assert_false(has_target(fixture, 5000));
	begin(fixture, 11);
	add_numbered(fixture, 2, ENDPOINT_LIMIT);
	add_numbered(fixture, 5000, 5001); /* seen in the sweep before: still alive */
	assert_false(has_target(fixture, 5000));
	begin(fixture, 12);
	add_numbered(fixture, 5000, 5003);
	assert_true(has_target(fixture, 5000));
	assert_true(has_target(fixture, 5001));
	assert_false(has_target(fixture, 5002));
	assert_false(has_target(fixture, 0));
	assert_false(has_target(fixture, 1));
	assert_true(has_target(fixture, 2));
	assert_int_equal(endpoint_count(fixture), ENDPOINT_LIMIT);
	assert_int_equal(endpoint_table_omitted(fixture->now->endpoints), 7);
	add_numbered(fixture, 0, ENDPOINT_LIMIT + 1); /* chains and ages are sound: it ends, finds all */
	assert_true(has_target(fixture, ENDPOINT_LIMIT - 1));
	assert_int_equal(endpoint_table_omitted(fixture->now->endpoints), 10);
}

/* ---- examples */

static void add_peer(struct fixture *fixture, uint32_t number, uint8_t tcp_state)
{
	struct conntrack_flow flow = make_tcp("203.0.113.7", "192.0.2.1", tcp_state);
	flow.original.source = numbered(0x64400000 + number);
	add(fixture, &flow);
}

/* The peers' numbers in the endpoint's order, as "1,2,3,4". */
static void assert_peers(const struct fixture *fixture, const char *expected)
{
	const struct endpoint endpoint = only(fixture);
	char text[64] = "";
	size_t used = 0;
	for (unsigned i = 0; i < endpoint.example_count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", i ? "," : "",
			endpoint.examples[i].peer.bytes[3]);
	assert_string_equal(text, expected);
}

static void end(struct fixture *fixture)
{
	conntrack_sweep_end(fixture->now);
}

static void failing_peers_are_not_pushed_out_by_healthy_ones(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 1);
	for (uint32_t i = 1; i <= 100; i++)
		add_peer(fixture, i, 3);
	add_peer(fixture, 201, 2);
	for (uint32_t i = 101; i <= 200; i++)
		add_peer(fixture, i, 3);
	add_peer(fixture, 202, 1);
	add_peer(fixture, 203, 1); /* half is for the healthy ones */
	end(fixture);
	assert_peers(fixture, "201,202,3,4");
	for (int64_t second = 2; second < 5; second++) {
		begin(fixture, second);
		for (uint32_t i = 101; i <= 104; i++)
			add_peer(fixture, i, 3);
		end(fixture);
	}
	assert_peers(fixture, "101,102,201,202");
}

static void living_examples_stay_and_stale_ones_give_way(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 1);
	for (uint32_t i = 1; i <= 4; i++)
		add_peer(fixture, i, 3);
	end(fixture);
	begin(fixture, 2);
	for (uint32_t i = 9; i >= 3; i--)
		add_peer(fixture, i, 3);
	end(fixture);
	assert_peers(fixture, "3,4,1,2");
	begin(fixture, 3);
	for (uint32_t i = 9; i >= 3; i--)
		add_peer(fixture, i, 3);
	end(fixture);
	assert_peers(fixture, "3,4,9,8");
}

static void a_peer_has_one_example_that_says_most(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 1);
	struct conntrack_flow ping = make_flow("100.64.0.1", "192.0.2.1", IPPROTO_ICMP);
	add(fixture, &ping);
	add_peer(fixture, 1, 2);
	add_peer(fixture, 1, 3);
	end(fixture);
	assert_peers(fixture, "1");
	assert_int_equal(only(fixture).examples[0].state, NAT_SYN_RECV);
	begin(fixture, 2);
	add_peer(fixture, 1, 3);
	end(fixture);
	assert_int_equal(only(fixture).examples[0].state, NAT_ESTABLISHED);
}

static void examples_are_forgotten_after_a_while(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 1);
	add_peer(fixture, 1, 2);
	end(fixture);
	begin(fixture, 400);
	add_peer(fixture, 2, 3);
	end(fixture);
	assert_peers(fixture, "2,1");
	begin(fixture, 700);
	end(fixture);
	assert_peers(fixture, "2");
}

/* ---- size */

static long resident_kilobytes(void)
{
	long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &pages, &resident), 2);
	fclose(file);
	return resident * 4;
}

static void add_synthetic(struct fixture *fixture, uint32_t number)
{
	struct conntrack_flow flow = make_tcp("203.0.113.7", "192.0.2.1", (uint8_t)(number % 10));
	flow.original.source = numbered(number * 2654435761U);
	if (number % 3 == 0)
		flow.status |= IPS_DST_NAT;
	if (number % 3 == 1)
		flow.original.destination = numbered(number);
	flow.reply.source = numbered(number * 40503U);
	add(fixture, &flow);
}

static void memory_does_not_grow_with_the_table(void **state)
{
	struct fixture *fixture = *state;
	begin(fixture, 1);
	for (uint32_t i = 0; i < 100000; i++)
		add_synthetic(fixture, i);
	long resident = resident_kilobytes();
	size_t allocated = mallinfo2().uordblks;
	for (uint32_t i = 100000; i < 2000000; i++)
		add_synthetic(fixture, i);
	begin(fixture, 2);
	assert_int_equal(fixture->before->entries, 2000000);
	assert_int_equal(endpoint_table_count(fixture->before->endpoints), ENDPOINT_LIMIT);
	assert_int_equal(mallinfo2().uordblks, allocated);
	assert_true(resident_kilobytes() - resident < 1024); /* the other table's pages */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
		TEST(flows_are_counted_by_kind_protocol_and_state),
		cmocka_unit_test(flows_belong_to_the_right_endpoint),
		TEST(a_port_only_translation_is_dnat),
		TEST(outgoing_examples_are_turned_round),
		TEST(endpoints_are_remembered_for_a_while),
		TEST(only_differences_are_changes),
		TEST(a_full_table_lets_the_oldest_go),
		TEST(failing_peers_are_not_pushed_out_by_healthy_ones),
		TEST(living_examples_stay_and_stale_ones_give_way),
		TEST(a_peer_has_one_example_that_says_most),
		TEST(examples_are_forgotten_after_a_while),
		TEST(memory_does_not_grow_with_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
