// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>

#include "collectors/socket/socket.h"
#include "collectors/socket/socket_proc.h"
#include "tests/support/recorded.h"

/* The kernel walks its hash table: found by port. */
static const struct {
	uint16_t port;
	const char *address;
	uint32_t uid;
	int ifindex;
} expected[] = {
	{ 1001, "0.0.0.0", 0, 0 },
	{ 1002, "10.1.0.1", 0, 0 },
	{ 1003, "", 0, 0 },
	{ 1004, "::", 0, 0 },
	{ 1005, "2001:db8:1::1", 0, 0 },
	{ 1006, "10.1.0.1", 0, 0 },
	{ 1007, "0.0.0.0", 0, 11 },
	{ 1108, "0.0.0.0", 1000, 0 },
};
#define EXPECTED (sizeof(expected) / sizeof(*expected))

static void name_of(size_t i, char name[static 32])
{
	snprintf(name, 32, "diag%d-%02zu", i < EXPECTED / 2 ? 4 : 6, i % (EXPECTED / 2));
}

static size_t position(uint16_t port)
{
	for (size_t i = 0; i < EXPECTED; i++)
		if (expected[i].port == port)
			return i;
	fail_msg("port %u", port);
	return 0;
}

/* As two kernels wrote them. */
static const struct {
	const char *line, *address;
	struct proc_socket socket;
} lines[] = {
	{ "   0: 0100007F:8FBF 00000000:0000 0A 00000000:00000008 00:00000000 00000000  1000        0 11938622 9 "
	  "00000000942ed0b3 100 0 0 10 0",
		"127.0.0.1", { .port = 36799, .state = 10, .uid = 1000 } },
	{ "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11940193 1 x",
		"0.0.0.0", { .port = 22, .state = 10 } },
	{ "  12: 0200000A:0050 09033ACB:D431 03 00000000:00000000 01:0000012C 00000003    33        0 0 0 x",
		"10.0.0.2", { .port = 80, .state = 3, .repeats = 3, .uid = 33 } },
	{ "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A "
	  "00000000:00000000 00:00000000 00000000     0        0 1 1 x",
		"", { .port = 22, .state = 10 } },
	{ "   1: B80D0120000001000000000001000000:01BB 00000000000000000000000000000000:0000 0A "
	  "00000000:00000000 00:00000000 00000000     0        0 1 1 x",
		"2001:db8:1::1", { .port = 443, .state = 10 } },
	{ "   2: 0000000000000000FFFF00000100000A:01BB 00000000000000000000000000000000:0000 0A "
	  "00000000:00000000 00:00000000 00000000     0        0 1 1 x",
		"10.0.0.1", { .port = 443, .state = 10 } },
};

static void lines_of_proc_are_understood(void **state)
{
	(void)state;
	char text[ADDRESS_TEXT_SIZE];
	struct proc_socket socket;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(proc_socket_parse(lines[i].line, &socket), 0);
		assert_string_equal(address_format(&socket.address, text), lines[i].address);
		assert_int_equal(socket.port, lines[i].socket.port);
		assert_int_equal(socket.state, lines[i].socket.state);
		assert_int_equal(socket.repeats, lines[i].socket.repeats);
		assert_int_equal(socket.uid, lines[i].socket.uid);
	}
	static const char *const wrong[] = { "", "  sl  local_address rem_address   st tx_queue rx_queue",
		"1: 0:0",
		"   0: 01000:8FBF 00000000:0000 0A 00000000:00000008 00:00000000 00000000  1000        0" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(proc_socket_parse(wrong[i], &socket), -EBADMSG);
}

static void recorded_listeners_are_understood(void **state)
{
	(void)state;
	unsigned seen = 0;
	for (size_t i = 0; i < EXPECTED; i++) {
		char name[32], text[ADDRESS_TEXT_SIZE];
		struct listener listener;
		name_of(i, name);
		struct nlmsghdr *header = recorded_message(name);
		assert_int_equal(listen_parse(header, &listener), 0);
		size_t at = position(listener.port);
		seen |= 1U << at;
		assert_string_equal(address_format(&listener.address, text), expected[at].address);
		assert_true(listener.mark_known && listener.mark == 0);
		assert_int_equal(listener.uid, expected[at].uid);
		assert_int_equal(listener.ifindex, expected[at].ifindex);
		free(header);
	}
	assert_int_equal(seen, (1U << EXPECTED) - 1);
}

static void a_mark_is_that_of_a_listener_or_of_a_request(void **state)
{
	(void)state;
	const struct listener plain = { .mark_known = true }, marked = { .mark = 7, .mark_known = true };
	const struct listener untold = { 0 };
	assert_true(listen_unmarked(NULL, 0, "0\n"));
	assert_true(listen_unmarked(&plain, 1, "0\n"));
	assert_false(listen_unmarked(&plain, 1, "1\n"));
	assert_false(listen_unmarked((struct listener[]){ plain, marked }, 2, "0\n"));
	assert_false(listen_unmarked((struct listener[]){ untold, plain }, 2, "0\n"));
}

static void parse(const struct nlmsghdr *header)
{
	struct listener listener;
	int error = listen_parse(header, &listener);
	assert_true(error == 0 || error == -EBADMSG);
}

static void maimed_listeners_are_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < EXPECTED; i++) {
		char name[32];
		name_of(i, name);
		recorded_maim(name, parse);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_proc_are_understood),
		cmocka_unit_test(recorded_listeners_are_understood),
		cmocka_unit_test(a_mark_is_that_of_a_listener_or_of_a_request),
		cmocka_unit_test(maimed_listeners_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
