// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

#include "alerts/finding_life.h"
#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

struct incident {
	struct facts *(*make)(void);
	void (*recover)(struct facts *);
	const struct condition *condition;
};

static void answer_by_arrival(struct facts *facts)
{
	struct path *path = &facts->paths[0];
	path->reply = (struct route_answer){ .result = ROUTE_FOUND, .table = 254 };
	device_set_add(&path->reply.devices, path->arrival);
}

static struct facts *no_route(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].reply = build_failed(ROUTE_UNREACHABLE);
	return facts;
}

static struct facts *strict(void)
{
	struct facts *facts = incident_two_nics();
	facts->devices[1].rp_filter_raw = facts->devices[1].rp_filter_effective = 1;
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	answer_by_arrival(facts);
	return facts;
}

static void let_in(struct facts *facts)
{
	facts->paths[0].request.result = ROUTE_FOUND;
}

static void stop_counting(struct facts *facts)
{
	facts->rpfilter.drops_recent = 0;
}

static const struct incident incidents[] = {
	{ incident_two_nics, answer_by_arrival, &reply_wrong_device_condition },
	{ incident_two_nics6, answer_by_arrival, &reply_wrong_device_condition },
	{ incident_dnat_uplinks, answer_by_arrival, &reply_wrong_device_condition },
	{ no_route, answer_by_arrival, &no_reply_route_condition },
	{ strict, let_in, &rp_filter_drops_condition },
	{ incident_tunnel, stop_counting, &rp_filter_drops_condition },
};

#define INCIDENTS (sizeof(incidents) / sizeof(*incidents))

static void findings_open_at_the_second_judgement(void **state)
{
	(void)state;
	for (const struct incident *incident = incidents; incident < incidents + INCIDENTS; incident++) {
		struct court court;
		struct facts *facts = incident->make();
		int64_t since = facts->time_ns;
		court_open(&court);
		court_judge(&court, facts);
		assert_int_equal(court_count(&court, true), 0);
		assert_int_equal(court_count(&court, false), 1);
		build_later(facts, 5);
		court_judge(&court, facts);
		assert_int_equal(court_count(&court, true), 1);
		const struct finding *finding = court_find(&court, incident->condition);
		assert_non_null(finding);
		assert_true(finding->open && finding->holds && finding_is_alarm(finding));
		assert_true(finding->since_ns == since && finding->last_seen_ns == facts->time_ns);
		assert_int_equal(strlen(finding->id), 16);
		assert_true(finding->summary[0] && finding->explanation[0] && finding->evidence_count);
		court_close(&court);
		facts_free(facts);
	}
}

static void findings_close_after_a_minute_and_not_before(void **state)
{
	(void)state;
	for (const struct incident *incident = incidents; incident < incidents + INCIDENTS; incident++) {
		struct court court;
		struct facts *facts = incident->make();
		court_open(&court);
		court_settle(&court, facts);
		incident->recover(facts);
		build_later(facts, 100);
		court_judge(&court, facts);
		assert_int_equal(court_count(&court, true), 1);
		assert_false(court.findings->items[0].holds);
		build_later(facts, 59.9);
		court_judge(&court, facts);
		assert_int_equal(court_count(&court, true), 1);
		assert_true(court.findings->items[0].summary[0]);
		build_later(facts, 0.1);
		court_judge(&court, facts);
		assert_int_equal(court.findings->count, 0);
		court_close(&court);
		facts_free(facts);
	}
}

static void a_clock_step_closes_nothing(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	court_open(&court);
	court_settle(&court, facts);
	answer_by_arrival(facts);
	build_later(facts, 1);
	court_judge(&court, facts);
	facts->time_ns += INT64_C(86400000000000);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	court_close(&court);
	facts_free(facts);
}

static void what_comes_back_in_time_stays_open_and_keeps_its_age(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	struct route_answer wrong = facts->paths[0].reply;
	int64_t since = facts->time_ns;
	court_open(&court);
	court_settle(&court, facts);
	for (int i = 0; i < 4; i++) {
		answer_by_arrival(facts);
		build_later(facts, 40);
		court_judge(&court, facts);
		assert_false(court.findings->items[0].holds);
		facts->paths[0].reply = wrong;
		build_later(facts, 40);
		court_judge(&court, facts);
		assert_true(court.findings->items[0].open && court.findings->items[0].holds);
		assert_true(court.findings->items[0].since_ns == since);
	}
	court_close(&court);
	facts_free(facts);
}

static void what_opens_again_has_the_same_id(void **state)
{
	(void)state;
	for (const struct incident *incident = incidents; incident < incidents + INCIDENTS; incident++) {
		struct court court;
		struct facts *facts = incident->make();
		char id[FINDING_ID_SIZE];
		court_open(&court);
		court_settle(&court, facts);
		snprintf(id, sizeof(id), "%s", court.findings->items[0].id);
		findings_free(court.findings);
		court.findings = NULL;
		build_later(facts, 1000);
		court_settle(&court, facts);
		assert_string_equal(court.findings->items[0].id, id);
		assert_true(court.findings->items[0].since_ns == facts->time_ns - INT64_C(5000000000));
		court_close(&court);
		facts_free(facts);
	}
}

