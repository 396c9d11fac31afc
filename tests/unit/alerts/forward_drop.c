// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/forward_drop.h"
#include "collectors/base/array.h"
#include "collectors/trace/trace.h"
#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

#define PORT   1222
#define TARGET "10.0.0.9"

/* Somebody repeats a SYN for eth0's address, and no rule is known to translate it. */
static struct facts *silent_facts(void)
{
	struct facts *facts = wire_host();
	build_nat_list(facts);
	wire_unanswered(facts, "eth0", FAR, OWN0, PORT, 3);
	return facts;
}

static struct facts *translated_facts(void)
{
	struct facts *facts = silent_facts();
	build_nat_rule(facts, OWN0, PORT, TARGET, 22);
	return facts;
}

/* Conntrack was gone through just now. */
static void sweep(struct facts *facts)
{
	facts->conntrack.known = facts->conntrack.in_use = true;
	facts->conntrack.ended_ns = facts->time_ns;
}

static struct trace *trace(struct facts *facts, enum trace_end end)
{
	struct trace *made = ARRAY_ADD(facts->traces, facts->trace_count);
	if (!made)
		abort();
	*made = (struct trace){ .address = build_address(OWN0),
		.port = PORT,
		.arrival = build_ifindex(facts, "eth0"),
		.client = build_address(FAR),
		.translated = true,
		.target = build_address(TARGET),
		.target_port = 22,
		.end = end,
		.place = TRACE_FORWARDING,
		.time_ns = facts->time_ns };
	facts->traces_known = true;
	return made;
}

static struct trace *dropped(struct facts *facts)
{
	struct trace *made = trace(facts, TRACE_RULE);
	made->table_family = NFPROTO_INET;
	made->table = strdup("filter");
	made->chain = strdup("forward");
	made->handle = 9;
	made->number = 3;
	made->rule = strdup("counter drop");
	return made;
}

static const struct finding *judged(struct court *court, struct facts *facts)
{
	court_open(court);
	court_settle(court, facts);
	return court_find(court, &forward_drop_condition);
}

/* ---- when it holds ---- */

static void nothing(struct facts *facts)
{
	(void)facts;
}

static void let_through(struct facts *facts)
{
	size_t service = build_service(facts, OWN0, TARGET, "eth0");
	struct flow_example *example = build_example(facts, service, FAR, NAT_SYN_SENT);
	example->port = PORT;
	facts->endpoints[facts->services[service].endpoint].half_open = 1;
	sweep(facts);
}

static void seen_before(struct facts *facts)
{
	size_t service = build_service(facts, OWN0, TARGET, "eth0");
	struct flow_example *example = build_example(facts, service, FAR, NAT_ESTABLISHED);
	example->port = PORT;
	sweep(facts);
}

/* The table was always empty. */
static void sweep_empty(struct facts *facts)
{
	sweep(facts);
	facts->conntrack.in_use = false;
}

static void left(struct facts *facts)
{
	sweep(facts);
	facts->handshakes->unanswered[0].left = true;
}

static void once(struct facts *facts)
{
	sweep(facts);
	facts->handshakes->unanswered[0].repeats = 1;
}

static void swept_before(struct facts *facts)
{
	sweep(facts);
	facts->conntrack.ended_ns = facts->handshakes->unanswered[0].repeated_ns - 1;
}

static void traced_through(struct facts *facts)
{
	sweep(facts);
	trace(facts, TRACE_PASSED);
}

static void traced_untranslated(struct facts *facts)
{
	dropped(facts)->translated = false;
}

static void traced_long_ago(struct facts *facts)
{
	dropped(facts)->time_ns = facts->handshakes->unanswered[0].since_ns - 1;
}

static void traced(struct facts *facts)
{
	dropped(facts);
}

static void vanished(struct facts *facts)
{
	trace(facts, TRACE_VANISHED)->place = TRACE_ROUTING;
}

/* Reading alone proves nothing. */
static void read_only(struct facts *facts)
{
	dropped(facts)->read = true;
	facts->traces_known = false;
}

static void read_let_through(struct facts *facts)
{
	let_through(facts);
	read_only(facts);
}

static void read_held_back(struct facts *facts)
{
	sweep(facts);
	read_only(facts);
}

