// SPDX-License-Identifier: GPL-2.0-or-later
/* Which service, device and ports a question is about. */
#include "tests/support/unit.h"

#include <errno.h>
#include <netinet/in.h>

#include "alerts/connection_path.h"
#include "tests/support/incidents.h"

#define PUBLIC "198.51.100.10" /* vlan10's; translated to 10.8.10.2 */

struct answer {
	struct path path;
	const char *reason;
	struct service service;
};

static struct answer choose(struct facts *facts, const char *client, const char *service, uint16_t port)
{
	struct answer answer = { .reason = NULL };
	const struct connection_question question = {
		.client = build_address(client), .service = build_address(service), .port = port
	};
	assert_int_equal(connection_question_choose(facts, &question, &answer.path, &answer.reason), 0);
	assert_true(answer.path.service < facts->service_count);
	assert_true(address_equal(&answer.path.destination, &question.client));
	assert_int_equal(answer.path.kind, DESTINATION_SET);
	assert_int_equal(answer.path.protocol, IPPROTO_TCP);
	assert_int_equal(answer.path.peer_port, 40000);
	answer.service = facts->services[answer.path.service];
	return answer;
}

static void assert_target(const struct answer *answer, const char *target, enum origin origin)
{
	char text[ADDRESS_TEXT_SIZE];
	assert_string_equal(address_format(&answer->service.target, text), target);
	assert_int_equal(answer->service.origin, origin);
}

static void assert_ports(const struct answer *answer, uint16_t port, uint16_t target_port)
{
	assert_int_equal(answer->path.port, port);
	assert_int_equal(answer->path.target_port, target_port);
}

static void a_port_that_was_seen_means_the_translated_service(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	build_service(facts, PUBLIC, NULL, "vlan10");
	struct answer answer = choose(facts, PEER, PUBLIC, 0);
	assert_target(&answer, "10.8.10.2", ORIGIN_DNAT);
	assert_ports(&answer, 22, 22);
	answer = choose(facts, PEER, PUBLIC, 80);
	assert_target(&answer, PUBLIC, ORIGIN_LOCAL);
	assert_ports(&answer, 80, 80);
	for (unsigned i = 0; i < 2; i++) {
		struct flow_example *example = build_example(facts, 0, PEER, NAT_ESTABLISHED);
		example->port = i ? 443 : 80;
		example->target_port = i ? 8443 : 8080;
	}
	answer = choose(facts, PEER, PUBLIC, 0); /* the first one that was seen */
	assert_target(&answer, "10.8.10.2", ORIGIN_DNAT);
	assert_ports(&answer, 80, 8080);
	answer = choose(facts, PEER, PUBLIC, 443);
	assert_target(&answer, "10.8.10.2", ORIGIN_DNAT);
	assert_ports(&answer, 443, 8443);
	answer = choose(facts, PEER, PUBLIC, 25);
	assert_target(&answer, PUBLIC, ORIGIN_LOCAL);
	assert_ports(&answer, 25, 25);
	assert_int_equal(facts->service_count, 2);
	facts_free(facts);
}

static void another_port_of_a_translated_service_is_better_than_nothing(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	struct answer answer = choose(facts, PEER, PUBLIC, 443);
	assert_target(&answer, "10.8.10.2", ORIGIN_DNAT);
	assert_ports(&answer, 443, 443);
	assert_int_equal(facts->service_count, 1);
	facts_free(facts);
}

static void a_rule_means_the_service_it_makes(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	build_service(facts, PUBLIC, NULL, "vlan10");
	build_nat_rule(facts, PUBLIC, 80, "10.8.10.2", 8080);
	build_nat_rule(facts, PUBLIC, 443, "10.8.10.4", 8444)->conditional = true;
	build_nat_rule(facts, PUBLIC, 443, "10.8.10.3", 8443);
	struct answer answer = choose(facts, PEER, PUBLIC, 80);
	assert_target(&answer, "10.8.10.2", ORIGIN_DNAT);
	assert_ports(&answer, 80, 8080);
	assert_int_equal(facts->service_count, 2);
	answer = choose(facts, PEER, PUBLIC, 443); /* of which nobody knew */
	assert_int_equal(facts->service_count, 3);
	assert_target(&answer, "10.8.10.3", ORIGIN_DNAT);
	assert_ports(&answer, 443, 8443);
	assert_true(answer.service.ruled && !answer.service.target_local);
	assert_true(answer.service.port == 443 && answer.service.target_port == 8443);
	assert_int_equal(answer.service.protocol, IPPROTO_TCP);
	assert_int_equal(answer.path.arrival, build_ifindex(facts, "vlan10"));
	assert_string_equal(answer.reason, "it owns the address");
	facts_free(facts);
}