static void what_held_once_is_forgotten(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	court_open(&court);
	court_judge(&court, facts);
	answer_by_arrival(facts);
	build_later(facts, 5);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, false), 1);
	build_later(facts, 30);
	court_judge(&court, facts);
	assert_int_equal(court.findings->count, 0);
	court_close(&court);
	facts_free(facts);
}

static void what_holds_twice_with_a_pause_opens(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	struct route_answer wrong = facts->paths[0].reply;
	court_open(&court);
	court_judge(&court, facts);
	answer_by_arrival(facts);
	build_later(facts, 5);
	court_judge(&court, facts);
	facts->paths[0].reply = wrong;
	build_later(facts, 5);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	court_close(&court);
	facts_free(facts);
}

static void thresholds_are_obeyed(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	court_open(&court);
	court.settings.thresholds.open_judgements = 1;
	court.settings.thresholds.close_seconds = 0;
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 1);
	answer_by_arrival(facts);
	court_judge(&court, facts);
	assert_int_equal(court.findings->count, 0);
	court_close(&court);
	facts_free(facts);
}

/* Strict two-nics: the request is dropped on arrival, and its reply would leave wrongly too. */
static struct facts *strict_and_wrong(void)
{
	struct facts *facts = incident_two_nics();
	facts->devices[1].rp_filter_raw = facts->devices[1].rp_filter_effective = 1;
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	return facts;
}

static void one_incident_is_one_alarm(void **state)
{
	(void)state;
	static const enum route_result results[] = { ROUTE_FOUND, ROUTE_PROHIBIT };
	for (size_t i = 0; i < 2; i++) {
		struct court court;
		struct facts *facts = strict_and_wrong();
		if (results[i] != ROUTE_FOUND)
			facts->paths[0].reply = build_failed(results[i]);
		court_open(&court);
		court_settle(&court, facts);
		assert_int_equal(court_count(&court, true), 2);
		const struct finding *cause = &court.findings->items[0], *symptom = &court.findings->items[1];
		assert_int_equal(cause->condition, &rp_filter_drops_condition);
		assert_string_equal(cause->cause, "");
		assert_string_equal(symptom->cause, cause->id);
		assert_true(finding_is_alarm(cause));
		assert_false(finding_is_alarm(symptom));
		/* Either may be pasted, or both. */
		assert_true(cause->remedy_count > 0 && cause->remedy_checked);
		char commands[1024];
		snprintf(commands, sizeof(commands), "%s", court_remedy(cause));
		assert_string_equal(court_remedy(symptom), commands);
		court_close(&court);
		facts_free(facts);
	}
}

static void a_path_that_is_let_in_is_not_explained(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict_and_wrong();
	struct path *path = build_path(facts, 0, "192.0.2.77", "eth1");
	path->reply = facts->paths[0].reply;
	path->egress = facts->paths[0].egress;
	court_open(&court);
	court_settle(&court, facts);
	assert_int_equal(court_count(&court, true), 2);
	assert_string_equal(court_find(&court, &reply_wrong_device_condition)->cause, "");
	court_close(&court);
	facts_free(facts);
}

static void a_cause_that_is_still_pending_hides_nothing(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	court_open(&court);
	court_settle(&court, facts);
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	facts->devices[1].rp_filter_effective = 1;
	court_judge(&court, facts);
	assert_true(finding_is_alarm(court_find(&court, &reply_wrong_device_condition)));
	court_judge(&court, facts); /* as what it opened it stays */
	assert_true(finding_is_alarm(court_find(&court, &reply_wrong_device_condition)));
	assert_true(finding_is_alarm(court_find(&court, &rp_filter_drops_condition)));
	court_close(&court);
	facts_free(facts);
}

/* What the wire shows opens at once, but not before what explains it. */
static void a_symptom_opens_with_its_cause(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	wire_hangs(facts);
	court_open(&court);
	court_judge(&court, facts);
	assert_true(finding_is_alarm(court_find(&court, &handshake_one_way_condition)));
	court_close(&court);
	facts_free(facts);

	facts = incident_two_nics();
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", "198.51.100.10", .one_way = 9 });
	wire_repeated(facts, "eth1", "eth1", PEER, "198.51.100.10", 2);
	court_open(&court);
	court_judge(&court, facts);
	assert_int_equal(court_count(&court, true), 0);
	assert_int_equal(court_count(&court, false), 2);
	for (int second = 1; second <= UNDECIDED_SECONDS; second++) {
		build_later(facts, 1);
		court_judge(&court, facts);
		const struct finding *cause = court_find(&court, &reply_wrong_device_condition);
		const struct finding *symptom = court_find(&court, &handshake_one_way_condition);
		assert_true(symptom->open);
		assert_string_equal(symptom->cause, cause->id);
		assert_int_equal(finding_is_alarm(cause), second == UNDECIDED_SECONDS);
	}
	court_close(&court);
	facts_free(facts);
}

