// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "collectors/route/lookup.h"
#include "tests/support/recorded.h"

/* In the recording: va is 11, vb 13. */
static const struct {
	const char *name;
	bool input;
	enum route_result result;
	int error;
	int devices[2];
	const char *gateway;
	uint32_t table;
	uint8_t prefix_length;
} expected[] = {
	{ "route4-default", false, ROUTE_FOUND, 0, { 11 }, "10.1.0.254", 254, 0 },
	{ "route4-single", false, ROUTE_FOUND, 0, { 11 }, "10.1.0.2", 254, 24 },
	{ "route4-device", false, ROUTE_FOUND, 0, { 13 }, "", 254, 24 },
	{ "route4-multipath", false, ROUTE_FOUND, 0, { 11, 13 }, "10.1.0.2", 254, 24 },
	{ "route4-group", false, ROUTE_FOUND, 0, { 11, 13 }, "10.1.0.3", 254, 24 },
	{ "route4-via6", false, ROUTE_FOUND, 0, { 11 }, "2001:db8:1::9", 254, 24 },
	{ "route4-table", false, ROUTE_FOUND, 0, { 13 }, "10.2.0.7", 1000, 24 },
	{ "route4-hidden", false, ROUTE_FOUND, 0, { 0 }, "", 254, 24 },
	/* Without rules of one's own the tables local and main are one (fib_trie_table, net/ipv4/fib_trie.c).
	 */
	{ "route4-local", false, ROUTE_LOCAL, 0, { 0 }, "", 254, 32 },
	{ "route4-broadcast", false, ROUTE_LOCAL, 0, { 0 }, "", 254, 32 },
	{ "route4-input", true, ROUTE_FOUND, 0, { 11 }, "10.1.0.2", 254, 24 },
	{ "route6-single", false, ROUTE_FOUND, 0, { 13 }, "2001:db8:2::2", 254, 48 },
	{ "route6-multipath", false, ROUTE_FOUND, 0, { 11, 13 }, "2001:db8:1::2", 254, 48 },
	{ "route6-local", false, ROUTE_LOCAL, 0, { 0 }, "", 255, 128 },
	{ "route6-input", true, ROUTE_FOUND, 0, { 13 }, "2001:db8:2::2", 254, 48 },
	{ "error4-source", false, ROUTE_NONE, ENETUNREACH, { 0 }, "", 0, 0 },
	{ "error4-unreachable", false, ROUTE_UNREACHABLE, EHOSTUNREACH, { 0 }, "", 0, 0 },
	{ "error4-bound", false, ROUTE_UNREACHABLE, EHOSTUNREACH, { 0 }, "", 0, 0 },
	{ "error4-prohibit", false, ROUTE_PROHIBIT, EACCES, { 0 }, "", 0, 0 },
	{ "error4-blackhole", false, ROUTE_BLACKHOLE, EINVAL, { 0 }, "", 0, 0 },
	{ "error4-no-device", false, ROUTE_FAILED, ENODEV, { 0 }, "", 0, 0 },
	{ "error4-martian", true, ROUTE_FAILED, EINVAL, { 0 }, "", 0, 0 },
	{ "error4-not-forwarded", true, ROUTE_UNREACHABLE, EHOSTUNREACH, { 0 }, "", 0, 0 },
	{ "error6-none", false, ROUTE_NONE, ENETUNREACH, { 0 }, "", 0, 0 },
	{ "error6-unreachable", false, ROUTE_UNREACHABLE, EHOSTUNREACH, { 0 }, "", 0, 0 },
	{ "error6-prohibit", false, ROUTE_PROHIBIT, EACCES, { 0 }, "", 0, 0 },
	{ "error6-blackhole", false, ROUTE_BLACKHOLE, EINVAL, { 0 }, "", 0, 0 },
};

static void check_devices(const struct device_set *set, const int wanted[2])
{
	unsigned count = !wanted[0] ? 0 : !wanted[1] ? 1 : 2;
	assert_int_equal(set->count, count);
	assert_false(set->more);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(set->ifindex[i], wanted[i]);
}

static void recorded_answers_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct nlmsghdr *header = recorded_message(expected[i].name);
		struct route_answer answer;
		char text[ADDRESS_TEXT_SIZE];
		print_message("%s\n", expected[i].name);
		assert_int_equal(lookup_parse(header, expected[i].input, 0, &answer), 0);
		assert_int_equal(answer.result, expected[i].result);
		assert_int_equal(answer.error, expected[i].error);
		check_devices(&answer.devices, expected[i].devices);
		assert_string_equal(address_format(&answer.gateway, text), expected[i].gateway);
		assert_int_equal(answer.table, expected[i].table);
		assert_int_equal(answer.prefix_length, expected[i].prefix_length);
		free(header);
	}
}

