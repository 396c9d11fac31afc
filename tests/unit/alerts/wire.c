// SPDX-License-Identifier: GPL-2.0-or-later
/* What the wire shows, written down, and what the judge makes of it. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

static void hangs_once(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth1", FAR, OWN1, 1);
}

static void hangs_beside_others(struct facts *facts)
{
	wire_hangs(facts);
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 50, .one_way = 2 });
}

static void hangs_beside_another_address(struct facts *facts)
{
	wire_hangs(facts);
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth0", "eth0", OWN0, .completed = 50 });
}

static void every_fourth_hangs(struct facts *facts)
{
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 9, .one_way = 3 });
}

static void lossy(struct facts *facts)
{
	hangs_once(facts);
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 95, .one_way = 5 });
}

static void far_client(struct facts *facts)
{
	struct handshake_suspect *suspect = wire_repeated(facts, "eth1", "eth1", FAR, OWN1, 3);
	suspect->asked_ns = suspect->answered_ns + 2400000000;
}

static void client_at_the_limit(struct facts *facts)
{
	struct handshake_suspect *suspect = wire_repeated(facts, "eth1", "eth1", FAR, OWN1, 2);
	suspect->asked_ns = suspect->answered_ns + 2500000000;
}

static void every_fifth_hangs(struct facts *facts)
{
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 12, .one_way = 3 });
}

static void far_client_whose_answer_never_came(struct facts *facts)
{
	far_client(facts);
	facts->handshakes->suspects[0].counted = true;
}

static void far_client_by_another_device(struct facts *facts)
{
	far_client(facts);
	facts->handshakes->suspects[0].synack.out = wire_device(facts, "eth0");
}

static void slow_client(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth1", FAR, OWN1, 3)->acknowledged = true;
}

static void scan_or_flood(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .abandoned = 100000 });
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth0", OWN1, .abandoned = 100000 });
}

static void hangs_in_a_flood(struct facts *facts)
{
	scan_or_flood(facts);
	wire_hangs(facts);
}

static void hangs_on_its_way_through(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth1", NEAR1, REMOTE, 2)->role = HANDSHAKE_FORWARDED;
}

static void one_of_many_on_its_way_through(struct facts *facts)
{
	hangs_on_its_way_through(facts);
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_FORWARDED, "eth1", "eth1", "192.0.2.201", .completed = 9 });
}

static void left_wrongly_once(struct facts *facts)
{
	wire_repeated(facts, "eth1", "eth0", FAR, OWN1, 1);
}

static void equal_paths(struct facts *facts)
{
	wire_leaves_wrongly_and_completes(facts);
	facts->paths[0].reply = build_found(facts, "eth0,eth1", NULL, 254, 0);
}

static void equal_paths_of_which_one_fails(struct facts *facts)
{
	wire_leaves_wrongly(facts);
	facts->paths[0].reply = build_found(facts, "eth0,eth1", NULL, 254, 0);
}

static void reached_by_both(struct facts *facts)
{
	wire_leaves_wrongly_and_completes(facts);
	device_set_add(&facts->services[0].arrival, wire_device(facts, "eth0"));
}

static void ignored_once(struct facts *facts)
{
	wire_ignored(facts, OWN1, 1);
}

static void passed_on_behind_nat(struct facts *facts)
{
	wire_ignored_behind_nat(facts);
	facts->handshakes->suspects[0].other_synack.out = wire_device(facts, "eth0");
}

static void passed_on_both_changed(struct facts *facts)
{
	struct handshake_suspect *inner = wire_ignored(facts, OWN1, 2);
	uint32_t sequence = inner->sequence;
	struct handshake_suspect *outer = wire_repeated(facts, "eth0", "eth0", FAR, OWN0, 0);
	outer->sequence = sequence;
}

static void of_another_host(struct facts *facts)
{
	wire_ignored(facts, "192.0.2.5", 2);
}

static void add_stray(struct facts *facts, bool forwarded)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_OTHER_ADDRESS, HANDSHAKE_PASSED, OWN1, "192.0.2.99");
	suspect->synack.in = suspect->other_syn.out = wire_device(facts, "eth1");
	suspect->joined = true;
	suspect->other_client = suspect->client;
	suspect->other_server = build_address(REMOTE);
	if (forwarded)
		suspect->other_syn.in = wire_device(facts, "eth0");
}

static void answered_by_another(struct facts *facts)
{
	add_stray(facts, false);
}

static void others_answered_by_another(struct facts *facts)
{
	add_stray(facts, true);
}

static struct echo_suspect *add_echo(struct facts *facts, const char *asked)
{
	struct handshake_report *to = wire_report(facts);
	struct echo_suspect *echo = &to->echo_suspects[to->echo_suspect_count++];
	*echo = (struct echo_suspect){ .device = wire_device(facts, "eth1"),
		.direction = DIRECTION_OUT,
		.asker = build_address(OWN1),
		.asked = build_address(asked),
		.answerer = build_address("192.0.2.99"),
		.time_ns = facts->time_ns };
	return echo;
}

static void ping_answered_by_another(struct facts *facts)
{
	add_echo(facts, REMOTE);
}

static void ping_of_everyone(struct facts *facts)
{
	add_echo(facts, "198.51.100.255");
	add_echo(facts, "198.51.100.0");
	add_echo(facts, "255.255.255.255");
}

static void ping_long_ago(struct facts *facts)
{
	add_echo(facts, REMOTE)->time_ns -= 60 * SECOND_NS;
}

static void ping_of_others(struct facts *facts)
{
	add_echo(facts, REMOTE)->direction = DIRECTION_IN;
}

static void translated_once(struct facts *facts)
{
	wire_translated_times(facts, 1);
}

static struct handshake_suspect *add_half(struct facts *facts, const char *server, const char *out)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_RETURN_ONLY, HANDSHAKE_PASSED, FAR, server);
	suspect->synack.in = wire_device(facts, "eth1");
	suspect->synack.out = wire_device(facts, out);
	suspect->synack_repeats = 2;
	return suspect;
}

static void half_of_a_neighbour_passes(struct facts *facts)
{
	add_half(facts, NEAR1, "eth0");
}

static void half_of_a_neighbour_stays(struct facts *facts)
{
	add_half(facts, NEAR1, NULL);
}

static void half_from_afar_passes(struct facts *facts)
{
	add_half(facts, REMOTE, "eth0");
}

static void half_that_is_acknowledged(struct facts *facts)
{
	add_half(facts, NEAR1, "eth0")->acknowledged = true;
}

static void little_passes(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_PASSED, "eth0", "eth1", REMOTE, .return_only = 2 });
}

/* Answers to requests that others forged in this host's name. */
static void backscatter(struct facts *facts)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_RETURN_ONLY, HANDSHAKE_PASSED, OWN1, REMOTE);
	suspect->synack.in = wire_device(facts, "eth1");
	suspect->synack_repeats = 5;
	wire_row(facts, (struct wire_row){ HANDSHAKE_PASSED, "eth1", NULL, REMOTE, .return_only = 500 });
}

