// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <string.h>

#include "collectors/firewall/packet_set.h"

static struct address address(const char *text)
{
	struct address parsed;
	assert_int_equal(address_parse(text, &parsed), 0);
	return parsed;
}

static struct nat_packets all(void)
{
	return (struct nat_packets){ .set = packet_set_all };
}

static struct nat_packets of_range(const char *low, const char *high)
{
	struct nat_packets packets = all();
	const struct address first = address(low), last = address(high);
	nat_match_destination(&packets, &first, &last);
	return packets;
}

static void what_contradicts_itself_has_no_packets(void **state)
{
	(void)state;
	struct nat_packets packets = of_range("192.0.2.1", "192.0.2.9");
	const struct address other = address("192.0.2.10");
	nat_match_destination(&packets, &other, &other);
	assert_true(packets.never);
	packets = all();
	nat_match_protocol(&packets, IPPROTO_TCP);
	nat_match_protocol(&packets, IPPROTO_UDP);
	assert_true(packets.never);
	packets = all();
	nat_match_ports(&packets, 10, 20);
	nat_match_ports(&packets, 21, 30);
	assert_true(packets.never);
	packets = of_range("192.0.2.1", "192.0.2.9");
	nat_match_family(&packets, AF_INET6);
	assert_true(packets.never);
}

struct device_case {
	const char *first, *second;
	bool first_not, second_not;
	bool never;
	const char *iif;
	unsigned excluded;
};

static const struct device_case device_cases[] = {
	{ "wan1", "wan1", false, false, false, "wan1", 0 },
	{ "wan1", "wan2", false, false, true, "wan1", 0 },
	{ "wan*", "wan2", false, false, false, "wan2", 0 },
	{ "wan2", "wan*", false, false, false, "wan2", 0 },
	{ "wan2", "wan2", true, false, true, "wan2", 1 },
	{ "wan2", "wan1", true, false, false, "wan1", 0 },
	{ "wan*", "wan1", true, false, true, "wan1", 0 },
	{ "wan*", "wan1", false, true, false, "wan*", 1 },
	{ "br0", "docker0", true, true, false, "", 2 },
	{ "br0", "br0", true, true, false, "", 1 },
	{ "*", "wan1", false, false, false, "wan1", 0 },
	{ "*", "wan1", true, false, true, "wan1", 0 },
};

static void devices_are_wanted_and_excluded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(device_cases) / sizeof(*device_cases); i++) {
		const struct device_case *wanted = &device_cases[i];
		struct nat_packets packets = all();
		nat_match_iif(&packets, wanted->first, wanted->first_not);
		nat_match_iif(&packets, wanted->second, wanted->second_not);
		assert_int_equal(packets.never, wanted->never);
		assert_false(packets.opaque);
		assert_string_equal(packets.set.iif, wanted->iif);
		assert_int_equal(packets.set.excluded_count, wanted->excluded);
	}
}

static void a_number_and_a_name_cannot_be_compared(void **state)
{
	(void)state;
	struct nat_packets packets = all();
	nat_match_ifindex(&packets, 3, false);
	nat_match_iif(&packets, "wan1", false);
	assert_true(packets.opaque && !packets.never);
	packets = all();
	nat_match_ifindex(&packets, 3, false);
	nat_match_ifindex(&packets, 4, false);
	assert_true(packets.never);
	packets = all();
	nat_match_ifindex(&packets, 3, false);
	nat_match_ifindex(&packets, 4, true);
	assert_true(!packets.never && !packets.opaque);
}

static void ranges_are_made_of_prefixes(void **state)
{
	(void)state;
	static const char *const ranges[][3] = {
		{ "192.0.2.0", "192.0.2.255", "192.0.2.0/24" },
		{ "192.0.2.1", "192.0.2.4", "192.0.2.1 192.0.2.2/31 192.0.2.4" },
		{ "0.0.0.0", "255.255.255.255", "0.0.0.0/0" },
		{ "255.255.255.254", "255.255.255.255", "255.255.255.254/31" },
		{ "2001:db8::8", "2001:db8::b", "2001:db8::8/126" },
		{ "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
	};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		struct prefix prefixes[NAT_PREFIXES_MAX];
		char text[NAT_PREFIXES_MAX * PREFIX_TEXT_SIZE] = "", one[PREFIX_TEXT_SIZE];
		struct nat_packets packets = of_range(ranges[i][0], ranges[i][1]);
		unsigned count = packet_set_prefixes(&packets.set, prefixes);
		for (unsigned p = 0; p < count; p++) {
			strcat(text, p ? " " : "");
			strcat(text, prefix_format(&prefixes[p], one));
		}
		assert_string_equal(text, ranges[i][2]);
	}
}

static void one_box_is_taken_from_another_where_a_box_is_left(void **state)
{
	(void)state;
	struct nat_packets ssh = all(), from_lan = all(), some_ports = all(),
			   one = of_range("192.0.2.1", "192.0.2.1");
	nat_match_ports(&ssh, 22, 22);
	nat_match_iif(&from_lan, "lan0", false);
	nat_match_ports(&some_ports, 22, 80);
	struct packet_set set = ssh.set;
	assert_true(packet_set_subtract(&set, &from_lan.set));
	assert_string_equal(set.excluded[0], "lan0");
	set = some_ports.set;
	assert_true(packet_set_subtract(&set, &ssh.set));
	assert_int_equal(set.ports[0], 23);
	set = ssh.set;
	assert_false(packet_set_subtract(&set, &one.set));
	assert_true(packet_set_covers(&some_ports.set, &ssh.set));
	assert_false(packet_set_covers(&ssh.set, &some_ports.set));
	assert_true(packet_set_covers(&packet_set_all, &from_lan.set));
	assert_false(packet_set_covers(&from_lan.set, &packet_set_all));
}

static void what_ended_before_does_not_come_again(void **state)
{
	(void)state;
	struct nat_exclusions exclusions = { .count = 0 };
	struct nat_packets gone = of_range("192.0.2.1", "192.0.2.9"),
			   unknown = of_range("198.51.100.1", "198.51.100.1");
	unknown.opaque = true;
	nat_exclude(&exclusions, 7, &gone);
	nat_exclude(&exclusions, NAT_SCOPE_FOREVER, &unknown);
	struct nat_packets within = of_range("192.0.2.2", "192.0.2.3"),
			   around = of_range("192.0.2.0", "192.0.2.20");
	struct nat_packets apart = of_range("192.0.2.64", "192.0.2.65"),
			   touched = of_range("198.51.100.1", "198.51.100.1");
	nat_exclusions_apply(&exclusions, &within);
	nat_exclusions_apply(&exclusions, &around);
	nat_exclusions_apply(&exclusions, &apart);
	nat_exclusions_apply(&exclusions, &touched);
	assert_true(within.never);
	assert_true(around.opaque && !around.never);
	assert_false(apart.opaque || apart.never);
	assert_true(touched.opaque && !touched.never);
	nat_exclusions_leave(&exclusions, 7);
	within = of_range("192.0.2.2", "192.0.2.3");
	nat_exclusions_apply(&exclusions, &within);
	assert_false(within.never || within.opaque);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_contradicts_itself_has_no_packets),
		cmocka_unit_test(devices_are_wanted_and_excluded),
		cmocka_unit_test(a_number_and_a_name_cannot_be_compared),
		cmocka_unit_test(ranges_are_made_of_prefixes),
		cmocka_unit_test(one_box_is_taken_from_another_where_a_box_is_left),
		cmocka_unit_test(what_ended_before_does_not_come_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
