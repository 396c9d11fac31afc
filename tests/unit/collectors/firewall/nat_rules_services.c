// SPDX-License-Identifier: GPL-2.0-or-later
/* Which services follow from rules, and which rule a request meets. */
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collectors/base/array.h"
#include "collectors/firewall/nat_find.h"
#include "collectors/route/service.h"
#include "tests/support/facts_builder.h"

static void add_line(struct facts *facts, const char *device)
{
	struct line *line = ARRAY_ADD(facts->lines, facts->line_count);
	assert_non_null(line);
	*line = (struct line){ .ifindex = build_ifindex(facts, device), .family = AF_INET };
}

/* Two lines, a network of its own, and a bridge for containers. */
static struct facts *gateway(void)
{
	struct facts *facts = build_facts();
	static const char *const devices[] = { "wan1", "wan2", "lan0", "docker0" };
	for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++)
		build_device(facts, devices[i]);
	build_local(facts, "198.51.100.2/28", "wan1");
	build_local(facts, "198.51.100.18/28", "wan2");
	build_local(facts, "192.168.70.1/24", "lan0");
	build_local(facts, "172.17.0.1/16", "docker0");
	add_line(facts, "wan1");
	add_line(facts, "wan2");
	assert_int_equal(services_derive(facts), 0);
	return facts;
}

static struct nat_rule *add_rule(
	struct facts *facts, const char *destination, uint16_t port, const char *target)
{
	struct nat_rule rule = { .family = AF_INET,
		.protocol = IPPROTO_TCP,
		.ports = { port, port },
		.table = "nat",
		.chain = "prerouting",
		.also_excluded = "" };
	if (destination)
		assert_int_equal(prefix_parse(destination, &rule.destination), 0);
	if (target)
		rule.target[0] = rule.target[1] = build_address(target);
	struct nat_rule *added = nat_list_append(build_nat_list(facts), &rule);
	assert_non_null(added);
	return added;
}

static void exclude(struct nat_rule *rule, const char *device)
{
	snprintf(rule->iif, sizeof(rule->iif), "%s", device);
	rule->iif_excluded = true;
}

static const struct service *find(const struct facts *facts, const char *address, const char *target)
{
	const struct address wanted = build_address(address), to = build_address(target);
	for (size_t i = 0; i < facts->service_count; i++)
		if (facts->services[i].origin == ORIGIN_DNAT &&
			address_equal(&facts->services[i].address, &wanted) &&
			address_equal(&facts->services[i].target, &to))
			return &facts->services[i];
	return NULL;
}

static size_t count_dnat(const struct facts *facts)
{
	size_t count = 0;
	for (size_t i = 0; i < facts->service_count; i++)
		count += facts->services[i].origin == ORIGIN_DNAT;
	return count;
}

static void an_own_address_is_reached_by_the_line_that_has_it(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	add_rule(facts, "198.51.100.18", 2222, "10.8.20.2")->target_ports[0] = 22;
	assert_int_equal(services_add_ruled(facts), 0);
	const struct service *service = find(facts, "198.51.100.18", "10.8.20.2");
	assert_non_null(service);
	assert_int_equal(count_dnat(facts), 1);
	assert_true(service->ruled && service->endpoint == SIZE_MAX);
	assert_int_equal(service->port, 2222);
	assert_int_equal(service->target_port, 22);
	assert_int_equal(service->arrival.count, 1);
	assert_int_equal(service->arrival.ifindex[0], build_ifindex(facts, "wan2"));
	facts_free(facts);
}

/* As Docker publishes a port: on every address, but not for its own bridge. */
static void any_local_address_means_those_of_the_lines(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	struct nat_rule *rule = add_rule(facts, NULL, 8080, "172.17.0.2");
	rule->destination_local = true;
	exclude(rule, "docker0");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_int_equal(count_dnat(facts), 2);
	assert_non_null(find(facts, "198.51.100.2", "172.17.0.2"));
	assert_non_null(find(facts, "198.51.100.18", "172.17.0.2"));
	facts_free(facts);
}

