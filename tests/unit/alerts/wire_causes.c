// SPDX-License-Identifier: GPL-2.0-or-later
/* What is seen on the wire beside what is predicted, declared, or explained by something else. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

/* ---- causes ---- */

static void dropped_by_source_validation(struct facts *facts)
{
	wire_ignores(facts);
	wire_echo_filtered(facts);
	facts->devices[1].rp_filter_raw = facts->devices[1].rp_filter_effective = 1;
}

static void without_route(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_UNREACHABLE);
	wire_hangs(facts);
}

static void without_route_behind_nat(struct facts *facts)
{
	facts->paths[0].reply = build_failed(ROUTE_UNREACHABLE);
	facts->services[0].target_ifindex = wire_device(facts, "eth1");
	wire_ignored_behind_nat(facts);
}

static const struct cause_row {
	void (*happen)(struct facts *);
	const struct condition *cause, *symptom;
} causes[] = {
	{ wire_leaves_wrongly, &reply_wrong_device_condition, &handshake_one_way_condition },
	{ wire_leaves_wrongly, &reply_wrong_device_condition, &foreign_source_condition },
	{ dropped_by_source_validation, &rp_filter_drops_condition, &reply_ignored_condition },
	{ wire_translated, &foreign_source_condition, &return_only_condition },
	{ without_route, &no_reply_route_condition, &handshake_one_way_condition },
	{ without_route_behind_nat, &no_reply_route_condition, &reply_ignored_condition },
};

static void one_incident_is_one_alarm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		struct court court;
		struct facts *facts = wire_host();
		causes[i].happen(facts);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *alarm = court_alarm(&court);
		const struct finding *symptom = court_find(&court, causes[i].symptom);
		assert_non_null(alarm);
		assert_int_equal(alarm->condition, causes[i].cause);
		assert_non_null(symptom);
		assert_true(symptom->open);
		assert_string_equal(symptom->cause, alarm->id);
		court_close(&court);
		facts_free(facts);
	}
}

/* Other packets are dropped on the same device; of these replies no lookup tells. */
static void what_only_the_wire_shows_is_an_alarm_beside_drops(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	wire_leaves_wrongly(facts);
	wire_echo_filtered(facts);
	facts->devices[1].rp_filter_raw = facts->devices[1].rp_filter_effective = 1;
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *drops = court_find(&court, &rp_filter_drops_condition);
	const struct finding *wrong = court_find(&court, &reply_wrong_device_condition);
	assert_true(drops && drops->open && wrong && wrong->open);
	assert_int_equal(drops->device, wrong->device);
	assert_true(finding_is_alarm(wrong));
	court_close(&court);
	facts_free(facts);
}

static void a_foreign_source_tells_the_origin_of_its_service(void **state)
{
	(void)state;
	for (int origin = ORIGIN_LOCAL; origin <= ORIGIN_DNAT; origin++) {
		struct court court;
		struct facts *facts = wire_host();
		struct address own = build_address(OWN1);
		wire_leaves_wrongly(facts);
		for (size_t i = 0; i < facts->service_count; i++)
			if (address_equal(&facts->services[i].address, &own))
				facts->services[i].origin = (enum origin)origin;
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &foreign_source_condition);
		assert_non_null(finding);
		assert_int_equal(finding->origin, origin);
		court_close(&court);
		facts_free(facts);
	}
}

static void answers_that_the_first_path_shows_as_dropped_are_ignored(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	facts->path_count = 0;
	wire_echo_filtered(facts);
	court_open(&court);
	court_judge(&court, facts);
	const struct finding *finding = court_find(&court, &reply_ignored_condition);
	assert_non_null(finding);
	assert_string_equal(court_evidence(finding, "answers_from"), REMOTE);
	court_close(&court);
	facts_free(facts);
}

/* The peers that were seen are looked up a judgement after their answers were ignored. */
static void a_symptom_waits_for_lookups_to_tell_its_cause(void **state)
{
	(void)state;
	for (int filtered = 0; filtered < 2; filtered++) {
		struct court court;
		struct facts *facts = wire_host();
		wire_ignores(facts);
		facts->devices[1].rp_filter_effective = filtered;
		court_open(&court);
		court_judge(&court, facts);
		const struct finding *symptom = court_find(&court, &reply_ignored_condition);
		assert_non_null(symptom);
		assert_int_equal(symptom->open, !filtered);
		court_close(&court);
		facts_free(facts);
	}
}

