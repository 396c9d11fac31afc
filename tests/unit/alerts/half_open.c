// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/conntrack/endpoint_table.h"
#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

#define PUBLIC "198.51.100.10"

/* ---- facts ---- */

/* One translated service whose replies leave as they should, and one peer that is stuck for so long. */
static struct facts *stuck_for(int64_t seconds, uint64_t syn_recv, uint64_t open)
{
	struct facts *facts = incident_dnat_uplinks();
	facts->paths[0].reply = facts->paths[0].egress;
	struct flow_example *example = build_example(facts, 0, PEER, NAT_SYN_RECV);
	example->seen_ns = facts->monotonic_ns;
	example->stuck_ns = facts->monotonic_ns - seconds * SECOND_NS;
	facts->endpoints[0].syn_recv = facts->endpoints[0].half_open = syn_recv;
	facts->endpoints[0].open = open;
	return facts;
}

/* Another translated service without stuck peers. */
static struct facts *beside(struct facts *facts, uint64_t syn_recv, uint64_t open)
{
	size_t service = build_service(facts, "203.0.113.10", "10.8.10.3", "vlan95");
	build_example(facts, service, "192.0.2.77", NAT_ESTABLISHED);
	struct endpoint *endpoint = &facts->endpoints[facts->endpoint_count - 1];
	endpoint->syn_recv = syn_recv;
	endpoint->open = open;
	return facts;
}

static struct facts *watched(struct facts *facts)
{
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	assert_non_null(facts->handshakes);
	return facts;
}

static struct facts *stuck(void)
{
	return stuck_for(120, 2, 0);
}

static struct facts *half_of_them(void)
{
	return stuck_for(120, 5, 5);
}

static struct facts *others_are_well(void)
{
	return beside(stuck_for(120, 2, 0), 1, 9);
}

static struct facts *just_long_enough(void)
{
	return stuck_for(90, 2, 0);
}

/* Half of them, where a sixth is usual. */
static struct facts *three_times_the_usual(void)
{
	struct facts *facts = beside(stuck_for(120, 5, 5), 1, 5);
	facts->endpoints[1].kind = ENDPOINT_IN; /* what is not translated is not usual */
	facts->endpoints[1].syn_recv = 100;
	return beside(facts, 1, 5);
}

static struct facts *seen_on_the_wire(void)
{
	struct facts *facts = stuck();
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "vlan95", "vlan95", OWN0, .one_way = 9 });
	wire_repeated(facts, "vlan95", "vlan95", PEER, OWN0, 9);
	wire_repeated(facts, "vlan10", "vlan10", PEER, PUBLIC, 9);
	return facts;
}

static struct facts *counted_on_the_wire(void)
{
	struct facts *facts = stuck();
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "vlan95", "vlan95", OWN0, .completed = 9 });
	wire_row(facts, (struct wire_row){
				HANDSHAKE_SERVED, "vlan10", "vlan10", PUBLIC, .completed = 9, .one_way = 1 });
	return facts;
}

static struct facts *seen_elsewhere_on_the_wire(void)
{
	struct facts *facts = stuck();
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "vlan95", "vlan95", OWN0, .one_way = 9 });
	wire_row(facts, (struct wire_row){ HANDSHAKE_SERVED, "vlan10", "vlan10", PUBLIC, .completed = 9 });
	wire_repeated(facts, "vlan10", "vlan10", PEER, PUBLIC, 1);
	return facts;
}

static struct facts *for_a_minute(void)
{
	return stuck_for(61, 2, 0); /* a SYN that never came again */
}

static struct facts *others_complete(void)
{
	return stuck_for(120, 4, 5);
}

static struct facts *everywhere(void)
{
	return beside(stuck_for(120, 2, 0), 50, 50); /* a flood of all addresses */
}

/* 58 %, where a fifth is usual. */
static struct facts *nearly_three_times_the_usual(void)
{
	return beside(stuck_for(120, 58, 42), 2, 8);
}

static struct facts *unanswered(void)
{
	struct facts *facts = stuck();
	facts->endpoints[0].examples[0].state = NAT_SYN_SENT; /* a target that is down */
	return facts;
}

static struct facts *over(void)
{
	return stuck_for(120, 0, 0); /* the endpoint is remembered, its flows are gone */
}

static struct facts *not_translated(void)
{
	struct facts *facts = stuck();
	facts->endpoints[0].kind = ENDPOINT_IN;
	return facts;
}

static struct facts *unseen_on_the_wire(void)
{
	return watched(stuck());
}

/* Nobody has looked since it was met for three seconds. */
static struct facts *not_swept_since(void)
{
	struct facts *facts = stuck();
	struct flow_example *example = &facts->endpoints[0].examples[0];
	example->seen_ns = example->stuck_ns + 3 * SECOND_NS;
	return facts;
}

/* ---- tests ---- */

static struct facts *(*const found[])(void) = { stuck, half_of_them, others_are_well, just_long_enough,
	three_times_the_usual, seen_on_the_wire, counted_on_the_wire };