static void devices_of_the_rule_are_heeded(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	strcpy(add_rule(facts, NULL, 22, "10.8.0.1")->iif, "wan1");
	strcpy(add_rule(facts, NULL, 23, "10.8.0.2")->iif, "ppp*");
	exclude(add_rule(facts, NULL, 24, "10.8.0.3"), "wan*");
	struct nat_rule *excluded = add_rule(facts, NULL, 25, "10.8.0.4");
	exclude(excluded, "lan0");
	excluded->also_excluded = "wan1\0docker0\0";
	add_rule(facts, NULL, 26, "10.8.0.5")->ifindex = build_ifindex(facts, "wan2");
	strcpy(add_rule(facts, "198.51.100.18", 27, "10.8.0.6")->iif, "wan1");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_non_null(find(facts, "198.51.100.2", "10.8.0.1"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.4"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.5"));
	assert_int_equal(count_dnat(facts), 3);
	facts_free(facts);
}

/* A public address that is routed here and stands on no device. */
static void an_address_of_nobody_comes_by_the_device_of_the_rule(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	strcpy(add_rule(facts, "203.0.113.9", 22, "10.8.0.1")->iif, "wan2");
	add_rule(facts, "203.0.113.10", 22, "10.8.0.2");
	strcpy(add_rule(facts, "203.0.113.11", 22, "10.8.0.3")->iif, "lan0");
	assert_int_equal(services_add_ruled(facts), 0);
	const struct service *service = find(facts, "203.0.113.9", "10.8.0.1");
	assert_non_null(service);
	assert_int_equal(service->arrival.ifindex[0], build_ifindex(facts, "wan2"));
	assert_int_equal(count_dnat(facts), 1);
	facts_free(facts);
}

static void each_of_a_few_targets_is_a_service(void **state)
{
	(void)state;
	static const struct {
		const char *first, *last;
		size_t services;
	} rows[] = { { "10.8.1.0", "10.8.1.1", 2 }, { "10.8.1.0", "10.8.1.15", 16 },
		{ "10.8.1.0", "10.8.1.16", 0 }, { "10.8.1.250", "10.8.2.1", 8 },
		{ "198.51.100.1", "198.51.100.3", 2 } /* itself is none */ };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = gateway();
		add_rule(facts, "198.51.100.2", 80, rows[i].first)->target[1] = build_address(rows[i].last);
		assert_int_equal(services_add_ruled(facts), 0);
		assert_int_equal(count_dnat(facts), rows[i].services);
		if (rows[i].services) {
			assert_non_null(find(facts, "198.51.100.2", rows[i].first));
			assert_non_null(find(facts, "198.51.100.2", rows[i].last));
		}
		facts_free(facts);
	}
}