/* ---- prediction and observation ---- */

static void predicted_and_seen(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth0", PEER, OWN1, 2);
}

static void predicted_and_completes(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth0", OWN1, .completed = 2 });
	build_example(facts, 0, PEER, NAT_SYN_RECV);
}

static void neighbours_complete(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 2 });
	wire_peer(facts, "eth1", NEAR1, OWN1, "eth1");
}

static void others_complete_while_it_fails(struct facts *facts)
{
	wire_peer(facts, "eth1", FAR, OWN1, "eth1");
	wire_peer(facts, "eth1", PEER, OWN1, NULL);
}

static void watched(struct facts *facts)
{
	wire_report(facts);
}

static void refuted(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 2 });
	wire_peer(facts, "eth1", PEER, OWN1, "eth1");
}

static void refuted_by_another(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 2 });
	wire_peer(facts, "eth1", FAR, OWN1, "eth1");
}

static void add_syn_recv(struct facts *facts, const char *address)
{
	facts->syn_recv_known = true;
	struct syn_recv *added = ARRAY_ADD(facts->syn_recv, facts->syn_recv_count);
	assert_non_null(added);
	*added = (struct syn_recv){ .address = build_address(address), .unanswered = 1 };
}

static void syn_recv(struct facts *facts)
{
	add_syn_recv(facts, OWN1);
}

static void syn_recv_elsewhere(struct facts *facts)
{
	add_syn_recv(facts, OWN0);
}

static void syn_recv_watched(struct facts *facts)
{
	syn_recv(facts);
	wire_report(facts);
}

static const struct prediction_row {
	const char *name;
	void (*happen)(struct facts *);
	int severity; /* -1: no finding */
} predictions[] = {
	{ "predicted and seen", predicted_and_seen, SEVERITY_CRITICAL },
	{ "predicted and completes", predicted_and_completes, SEVERITY_INFO },
	{ "neighbours complete", neighbours_complete, SEVERITY_WARNING },
	{ "others complete while it fails", others_complete_while_it_fails, SEVERITY_WARNING },
	{ "watched", watched, SEVERITY_WARNING },
	{ "refuted", refuted, -1 },
	{ "refuted by another", refuted_by_another, -1 },
	{ "unanswered SYN-ACKs", syn_recv, SEVERITY_CRITICAL },
	{ "unanswered SYN-ACKs elsewhere", syn_recv_elsewhere, SEVERITY_WARNING },
	{ "unanswered SYN-ACKs beside a capture", syn_recv_watched, SEVERITY_WARNING },
};

static void the_wire_decides_over_predictions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(predictions) / sizeof(*predictions); i++) {
		const struct prediction_row *row = &predictions[i];
		struct court court;
		struct facts *facts = incident_two_nics();
		row->happen(facts);
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
		if ((finding ? (int)finding->severity : -1) != row->severity)
			fail_msg("%s: %s", row->name, finding ? severity_name(finding->severity) : "nothing");
		if (finding)
			assert_true(finding->remedy_count > 0);
		court_close(&court);
		facts_free(facts);
	}
}

/* An address on lo alone belongs to no line: as long as nothing fails, any may answer. */
static void a_floating_address_may_be_answered_by_any_line(void **state)
{
	(void)state;
	static const struct {
		bool floating, watched, fails, intended;
		int severity; /* -1: no finding */
	} rows[] = { { true, true, false, false, -1 }, { true, false, false, false, SEVERITY_WARNING },
		{ false, true, false, false, SEVERITY_WARNING },
		{ true, true, true, false, SEVERITY_CRITICAL }, { true, true, false, true, SEVERITY_INFO } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = incident_two_nics();
		struct intended intended = { .address = { build_address(OWN1), 32 } };
		build_device(facts, "lo")->kind = DEVICE_LOOPBACK;
		if (rows[i].floating)
			facts->addresses[1].ifindex = build_ifindex(facts, "lo");
		if (rows[i].watched)
			wire_report(facts);
		if (rows[i].fails)
			predicted_and_seen(facts);
		court_open(&court);
		court.settings.intended = &intended;
		court.settings.intended_count = rows[i].intended;
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
		assert_int_equal(finding ? (int)finding->severity : -1, rows[i].severity);
		court_close(&court);
		facts_free(facts);
	}
}