static void healthy(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 500 });
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth0", "eth0", OWN0, .completed = 500 });
	wire_peer(facts, "eth1", FAR, OWN1, "eth1");
}

#define NOTHING NULL

static const struct scene_row {
	const char *name;
	void (*happen)(struct facts *);
	const struct condition *condition;
	enum severity severity;
	const char *device, *address;
	bool at_once; /* opens at the first judgement */
} scenes[] = {
	{ "hangs", wire_hangs, &handshake_one_way_condition, SEVERITY_CRITICAL, "eth1", OWN1, true },
	{ "hangs beside another address", hangs_beside_another_address, &handshake_one_way_condition,
		SEVERITY_CRITICAL, "eth1", OWN1, true },
	{ "every fourth hangs", every_fourth_hangs, &handshake_one_way_condition, SEVERITY_CRITICAL, "eth1",
		OWN1, false },
	{ "every fifth hangs", every_fifth_hangs, &handshake_one_way_condition, SEVERITY_CRITICAL, "eth1",
		OWN1, false },
	{ "client at the limit", client_at_the_limit, &handshake_one_way_condition, SEVERITY_CRITICAL, "eth1",
		OWN1, true },
	{ "gave up", far_client_whose_answer_never_came, &handshake_one_way_condition, SEVERITY_CRITICAL,
		"eth1", OWN1, true },
	{ "far client by another device", far_client_by_another_device, &reply_wrong_device_condition,
		SEVERITY_WARNING, "eth1", OWN1, false },
	{ "hangs in a flood", hangs_in_a_flood, &handshake_one_way_condition, SEVERITY_CRITICAL, "eth1", OWN1,
		true },
	{ "hangs on its way through", hangs_on_its_way_through, &handshake_one_way_condition,
		SEVERITY_CRITICAL, "eth1", NULL, true },
	{ "leaves wrongly", wire_leaves_wrongly, &reply_wrong_device_condition, SEVERITY_CRITICAL, "eth1",
		OWN1, true },
	{ "leaves wrongly and completes", wire_leaves_wrongly_and_completes, &reply_wrong_device_condition,
		SEVERITY_INFO, "eth1", OWN1, false },
	{ "left wrongly once", left_wrongly_once, &reply_wrong_device_condition, SEVERITY_WARNING, "eth1",
		OWN1, false },
	{ "one of equal paths fails", equal_paths_of_which_one_fails, &reply_wrong_device_condition,
		SEVERITY_CRITICAL, "eth1", OWN1, true },
	{ "ignores", wire_ignores, &reply_ignored_condition, SEVERITY_CRITICAL, "eth1", NULL, true },
	{ "ignored behind NAT", wire_ignored_behind_nat, &reply_ignored_condition, SEVERITY_CRITICAL, "eth1",
		NULL, true },
	{ "answered by another", answered_by_another, &reply_from_other_address_condition, SEVERITY_CRITICAL,
		"eth1", REMOTE, false },
	{ "ping answered by another", ping_answered_by_another, &reply_from_other_address_condition,
		SEVERITY_CRITICAL, "eth1", REMOTE, false },
	{ "translated", wire_translated, &foreign_source_condition, SEVERITY_WARNING, "eth0", OWN1, true },
	{ "half passes", wire_half_passes, &return_only_condition, SEVERITY_WARNING, "eth0", NULL, false },
	{ "half of a neighbour passes", half_of_a_neighbour_passes, &return_only_condition, SEVERITY_WARNING,
		"eth1", NULL, true },
	{ .name = "half of a neighbour stays", .happen = half_of_a_neighbour_stays, .condition = NOTHING },
	{ .name = "half from afar passes", .happen = half_from_afar_passes, .condition = NOTHING },
	{ .name = "half that is acknowledged", .happen = half_that_is_acknowledged, .condition = NOTHING },
	{ .name = "hangs once", .happen = hangs_once, .condition = NOTHING },
	{ .name = "hangs beside others", .happen = hangs_beside_others, .condition = NOTHING },
	{ .name = "far client", .happen = far_client, .condition = NOTHING },
	{ .name = "lossy path", .happen = lossy, .condition = NOTHING },
	{ .name = "slow client", .happen = slow_client, .condition = NOTHING },
	{ .name = "scan or flood", .happen = scan_or_flood, .condition = NOTHING },
	{ .name = "one of many on its way through",
		.happen = one_of_many_on_its_way_through,
		.condition = NOTHING },
	{ .name = "equal paths", .happen = equal_paths, .condition = NOTHING },
	{ .name = "reached by both", .happen = reached_by_both, .condition = NOTHING },
	{ .name = "ignored once", .happen = ignored_once, .condition = NOTHING },
	{ .name = "passed on behind NAT", .happen = passed_on_behind_nat, .condition = NOTHING },
	{ .name = "passed on, both changed", .happen = passed_on_both_changed, .condition = NOTHING },
	{ .name = "of another host", .happen = of_another_host, .condition = NOTHING },
	{ .name = "others answered by another", .happen = others_answered_by_another, .condition = NOTHING },
	{ .name = "ping of everyone", .happen = ping_of_everyone, .condition = NOTHING },
	{ .name = "ping long ago", .happen = ping_long_ago, .condition = NOTHING },
	{ .name = "ping of others", .happen = ping_of_others, .condition = NOTHING },
	{ .name = "translated once", .happen = translated_once, .condition = NOTHING },
	{ .name = "little passes", .happen = little_passes, .condition = NOTHING },
	{ .name = "backscatter", .happen = backscatter, .condition = NOTHING },
	{ .name = "healthy", .happen = healthy, .condition = NOTHING },
};