static void trace_is_coming(struct facts *facts)
{
	sweep(facts);
	facts->traces_known = true;
	facts->handshakes->unanswered[0].repeated_ns = facts->time_ns - 2 * SECOND_NS;
}

static const struct case_row {
	bool translated; /* by a rule */
	void (*happen)(struct facts *facts);
	bool holds;
} cases[] = {
	{ true, sweep, true },
	{ true, sweep_empty, true },
	{ false, sweep_empty, false },
	{ true, traced, true },
	{ true, vanished, true },
	{ true, traced_untranslated, true }, /* dropped before the translation */
	{ false, traced, true },
	{ false, seen_before, true },
	/* a firewall's port */
	{ false, sweep, false },
	{ false, traced_untranslated, false },
	/* nobody knows whether it was let through */
	{ true, nothing, false },
	{ true, swept_before, false },
	{ false, traced_long_ago, false },
	/* it was */
	{ true, let_through, false },
	{ true, left, false },
	{ true, traced_through, false },
	{ true, once, false },
	{ true, trace_is_coming, false },
	{ true, read_held_back, true },
	{ true, read_only, false },
	{ true, read_let_through, false },
	{ false, read_held_back, false },
};

static void it_holds_for_what_is_translated_and_held_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct court court;
		struct facts *facts = cases[i].translated ? translated_facts() : silent_facts();
		cases[i].happen(facts);
		court_open(&court);
		court_judge(&court, facts);
		print_message("case %zu\n", i);
		assert_int_equal(court_find(&court, &forward_drop_condition) != NULL, cases[i].holds);
		court_close(&court);
		facts_free(facts);
	}
}

static void what_a_trace_proves_opens_at_once(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = silent_facts();
	dropped(facts);
	court_open(&court);
	court_judge(&court, facts);
	assert_true(court_find(&court, &forward_drop_condition)->open);
	court_close(&court);
	facts_free(facts);
}

/* ---- what it says ---- */

static void the_rule_is_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = silent_facts();
	dropped(facts);
	const struct finding *finding = judged(&court, facts);
	const struct address target = build_address(TARGET);
	assert_int_equal(finding->severity, SEVERITY_CRITICAL);
	assert_int_equal(finding->origin, ORIGIN_DNAT);
	assert_true(address_equal(&finding->target, &target));
	assert_non_null(strstr(finding->summary, "dropped by rule 9 of chain inet filter forward"));
	assert_non_null(strstr(finding->explanation, ": counter drop."));
	assert_string_equal(court_evidence(finding, "table"), "inet filter");
	assert_string_equal(court_evidence(finding, "chain"), "forward");
	assert_string_equal(court_evidence(finding, "handle"), "9");
	assert_string_equal(court_evidence(finding, "ports"), "1222");
	assert_string_equal(court_remedy(finding),
		"nft insert rule inet filter forward position 9 ip daddr 10.0.0.9 tcp dport 22 accept\n");
	assert_false(finding->remedy_checked);
	court_close(&court);
	facts_free(facts);
}

static void the_rule_that_was_read_is_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	read_held_back(facts);
	court_open(&court);
	court_judge(&court, facts);
	assert_false(court_find(&court, &forward_drop_condition)->open); /* held once */
	court_settle(&court, facts);
	const struct finding *finding = court_find(&court, &forward_drop_condition);
	assert_non_null(strstr(finding->summary, "dropped by rule 9 of chain inet filter forward"));
	assert_non_null(strstr(finding->explanation, "So the rules read: rule 9"));
	assert_null(strstr(finding->explanation, "traced"));
	assert_string_equal(court_evidence(finding, "reading_end"), "rule");
	assert_null(court_evidence(finding, "trace_end"));
	assert_string_equal(court_remedy(finding),
		"nft insert rule inet filter forward position 9 ip daddr 10.0.0.9 tcp dport 22 accept\n");
	assert_false(finding->remedy_checked);
	court_close(&court);
	facts_free(facts);
}

