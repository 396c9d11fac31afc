// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>

#include "collectors/base/address.h"
#include "collectors/base/array.h"

#include <stdlib.h>

static const char *const valid[] = { "0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
	"fe80::1" };
static const char *const invalid[] = { "", "1.2.3", "1.2.3.4.5", "256.0.0.1", "::g", "1.2.3.4/24",
	" 1.2.3.4" };
static const char *const bad_prefixes[] = { "1.2.3.4/", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/ 8",
	"/8", "1.2.3.4/8x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8" };

static void addresses_survive_format_and_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(valid) / sizeof(*valid); i++) {
		struct address address;
		char text[ADDRESS_TEXT_SIZE];
		assert_int_equal(address_parse(valid[i], &address), 0);
		assert_string_equal(address_format(&address, text), valid[i]);
	}
}

static void bad_addresses_are_refused(void **state)
{
	(void)state;
	struct address address;
	for (size_t i = 0; i < sizeof(invalid) / sizeof(*invalid); i++)
		assert_int_equal(address_parse(invalid[i], &address), -EINVAL);
}

static void bad_prefixes_are_refused(void **state)
{
	(void)state;
	struct prefix prefix;
	for (size_t i = 0; i < sizeof(bad_prefixes) / sizeof(*bad_prefixes); i++)
		assert_int_equal(prefix_parse(bad_prefixes[i], &prefix), -EINVAL);
}

static bool contains(const char *network, const char *text)
{
	struct prefix prefix;
	struct address address;
	assert_int_equal(prefix_parse(network, &prefix), 0);
	assert_int_equal(address_parse(text, &address), 0);
	return prefix_contains(&prefix, &address);
}

static void prefixes_contain_what_shares_their_bits(void **state)
{
	(void)state;
	assert_true(contains("192.0.2.0/24", "192.0.2.255"));
	assert_false(contains("192.0.2.0/24", "192.0.3.0"));
	assert_true(contains("192.0.2.128/25", "192.0.2.200"));
	assert_false(contains("192.0.2.128/25", "192.0.2.127"));
	assert_true(contains("0.0.0.0/0", "8.8.8.8"));
	assert_false(contains("0.0.0.0/0", "2001:db8::1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(contains("192.0.2.7", "192.0.2.7"));
}

static void networks_lose_their_host_bits(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "192.0.2.130/25", "192.0.2.128/25" },
		{ "192.0.2.1/32", "192.0.2.1" }, { "2001:db8::ff/124", "2001:db8::f0/124" },
		{ "10.1.2.3/0", "0.0.0.0/0" } };
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct prefix prefix;
		char text[PREFIX_TEXT_SIZE];
		assert_int_equal(prefix_parse(pairs[i][0], &prefix), 0);
		prefix = prefix_network(&prefix);
		assert_string_equal(prefix_format(&prefix, text), pairs[i][1]);
	}
}

static void arrays_grow_and_keep_their_items(void **state)
{
	(void)state;
	int *items = NULL;
	size_t count = 0;
	for (int i = 0; i < 1000; i++) {
		int *item = ARRAY_ADD(items, count);
		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = i;
	}
	assert_int_equal(count, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_survive_format_and_parse),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(bad_prefixes_are_refused),
		cmocka_unit_test(prefixes_contain_what_shares_their_bits),
		cmocka_unit_test(networks_lose_their_host_bits),
		cmocka_unit_test(arrays_grow_and_keep_their_items),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
