// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/round_trip.h"

#include <stdio.h>
#include <stdlib.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "tests/support/facts_builder.h"
#include "tests/support/unit.h"

/* Two lines and an inside network. */
static struct facts *host(void)
{
	struct facts *facts = build_facts();
	build_device(facts, "wan1");
	build_device(facts, "wan2");
	build_device(facts, "dock0");
	build_local(facts, "198.51.100.2/28", "wan1");
	build_local(facts, "198.51.100.18/28", "wan2");
	build_local(facts, "2001:db8:2::2/64", "wan2");
	build_default_rules(facts);
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	for (size_t i = 0; i < facts->device_count; i++) {
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		capture->ifindex = facts->devices[i].ifindex;
		snprintf(capture->name, sizeof(capture->name), "%s", facts->devices[i].name);
	}
	return facts;
}

static int device(const struct facts *facts, const char *name)
{
	return name ? build_ifindex(facts, name) : 0;
}

static struct handshake_suspect *seen(struct facts *facts, struct finding *finding, const char *client,
	const char *server, const char *in, const char *out)
{
	struct handshake_report *report = facts->handshakes;
	struct handshake_suspect *suspect = ARRAY_ADD(report->suspects, report->suspect_count);
	*suspect = (struct handshake_suspect){ .id = report->suspect_count,
		.client = build_address(client),
		.server = build_address(server),
		.client_port = 40000,
		.server_port = 2222,
		.asked_ns = 1,
		.answered_ns = 2,
		.repeats = 3,
		.synack_repeats = 4,
		.syn.in = device(facts, in),
		.synack.out = device(facts, out) };
	finding->handshakes[finding->handshake_count++] = suspect->id;
	return suspect;
}

static struct finding about(
	const struct facts *facts, const struct condition *condition, const char *name, const char *address)
{
	struct finding finding = { .condition = condition, .severity = SEVERITY_CRITICAL };
	finding.device = device(facts, name);
	snprintf(finding.device_name, sizeof(finding.device_name), "%s", name ? name : "");
	if (address) {
		struct address one = build_address(address);
		finding_set_service(&finding, ORIGIN_LOCAL, &one, &one);
	}
	return finding;
}

static void assert_legs(const struct round_trip *trip, enum round_trip_way way, const char *expected)
{
	static const char letters[LEG_STATES] = "-seuWL"; /* in the order of enum leg_state */
	char legs[PLACES] = "";
	for (int leg = 0; leg < PLACES - 1; leg++)
		legs[leg] = letters[trip->legs[way][leg]];
	assert_string_equal(legs, expected);
}

static void a_translated_reply_takes_the_wrong_line(void **state)
{
	(void)state;
	struct facts *facts = host();
	struct finding finding = about(facts, &reply_wrong_device_condition, "wan2", "198.51.100.18");
	size_t service = build_service(facts, "198.51.100.18", "10.8.20.2", "wan2");
	facts->services[service].target_ifindex = device(facts, "dock0");
	finding.origin = ORIGIN_DNAT;
	finding.target = build_address("10.8.20.2");
	struct path *path = build_path(facts, service, "203.0.113.2", "wan2");
	path->reply = build_found(facts, "wan1", "198.51.100.1", 254, 0);
	struct round_trip trip;
	/* Predicted only. */
	round_trip_of(facts, &finding, &trip);
	assert_string_equal(trip.outer[WAY_REQUEST], "wan2");
	assert_string_equal(trip.outer[WAY_REPLY], "wan1");
	assert_string_equal(trip.inner[WAY_REQUEST], "dock0");
	assert_string_equal(trip.inner[WAY_REPLY], "dock0");
	assert_ptr_equal(trip.reply, &path->reply);
	assert_int_equal(trip.rule->priority, 32766);
	assert_legs(&trip, WAY_REQUEST, "eeee");
	assert_legs(&trip, WAY_REPLY, "LWee");
	finding.severity = SEVERITY_WARNING; /* nobody was seen to fail */
	round_trip_of(facts, &finding, &trip);
	assert_legs(&trip, WAY_REPLY, "eWee");
	/* Seen on both sides of the translation, which is one connection. */
	seen(facts, &finding, "203.0.113.2", "198.51.100.18", "wan2", "wan1");
	seen(facts, &finding, "203.0.113.2", "10.8.20.2", NULL, NULL);
	struct handshake_suspect *outside = &facts->handshakes->suspects[0], *inside = outside + 1;
	outside->joined = inside->joined = true;
	outside->other_id = inside->id;
	inside->other_id = outside->id;
	outside->other_client = outside->client;
	outside->other_server = inside->server;
	outside->other_server_port = 22;
	outside->other_syn.out = outside->other_synack.in = device(facts, "dock0");
	inside->other_server = outside->server;
	seen(facts, &finding, "203.0.113.9", "198.51.100.18", "wan2", "wan1");
	round_trip_of(facts, &finding, &trip);
	assert_int_equal(trip.connections, 2);
	assert_int_equal(trip.clients, 2);
	assert_int_equal(trip.syns, 2);
	assert_int_equal(trip.syn_repeats, 6);
	assert_int_equal(trip.synack_repeats, 8);
	assert_int_equal(trip.port, 2222);
	assert_int_equal(trip.target_port, 22);
	assert_false(trip.more);
	assert_legs(&trip, WAY_REQUEST, "ssss");
	assert_legs(&trip, WAY_REPLY, "eWss");
	facts_free(facts);
}