static void the_rule_that_cannot_be_followed_is_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	read_held_back(facts);
	facts->traces[0].end = TRACE_UNKNOWN;
	facts->traces[0].reason = "it counts";
	facts->owner_tables = true;
	const struct finding *finding = judged(&court, facts);
	assert_non_null(strstr(finding->summary, "do not get through this host"));
	assert_non_null(strstr(finding->explanation,
		"whether rule 9 of chain inet filter forward takes them cannot be followed (it counts)."));
	assert_non_null(strstr(finding->explanation, "--trace"));
	assert_string_equal(court_evidence(finding, "reading_end"), "unknown");
	assert_int_equal(finding->remedy_count, 0);
	court_close(&court);
	facts_free(facts);
}

/* A trace of earlier requests does not hide what is read of these. */
static void behind_an_older_trace_the_reading_is_told(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	dropped(facts)->time_ns = facts->handshakes->unanswered[0].since_ns - 1;
	read_held_back(facts);
	assert_int_equal(facts->trace_count, 2);
	assert_non_null(court_evidence(judged(&court, facts), "reading_end"));
	court_close(&court);
	facts_free(facts);
}

/* Of a packet that was sent before, at another time with another answer. */
static void an_older_trace_says_nothing(void **state)
{
	(void)state;
	for (int older = 0; older < 2; older++) {
		struct court court;
		struct facts *facts = silent_facts();
		sweep(facts);
		dropped(facts)->time_ns = facts->handshakes->unanswered[0].since_ns - older;
		const struct finding *finding = judged(&court, facts);
		assert_int_equal(finding && court_evidence(finding, "table"), !older);
		court_close(&court);
		facts_free(facts);
	}
}

/* Of a trace alone, without what was seen before. */
static void a_trace_tells_what_the_finding_does(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = silent_facts();
	const struct trace *made = dropped(facts);
	const struct finding *finding = judged(&court, facts);
	struct findings *findings = findings_new();
	assert_non_null(findings);
	struct finding *told = findings_add(findings, &forward_drop_condition);
	forward_drop_tell(made, told);
	assert_non_null(strstr(finding->explanation, told->explanation));
	assert_string_equal(told->remedy[0], finding->remedy[0]);
	assert_int_equal(told->remedy_count, finding->remedy_count);
	assert_int_equal(told->evidence_count, 0);
	findings_free(findings);
	court_close(&court);
	facts_free(facts);
}

static void set_missing(struct trace *made, bool map)
{
	made->set = strdup("allowed");
	made->element = strdup("10.0.0.9 . 22");
	made->map = map;
}

static const struct remedy_row {
	uint8_t family;
	enum trace_end end;
	bool iptables, set, map;
	const char *table, *chain, *remedy;
} remedies[] = {
	{ NFPROTO_INET, TRACE_RULE, false, true, false, "filter", "forward",
		"nft add element inet filter allowed { 10.0.0.9 . 22 }\n" },
	{ NFPROTO_IPV4, TRACE_POLICY, false, true, true, "filter", "forward",
		"nft add element ip filter allowed { 10.0.0.9 . 22 : accept }\n" },
	{ NFPROTO_IPV4, TRACE_POLICY, false, false, false, "filter", "forward",
		"nft add rule ip filter forward ip daddr 10.0.0.9 tcp dport 22 accept\n" },
	{ NFPROTO_IPV4, TRACE_RULE, true, false, false, "filter", "FORWARD",
		"iptables-nft -t filter -I FORWARD 3 -d 10.0.0.9 -p tcp --dport 22 -j ACCEPT\n" },
	{ NFPROTO_IPV6, TRACE_POLICY, true, false, false, "filter", "FORWARD",
		"ip6tables-nft -t filter -A FORWARD -d 10.0.0.9 -p tcp --dport 22 -j ACCEPT\n" },
	/* what a shell or nft would take for something else */
	{ NFPROTO_INET, TRACE_RULE, false, false, false, "filter", "a;b", "" },
	{ NFPROTO_INET, TRACE_RULE, false, false, false, "-f", "forward", "" },
	{ NFPROTO_BRIDGE, TRACE_RULE, false, false, false, "filter", "forward", "" },
};