static void a_ruled_service_has_its_rule_s_port(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	build_nat_rule(facts, PUBLIC, 8080, "10.8.10.2", 80);
	facts->services[0].ruled = true;
	facts->services[0].port = 8080;
	struct answer answer = choose(facts, PEER, PUBLIC, 0);
	assert_ports(&answer, 8080, 80);
	facts->services[0].port = 0; /* any */
	answer = choose(facts, PEER, PUBLIC, 0);
	assert_int_equal(answer.path.port, 22);
	facts_free(facts);
}

static void a_redirected_port_is_the_host_s_own(void **state)
{
	(void)state;
	struct facts *facts = incident_two_nics();
	struct nat_rule *rule = build_nat_rule(facts, PUBLIC, 80, "10.8.10.2", 8080);
	rule->redirect = true;
	rule->target[0] = rule->target[1] = (struct address){ 0 };
	struct answer answer = choose(facts, PEER, PUBLIC, 80);
	assert_target(&answer, PUBLIC, ORIGIN_LOCAL);
	assert_ports(&answer, 80, 8080);
	assert_int_equal(facts->service_count, 1);
	facts_free(facts);
}

/* vlan95's 203.0.113.77 asks for what comes by vlan10. */
static const struct arrival_row {
	const char *name, *client, *service, *arrival, *reason;
} arrivals[] = {
	{ "far", PEER, PUBLIC, "vlan10", "it owns the address" },
	{ "on its link", "198.51.100.77", PUBLIC, "vlan10", "the client is on its link" },
	{ "on another's link", "203.0.113.77", PUBLIC, "vlan10", "it owns the address" },
	{ "seen elsewhere", PEER, "203.0.113.10", "vlan10", "requests for it were seen there" },
	{ "beyond this host", "10.8.10.7", "192.0.2.200", "br0", "the client is on its link" },
	{ "between others", PEER, "192.0.2.200", NULL, "nobody knows by which device requests come" },
};

static void the_device_of_arrival_has_its_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(arrivals) / sizeof(*arrivals); i++) {
		const struct arrival_row *row = &arrivals[i];
		struct facts *facts = incident_dnat_uplinks();
		build_service(facts, "203.0.113.10", NULL, "vlan10");
		struct answer answer = choose(facts, row->client, row->service, 80);
		print_message("  %s\n", row->name);
		assert_int_equal(answer.path.arrival, row->arrival ? build_ifindex(facts, row->arrival) : 0);
		assert_string_equal(answer.reason, row->reason);
		facts_free(facts);
	}
}

static void a_device_that_is_down_has_nobody_on_its_link(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	facts->devices[2].up = false;
	struct answer answer = choose(facts, "10.8.10.7", "192.0.2.200", 80);
	assert_int_equal(answer.path.arrival, 0);
	facts_free(facts);
}

static void what_nobody_knows_is_merely_forwarded(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	struct answer answer = choose(facts, PEER, "192.0.2.200", 0);
	assert_int_equal(facts->service_count, 2);
	assert_target(&answer, "192.0.2.200", ORIGIN_LOCAL);
	assert_false(answer.service.target_local || answer.service.ruled);
	assert_true(answer.service.endpoint >= facts->endpoint_count);
	assert_ports(&answer, 22, 22);
	facts_free(facts);
}

static void a_named_device_is_taken_or_told_to_be_missing(void **state)
{
	(void)state;
	struct facts *facts = incident_dnat_uplinks();
	struct connection_question question = {
		.client = build_address(PEER), .service = build_address(PUBLIC), .device = "vlan95"
	};
	struct path path;
	const char *reason;
	assert_int_equal(connection_question_choose(facts, &question, &path, &reason), 0);
	assert_int_equal(path.arrival, build_ifindex(facts, "vlan95"));
	assert_string_equal(reason, "--device names it");
	question.device = "vlan96";
	assert_int_equal(connection_question_choose(facts, &question, &path, &reason), -ENODEV);
	question.client = build_address(PEER6);
	assert_int_equal(connection_question_choose(facts, &question, &path, &reason), -EAFNOSUPPORT);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_that_was_seen_means_the_translated_service),
		cmocka_unit_test(another_port_of_a_translated_service_is_better_than_nothing),
		cmocka_unit_test(a_rule_means_the_service_it_makes),
		cmocka_unit_test(a_ruled_service_has_its_rule_s_port),
		cmocka_unit_test(a_redirected_port_is_the_host_s_own),
		cmocka_unit_test(the_device_of_arrival_has_its_reason),
		cmocka_unit_test(a_device_that_is_down_has_nobody_on_its_link),
		cmocka_unit_test(what_nobody_knows_is_merely_forwarded),
		cmocka_unit_test(a_named_device_is_taken_or_told_to_be_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