static void repeated_syn_acks_alone_are_no_finding(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	handshake_report_clear(facts->handshakes);
	free(facts->handshakes);
	facts->handshakes = NULL;
	syn_recv(facts);
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court.findings->count, 0);
	court_close(&court);
	facts_free(facts);
}

/* Of two services at one address the port tells which one fails. */
static void a_port_tells_the_service(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	facts->service_count = facts->path_count = 0;
	for (unsigned i = 0; i < 2; i++) {
		size_t service = build_service(facts, OWN1, i ? "10.0.0.2" : "10.0.0.1", "eth1");
		build_example(facts, service, FAR, NAT_SYN_RECV)->port = i ? 22 : 80;
	}
	wire_leaves_wrongly(facts);
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 70 });
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_alarm(&court);
	assert_non_null(finding);
	assert_int_equal(finding->condition, &reply_wrong_device_condition);
	assert_true(address_equal(&finding->target, &facts->services[1].target));
	assert_string_equal(finding->reply_device, "eth0");
	assert_int_equal(finding->remedy_count, 0);
	assert_non_null(strstr(finding->explanation, "No commands are given"));
	court_close(&court);
	facts_free(facts);
}

/* What completes at one of two services does not speak for the other. */
static void a_port_that_completes_is_no_alarm(void **state)
{
	(void)state;
	static const struct {
		uint32_t repeats;
		uint16_t completes;
		enum severity severity;
	} cases[] = { { 2, 22, SEVERITY_INFO }, { 2, 80, SEVERITY_CRITICAL }, { 1, 80, SEVERITY_WARNING } };
	for (size_t row = 0; row < sizeof(cases) / sizeof(*cases); row++) {
		struct court court;
		struct facts *facts = wire_host();
		facts->service_count = facts->path_count = 0;
		for (unsigned i = 0; i < 2; i++) {
			size_t service = build_service(facts, OWN1, i ? "10.0.0.2" : "10.0.0.1", "eth1");
			build_example(facts, service, FAR, NAT_SYN_RECV)->port = i ? 22 : 80;
		}
		wire_repeated(facts, "eth1", "eth0", FAR, OWN1, 2)->server_port = 80; /* the other's */
		wire_repeated(facts, "eth1", "eth0", FAR, OWN1, cases[row].repeats);
		wire_peer(facts, "eth1", FAR, OWN1, "eth0")->port = cases[row].completes;
		wire_peer(facts, "eth1", FAR, OWN1, "eth1");
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = findings_about(court.findings, &reply_wrong_device_condition,
			wire_device(facts, "eth1"), NULL, &facts->services[1].target);
		assert_non_null(finding);
		assert_int_equal(finding->severity, cases[row].severity);
		court_close(&court);
		facts_free(facts);
	}
}

/* Lookups foretell eth0, the wire shows eth2: both are wrong, and the same rules help. */
static void commands_are_given_where_lookups_show_a_fault_as_well(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	build_device(facts, "eth2");
	wire_repeated(facts, "eth1", "eth2", FAR, OWN1, 2);
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_string_equal(finding->reply_device, "eth2");
	assert_non_null(strstr(finding->explanation, "The commands lead the replies out of eth1"));
	assert_non_null(strstr(court_remedy(finding), "from 198.51.100.10 lookup 100\n"));
	court_close(&court);
	facts_free(facts);
}

static void no_commands_are_given_where_lookups_show_no_fault(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	facts->paths[0].reply = build_found(facts, "eth1", "198.51.100.1", 254, 0);
	facts->paths[1].reply = build_found(facts, "eth0", "203.0.113.1", 254, 0);
	wire_leaves_wrongly(facts);
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
	assert_int_equal(finding->remedy_count, 0);
	assert_non_null(strstr(finding->explanation, "lookups do not show what sends the replies there"));
	court_close(&court);
	facts_free(facts);
}

/* ---- intended ---- */

static void direct_return(struct facts *facts)
{
	wire_half_passes(facts);
	facts->handshakes->services[0].address = build_address(OWN1);
}

