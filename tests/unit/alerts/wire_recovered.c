// SPDX-License-Identifier: GPL-2.0-or-later
/* What failed is over once the same succeeds for some seconds after it. */
#include "tests/support/unit.h"

#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

/* ---- what fails, until now ---- */

static void hang_often(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .one_way = 9 });
}

static void leave_wrongly_often(struct facts *facts)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth0", OWN1, .one_way = 9 });
}

static void be_answered_by_another(struct facts *facts)
{
	struct handshake_suspect *suspect =
		wire_suspect(facts, SIGN_OTHER_ADDRESS, HANDSHAKE_PASSED, OWN1, "192.0.2.99");
	suspect->synack.in = suspect->other_syn.out = wire_device(facts, "eth1");
	suspect->joined = true;
	suspect->other_server = build_address(REMOTE);
}

static void ping_another(struct facts *facts)
{
	struct handshake_report *to = wire_report(facts);
	to->echo_suspects[to->echo_suspect_count++] =
		(struct echo_suspect){ .device = wire_device(facts, "eth1"),
			.direction = DIRECTION_OUT,
			.asker = build_address(OWN1),
			.asked = build_address(REMOTE),
			.answerer = build_address("192.0.2.99"),
			.time_ns = facts->time_ns };
}

/* Two services at eth1's address, at ports 80 and 22. */
static void share(struct facts *facts)
{
	facts->service_count = facts->path_count = 0;
	for (unsigned i = 0; i < 2; i++) {
		size_t service = build_service(facts, OWN1, i ? "10.0.0.2" : "10.0.0.1", "eth1");
		build_example(facts, service, FAR, NAT_SYN_RECV)->port = i ? 22 : 80;
	}
}

/* ---- what succeeds, some seconds from now ---- */

static void hang_and_hang_often(struct facts *facts)
{
	hang_often(facts);
	wire_hangs(facts);
}

/* A connection to eth1's address and the port that hung. */
static struct handshake_peer *complete_from(struct facts *facts, const char *client, int later)
{
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth1", "eth1", OWN1, .completed = 1, .later = later });
	struct handshake_peer *peer = wire_peer(facts, "eth1", client, OWN1, "eth1");
	peer->seen_ns += later * SECOND_NS;
	return peer;
}

static void complete(struct facts *facts, int later)
{
	complete_from(facts, FAR, later);
}

static void complete_nearby(struct facts *facts, int later)
{
	complete_from(facts, "192.0.2.1", later);
}

static void complete_from_another_network(struct facts *facts, int later)
{
	complete_from(facts, "192.0.3.77", later);
}

static void complete_at_another_port(struct facts *facts, int later)
{
	complete_from(facts, FAR, later)->port = 80;
}

static void complete_by_a_third_device(struct facts *facts, int later)
{
	complete_from(facts, FAR, later)->synack_device = 99;
}

static void complete_elsewhere(struct facts *facts, int later)
{
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth0", "eth0", OWN0, .completed = 1, .later = later });
	wire_row(facts,
		(struct wire_row){ HANDSHAKE_SERVED, "eth0", "eth0", OWN1, .completed = 1, .later = later });
}

static void pass_whole(struct facts *facts, int later)
{
	wire_row(facts, (struct wire_row){ HANDSHAKE_FORWARDED, "eth1", "eth1", REMOTE, .completed = 1,
				.later = later });
	wire_row(facts, (struct wire_row){ HANDSHAKE_FORWARDED, "eth1", "eth1", "203.0.113.77",
				.completed = 1, .later = later });
}

static struct handshake_peer *answer(struct facts *facts)
{
	struct handshake_peer *peer = wire_peer(facts, "eth1", REMOTE, OWN1, NULL);
	peer->asks = peer->unfinished = false;
	return peer;
}

static void connect_out(struct facts *facts, int later)
{
	answer(facts)->completed_ns = facts->time_ns + later * SECOND_NS;
}

static void ping(struct facts *facts, int later)
{
	answer(facts)->echoed_ns = facts->time_ns + later * SECOND_NS;
}

