// SPDX-License-Identifier: GPL-2.0-or-later
/* Where nf_tables, conntrack and tcp_diag are modules that are not loaded there is nothing to see, which is
 * no failure, and nothing is asked for that would load them. The linker leads the calls below here. */
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "collectors/base/kernel_module.h"
#include "collectors/base/netlink.h"
#include "collectors/collector.h"

extern const struct collector listen_collector, synrecv_collector, natrules_collector, conntrack_collector,
	nftrace_collector;

static bool loaded;
static unsigned asked; /* sockets and requests that load a module */

bool __wrap_kernel_module_is_there(const char *procfs, const char *name);
int __real_netlink_open(int bus, struct netlink **out);
int __wrap_netlink_open(int bus, struct netlink **out);
struct nft_ctx;
int __wrap_nft_client_open(struct nft_ctx **out);

int __real_netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message,
	void (*restart)(void *argument), void *argument);
int __wrap_netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message,
	void (*restart)(void *argument), void *argument);

int __wrap_netlink_dump(struct netlink *netlink, struct nlmsghdr *request, netlink_message_function *message,
	void (*restart)(void *argument), void *argument)
{
	asked += request->nlmsg_type == SOCK_DIAG_BY_FAMILY;
	return __real_netlink_dump(netlink, request, message, restart, argument);
}

bool __wrap_kernel_module_is_there(const char *procfs, const char *name)
{
	(void)procfs, (void)name;
	return loaded;
}

int __wrap_netlink_open(int bus, struct netlink **out)
{
	asked += bus == NETLINK_NETFILTER;
	return __real_netlink_open(bus, out);
}

int __wrap_nft_client_open(struct nft_ctx **out)
{
	(void)out;
	asked++;
	return -ENOMEM;
}

/* One that has neither the table's count nor anything else. */
static const struct collector_settings settings = { .procfs = "/nowhere" };

static void *start(const struct collector *collector)
{
	void *context = NULL;
	asked = 0;
	loaded = false;
	assert_int_equal(collector->init(&settings, &context), 0);
	return context;
}

static int collect(const struct collector *collector, void *context, size_t *rules)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	facts->monotonic_ns = clock_ns(CLOCK_MONOTONIC);
	int error = collector->collect(context, &settings, facts);
	*rules = facts->nat_rules ? facts->nat_rules->count : SIZE_MAX;
	assert_false(facts->owner_tables && !loaded);
	facts_free(facts);
	return error;
}

/* Turns it round until its next time lies ahead; returns how far. */
static int64_t turn(const struct collector *collector, void *context, int64_t now_ns)
{
	struct collector_schedule schedule = { 0 };
	for (int i = 0; i < 1000 && schedule.due_ns <= now_ns; i++)
		assert_int_equal(collector->advance(context, now_ns, &schedule), 0);
	return schedule.due_ns - now_ns;
}

static void rules_that_cannot_be_are_none(void **state)
{
	(void)state;
	const struct collector *collector = &natrules_collector;
	void *context = start(collector);
	size_t rules;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC), wait_ns = turn(collector, context, now_ns);
	for (int i = 0; i < 100; i++) {
		assert_in_range(wait_ns, 1, 3 * SECOND_NS); /* a module may be loaded */
		assert_true(collector->settled(context));
		assert_int_equal(collect(collector, context, &rules), 0);
		assert_int_equal(rules, 0);
		now_ns += wait_ns;
		wait_ns = turn(collector, context, now_ns);
	}
	assert_int_equal(collector->descriptor(context), -1);
	assert_int_equal(asked, 0);
	loaded = true;
	turn(collector, context, now_ns + wait_ns);
	assert_true(asked > 0);
	if (geteuid() == 0) { /* else it says that it may not */
		assert_int_equal(collect(collector, context, &rules), 0);
		assert_true(collector->descriptor(context) >= 0);
	}
	collector->destroy(context);
}

static void conntrack_that_is_not_loaded_is_not_in_use(void **state)
{
	(void)state;
	const struct collector *collector = &conntrack_collector;
	void *context = start(collector);
	size_t rules;
	for (int i = 1; i < 100; i++) {
		turn(collector, context, clock_ns(CLOCK_MONOTONIC) + i * 10 * SECOND_NS);
		assert_int_equal(collect(collector, context, &rules), 0);
	}
	assert_true(collector->settled(context));
	assert_int_equal(collector->descriptor(context), -1);
	assert_int_equal(asked, 0);
	collector->destroy(context);
}

/* They are read of /proc instead; this one must be among them. */
static void sockets_are_listed_all_the_same(void **state)
{
	(void)state;
	const struct collector *collector = &listen_collector;
	const struct collector_settings real = { .procfs = "/proc" };
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in address4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *own[] = { (struct sockaddr *)&address4, (struct sockaddr *)&address };
	for (int i = 0; i < 2; i++) {
		socklen_t size = i ? sizeof(address) : sizeof(address4);
		int descriptor = socket(own[i]->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (descriptor < 0 || bind(descriptor, own[i], size) < 0)
			continue; /* no IPv6 */
		assert_int_equal(listen(descriptor, 1), 0);
		assert_int_equal(getsockname(descriptor, own[i], &size), 0);
		uint16_t port = ntohs(i ? address.sin6_port : address4.sin_port);
		void *context = start(collector);
		struct facts *facts = facts_new();
		assert_int_equal(collector->collect(context, &real, facts), 0);
		assert_int_equal(asked, 0);
		bool found = false;
		for (size_t j = 0; j < facts->listener_count; j++)
			found |= facts->listeners[j].port == port &&
				 facts->listeners[j].address.family == own[i]->sa_family &&
				 facts->listeners[j].uid == geteuid();
		assert_true(found);
		facts_free(facts);
		collector->destroy(context);
		close(descriptor);
	}
	void *context = start(&synrecv_collector);
	struct facts *facts = facts_new();
	assert_int_equal(synrecv_collector.collect(context, &real, facts), 0);
	assert_true(facts->syn_recv_known);
	assert_int_equal(asked, 0);
	facts_free(facts);
	synrecv_collector.destroy(context);
}

static void tracing_asks_for_nothing_before_it_is_armed(void **state)
{
	(void)state;
	const struct collector *collector = &nftrace_collector;
	void *context = start(collector);
	struct collector_schedule schedule = { 0 };
	size_t rules;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(collector->advance(context, clock_ns(CLOCK_MONOTONIC), &schedule), 0);
		assert_int_equal(collect(collector, context, &rules), 0);
	}
	assert_int_equal(collector->descriptor(context), -1);
	assert_int_equal(asked, 0);
	collector->destroy(context);
	loaded = true;
	assert_true(collector->init(&settings, &context) < 0); /* would have asked */
	assert_true(asked > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_cannot_be_are_none),
		cmocka_unit_test(conntrack_that_is_not_loaded_is_not_in_use),
		cmocka_unit_test(sockets_are_listed_all_the_same),
		cmocka_unit_test(tracing_asks_for_nothing_before_it_is_armed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