static void the_remedy_fits_the_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(*remedies); i++) {
		const struct remedy_row *row = &remedies[i];
		struct court court;
		struct facts *facts = silent_facts();
		struct trace *made = trace(facts, row->end);
		made->table_family = row->family;
		made->table = strdup(row->table);
		made->chain = strdup(row->chain);
		made->handle = row->end == TRACE_RULE ? 9 : 0;
		made->number = row->end == TRACE_RULE ? 3 : 0;
		made->iptables = row->iptables;
		if (row->set)
			set_missing(made, row->map);
		const struct finding *finding = judged(&court, facts);
		assert_string_equal(court_remedy(finding), row->remedy);
		court_close(&court);
		facts_free(facts);
	}
}

/* Then the rule itself is led past. */
static void an_element_that_nft_would_misread_is_not_added(void **state)
{
	(void)state;
	static const char *const rows[][2] = { { "allowed", "10.0.0.9 }; flush" }, { "-f", "10.0.0.9" },
		{ "a b", "10.0.0.9" }, { "allowed", NULL } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *facts = silent_facts();
		struct trace *made = dropped(facts);
		made->set = strdup(rows[i][0]);
		made->element = rows[i][1] ? strdup(rows[i][1]) : NULL;
		const struct finding *finding = judged(&court, facts);
		assert_string_equal(court_remedy(finding),
			"nft insert rule inet filter forward position 9 ip daddr 10.0.0.9 tcp dport 22 accept\n");
		court_close(&court);
		facts_free(facts);
	}
}

static void the_missing_element_is_named(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = silent_facts();
	set_missing(dropped(facts), false);
	const struct finding *finding = judged(&court, facts);
	assert_non_null(strstr(finding->explanation, "if 10.0.0.9 . 22 were in the set allowed"));
	assert_string_equal(court_evidence(finding, "set"), "allowed");
	assert_string_equal(court_evidence(finding, "missing_element"), "10.0.0.9 . 22");
	court_close(&court);
	facts_free(facts);
}

static void a_trace_that_cannot_be_made_is_not_recommended(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	sweep(facts);
	court_open(&court);
	court_judge(&court, facts);
	const char *explanation = court_find(&court, &forward_drop_condition)->explanation;
	assert_non_null(
		strstr(explanation, "A rule drops them, or reverse-path filtering, or there is no route."));
	assert_null(strstr(explanation, "trace"));
	court_close(&court);
	facts_free(facts);
}

static void without_a_trace_the_way_to_one_is_told(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	facts->owner_tables = true;
	sweep(facts);
	court_open(&court);
	court_judge(&court, facts);
	const struct finding *finding = court_find(&court, &forward_drop_condition);
	assert_false(finding->open); /* held once */
	assert_non_null(strstr(finding->explanation, "oneway explain " FAR " " OWN0 ":1222 --trace"));
	assert_non_null(strstr(finding->explanation, "--collector.nftrace"));
	assert_int_equal(finding->remedy_count, 0);
	court_close(&court);
	facts_free(facts);
}

static void count_drop(struct facts *facts, int ifindex, enum drop_reason reason, uint64_t recent)
{
	struct device_drop *drop = ARRAY_ADD(facts->device_drops, facts->device_drop_count);
	assert_non_null(drop);
	*drop = (struct device_drop){
		.ifindex = ifindex, .reason = reason, .packets = recent + 100, .recent = recent
	};
	facts->device_drops_known = true;
}

static const struct place_row {
	enum trace_place place;
	enum route_result route;
	const char *text;
} places[] = {
	{ TRACE_ROUTING, ROUTE_RP_FILTER, "reverse-path filtering drops it" },
	{ TRACE_ROUTING, ROUTE_NONE, "there is no route for it" },
	{ TRACE_ROUTING, ROUTE_FOUND, "gone before it was routed." },
	{ TRACE_FORWARDING, ROUTE_NOT_ASKED, "gone in forward" },
};

static void what_vanished_is_told_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct court court;
		struct facts *facts = silent_facts();
		struct trace *made = trace(facts, TRACE_VANISHED);
		made->place = places[i].place;
		made->route.result = places[i].route;
		const struct finding *finding = judged(&court, facts);
		assert_non_null(strstr(finding->explanation, places[i].text));
		assert_string_equal(court_evidence(finding, "trace_end"), "vanished");
		court_close(&court);
		facts_free(facts);
	}
}