static const struct recovery {
	const char *name;
	void (*break_it)(struct facts *);
	void (*succeed)(struct facts *, int later);
	const struct condition *condition;
	bool recovers;
} recoveries[] = {
	{ "one left wrongly", wire_leaves_wrongly, complete, &reply_wrong_device_condition, true },
	{ "its network completes", wire_leaves_wrongly, complete_nearby, &reply_wrong_device_condition,
		true },
	{ "another network completes", wire_leaves_wrongly, complete_from_another_network,
		&reply_wrong_device_condition, false },
	{ "another port completes", wire_leaves_wrongly, complete_at_another_port,
		&reply_wrong_device_condition, false },
	{ "a third device answers", wire_leaves_wrongly, complete_by_a_third_device,
		&reply_wrong_device_condition, false },
	{ "one hung among many, others complete", hang_and_hang_often, complete_from_another_network,
		&handshake_one_way_condition, false },
	{ "one hung among many, it completes", hang_and_hang_often, complete, &handshake_one_way_condition,
		true },
	{ "many left wrongly", leave_wrongly_often, complete, &reply_wrong_device_condition, true },
	{ "foreign source", wire_leaves_wrongly, complete, &foreign_source_condition, true },
	{ "completed wrongly", wire_leaves_wrongly_and_completes, complete, &reply_wrong_device_condition,
		true },
	{ "many hung", hang_often, complete, &handshake_one_way_condition, true },
	{ "another address", wire_leaves_wrongly, complete_elsewhere, &reply_wrong_device_condition, false },
	{ "another address hung", hang_often, complete_elsewhere, &handshake_one_way_condition, false },
	{ "ignored", wire_ignores, connect_out, &reply_ignored_condition, true },
	{ "ignored, ping answered", wire_ignores, ping, &reply_ignored_condition, false },
	{ "answered by another", be_answered_by_another, connect_out, &reply_from_other_address_condition,
		true },
	{ "ping answered by another", ping_another, ping, &reply_from_other_address_condition, true },
	{ "ping alone", ping_another, connect_out, &reply_from_other_address_condition, false },
	{ "half passed", wire_half_passes, pass_whole, &return_only_condition, true },
	{ "half passed, others complete", wire_half_passes, complete, &return_only_condition, false },
	{ "translated", wire_translated, pass_whole, &foreign_source_condition, true },
};

static bool holds(const struct recovery *row, int later)
{
	struct court court;
	struct facts *facts = wire_host();
	row->break_it(facts);
	row->succeed(facts, later);
	build_later(facts, later);
	court_open(&court);
	court_judge(&court, facts);
	bool found = court_find(&court, row->condition) != NULL;
	court_close(&court);
	facts_free(facts);
	return found;
}

static void what_succeeds_again_is_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recoveries) / sizeof(*recoveries); i++) {
		const struct recovery *row = &recoveries[i];
		if (!holds(row, 4))
			fail_msg("%s: over too early", row->name);
		for (int later = 5; later < 7; later++)
			if (holds(row, later) == row->recovers)
				fail_msg("%s: %s", row->name, row->recovers ? "goes on" : "is over");
	}
}

static void add_port(struct facts *facts, uint16_t port)
{
	struct handshake_peer *peer = wire_peer(facts, "eth1", FAR, OWN1, "eth1");
	peer->port = port;
	peer->seen_ns += 6 * SECOND_NS;
}

/* Which of two services at one address completes. */
static void another_service_recovers_nothing(void **state)
{
	(void)state;
	for (int same = 0; same < 2; same++) {
		struct court court;
		struct facts *facts = wire_host();
		share(facts);
		wire_leaves_wrongly(facts);
		complete_at_another_port(facts, 6);
		add_port(facts, same ? 22 : 80);
		build_later(facts, 6);
		court_open(&court);
		court_judge(&court, facts);
		assert_int_equal(court_find(&court, &reply_wrong_device_condition) == NULL, same);
		court_close(&court);
		facts_free(facts);
	}
}

/* Half of the flows fail: each failure is followed by successes, and by the next failure. */
static void a_fault_of_some_flows_stays_open(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = wire_host();
	wire_leaves_wrongly(facts);
	complete(facts, 0);
	court_open(&court);
	court_settle(&court, facts);
	for (int second = 0; second < 200; second += 5) {
		build_later(facts, 5);
		facts->handshakes->services[0].completed_ns = facts->time_ns;
		if (second % 20 == 0)
			facts->handshakes->suspects[0].asked_ns = facts->time_ns;
		court_judge(&court, facts);
		const struct finding *finding = court_find(&court, &reply_wrong_device_condition);
		assert_true(finding && finding->open);
	}
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_succeeds_again_is_over),
		cmocka_unit_test(another_service_recovers_nothing),
		cmocka_unit_test(a_fault_of_some_flows_stays_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
