// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/firewall/filter_eval.h"
#include "collectors/firewall/rule_reading.h"
#include "collectors/route/lookup.h"
#include "tests/support/wire_builder.h"

#define PORT   1222
#define TARGET "10.0.0.9"

/* Somebody repeats a SYN for eth0's address, which a rule translates, and conntrack has no entry of it. */
static struct facts *silent_facts(void)
{
	struct facts *facts = wire_host();
	wire_unanswered(facts, "eth0", FAR, OWN0, PORT, 3);
	build_nat_rule(facts, OWN0, PORT, TARGET, 22);
	facts->conntrack.known = true;
	facts->conntrack.ended_ns = facts->time_ns;
	return facts;
}

/* ---- whose requests ---- */

static void nothing(struct facts *facts)
{
	(void)facts;
}

static void left(struct facts *facts)
{
	facts->handshakes->unanswered[0].left = true;
}

static void not_swept(struct facts *facts)
{
	facts->conntrack.ended_ns = facts->handshakes->unanswered[0].repeated_ns;
}

static void let_through(struct facts *facts)
{
	size_t service = build_service(facts, OWN0, TARGET, "eth0");
	build_example(facts, service, FAR, NAT_SYN_SENT)->port = PORT;
	facts->endpoints[facts->services[service].endpoint].half_open = 1;
}

static void a_port(struct facts *facts)
{
	facts->devices[0].port = true;
}

static void add_trace(struct facts *facts, int64_t time_ns)
{
	struct trace *trace = ARRAY_ADD(facts->traces, facts->trace_count);
	assert_non_null(trace);
	*trace = (struct trace){ .address = build_address(OWN0),
		.port = PORT,
		.arrival = build_ifindex(facts, "eth0"),
		.time_ns = time_ns };
}

static void traced(struct facts *facts)
{
	add_trace(facts, facts->time_ns);
}

static void traced_before(struct facts *facts)
{
	add_trace(facts, facts->handshakes->unanswered[0].since_ns - 1);
}

static void trace_is_coming(struct facts *facts)
{
	facts->traces_known = true;
	facts->handshakes->unanswered[0].repeated_ns = facts->time_ns - 2 * SECOND_NS;
}

static void trace_did_not_come(struct facts *facts)
{
	facts->traces_known = true;
	facts->handshakes->unanswered[0].repeated_ns = facts->time_ns - 5 * SECOND_NS;
}

static void only_what_is_held_back_is_read_for(void **state)
{
	(void)state;
	static const struct row {
		void (*happen)(struct facts *facts);
		size_t count;
	} rows[] = { { nothing, 1 }, { left, 0 }, { not_swept, 0 }, { let_through, 0 }, { a_port, 0 },
		{ traced, 0 }, { traced_before, 1 }, { trace_is_coming, 0 }, { trace_did_not_come, 1 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct unanswered_service *wanted[READING_MOST];
		struct facts *facts = silent_facts();
		rows[i].happen(facts);
		print_message("row %zu\n", i);
		assert_int_equal(rule_reading_wanted(facts, wanted), rows[i].count);
		facts_free(facts);
	}
}

static void a_firewalls_port_is_not_read_for(void **state)
{
	(void)state;
	const struct unanswered_service *wanted[READING_MOST];
	struct facts *facts = silent_facts();
	facts->handshakes->unanswered[0].port = PORT + 1;
	assert_int_equal(rule_reading_wanted(facts, wanted), 0);
	facts_free(facts);
}

static void those_that_wait_longest_are_read_for(void **state)
{
	(void)state;
	static const int ages[] = { 4, 9, 2, 7, 1, 8 };
	const struct unanswered_service *wanted[READING_MOST];
	struct facts *facts = silent_facts();
	int64_t now_ns = facts->time_ns;
	facts->handshakes->unanswered[0].since_ns = now_ns - 3 * SECOND_NS;
	for (size_t i = 0; i < sizeof(ages) / sizeof(*ages); i++) {
		uint16_t port = (uint16_t)(PORT + 1 + i);
		wire_unanswered(facts, "eth0", FAR, OWN0, port, 3)->since_ns = now_ns - ages[i] * SECOND_NS;
		build_nat_rule(facts, OWN0, port, TARGET, 22);
	}
	assert_int_equal(rule_reading_wanted(facts, wanted), READING_MOST);
	static const int longest[READING_MOST] = { 9, 8, 7, 4 };
	for (size_t i = 0; i < READING_MOST; i++)
		assert_int_equal(now_ns - wanted[i]->since_ns, longest[i] * SECOND_NS);
	facts_free(facts);
}

/* ---- when ---- */

static void rules_are_read_when_something_changed(void **state)
{
	(void)state;
	static const struct row {
		double age;
		bool changed, known;
		int64_t cost_ns;
		bool due;
	} rows[] = { { 3, false, true, 0, false }, { 3, true, true, 0, true }, { 1, true, true, 0, false },
		{ 3, false, false, 0, true }, { 1, false, false, 0, false }, { 30, false, true, 0, true },
		{ 3, true, true, SECOND_NS, false }, { 20, true, true, SECOND_NS, true } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct unanswered_service *wanted[READING_MOST];
		struct facts *facts = silent_facts();
		struct rule_reading reading = { .read_ns = facts->monotonic_ns,
			.cost_ns = rows[i].cost_ns,
			.version = facts->nat_rules->version + rows[i].changed,
			.count = rows[i].known };
		reading.traces[0] = (struct trace){ .address = build_address(OWN0),
			.port = PORT,
			.arrival = build_ifindex(facts, "eth0"),
			.time_ns = facts->time_ns };
		assert_int_equal(rule_reading_wanted(facts, wanted), 1);
		facts->monotonic_ns += (int64_t)(rows[i].age * (double)SECOND_NS);
		print_message("row %zu\n", i);
		assert_int_equal(rule_reading_is_due(&reading, facts, wanted, 1), rows[i].due);
		assert_false(rule_reading_is_due(&reading, facts, wanted, 0));
		reading.read_ns = 0;
		reading.count = 0;
		assert_true(rule_reading_is_due(&reading, facts, wanted, 1));
		facts_free(facts);
	}
}

/* ---- one request ---- */

static int lead(void *argument, const struct route_query *query, struct route_answer *answer)
{
	assert_int_equal(query->iif, 2);
	*answer = *(const struct route_answer *)argument;
	return 0;
}

/* One base chain of the forward hook that drops by its policy; perhaps with a rule of an expression that is
 * not known, or one that drops. */
struct ruleset {
	struct filter_rules rules;
	struct nft_chain chain;
	struct nft_rule rule;
	size_t base;
	uint32_t bytes[16];
};

static uint16_t put_text(uint8_t *at, uint16_t type, const char *text)
{
	const struct nlattr header = { (uint16_t)(sizeof(header) + strlen(text) + 1), type };
	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), text, strlen(text) + 1);
	return (uint16_t)((header.nla_len + 3) & ~3);
}