static void assert_as_expected(const struct scene_row *row, const struct finding *finding)
{
	assert_non_null(finding);
	assert_int_equal(finding->condition, row->condition);
	assert_int_equal(finding->severity, row->severity);
	assert_string_equal(finding->device_name, row->device);
	assert_int_equal(finding->has_service, row->address != NULL);
	if (row->address)
		assert_true(address_equal(&finding->address, &(struct address){ 0 }) == false);
	char text[ADDRESS_TEXT_SIZE];
	if (row->address)
		assert_string_equal(address_format(&finding->address, text), row->address);
	assert_true(finding->summary[0] && finding->explanation[0] && finding->evidence_count);
}

static void the_wire_shows_faults_and_nothing_else(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		const struct scene_row *row = &scenes[i];
		struct court court;
		struct facts *facts = wire_host();
		row->happen(facts);
		court_open(&court);
		court_judge(&court, facts);
		bool early = court_alarm(&court) != NULL;
		if (early != row->at_once)
			fail_msg("%s: opened %s", row->name, early ? "too early" : "too late");
		court_settle(&court, facts);
		if (row->condition == NOTHING && court.findings->count)
			fail_msg("%s: %s", row->name, court.findings->items[0].summary);
		if (row->condition != NOTHING && !court_alarm(&court))
			fail_msg("%s: nothing", row->name);
		if (row->condition != NOTHING)
			assert_as_expected(row, court_alarm(&court));
		court_close(&court);
		facts_free(facts);
	}
}