static void (*const meant[])(struct facts *) = { wire_leaves_wrongly, wire_leaves_wrongly_and_completes,
	wire_hangs, direct_return };

static void what_is_meant_is_no_alarm(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(meant) / sizeof(*meant); i++) {
		struct court court;
		struct facts *facts = wire_host();
		struct intended intended = { .address = { build_address(OWN1), 32 } };
		meant[i](facts);
		court_open(&court);
		court.settings.intended = &intended;
		court.settings.intended_count = 1;
		court_settle(&court, facts);
		assert_null(court_alarm(&court));
		assert_true(court.findings->count > 0);
		for (size_t j = 0; j < court.findings->count; j++)
			assert_true(court.findings->items[j].intended);
		snprintf(intended.reply, sizeof(intended.reply), "eth7");
		court_settle(&court, facts);
		assert_non_null(court_alarm(&court));
		court_close(&court);
		facts_free(facts);
	}
}

static void the_handshakes_that_show_it_are_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	for (unsigned i = 0; i < FINDING_HANDSHAKES + 8; i++)
		wire_hangs(facts);
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &handshake_one_way_condition);
	assert_int_equal(finding->handshake_count, FINDING_HANDSHAKES);
	assert_int_equal(finding->handshakes[0], facts->handshakes->suspects[0].id);
	assert_string_equal(court_evidence(finding, "peers"), FAR);
	assert_string_equal(court_evidence(finding, "ports"), "22");
	assert_string_equal(court_evidence(finding, "repeats"), "2");
	assert_non_null(court_evidence(finding, "first_packet"));
	court_close(&court);
	facts_free(facts);
}

static size_t count_evidence(const struct finding *finding, const char *key)
{
	size_t count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++)
		count += strcmp(finding->evidence[i].key, key) == 0;
	return count;
}

/* The builder's clock stands at 22:13:20. */
static void all_handshakes_that_show_it_are_summed_up(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	for (unsigned i = 0; i < 10; i++) {
		struct handshake_suspect *suspect =
			wire_repeated(facts, "eth1", "eth1", FAR, OWN1, i == 5 ? 7 : 2);
		suspect->client.bytes[3] = (uint8_t)(10 + i / 2);
		suspect->client_port = (uint16_t)(40000 + i);
		suspect->server_port = (uint16_t)(20 + i);
		suspect->first_ns -= (i == 3) * 9 * SECOND_NS / 1000;
		suspect->last_ns += (i == 4) * SECOND_NS / 4;
	}
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &handshake_one_way_condition);
	assert_int_equal(finding->handshake_count, 10);
	assert_int_equal(count_evidence(finding, "peers"), 5);
	assert_int_equal(count_evidence(finding, "ports"), 8); /* no more are told */
	assert_string_equal(court_evidence(finding, "repeats"), "7");
	assert_string_equal(court_evidence(finding, "first_packet"), "2023-11-14T22:13:16.991Z");
	assert_string_equal(court_evidence(finding, "last_packet"), "2023-11-14T22:13:20.250Z");
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_incident_is_one_alarm),
		cmocka_unit_test(what_only_the_wire_shows_is_an_alarm_beside_drops),
		cmocka_unit_test(a_foreign_source_tells_the_origin_of_its_service),
		cmocka_unit_test(answers_that_the_first_path_shows_as_dropped_are_ignored),
		cmocka_unit_test(a_symptom_waits_for_lookups_to_tell_its_cause),
		cmocka_unit_test(the_wire_decides_over_predictions),
		cmocka_unit_test(a_floating_address_may_be_answered_by_any_line),
		cmocka_unit_test(repeated_syn_acks_alone_are_no_finding),
		cmocka_unit_test(a_port_tells_the_service),
		cmocka_unit_test(a_port_that_completes_is_no_alarm),
		cmocka_unit_test(commands_are_given_where_lookups_show_a_fault_as_well),
		cmocka_unit_test(no_commands_are_given_where_lookups_show_no_fault),
		cmocka_unit_test(what_is_meant_is_no_alarm),
		cmocka_unit_test(the_handshakes_that_show_it_are_named),
		cmocka_unit_test(all_handshakes_that_show_it_are_summed_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
