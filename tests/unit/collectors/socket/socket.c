// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>

#include "collectors/socket/socket.h"
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
		assert_int_equal(listener.uid, expected[at].uid);
		assert_int_equal(listener.ifindex, expected[at].ifindex);
		free(header);
	}
	assert_int_equal(seen, (1U << EXPECTED) - 1);
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
		cmocka_unit_test(recorded_listeners_are_understood),
		cmocka_unit_test(maimed_listeners_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