static void parse_both(const struct nlmsghdr *header)
{
	struct route_answer answer;
	int error = lookup_parse(header, false, 0, &answer);
	assert_true(error == 0 || error == -EBADMSG);
	error = lookup_parse(header, true, 0, &answer);
	assert_true(error == 0 || error == -EBADMSG);
}

static void maimed_answers_are_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++)
		recorded_maim(expected[i].name, parse_both);
}

static void cut_answers_are_refused(void **state)
{
	(void)state;
	struct nlmsghdr *header = recorded_message("error4-prohibit");
	struct route_answer answer = { .error = 12345 };
	header->nlmsg_len = NLMSG_HDRLEN + 4;
	assert_int_equal(lookup_parse(header, false, 0, &answer), -EBADMSG);
	free(header);
	header = recorded_message("route4-multipath");
	header->nlmsg_len -= 4; /* within the last next hop */
	assert_int_equal(lookup_parse(header, false, 0, &answer), -EBADMSG);
	header->nlmsg_type = RTM_NEWRULE;
	assert_int_equal(lookup_parse(header, false, 0, &answer), -EBADMSG);
	assert_int_equal(answer.error, 12345);
	free(header);
}

static struct nlattr *put_hop(struct nlmsghdr *header, int ifindex, unsigned char flags)
{
	struct rtnexthop hop = { .rtnh_len = sizeof(hop), .rtnh_flags = flags, .rtnh_ifindex = ifindex };
	void *at = mnl_nlmsg_get_payload_tail(header);
	memcpy(at, &hop, sizeof(hop));
	header->nlmsg_len += sizeof(hop);
	return at;
}

static struct nlmsghdr *multipath_of(
	void *buffer, const int *ifindexes, const unsigned char *flags, int count)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_NEWROUTE;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = AF_INET;
	route->rtm_type = RTN_UNICAST;
	struct nlattr *nest = mnl_attr_nest_start(header, RTA_MULTIPATH);
	for (int i = 0; i < count; i++)
		put_hop(header, ifindexes[i], flags[i]);
	mnl_attr_nest_end(header, nest);
	return header;
}

static void dead_hops_are_left_out(void **state)
{
	(void)state;
	char buffer[1024] __attribute__((aligned(4)));
	struct route_answer answer;
	const int ifindexes[] = { 7, 5 };
	assert_int_equal(lookup_parse(multipath_of(buffer, ifindexes, (unsigned char[]){ RTNH_F_DEAD, 0 }, 2),
				 false, 0, &answer),
		0);
	check_devices(&answer.devices, (int[]){ 5, 0 });
	const unsigned char dead[] = { RTNH_F_DEAD, RTNH_F_DEAD };
	assert_int_equal(lookup_parse(multipath_of(buffer, ifindexes, dead, 2), false, 0, &answer), 0);
	assert_int_equal(answer.result, ROUTE_NONE);
}

static void more_hops_than_fit_are_told(void **state)
{
	(void)state;
	char buffer[1024] __attribute__((aligned(4)));
	struct route_answer answer;
	const int ifindexes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	const unsigned char flags[10] = { 0 };
	assert_int_equal(lookup_parse(multipath_of(buffer, ifindexes, flags, 10), false, 0, &answer), 0);
	assert_int_equal(answer.devices.count, DEVICE_SET_SIZE);
	assert_true(answer.devices.more);
}

