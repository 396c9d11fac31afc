// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/incidents.h"

static void covered(struct facts *facts)
{
	facts->paths[0].reply = build_found(facts, "eth1", "198.51.100.1", 120, 0);
}

static void partly(struct facts *facts)
{
	facts->paths[0].reply = build_found(facts, "eth0,eth1", NULL, 254, 0);
}

static void cut_off(struct facts *facts)
{
	facts->paths[0].reply.devices.more = true;
}

static void mark_decides(struct facts *facts)
{
	facts->paths[0].mark_decides = true;
}

static void possible(struct facts *facts)
{
	facts->paths[0].basis = PATH_POSSIBLE;
}

static void no_arrival(struct facts *facts)
{
	facts->paths[0].arrival = 0;
}

static void vanished_arrival(struct facts *facts)
{
	facts->paths[0].arrival = 99;
}

static void owned_by_both(struct facts *facts)
{
	device_set_add(&facts->services[0].arrival, build_ifindex(facts, "eth0"));
}

static void failed(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_FAILED);
}

static void local(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_LOCAL);
}

static void no_paths(struct facts *facts)
{
	facts->path_count = 0;
}

static void (*const silent[])(struct facts *) = { covered, partly, cut_off, mark_decides, possible,
	no_arrival, vanished_arrival, owned_by_both, failed, local, no_paths };

static void healthy_and_unknown_replies_are_no_findings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		struct court court;
		struct facts *facts = incident_two_nics();
		silent[i](facts);
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(court.findings->count, 0);
		court_close(&court);
		facts_free(facts);
	}
}

struct severity_row {
	const char *peer;
	enum nat_state state;
	enum route_result reply; /* ROUTE_FOUND: by the wrong device */
	enum severity severity;
};

static const struct severity_row severities[] = {
	{ NULL, NAT_SYN_SENT, ROUTE_FOUND, SEVERITY_WARNING },
	{ PEER, NAT_SYN_SENT, ROUTE_FOUND, SEVERITY_WARNING },
	{ PEER, NAT_SYN_RECV, ROUTE_FOUND, SEVERITY_CRITICAL },
	{ PEER, NAT_ESTABLISHED, ROUTE_FOUND, SEVERITY_INFO },
	{ "192.0.2.77", NAT_SYN_RECV, ROUTE_FOUND, SEVERITY_WARNING },
	{ "192.0.2.77", NAT_ESTABLISHED, ROUTE_FOUND, SEVERITY_WARNING },
	{ NULL, NAT_SYN_SENT, ROUTE_NONE, SEVERITY_WARNING },
	{ PEER, NAT_SYN_SENT, ROUTE_UNREACHABLE, SEVERITY_CRITICAL },
	{ PEER, NAT_SYN_RECV, ROUTE_PROHIBIT, SEVERITY_CRITICAL },
	{ PEER, NAT_ESTABLISHED, ROUTE_BLACKHOLE, SEVERITY_WARNING },
	{ "192.0.2.77", NAT_SYN_SENT, ROUTE_NONE, SEVERITY_WARNING },
};

static void flows_decide_the_severity(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(severities) / sizeof(*severities); i++) {
		const struct severity_row *row = &severities[i];
		struct court court;
		struct facts *facts = incident_two_nics();
		if (row->peer)
			build_example(facts, 0, row->peer, row->state);
		if (row->reply != ROUTE_FOUND)
			facts->paths[0].reply = build_failed(row->reply);
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(court_count(&court, true), 1);
		assert_int_equal(court.findings->items[0].severity, row->severity);
		assert_int_equal(court.findings->items[0].condition, row->reply == ROUTE_FOUND
									     ? &reply_wrong_device_condition
									     : &no_reply_route_condition);
		court_close(&court);
		facts_free(facts);
	}
}

static void half_open_outweighs_assured(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	build_example(facts, 0, PEER, NAT_ESTABLISHED);
	build_example(facts, 0, PEER, NAT_SYN_RECV);
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court.findings->items[0].severity, SEVERITY_CRITICAL);
	assert_string_equal(court_evidence(&court.findings->items[0], "syn_recv"), "1");
	assert_string_equal(court_evidence(&court.findings->items[0], "open"), "1");
	court_close(&court);
	facts_free(facts);
}

static void a_translated_service_is_told_with_its_target(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_dnat_uplinks();
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = &court.findings->items[0];
	assert_string_equal(finding->device_name, "vlan10");
	assert_string_equal(finding->reply_device, "vlan95");
	assert_true(finding->has_service);
	assert_int_equal(finding->origin, ORIGIN_DNAT);
	assert_string_equal(finding->summary,
		"replies from 198.51.100.10 (to 10.8.10.2) leave by vlan95, requests arrive on vlan10");
	assert_string_equal(court_evidence(finding, "peers"), PEER);
	assert_string_equal(court_evidence(finding, "reply_gateway"), "203.0.113.1");
	assert_string_equal(court_evidence(finding, "reply_table"), "254");
	court_close(&court);
	facts_free(facts);
}