static void a_local_service_in_ipv6(void **state)
{
	(void)state;
	struct facts *facts = host();
	struct finding finding = about(facts, &no_reply_route_condition, "wan2", "2001:db8:2::2");
	struct path *path = build_path(
		facts, build_service(facts, "2001:db8:2::2", NULL, "wan2"), "2001:db8:f::9", "wan2");
	path->reply = build_failed(ROUTE_UNREACHABLE);
	struct round_trip trip;
	round_trip_of(facts, &finding, &trip);
	assert_true(address_is_none(&trip.target));
	assert_true(trip.delivered);
	assert_string_equal(trip.inner[WAY_REQUEST], "");
	assert_string_equal(trip.outer[WAY_REPLY], "");
	assert_string_equal(trip.fault, "no route");
	assert_legs(&trip, WAY_REPLY, "-Lee");
	facts_free(facts);
}

static void where_each_condition_breaks(void **state)
{
	(void)state;
	static const struct {
		const struct condition *condition;
		const char *request, *reply;
		bool opened_here;
	} rows[] = {
		{ &reply_wrong_device_condition, "ssss", "LWss", false },
		{ &no_reply_route_condition, "ssss", "-Lss", false },
		{ &rp_filter_drops_condition, "sL--", "----", false },
		{ &handshake_one_way_condition, "ssss", "Lsss", false },
		{ &reply_ignored_condition, "ssss", "Lsss", true },
		{ &reply_from_other_address_condition, "ssss", "LWss", true },
		{ &foreign_source_condition, "ssss", "Wsss", false },
		{ &return_only_condition, "uuuu", "ssss", false },
		{ &forward_drop_condition, "ssL-", "----", false },
		{ &half_open_nat_condition, "ssss", "Lsss", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = host();
		struct finding finding = about(facts, rows[i].condition, "wan2", "198.51.100.18");
		seen(facts, &finding, "203.0.113.2", "198.51.100.18", "wan2", "wan2");
		struct round_trip trip;
		round_trip_of(facts, &finding, &trip);
		assert_int_equal(trip.opened_here, rows[i].opened_here);
		assert_legs(&trip, WAY_REQUEST, rows[i].request);
		assert_legs(&trip, WAY_REPLY, rows[i].reply);
		assert_non_null(trip.fault);
		facts_free(facts);
	}
#define COUNT_CONDITION(name) +1
	assert_int_equal(sizeof(rows) / sizeof(*rows), 0 CONDITIONS(COUNT_CONDITION));
}

/* It came in, and never left. */
static void a_reply_that_this_host_drops(void **state)
{
	(void)state;
	struct facts *facts = host();
	struct finding finding = about(facts, &handshake_one_way_condition, "wan2", "198.51.100.18");
	seen(facts, &finding, "203.0.113.2", "198.51.100.18", "wan2", NULL)->synack.in =
		device(facts, "dock0");
	struct round_trip trip;
	round_trip_of(facts, &finding, &trip);
	assert_string_equal(trip.fault, "dropped here");
	assert_legs(&trip, WAY_REPLY, "-Lss");
	facts_free(facts);
}

/* A box on the way back alone: the request is another's business, and what it made of the source is the
 * fault. */
static void a_reply_without_request_gets_a_source(void **state)
{
	(void)state;
	struct facts *facts = host();
	struct finding finding = about(facts, &foreign_source_condition, "wan1", "198.51.100.18");
	struct handshake_suspect *suspect = seen(facts, &finding, "10.20.0.2", "198.51.100.18", NULL, "wan1");
	suspect->sign = SIGN_RETURN_ONLY;
	suspect->asked_ns = 0;
	suspect->joined = true;
	suspect->other_client = suspect->client;
	suspect->other_server = build_address("10.110.19.89");
	suspect->other_server_port = 22;
	suspect->other_synack.in = device(facts, "dock0");
	struct round_trip trip;
	round_trip_of(facts, &finding, &trip);
	struct address server = build_address("10.110.19.89"), source = build_address("198.51.100.18");
	assert_true(address_equal(&trip.service, &server));
	assert_true(address_equal(&trip.source, &source));
	assert_true(address_is_none(&trip.target));
	assert_string_equal(trip.outer[WAY_REPLY], "wan1");
	assert_string_equal(trip.outer[WAY_REQUEST], "");
	assert_legs(&trip, WAY_REQUEST, "uuuu");
	assert_legs(&trip, WAY_REPLY, "Wsss");
	facts_free(facts);
}

/* Another port of the same address works, and is what lookups were made for. */
static void a_request_that_nobody_answers_names_its_port(void **state)
{
	(void)state;
	struct facts *facts = host();
	struct finding finding = about(facts, &forward_drop_condition, "wan2", "198.51.100.18");
	size_t service = build_service(facts, "198.51.100.18", "10.8.20.2", "wan2");
	facts->services[service].target_port = 80;
	finding.origin = ORIGIN_DNAT;
	finding.target = build_address("10.8.20.2");
	build_path(facts, service, "203.0.113.2", "wan2")->port = 1223;
	build_nat_rule(facts, "198.51.100.18", 1222, "10.8.20.2", 22);
	struct unanswered_service *row =
		ARRAY_ADD(facts->handshakes->unanswered, facts->handshakes->unanswered_count);
	*row = (struct unanswered_service){ .server = build_address("198.51.100.18"),
		.client = build_address("203.0.113.7"),
		.device = device(facts, "wan2"),
		.port = 1222,
		.repeats = 5 };
	struct round_trip trip;
	round_trip_of(facts, &finding, &trip);
	assert_int_equal(trip.port, 1222);
	assert_int_equal(trip.target_port, 22);
	assert_int_equal(trip.syn_repeats, 5);
	assert_true(address_equal(&trip.client, &row->client));
	assert_legs(&trip, WAY_REQUEST, "ssL-");
	facts_free(facts);
}

static void what_is_not_known_is_left_out(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	struct finding finding = {
		.condition = &rp_filter_drops_condition, .device = 7, .device_name = "gone0"
	};
	struct round_trip trip;
	finding.handshakes[finding.handshake_count++] = 99; /* forgotten */
	round_trip_of(facts, &finding, &trip);
	assert_int_equal(trip.connections, 0);
	assert_true(address_is_none(&trip.client));
	assert_true(address_is_none(&trip.service));
	assert_string_equal(trip.outer[WAY_REQUEST], "gone0");
	assert_null(trip.reply);
	assert_legs(&trip, WAY_REQUEST, "eL--");
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_translated_reply_takes_the_wrong_line),
		cmocka_unit_test(a_local_service_in_ipv6),
		cmocka_unit_test(where_each_condition_breaks),
		cmocka_unit_test(a_reply_that_this_host_drops),
		cmocka_unit_test(a_reply_without_request_gets_a_source),
		cmocka_unit_test(a_request_that_nobody_answers_names_its_port),
		cmocka_unit_test(what_is_not_known_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