/* So that it opens as what it is, if there is traffic. */
static void a_prediction_waits_for_what_the_wire_shows(void **state)
{
	(void)state;
	for (int hangs = 0; hangs < 2; hangs++) {
		struct court court;
		struct facts *facts = incident_two_nics();
		wire_report(facts);
		court_open(&court);
		court_judge(&court, facts);
		for (int second = 1; second < UNDECIDED_SECONDS; second++) {
			build_later(facts, 1);
			court_judge(&court, facts);
			assert_int_equal(court_count(&court, true), 0);
		}
		if (hangs)
			wire_repeated(facts, "eth1", "eth0", PEER, "198.51.100.10", 2);
		build_later(facts, hangs ? 0.1 : 1);
		court_judge(&court, facts);
		assert_int_equal(court_alarm(&court)->severity, hangs ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		court_close(&court);
		facts_free(facts);
	}
}

/* The cause is healed, what hung before is still remembered; and after a minute it goes on by itself. */
static void a_symptom_stays_one_until_its_cause_is_long_gone(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = incident_two_nics();
	struct handshake_suspect *suspect = wire_repeated(facts, "eth1", "eth1", PEER, "198.51.100.10", 2);
	court_open(&court);
	court.settings.thresholds.close_seconds = 10;
	court_settle(&court, facts);
	int64_t since = court_find(&court, &handshake_one_way_condition)->since_ns;
	answer_by_arrival(facts);
	for (int second = 1; second < 10 + CAUSE_SECONDS + 4; second++) {
		build_later(facts, 1);
		suspect->asked_ns = facts->time_ns;
		court_judge(&court, facts);
		const struct finding *symptom = court_find(&court, &handshake_one_way_condition);
		if (second <= 10 + CAUSE_SECONDS) {
			assert_true(symptom->open && *symptom->cause && symptom->since_ns == since);
			assert_int_equal(
				court_find(&court, &reply_wrong_device_condition) != NULL, second <= 10);
		} else {
			assert_true(!symptom->open || finding_is_alarm(symptom));
			assert_true(symptom->since_ns > since);
		}
	}
	assert_non_null(court_alarm(&court));
	court_close(&court);
	facts_free(facts);
}

static void findings_are_in_order(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = strict_and_wrong();
	for (int i = 1; i < 9; i++) {
		char address[16];
		snprintf(address, sizeof(address), "198.51.100.%d", 10 + i);
		size_t service = build_service(facts, address, NULL, "eth1");
		struct path *path = build_path(facts, service, PEER, "eth1");
		path->reply = facts->paths[0].reply;
		path->egress = facts->paths[0].egress;
		if (i % 2)
			build_example(facts, service, PEER, NAT_SYN_RECV);
	}
	court_open(&court);
	court_settle(&court, facts);
	facts->paths[8].arrival = build_ifindex(facts, "eth0");
	facts->paths[8].reply = facts->paths[8].egress = build_failed(ROUTE_NONE);
	court_judge(&court, facts);
	assert_int_equal(court.findings->count, 11);
	for (size_t i = 1; i < court.findings->count; i++) {
		const struct finding *a = &court.findings->items[i - 1], *b = a + 1;
		assert_true(a->open >= b->open);
		if (a->open != b->open)
			continue;
		assert_true(!a->cause[0] >= !b->cause[0]);
		if (!a->cause[0] != !b->cause[0])
			continue;
		assert_true(a->severity >= b->severity);
		assert_true(a->severity > b->severity || strcmp(a->id, b->id) < 0);
	}
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_open_at_the_second_judgement),
		cmocka_unit_test(findings_close_after_a_minute_and_not_before),
		cmocka_unit_test(a_clock_step_closes_nothing),
		cmocka_unit_test(what_comes_back_in_time_stays_open_and_keeps_its_age),
		cmocka_unit_test(what_opens_again_has_the_same_id),
		cmocka_unit_test(what_held_once_is_forgotten),
		cmocka_unit_test(what_holds_twice_with_a_pause_opens),
		cmocka_unit_test(thresholds_are_obeyed),
		cmocka_unit_test(one_incident_is_one_alarm),
		cmocka_unit_test(a_path_that_is_let_in_is_not_explained),
		cmocka_unit_test(a_cause_that_is_still_pending_hides_nothing),
		cmocka_unit_test(a_symptom_opens_with_its_cause),
		cmocka_unit_test(a_prediction_waits_for_what_the_wire_shows),
		cmocka_unit_test(a_symptom_stays_one_until_its_cause_is_long_gone),
		cmocka_unit_test(findings_are_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