static struct address address_of(const char *text)
{
	struct address address;
	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void check_request(const struct route_query *query, unsigned flags, uint8_t length, bool has_uid)
{
	char buffer[LOOKUP_REQUEST_SIZE] __attribute__((aligned(4)));
	const struct nlmsghdr *header = lookup_write(buffer, query, 77);
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	const struct nlattr *table[RTA_MAX + 1];
	uint16_t port;
	uint8_t protocol;
	assert_true(header->nlmsg_len <= LOOKUP_REQUEST_SIZE);
	assert_int_equal(header->nlmsg_seq, 77);
	assert_int_equal(route->rtm_flags, flags);
	assert_int_equal(route->rtm_dst_len, length);
	assert_int_equal(route->rtm_src_len, length);
	assert_true(attributes_of_message(header, sizeof(*route), table, RTA_MAX));
	assert_int_equal(table[RTA_UID] != NULL, has_uid);
	assert_int_equal(table[RTA_IIF] != NULL, !has_uid);
	assert_true(attribute_u16(table[RTA_SPORT], &port));
	assert_int_equal(ntohs(port), 443);
	assert_true(attribute_u8(table[RTA_IP_PROTO], &protocol));
	assert_int_equal(protocol, IPPROTO_TCP);
}

static void requests_fit_and_are_what_strict_kernels_take(void **state)
{
	(void)state;
	struct route_query query = { .destination = address_of("2001:db8::1"),
		.source = address_of("2001:db8::2"),
		.oif = 3,
		.mark = 9,
		.uid = 1000,
		.source_port = 443,
		.destination_port = 40000 };
	check_request(&query, RTM_F_FIB_MATCH, 128, true);
	query.iif = 4;
	check_request(&query, RTM_F_FIB_MATCH, 128, false);
	query.destination = address_of("192.0.2.1");
	query.source = address_of("192.0.2.2");
	check_request(&query, RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE, 32, false);
}

static void the_reverse_lookup_swaps_ends(void **state)
{
	(void)state;
	const struct route_query forward = { .destination = address_of("10.0.0.1"),
		.source = address_of("192.0.2.9"),
		.iif = 3,
		.mark = 5,
		.uid = 1000,
		.protocol = IPPROTO_UDP,
		.source_port = 1,
		.destination_port = 2 };
	struct route_query reverse = lookup_reverse(&forward, 8, false);
	assert_true(address_equal(&reverse.destination, &forward.source));
	assert_true(address_equal(&reverse.source, &forward.destination));
	assert_int_equal(reverse.iif, 8);
	assert_int_equal(reverse.mark, 0);
	assert_int_equal(reverse.uid, 0);
	assert_int_equal(reverse.protocol, IPPROTO_UDP);
	assert_int_equal(reverse.source_port, 2);
	assert_int_equal(reverse.destination_port, 1);
	assert_int_equal(lookup_reverse(&forward, 0, true).mark, 5);
}

static const struct {
	int mode;
	bool has_address;
	enum route_result reverse;
	bool same_device, more;
	enum route_result verdict;
} verdicts[] = {
	{ 0, true, ROUTE_FOUND, false, false, ROUTE_FOUND },
	{ 1, true, ROUTE_FOUND, false, false, ROUTE_RP_FILTER },
	{ 2, true, ROUTE_FOUND, false, false, ROUTE_FOUND },
	{ 2, false, ROUTE_FOUND, false, false, ROUTE_RP_FILTER },
	{ 0, false, ROUTE_FOUND, false, false, ROUTE_FOUND },
	{ 1, false, ROUTE_FOUND, true, false, ROUTE_FOUND },
	{ 0, true, ROUTE_NONE, false, false, ROUTE_FOUND },
	{ 1, true, ROUTE_NONE, false, false, ROUTE_RP_FILTER },
	{ 2, true, ROUTE_NONE, false, false, ROUTE_RP_FILTER },
	{ 2, true, ROUTE_PROHIBIT, false, false, ROUTE_RP_FILTER },
	{ 0, true, ROUTE_LOCAL, false, false, ROUTE_MARTIAN },
	{ RP_FILTER_UNKNOWN, true, ROUTE_FOUND, true, false, ROUTE_FOUND },
	{ RP_FILTER_UNKNOWN, true, ROUTE_FOUND, false, false, ROUTE_FAILED },
	{ 1, true, ROUTE_FOUND, false, true, ROUTE_FAILED },
	{ 2, true, ROUTE_FOUND, false, true, ROUTE_FOUND },
	{ 1, true, ROUTE_FAILED, false, false, ROUTE_FAILED },
	{ 1, true, ROUTE_NOT_FORWARDED, false, false, ROUTE_FAILED },
};

static void source_validation_is_the_kernels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		const struct device device = { .ifindex = 3, .rp_filter_effective = verdicts[i].mode };
		struct route_answer reverse = { .result = verdicts[i].reverse };
		if (reverse.result == ROUTE_FOUND)
			device_set_add(&reverse.devices, verdicts[i].same_device ? 3 : 4);
		reverse.devices.more = verdicts[i].more;
		assert_int_equal(lookup_source_verdict(&device, verdicts[i].has_address, &reverse),
			verdicts[i].verdict);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_answers_are_understood),
		cmocka_unit_test(maimed_answers_are_survived),
		cmocka_unit_test(cut_answers_are_refused),
		cmocka_unit_test(dead_hops_are_left_out),
		cmocka_unit_test(more_hops_than_fit_are_told),
		cmocka_unit_test(requests_fit_and_are_what_strict_kernels_take),
		cmocka_unit_test(the_reverse_lookup_swaps_ends),
		cmocka_unit_test(source_validation_is_the_kernels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