static void findings_close_when_the_wire_is_quiet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		struct court court;
		struct facts *facts = wire_host();
		scenes[i].happen(facts);
		court_open(&court);
		court_settle(&court, facts);
		handshake_report_clear(facts->handshakes);
		for (int step = 0; step < 2; step++) {
			build_later(facts, 60);
			facts->path_count = 2;
			court_judge(&court, facts);
		}
		assert_int_equal(court.findings->count, 0);
		court_close(&court);
		facts_free(facts);
	}
}

static const struct finding *about(const struct court *court, const struct condition *condition,
	const struct facts *facts, const char *device, const char *address)
{
	struct address wanted = address ? build_address(address) : (struct address){ 0 };
	const struct finding *finding = findings_about(
		court->findings, condition, wire_device(facts, device), address ? &wanted : NULL, NULL);
	assert_non_null(finding);
	return finding;
}

static void assert_evidence(const struct finding *finding, const char *key, const char *text)
{
	unsigned count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++)
		count += strcmp(finding->evidence[i].key, key) == 0;
	assert_int_equal(count, 1);
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			assert_string_equal(finding->evidence[i].text, text);
}

static void ignored_answers_are_told_by_device(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	struct handshake_suspect *other = wire_ignored(facts, OWN0, 3);
	other->server = build_address("192.0.2.201");
	other->synack.in = other->syn.out = wire_device(facts, "eth0");
	wire_ignored(facts, OWN1, 1); /* too seldom */
	wire_ignores(facts);
	court_open(&court);
	court_judge(&court, facts);
	assert_int_equal(court.findings->count, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct finding *finding =
			about(&court, &reply_ignored_condition, facts, i ? "eth1" : "eth0", NULL);
		assert_true(finding->open);
		assert_evidence(finding, "answers_from", i ? REMOTE : "192.0.2.201");
		assert_evidence(finding, "repeats", i ? "2" : "3");
		assert_int_equal(finding->handshake_count, 1);
	}
	court_close(&court);
	facts_free(facts);
}

static void answers_of_others_are_told_by_who_was_asked(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	add_stray(facts, false);
	facts->handshakes->suspects[0].other_server = build_address("192.0.2.201");
	facts->handshakes->suspects[0].server = build_address("192.0.2.98");
	add_stray(facts, false);
	add_echo(facts, REMOTE);
	add_echo(facts, "192.0.2.202")->answerer = build_address("192.0.2.97");
	add_echo(facts, "192.0.2.202")->answerer = build_address("192.0.2.97");
	court_open(&court);
	court_judge(&court, facts);
	static const char *const rows[][3] = { { "192.0.2.201", "192.0.2.98", "0" },
		{ REMOTE, "192.0.2.99", "1" }, { "192.0.2.202", "192.0.2.97", "2" } };
	assert_int_equal(court.findings->count, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct finding *finding =
			about(&court, &reply_from_other_address_condition, facts, "eth1", rows[i][0]);
		assert_evidence(finding, "answers_from", rows[i][1]);
		assert_evidence(finding, "pings", rows[i][2]);
		assert_int_equal(finding->handshake_count, i < 2 ? 2 : 0); /* both sides of it */
	}
	court_close(&court);
	facts_free(facts);
}

/* The network's own addresses end where its prefix does. */
static void only_the_ends_of_a_network_are_shared(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *asked;
		bool shared;
	} rows[] = { { "10.1.2.3/23", "10.1.3.255", true }, { "10.1.2.3/23", "10.1.2.0", true },
		{ "10.1.2.3/23", "10.1.2.255", false }, { "10.1.2.3/23", "10.1.3.0", false },
		{ "10.1.2.4/31", "10.1.2.5", false }, { "10.1.2.4/30", "10.1.2.7", true },
		{ "10.1.2.4/30", "10.1.2.8", false }, { "10.1.2.3/23", "224.0.0.1", true } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = wire_host();
		build_local(facts, rows[i].prefix, "eth1");
		add_echo(facts, rows[i].asked);
		court_open(&court);
		court_judge(&court, facts);
		bool found = court_find(&court, &reply_from_other_address_condition) != NULL;
		if (found == rows[i].shared)
			fail_msg("%s in %s", rows[i].asked, rows[i].prefix);
		court_close(&court);
		facts_free(facts);
	}
}