static void make_ruleset(struct ruleset *made, uint8_t hook, bool drops, const char *expression)
{
	memset(made, 0, sizeof(*made));
	made->chain = (struct nft_chain){ .name = { NFPROTO_INET, "filter", "guard" },
		.is_base = true,
		.drops = drops,
		.hook = hook,
		.first_rule = expression ? 0 : NFT_NO_INDEX,
		.last_rule = expression ? 0 : NFT_NO_INDEX };
	made->rules.ruleset = (struct nft_ruleset){ .chains = &made->chain,
		.chain_count = 1,
		.base_chains = &made->base,
		.base_chain_count = 1,
		.scope = NFT_SCOPE_ALL };
	if (!expression)
		return;
	uint8_t *bytes = (uint8_t *)made->bytes;
	uint16_t size = put_text(bytes + 4, NFTA_EXPR_NAME, expression);
	const struct nlattr element = { (uint16_t)(size + 4), NFTA_LIST_ELEM | NLA_F_NESTED };
	memcpy(bytes, &element, sizeof(element));
	made->rule = (struct nft_rule){ .handle = 7, .next = NFT_NO_INDEX, .size = element.nla_len };
	made->rules.ruleset.rules = &made->rule;
	made->rules.ruleset.rule_count = 1;
	made->rules.ruleset.bytes = bytes;
	made->rules.ruleset.byte_count = element.nla_len;
}

static const struct follow_row {
	uint8_t hook;
	bool drops;
	const char *expression, *leads_to; /* device; "": this host; NULL: nowhere */
	enum trace_end end;
} follows[] = {
	{ NF_INET_FORWARD, true, NULL, "eth1", TRACE_POLICY },
	{ NF_INET_FORWARD, false, NULL, "eth1", TRACE_PASSED },
	{ NF_INET_FORWARD, true, NULL, "", TRACE_PASSED },
	{ NF_INET_LOCAL_IN, true, NULL, "", TRACE_POLICY },
	{ NF_INET_LOCAL_IN, true, NULL, "eth1", TRACE_PASSED },
	{ NF_INET_PRE_ROUTING, true, NULL, NULL, TRACE_POLICY },
	{ NF_INET_POST_ROUTING, true, NULL, "eth1", TRACE_POLICY },
	{ NF_INET_FORWARD, false, "reject", "eth1", TRACE_RULE },
	{ NF_INET_FORWARD, true, "mystery", "eth1", TRACE_UNKNOWN },
	/* then routing has the word */
	{ NF_INET_FORWARD, true, NULL, NULL, TRACE_PASSED },
	{ NF_INET_FORWARD, true, "mystery", NULL, TRACE_PASSED },
};

static void one_request_is_followed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(follows) / sizeof(*follows); i++) {
		const struct follow_row *row = &follows[i];
		struct facts *facts = silent_facts();
		struct ruleset made;
		struct trace trace;
		struct route_answer answer = row->leads_to && row->leads_to[0]
						     ? build_found(facts, row->leads_to, NULL, 254, 24)
						     : build_failed(row->leads_to ? ROUTE_LOCAL : ROUTE_NONE);
		const struct rule_reading_routes routes = { lead, &answer };
		make_ruleset(&made, row->hook, row->drops, row->expression);
		print_message("row %zu\n", i);
		assert_int_equal(rule_reading_follow(facts, &made.rules, &facts->handshakes->unanswered[0],
					 &routes, &trace),
			0);
		assert_int_equal(trace.end, row->end);
		assert_true(trace.read);
		if (row->end == TRACE_PASSED) {
			assert_null(trace.table);
		} else {
			assert_string_equal(trace.table, "filter");
			assert_string_equal(trace.chain, "guard");
			assert_int_equal(trace.handle, row->expression ? 7 : 0);
			assert_int_equal(trace.reason != NULL, row->end == TRACE_UNKNOWN);
		}
		trace_clear(&trace);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_held_back_is_read_for),
		cmocka_unit_test(a_firewalls_port_is_not_read_for),
		cmocka_unit_test(those_that_wait_longest_are_read_for),
		cmocka_unit_test(rules_are_read_when_something_changed),
		cmocka_unit_test(one_request_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
