// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "tests/support/facts_builder.h"

#define DEVICES   5
#define ADDRESSES 200

/* Few distinct ones, so that many are equal, stand on several devices, or lie in each other's networks. */
static struct address some_address(void)
{
	bool v6 = rand() % 3 == 0;
	uint8_t bytes[16] = { 10, (uint8_t)(rand() % 2), (uint8_t)(rand() % 3 << 6), (uint8_t)(rand() % 4) };
	bytes[15] = v6 ? (uint8_t)(rand() % 4) : 0;
	return address_make(v6 ? AF_INET6 : AF_INET, bytes);
}

static void add_addresses(struct facts *facts)
{
	for (unsigned i = 0; i < ADDRESSES; i++) {
		struct local_address *local = ARRAY_ADD(facts->addresses, facts->address_count);
		local->prefix.address = some_address();
		unsigned bits = (unsigned)address_size(local->prefix.address.family) * 8;
		static const unsigned lengths[] = { 0, 1, 9, 16, 23, 24, 31 };
		local->prefix.length = (uint8_t)(rand() % 3 == 0 ? bits : lengths[rand() % 7]);
		local->ifindex = 2 + rand() % DEVICES;
	}
}

static void compare(const struct facts *plain, const struct facts *indexed)
{
	struct address address = some_address();
	int ifindex = rand() % (DEVICES + 3);
	const struct local_address *a = facts_local_address(plain, &address);
	const struct local_address *b = facts_local_address(indexed, &address);
	while (a && b && a == b) {
		a = facts_next_equal(plain, a);
		b = facts_next_equal(indexed, b);
	}
	assert_ptr_equal(a, b);
	assert_ptr_equal(facts_network(plain, ifindex, &address), facts_network(indexed, ifindex, &address));
	assert_ptr_equal(facts_network(plain, 0, &address), facts_network(indexed, 0, &address));
	assert_int_equal(
		facts_device_owns(plain, ifindex, &address), facts_device_owns(indexed, ifindex, &address));
	do {
		a = facts_device_address(plain, ifindex, address.family, a);
		b = facts_device_address(indexed, ifindex, address.family, b);
		assert_ptr_equal(a, b);
	} while (a);
}

static void the_index_finds_what_looking_at_each_finds(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 20; round++) {
		struct facts *indexed = build_facts();
		add_addresses(indexed);
		struct facts plain = *indexed;
		assert_int_equal(facts_index(indexed), 0);
		for (unsigned i = 0; i < 200; i++)
			compare(&plain, indexed);
		facts_free(indexed);
	}
}

static void an_empty_host_has_an_index(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	struct address address = build_address("192.0.2.1");
	assert_int_equal(facts_index(facts), 0);
	assert_null(facts_local_address(facts, &address));
	assert_null(facts_network(facts, 0, &address));
	assert_null(facts_device_address(facts, 2, AF_INET, NULL));
	facts_free(facts);
}

static void networks_are_those_of_the_device(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	struct address near = build_address("192.0.2.9"), host = build_address("198.51.100.1");
	build_device(facts, "lan");
	build_device(facts, "wan");
	build_local(facts, "198.51.100.1/32", "wan");
	build_local(facts, "192.0.2.1/24", "wan");
	build_local(facts, "192.0.0.1/16", "lan");
	build_local(facts, "192.0.2.2/24", "wan");
	assert_int_equal(facts_index(facts), 0);
	assert_ptr_equal(facts_network(facts, 0, &near), &facts->addresses[1]);
	assert_ptr_equal(facts_network(facts, build_ifindex(facts, "lan"), &near), &facts->addresses[2]);
	assert_null(facts_network(facts, 0, &host));
	assert_true(facts_device_owns(facts, build_ifindex(facts, "wan"), &host));
	assert_false(facts_device_owns(facts, build_ifindex(facts, "lan"), &host));
	facts_free(facts);
}

static void devices_are_found_by_number(void **state)
{
	(void)state;
	static const int numbers[] = { 1, 4, 5, 9 };
	for (size_t count = 0; count <= 4; count++) {
		struct facts *facts = build_facts();
		for (size_t i = 0; i < count; i++)
			ARRAY_ADD(facts->devices, facts->device_count)->ifindex = numbers[i];
		for (int ifindex = 0; ifindex < 11; ifindex++) {
			const struct device *expected = NULL;
			for (size_t i = 0; i < count; i++)
				if (numbers[i] == ifindex)
					expected = &facts->devices[i];
			assert_ptr_equal(facts_device(facts, ifindex), expected);
		}
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_finds_what_looking_at_each_finds),
		cmocka_unit_test(an_empty_host_has_an_index),
		cmocka_unit_test(networks_are_those_of_the_device),
		cmocka_unit_test(devices_are_found_by_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