static void a_line_that_is_down_has_none(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	facts->devices[0].up = false;
	add_rule(facts, "198.51.100.0/24", 80, "10.8.0.1");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_null(find(facts, "198.51.100.2", "10.8.0.1"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.1"));
	facts_free(facts);
}

/* In whatever order the host has them. */
static void a_network_stands_for_the_addresses_in_it(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	static const char *const addresses[][2] = { { "198.51.100.12/28", "wan1" },
		{ "198.51.100.6/28", "wan2" }, { "198.51.100.5/28", "wan1" }, { "198.51.100.9/28", "wan1" },
		{ "198.51.100.3/28", "wan2" }, { "198.51.100.7/28", "lan0" } };
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		build_local(facts, addresses[i][0], addresses[i][1]);
	add_rule(facts, "198.51.100.4/30", 80, "10.8.0.1");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_int_equal(count_dnat(facts), 2);
	for (int wan = 1; wan <= 2; wan++) {
		const struct service *service =
			find(facts, wan == 1 ? "198.51.100.5" : "198.51.100.6", "10.8.0.1");
		assert_non_null(service);
		assert_int_equal(service->arrival.count, 1);
		assert_int_equal(
			service->arrival.ifindex[0], build_ifindex(facts, wan == 1 ? "wan1" : "wan2"));
	}
	facts_free(facts);
}

static void ports_that_lead_to_the_same_target_are_one_service(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	add_rule(facts, "198.51.100.2", 80, "10.8.0.1");
	add_rule(facts, "198.51.100.18", 80, "10.8.0.1");
	add_rule(facts, "198.51.100.18", 81, "10.8.0.1");
	add_rule(facts, "198.51.100.18", 82, "10.8.0.2");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_int_equal(count_dnat(facts), 3);
	assert_int_equal(find(facts, "198.51.100.18", "10.8.0.1")->port, 80);
	facts_free(facts);
}

static void uncertain_rules_give_no_services(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	add_rule(facts, "198.51.100.2", 1, "10.8.0.1")->conditional = true;
	add_rule(facts, "198.51.100.2", 8, "10.8.0.8")->redirect = true;
	add_rule(facts, "198.51.100.2", 2, NULL)->redirect = true;
	add_rule(facts, "198.51.100.2", 3, NULL)->target_ports[0] = 4;
	add_rule(facts, "192.168.70.1", 5, "10.8.0.5"); /* not on a line */
	add_rule(facts, "198.51.100.2", 6, "198.51.100.2");
	add_rule(facts, "198.51.100.2", 7, "10.8.1.0")->target[1] = build_address("10.8.255.255");
	assert_int_equal(services_add_ruled(facts), 0);
	assert_int_equal(count_dnat(facts), 0);
	facts_free(facts);
}

static void the_first_rule_that_fits_counts(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	add_rule(facts, "198.51.100.2", 22, "10.8.0.1");
	add_rule(facts, NULL, 22, "10.8.0.2");                                /* not of wan1's address */
	add_rule(facts, "198.51.100.18", 80, "10.8.0.3")->conditional = true; /* who knows */
	add_rule(facts, "198.51.100.18", 80, "10.8.0.4");
	struct nat_rule *some = add_rule(facts, "198.51.100.18", 81, "10.8.0.5"); /* others are left */
	some->conditional = some->by_source = true;
	add_rule(facts, "198.51.100.18", 81, "10.8.0.6");
	add_rule(facts, "198.51.100.18", 82, "10.8.0.7")->balanced = true;
	add_rule(facts, "198.51.100.18", 82, "10.8.0.8");
	add_rule(facts, "198.51.100.18", 0, "10.8.0.9"); /* any other port */
	assert_int_equal(services_add_ruled(facts), 0);
	assert_non_null(find(facts, "198.51.100.2", "10.8.0.1"));
	assert_null(find(facts, "198.51.100.2", "10.8.0.2"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.2"));
	assert_null(find(facts, "198.51.100.18", "10.8.0.4"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.6"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.7"));
	assert_non_null(find(facts, "198.51.100.18", "10.8.0.8"));
	facts_free(facts);
}

static void there_are_not_too_many(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	for (unsigned i = 0; i < 2 * SERVICES_RULED_MAX; i++) {
		char target[ADDRESS_TEXT_SIZE];
		snprintf(target, sizeof(target), "10.9.%u.%u", i / 256, i % 256);
		add_rule(facts, "198.51.100.2", (uint16_t)(i + 1), target);
	}
	assert_int_equal(services_add_ruled(facts), 0);
	assert_int_equal(count_dnat(facts), SERVICES_RULED_MAX);
	facts_free(facts);
}

/* Neither by the targets of one rule nor by the addresses that it means. */
static void the_last_rule_gives_no_more_than_there_is_room_for(void **state)
{
	(void)state;
	for (unsigned addresses = 0; addresses < 2; addresses++) {
		struct facts *facts = gateway();
		char text[ADDRESS_TEXT_SIZE];
		for (unsigned i = 0; i < SERVICES_RULED_MAX - 3; i++) {
			snprintf(text, sizeof(text), "10.9.%u.%u", i / 256, i % 256);
			add_rule(facts, "198.51.100.2", (uint16_t)(i + 1), text);
		}
		for (unsigned i = 0; i < 10; i++) {
			snprintf(text, sizeof(text), "10.7.0.%u/24", i);
			build_local(facts, text, "wan1");
		}
		if (addresses)
			add_rule(facts, "10.7.0.0/24", 80, "10.8.0.1");
		else
			add_rule(facts, "198.51.100.2", 0, "10.8.1.0")->target[1] = build_address("10.8.1.9");
		assert_int_equal(services_add_ruled(facts), 0);
		assert_int_equal(count_dnat(facts), SERVICES_RULED_MAX);
		facts_free(facts);
	}
}

static void what_conntrack_shows_is_not_shown_twice(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	struct endpoint *endpoint = ARRAY_ADD(facts->endpoints, facts->endpoint_count);
	assert_non_null(endpoint);
	*endpoint = (struct endpoint){ .kind = ENDPOINT_DNAT,
		.address = build_address("198.51.100.18"),
		.target = build_address("10.8.20.2"),
		.open = 3 };
	facts->service_count = 0;
	assert_int_equal(services_derive(facts), 0);
	add_rule(facts, "198.51.100.18", 2222, "10.8.20.2");
	assert_int_equal(services_add_ruled(facts), 0);
	const struct service *service = find(facts, "198.51.100.18", "10.8.20.2");
	assert_int_equal(count_dnat(facts), 1);
	assert_true(service->ruled);
	assert_int_equal(service->open, 3);
	facts_free(facts);
}

/* The positions of the rules that fit, one digit each. */
static int found(const struct facts *facts, const struct nat_request *request)
{
	struct nat_search search;
	const struct nat_rule *rule;
	int digits = 0;
	nat_search_begin(&search, facts, request);
	while ((rule = nat_search_next(&search)) != NULL)
		digits = 10 * digits + 1 + (int)(rule - facts->nat_rules->rules);
	return digits;
}

static void a_request_finds_its_rules_in_order(void **state)
{
	(void)state;
	struct facts *facts = gateway();
	add_rule(facts, "198.51.100.0/28", 22, "10.8.0.1");
	add_rule(facts, "198.51.100.2", 80, "10.8.0.2")->ports[1] = 90;
	add_rule(facts, NULL, 85, "10.8.0.3");
	add_rule(facts, "198.51.100.2", 0, "10.8.0.4");
	add_rule(facts, NULL, 22, "10.8.0.5")->destination_local = true;
	add_rule(facts, "198.51.100.0/24", 85, "10.8.0.6");
	build_nat_list_again(facts);
	struct nat_request request = {
		.address = build_address("198.51.100.2"), .protocol = IPPROTO_TCP, .port = 85
	};
	assert_int_equal(found(facts, &request), 2346);
	request.port = 22;
	assert_int_equal(found(facts, &request), 145);
	const struct address target = build_address("10.8.0.1"), other = build_address("10.8.0.7");
	assert_ptr_equal(nat_rule_of(facts, &request, &target), &facts->nat_rules->rules[0]);
	assert_null(nat_rule_of(facts, &request, &other));
	request.port = 0;
	assert_int_equal(found(facts, &request), 123456);
	request.protocol = IPPROTO_UDP;
	assert_int_equal(found(facts, &request), 0);
	request = (struct nat_request){ .address = build_address("198.51.100.3"), .port = 22 };
	assert_int_equal(found(facts, &request), 1);
	request.address = build_address("2001:db8::1");
	assert_int_equal(found(facts, &request), 0);
	facts_free(facts);
}

static int64_t thread_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Twice ten thousand, and ten thousand addresses. */
static void many_rules_are_no_more_work_than_each_of_them(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	struct facts *facts = gateway();
	char text[ADDRESS_TEXT_SIZE];
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.%u.%u.%u/8", 100 + i / 65536, i / 256 % 256, i % 256);
		build_local(facts, text, "wan1");
	}
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.9.%u.%u", i / 256, i % 256);
		struct nat_rule *rule = add_rule(facts, NULL, (uint16_t)(i + 1), text);
		rule->destination_local = true;
		strcpy(rule->iif, i % 2 ? "lan0" : "wan2"); /* where hardly any address is */
		if (i % 4 == 0)                             /* of which nothing follows */
			rule->conditional = true;
		snprintf(text, sizeof(text), "10.100.%u.%u", i / 256, i % 256);
		strcpy(add_rule(facts, i % 3 ? text : "203.0.113.9", 0, "10.8.0.1")->iif, "ppp*");
	}
	int64_t start = thread_ns();
	assert_int_equal(services_add_ruled(facts), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct nat_request request = { .address = facts->addresses[i].prefix.address, .port = 9999 };
		struct nat_search search;
		nat_search_begin(&search, facts, &request);
		nat_search_next(&search);
	}
	assert_true(thread_ns() - start < INT64_C(3000000000));
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_own_address_is_reached_by_the_line_that_has_it),
		cmocka_unit_test(any_local_address_means_those_of_the_lines),
		cmocka_unit_test(devices_of_the_rule_are_heeded),
		cmocka_unit_test(an_address_of_nobody_comes_by_the_device_of_the_rule),
		cmocka_unit_test(each_of_a_few_targets_is_a_service),
		cmocka_unit_test(a_line_that_is_down_has_none),
		cmocka_unit_test(a_network_stands_for_the_addresses_in_it),
		cmocka_unit_test(ports_that_lead_to_the_same_target_are_one_service),
		cmocka_unit_test(uncertain_rules_give_no_services),
		cmocka_unit_test(the_first_rule_that_fits_counts),
		cmocka_unit_test(there_are_not_too_many),
		cmocka_unit_test(the_last_rule_gives_no_more_than_there_is_room_for),
		cmocka_unit_test(what_conntrack_shows_is_not_shown_twice),
		cmocka_unit_test(a_request_finds_its_rules_in_order),
		cmocka_unit_test(many_rules_are_no_more_work_than_each_of_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