static void wrong_devices_are_joined_and_peers_bounded(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	build_device(facts, "eth2");
	for (int i = 0; i < 20; i++) {
		struct path *path = build_path(facts, 0, "192.0.2.50", "eth1");
		path->destination.bytes[3] = (uint8_t)(50 + i);
		path->reply = build_found(facts, i % 2 ? "eth2" : "eth0", NULL, 254, 0);
		path->egress = facts->paths[0].egress;
	}
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	const struct finding *finding = &court.findings->items[0];
	assert_string_equal(finding->reply_device, "eth0,eth2");
	size_t peers = 0;
	for (size_t i = 0; i < finding->evidence_count; i++)
		peers += strcmp(finding->evidence[i].key, "peers") == 0;
	assert_int_equal(peers, 8);
	court_close(&court);
	facts_free(facts);
}

struct intended_row {
	const char *address, *arrival, *reply;
	bool intended;
};

static const struct intended_row intended_rows[] = {
	{ "198.51.100.10", "", "", true },
	{ "198.51.100.0/24", "vlan10", "vlan95", true },
	{ "10.8.10.0/24", "vlan10", "", true },
	{ "198.51.100.11", "", "", false },
	{ "198.51.100.10", "vlan95", "", false },
	{ "198.51.100.10", "", "vlan10", false },
	{ "2001:db8::/32", "", "", false },
};

static void declared_asymmetry_is_shown_and_no_alarm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(intended_rows) / sizeof(*intended_rows); i++) {
		const struct intended_row *row = &intended_rows[i];
		struct intended intended = { 0 };
		struct court court;
		struct facts *facts = incident_dnat_uplinks();
		build_example(facts, 0, PEER, NAT_SYN_RECV);
		assert_int_equal(prefix_parse(row->address, &intended.address), 0);
		snprintf(intended.arrival, sizeof(intended.arrival), "%s", row->arrival);
		snprintf(intended.reply, sizeof(intended.reply), "%s", row->reply);
		court_open(&court);
		court.settings.intended = &intended;
		court.settings.intended_count = 1;
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
		assert_true(finding->open);
		assert_int_equal(finding->intended, row->intended);
		assert_int_equal(finding_is_alarm(finding), !row->intended);
		assert_int_equal(finding->severity, row->intended ? SEVERITY_INFO : SEVERITY_CRITICAL);
		assert_int_equal(finding->remedy_count, row->intended ? 0 : 2);
		court_close(&court);
		facts_free(facts);
	}
}

static void an_intended_path_does_not_hide_another(void **state)
{
	(void)state;
	struct intended intended = { 0 };
	struct court court;
	struct facts *facts = incident_dnat_uplinks();
	assert_int_equal(prefix_parse("198.51.100.10", &intended.address), 0);
	snprintf(intended.reply, sizeof(intended.reply), "%s", "vlan95");
	struct path *path = build_path(facts, 0, "192.0.2.77", "vlan10");
	path->reply = build_found(facts, "br0", NULL, 254, 0);
	path->egress = facts->paths[0].egress;
	court_open(&court);
	court.settings.intended = &intended;
	court.settings.intended_count = 1;
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	assert_false(court.findings->items[0].intended);
	assert_string_equal(court.findings->items[0].reply_device, "br0");
	court_close(&court);
	facts_free(facts);
}

static void a_declared_reply_device_does_not_excuse_a_missing_route(void **state)
{
	(void)state;
	struct intended intended = { 0 };
	struct court court;
	struct facts *facts = incident_two_nics();
	facts->paths[0].reply = build_failed(ROUTE_NONE);
	assert_int_equal(prefix_parse("198.51.100.10", &intended.address), 0);
	snprintf(intended.reply, sizeof(intended.reply), "%s", "eth0");
	court_open(&court);
	court.settings.intended = &intended;
	court.settings.intended_count = 1;
	court_settle(&court, facts);
	assert_false(court_find(&court, &no_reply_route_condition)->intended);
	intended.reply[0] = '\0';
	court_settle(&court, facts);
	assert_true(court_find(&court, &no_reply_route_condition)->intended);
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_and_unknown_replies_are_no_findings),
		cmocka_unit_test(flows_decide_the_severity),
		cmocka_unit_test(half_open_outweighs_assured),
		cmocka_unit_test(a_translated_service_is_told_with_its_target),
		cmocka_unit_test(wrong_devices_are_joined_and_peers_bounded),
		cmocka_unit_test(declared_asymmetry_is_shown_and_no_alarm),
		cmocka_unit_test(an_intended_path_does_not_hide_another),
		cmocka_unit_test(a_declared_reply_device_does_not_excuse_a_missing_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