static struct facts *(*const silent[])(void) = { for_a_minute, others_complete, nearly_three_times_the_usual,
	everywhere, unanswered, over, not_translated, unseen_on_the_wire, seen_elsewhere_on_the_wire,
	not_swept_since };

static void clients_that_stay_half_open_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
		struct court court;
		struct facts *facts = found[i]();
		court_open(&court);
		court_settle(&court, facts);
		const struct finding *finding = court_find(&court, &half_open_nat_condition);
		struct address public = build_address(PUBLIC);
		assert_non_null(finding);
		assert_true(finding->open);
		assert_true(finding_is_alarm(finding) || facts->handshakes); /* which explain it */
		assert_int_equal(finding->severity, SEVERITY_WARNING);
		assert_int_equal(finding->origin, ORIGIN_DNAT);
		assert_true(address_equal(&finding->address, &public));
		assert_string_equal(court_evidence(finding, "peers"), PEER);
		court_close(&court);
		facts_free(facts);
	}
}

static void look_alikes_are_silent(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
		struct court court;
		struct facts *facts = silent[i]();
		court_open(&court);
		court_judge(&court, facts);
		assert_null(court_find(&court, &half_open_nat_condition));
		court_close(&court);
		facts_free(facts);
	}
}

static void a_wrong_device_is_its_cause(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = stuck();
	facts->paths[0].reply = build_found(facts, "vlan95", "203.0.113.1", 254, 0);
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &half_open_nat_condition);
	const struct finding *cause = court_find(&court, &reply_wrong_device_condition);
	assert_non_null(finding);
	assert_non_null(cause);
	assert_string_equal(finding->cause, cause->id);
	court_close(&court);
	facts_free(facts);
}

static void what_is_declared_is_no_alarm(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = stuck();
	struct intended intended = { .address = { build_address(PUBLIC), 32 } };
	court_open(&court);
	court.settings.intended = &intended;
	court.settings.intended_count = 1;
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &half_open_nat_condition);
	assert_non_null(finding);
	assert_true(finding->intended);
	assert_int_equal(finding->severity, SEVERITY_INFO);
	court_close(&court);
	facts_free(facts);
}

/* ---- since when ---- */

/* One sweep, in which the peer is met in this state; NAT_STATES: not at all. */
static int64_t sweep(struct endpoint_table *tables[2], unsigned second, enum nat_state met)
{
	struct endpoint_table *table = tables[second % 2];
	const struct endpoint_key key = { ENDPOINT_DNAT, build_address(PUBLIC), build_address("10.8.10.2") };
	const struct flow_example example = {
		.peer = build_address(PEER), .protocol = IPPROTO_TCP, .state = met
	};
	struct endpoint endpoint;
	endpoint_table_begin(table, tables[(second + 1) % 2], second * SECOND_NS);
	if (met != NAT_STATES)
		endpoint_table_add(table, &key, &example);
	endpoint_table_end(table);
	endpoint_table_copy(table, &endpoint);
	return endpoint.examples[0].stuck_ns / SECOND_NS;
}

static void the_time_counts_while_each_sweep_meets_it(void **state)
{
	(void)state;
	struct endpoint_table *tables[2] = { endpoint_table_new(), endpoint_table_new() };
	assert_non_null(tables[0]);
	assert_non_null(tables[1]);
	assert_int_equal(sweep(tables, 11, NAT_SYN_RECV), 11);
	assert_int_equal(sweep(tables, 12, NAT_SYN_RECV), 11);
	assert_int_equal(sweep(tables, 13, NAT_SYN_RECV), 11);
	assert_int_equal(sweep(tables, 14, NAT_ESTABLISHED), 0);
	assert_int_equal(sweep(tables, 15, NAT_SYN_RECV), 15);
	sweep(tables, 16, NAT_STATES);
	assert_int_equal(sweep(tables, 17, NAT_SYN_RECV), 17);
	endpoint_table_free(tables[0]);
	endpoint_table_free(tables[1]);
}

static void each_peer_that_is_stuck_is_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = stuck_for(120, 3, 0);
	build_example(facts, 0, "192.0.2.10", NAT_SYN_RECV); /* not yet */
	struct flow_example *stuck = build_example(facts, 0, "192.0.2.11", NAT_SYN_RECV);
	stuck->seen_ns = facts->monotonic_ns;
	stuck->stuck_ns = facts->monotonic_ns - 120 * SECOND_NS;
	court_open(&court);
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &half_open_nat_condition);
	assert_non_null(finding);
	static const char *const peers[] = { PEER, "192.0.2.11" };
	unsigned count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, "peers") == 0) {
			assert_true(count < 2);
			assert_string_equal(finding->evidence[i].text, peers[count++]);
		}
	assert_int_equal(count, 2);
	court_close(&court);
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_that_stay_half_open_are_found),
		cmocka_unit_test(look_alikes_are_silent),
		cmocka_unit_test(a_wrong_device_is_its_cause),
		cmocka_unit_test(each_peer_that_is_stuck_is_named),
		cmocka_unit_test(what_is_declared_is_no_alarm),
		cmocka_unit_test(the_time_counts_while_each_sweep_meets_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