static void a_translated_source_is_traced_to_its_server(void **state)
{
	(void)state;
	for (unsigned out_first = 0; out_first < 2; out_first++) {
		struct court court;
		struct facts *facts = wire_host();
		wire_translated(facts);
		struct handshake_suspect *suspects = facts->handshakes->suspects, first = suspects[0];
		if (out_first) {
			suspects[0] = suspects[1];
			suspects[1] = first;
		}
		court_open(&court);
		court_judge(&court, facts);
		const struct finding *finding = about(&court, &foreign_source_condition, facts, "eth0", OWN1);
		assert_evidence(finding, "servers", "203.0.113.77");
		assert_evidence(finding, "repeats", "2");
		court_close(&court);
		facts_free(facts);
	}
}

/* Replies that leave by two wrong devices are one finding. */
static void what_was_seen_at_all_devices_is_evidence(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	build_device(facts, "eth2");
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth0", OWN1, .completed = 5,
				.one_way = 1, .abandoned = 4 });
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth2", OWN1, .completed = 7,
				.one_way = 2, .abandoned = 3 });
	wire_repeated(facts, "eth1", "eth0", FAR, OWN1, 4);
	wire_repeated(facts, "eth1", "eth2", PEER, OWN1, 3);
	court_open(&court);
	court_judge(&court, facts);
	const struct finding *finding = about(&court, &reply_wrong_device_condition, facts, "eth1", OWN1);
	assert_string_equal(finding->reply_device, "eth0,eth2");
	assert_evidence(finding, "completed", "12");
	assert_evidence(finding, "one_way", "3");
	assert_evidence(finding, "abandoned", "7");
	assert_int_equal(finding->handshake_count, 2);
	court_close(&court);
	facts_free(facts);
}

/* A SYN-ACK that came in and did not leave is dropped by this host, one that left is lost further on. */
static void a_drop_here_is_told_from_a_loss_beyond(void **state)
{
	(void)state;
	static const struct {
		unsigned stayed, left;
		enum handshake_role role;
		bool here;
	} rows[] = { { 1, 0, HANDSHAKE_FORWARDED, true }, { 2, 0, HANDSHAKE_FORWARDED, true },
		{ 0, 1, HANDSHAKE_FORWARDED, false }, { 1, 1, HANDSHAKE_FORWARDED, false },
		{ 1, 0, HANDSHAKE_SERVED, false }, { 0, 0, HANDSHAKE_FORWARDED, false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = wire_host();
		for (unsigned j = 0; j < rows[i].stayed + rows[i].left; j++)
			wire_repeated(facts, "eth1", j < rows[i].stayed ? NULL : "eth0", NEAR1, REMOTE, 2)
				->role = rows[i].role;
		wire_row(facts, (struct wire_row){ HANDSHAKE_FORWARDED, "eth1", NULL, REMOTE, .completed = 1,
					.one_way = 3 });
		court_open(&court);
		court_judge(&court, facts);
		const struct finding *finding =
			about(&court, &handshake_one_way_condition, facts, "eth1", NULL);
		bool here = strstr(finding->explanation, "this host drops it") != NULL;
		bool beyond = strstr(finding->explanation, "look at the next routers") != NULL;
		if (here != rows[i].here || beyond == here)
			fail_msg("row %zu: %s", i, finding->explanation);
		assert_string_equal(finding->reply_device, rows[i].left ? "eth0" : "");
		court_close(&court);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wire_shows_faults_and_nothing_else),
		cmocka_unit_test(findings_close_when_the_wire_is_quiet),
		cmocka_unit_test(ignored_answers_are_told_by_device),
		cmocka_unit_test(answers_of_others_are_told_by_who_was_asked),
		cmocka_unit_test(only_the_ends_of_a_network_are_shared),
		cmocka_unit_test(a_translated_source_is_traced_to_its_server),
		cmocka_unit_test(what_was_seen_at_all_devices_is_evidence),
		cmocka_unit_test(a_drop_here_is_told_from_a_loss_beyond),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