static void drops_that_were_counted_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		struct court court;
		struct facts *facts = silent_facts();
		struct trace *made = trace(facts, TRACE_VANISHED);
		made->place = places[i].place;
		count_drop(facts, made->arrival, DROP_IP_RPFILTER, 12);
		count_drop(facts, made->arrival, DROP_IP_INNOROUTES, 0);
		count_drop(facts, made->arrival, DROP_NETFILTER_DROP, 7);
		count_drop(facts, made->arrival + 1, DROP_IP_LOCALNET, 9);
		const struct finding *finding = judged(&court, facts);
		const char *reasons = court_evidence(finding, "drop_reasons");
		if (made->place == TRACE_ROUTING) {
			assert_non_null(strstr(finding->explanation, "12 packets were counted"));
			assert_string_equal(reasons, "ip_rpfilter");
		} else {
			assert_null(reasons);
		}
		assert_null(strstr(finding->explanation, "ip_innoroutes"));
		assert_null(strstr(finding->explanation, "netfilter_drop"));
		court_close(&court);
		facts_free(facts);
	}
}

static void ports_of_one_target_share_a_finding(void **state)
{
	(void)state;
	struct court court;
	struct facts *facts = translated_facts();
	wire_unanswered(facts, "eth0", FAR, OWN0, PORT + 1, 3);
	build_nat_rule(facts, OWN0, PORT + 1, TARGET, 23);
	sweep(facts);
	const struct finding *finding = judged(&court, facts);
	unsigned ports = 0;
	for (size_t i = 0; i < finding->evidence_count; i++)
		ports += strcmp(finding->evidence[i].key, "ports") == 0;
	assert_int_equal(ports, 2);
	assert_int_equal(court_count(&court, true), 1);
	court_close(&court);
	facts_free(facts);
}

static void a_drop_by_source_validation_explains_it(void **state)
{
	(void)state;
	for (int by_rule = 0; by_rule < 2; by_rule++) {
		struct court court;
		struct facts *facts = silent_facts();
		struct trace *made = by_rule ? dropped(facts) : trace(facts, TRACE_VANISHED);
		made->place = by_rule ? TRACE_FORWARDING : TRACE_ROUTING;
		made->route.result = ROUTE_RP_FILTER;
		facts->devices[0].rp_filter_raw = facts->devices[0].rp_filter_effective = 1;
		facts->rpfilter.known = true;
		facts->rpfilter.drops = facts->rpfilter.drops_recent = 5;
		facts->rpfilter.drops_risen_ns = facts->monotonic_ns;
		size_t service = build_service(facts, OWN0, TARGET, "eth0");
		struct path *path = build_path(facts, service, FAR, "eth0");
		path->request = build_failed(ROUTE_RP_FILTER);
		const struct finding *finding = judged(&court, facts);
		assert_non_null(court_find(&court, &rp_filter_drops_condition));
		assert_int_equal(finding->cause[0] == '\0', by_rule);
		court_close(&court);
		facts_free(facts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_holds_for_what_is_translated_and_held_back),
		cmocka_unit_test(what_a_trace_proves_opens_at_once),
		cmocka_unit_test(the_rule_is_named),
		cmocka_unit_test(the_rule_that_was_read_is_named),
		cmocka_unit_test(the_rule_that_cannot_be_followed_is_named),
		cmocka_unit_test(behind_an_older_trace_the_reading_is_told),
		cmocka_unit_test(an_older_trace_says_nothing),
		cmocka_unit_test(a_trace_tells_what_the_finding_does),
		cmocka_unit_test(the_remedy_fits_the_rule),
		cmocka_unit_test(an_element_that_nft_would_misread_is_not_added),
		cmocka_unit_test(the_missing_element_is_named),
		cmocka_unit_test(a_trace_that_cannot_be_made_is_not_recommended),
		cmocka_unit_test(without_a_trace_the_way_to_one_is_told),
		cmocka_unit_test(what_vanished_is_told_where),
		cmocka_unit_test(drops_that_were_counted_are_told),
		cmocka_unit_test(ports_of_one_target_share_a_finding),
		cmocka_unit_test(a_drop_by_source_validation_explains_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
