// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/base/netlink.h"
#include "collectors/collector.h"

static const struct nlattr *put(void *buffer, uint16_t type, const void *value, size_t size)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	mnl_attr_put(header, type, size, value);
	return mnl_nlmsg_get_payload(header);
}

static void numbers_must_have_their_size(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	const uint8_t bytes[8] = { 1, 1, 1, 1, 2 };
	uint8_t u8 = 0xee;
	uint16_t u16 = 0xeeee;
	uint32_t u32 = 0xeeeeeeee;
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		const struct nlattr *attribute = put(buffer, 1, bytes, size);
		assert_int_equal(attribute_u8(attribute, &u8), size == 1);
		assert_int_equal(attribute_u16(attribute, &u16), size == 2);
		assert_int_equal(attribute_u32(attribute, &u32), size == 4);
	}
	assert_int_equal(u8, 1);
	assert_int_equal(u16, 0x0101);
	assert_int_equal(u32, 0x01010101);
	assert_false(attribute_u8(NULL, &u8) || attribute_u32(NULL, &u32) || attribute_u16(NULL, &u16));
}

static void texts_are_always_terminated(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4))), text[4];
	assert_true(attribute_text(put(buffer, 1, "ab", 3), text, sizeof(text)));
	assert_string_equal(text, "ab");
	assert_true(attribute_text(put(buffer, 1, "abcdef", 6), text, sizeof(text)));
	assert_string_equal(text, "abc");
	assert_true(attribute_text(put(buffer, 1, "", 0), text, sizeof(text)));
	assert_string_equal(text, "");
	assert_false(attribute_text(NULL, text, sizeof(text)));
	assert_false(attribute_text(put(buffer, 1, "ab", 3), text, 0));
}

static bool fits(const struct nlattr *written, size_t size, const struct nlattr **table)
{
	void *exact = malloc(size ? size : 1);
	memcpy(exact, written, size);
	bool result = attributes_of_bytes(exact, size, table, 3);
	free(exact);
	return result;
}

static void attributes_end_where_they_say(void **state)
{
	(void)state;
	struct nlattr attributes[] = { { 8, 1 }, { 0, 0 }, { 6, 9 }, { 0, 0 }, { 4, 3 } };
	const struct nlattr *table[4];
	assert_true(fits(attributes, 20, table));
	assert_true(table[1] && !table[2] && table[3]);
	assert_true(fits(attributes, 14, table)); /* the last one without padding */
	assert_true(fits(attributes, 0, table));
	assert_false(fits(attributes, 7, table));
	assert_false(fits(attributes, 13, table));
	assert_false(fits(attributes, 18, table));
	attributes[0].nla_len = 3;
	assert_false(fits(attributes, 20, table));
	attributes[0].nla_len = 21;
	assert_false(fits(attributes, 20, table));
	assert_false(attributes_of_nest(NULL, table, 3));
}

static void type_flags_are_no_part_of_the_type(void **state)
{
	(void)state;
	const struct nlattr attribute = { 4, 2 | NLA_F_NESTED };
	const struct nlattr *table[4];
	assert_true(attributes_of_bytes(&attribute, sizeof(attribute), table, 3));
	assert_ptr_equal(table[2], &attribute);
}

static void sequences_are_never_those_of_notifications(void **state)
{
	(void)state;
	struct netlink *netlink;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	uint32_t first = netlink_sequence(netlink), second = netlink_sequence(netlink);
	assert_true(first != 0 && second != 0 && first != second);
	netlink_close(netlink);
	netlink_close(NULL);
	struct netlink *none = NULL;
	assert_true(netlink_open(99, &none) < 0);
	assert_null(none);
}

static int refuse(const struct nlmsghdr *header, void *argument)
{
	(void)header;
	(*(int *)argument)++;
	return -ENOMEM;
}

static int count_all(const struct nlmsghdr *header, void *argument)
{
	(void)header;
	(*(int *)argument)++;
	return 0;
}

static struct nlmsghdr *link_request(void *buffer)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_GETLINK;
	mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
	return header;
}

/* Each read brings something, and the end is told once; a request that has no room is not sent. */
static void a_dump_is_read_piece_by_piece(void **state)
{
	(void)state;
	char buffer[NETLINK_DUMP_REQUEST + 8] __attribute__((aligned(4))) = { 0 };
	struct netlink *netlink;
	int calls = 0, result = 0, reads = 0;
	struct netlink_dump dump = { .message = count_all, .argument = &calls };
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	struct nlmsghdr *request = link_request(buffer);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(netlink_dump_begin(netlink, &dump, request), 0);
		for (calls = reads = result = 0; result == 0 && reads < 1000; reads++)
			result = netlink_dump_read(netlink, &dump);
		assert_int_equal(result, 1);
		assert_true(calls >= 1 && reads >= 2); /* the end comes in a read of its own */
	}
	request->nlmsg_len = NETLINK_DUMP_REQUEST + 4;
	assert_int_equal(netlink_dump_begin(netlink, &dump, request), -EMSGSIZE);
	netlink_close(netlink);
}

/* An error of the reader leaves the socket fit for the next dump. */
static void a_refused_dump_is_drained(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	struct netlink *netlink;
	int calls = 0;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	assert_int_equal(netlink_dump(netlink, link_request(buffer), refuse, NULL, &calls), -ENOMEM);
	assert_int_equal(calls, 1);
	calls = 0;
	assert_int_equal(netlink_dump(netlink, link_request(buffer), count_all, NULL, &calls), 0);
	assert_true(calls >= 1);
	assert_int_equal(netlink_drain(netlink, NULL, NULL), 0);
	netlink_close(netlink);
}

/* One whose end was never read answers EBUSY until it was. */
static void an_abandoned_dump_is_overcome(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	struct netlink *netlink;
	int calls = 0;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	struct nlmsghdr *request = link_request(buffer);
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = 4711;
	assert_true(mnl_socket_sendto(netlink_socket(netlink), request, request->nlmsg_len) > 0);
	assert_int_equal(netlink_dump(netlink, link_request(buffer), count_all, NULL, &calls), 0);
	assert_true(calls >= 1);
	netlink_close(netlink);
}

static void refusals_are_told(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	struct netlink *netlink;
	int calls = 0;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	struct nlmsghdr *request = link_request(buffer);
	request->nlmsg_type = 2000;
	assert_int_equal(netlink_dump(netlink, request, count_all, NULL, &calls), -EOPNOTSUPP);
	assert_int_equal(calls, 0);
	netlink_close(netlink);
}

/* From here on each read of it fails with ENOTSOCK. */
static void break_socket(int descriptor)
{
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(file >= 0 && dup3(file, descriptor, O_CLOEXEC) == descriptor);
	close(file);
}

static int break_after(const struct nlmsghdr *header, void *argument)
{
	(void)header;
	break_socket(*(int *)argument);
	return 0;
}

static void what_was_read_before_an_error_counts(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	struct netlink *netlink;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	int descriptor = netlink_descriptor(netlink);
	struct nlmsghdr *request = link_request(buffer);
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	assert_true(mnl_socket_sendto(netlink_socket(netlink), request, request->nlmsg_len) > 0);
	assert_int_equal(netlink_drain(netlink, break_after, &descriptor), 1);
	assert_int_equal(netlink_drain(netlink, NULL, NULL), -ENOTSOCK);
	netlink_close(netlink);
}

/* A clock that moves only while somebody waits. */
static int64_t waited_ns;
static bool disturbed; /* waiting is cut short by signals */

int __wrap_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_poll(struct pollfd *descriptors, nfds_t count, int timeout);

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	(void)id;
	*out = (struct timespec){ 1000 + waited_ns / SECOND_NS, waited_ns % SECOND_NS };
	return 0;
}

int __wrap_poll(struct pollfd *descriptors, nfds_t count, int timeout)
{
	(void)descriptors, (void)count;
	assert_true(timeout >= 0);
	waited_ns += (disturbed && timeout > 300 ? 300 : timeout) * MILLISECOND_NS;
	errno = EINTR;
	return disturbed ? -1 : 0;
}

/* The kernel does not answer a message that is no request, nor one of type NLMSG_NOOP. */
static void an_answer_that_never_comes_costs_two_seconds(void **state)
{
	(void)state;
	char buffer[64] __attribute__((aligned(4)));
	struct netlink *netlink;
	int calls = 0;
	assert_int_equal(netlink_open(NETLINK_ROUTE, &netlink), 0);
	struct nlmsghdr *request = link_request(buffer);
	request->nlmsg_type = NLMSG_NOOP;
	request->nlmsg_flags = NLM_F_REQUEST;
	for (disturbed = false;; disturbed = true) {
		waited_ns = 0;
		assert_int_equal(netlink_exchange(netlink, request, request->nlmsg_len, 1, count_all, &calls),
			-ETIMEDOUT);
		assert_int_equal(waited_ns, 2 * SECOND_NS);
		waited_ns = 0;
		assert_int_equal(netlink_dump(netlink, request, count_all, NULL, &calls), -ETIMEDOUT);
		assert_int_equal(waited_ns, 2 * SECOND_NS);
		if (disturbed)
			break;
	}
	assert_int_equal(calls, 0);
	netlink_close(netlink);
}

extern const struct collector link_collector, route_collector, natrules_collector;

static const struct collector_settings settings = { .procfs = "/proc" };

static int collect_all(const struct collector *collector, void *context)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	int error = collector->collect(context, &settings, facts);
	if (error == 0 && collector->complete)
		error = collector->complete(context, &settings, facts);
	if (collector == &route_collector)
		assert_true(facts->rule_count > 0);
	facts_free(facts);
	return error;
}

/* Announcements that cannot be read are no change: it is said, and what can be read is given. */
static void an_error_is_told_and_is_no_change(void **state)
{
	(void)state;
	static const struct collector *const collectors[] = { &link_collector, &route_collector,
		&natrules_collector };
	for (size_t i = 0; i < sizeof(collectors) / sizeof(*collectors); i++) {
		const struct collector *collector = collectors[i];
		void *context;
		struct collector_schedule schedule = { 0 };
		if (collector->init(&settings, &context) < 0)
			continue; /* not permitted, or the kernel has no such source */
		collect_all(collector, context);
		for (int again = 0; again < 100 && collector == &natrules_collector; again++)
			collector->advance(context, 0, &schedule);
		schedule.changed = false;
		break_socket(collector->descriptor(context));
		assert_int_equal(collector->advance(context, 1, &schedule), -ENOTSOCK);
		assert_false(schedule.changed);
		if (collector != &natrules_collector)
			assert_int_equal(collect_all(collector, context), -ENOTSOCK);
		collector->destroy(context);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_must_have_their_size),
		cmocka_unit_test(texts_are_always_terminated),
		cmocka_unit_test(attributes_end_where_they_say),
		cmocka_unit_test(type_flags_are_no_part_of_the_type),
		cmocka_unit_test(sequences_are_never_those_of_notifications),
		cmocka_unit_test(a_dump_is_read_piece_by_piece),
		cmocka_unit_test(a_refused_dump_is_drained),
		cmocka_unit_test(an_abandoned_dump_is_overcome),
		cmocka_unit_test(refusals_are_told),
		cmocka_unit_test(an_answer_that_never_comes_costs_two_seconds),
		cmocka_unit_test(what_was_read_before_an_error_counts),
		cmocka_unit_test(an_error_is_told_and_is_no_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
