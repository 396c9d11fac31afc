// SPDX-License-Identifier: GPL-2.0-or-later
/* Facts at random, also such as no kernel would give: judging them never crashes, depends on nothing but its
 * input, and keeps what findings promise. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/trace/trace.h"
#include "tests/support/incidents.h"

#define ROUNDS      3000
#define STEPS       4
#define SERIES_MOST 256

static uint32_t pick(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*seed >> 33) % below);
}

static const char *const names[] = { "eth0", "eth1", "tun;a", "br0" };
#define NAMES (sizeof(names) / sizeof(*names))

static struct address random_address(uint64_t *seed)
{
	static const char *const texts[] = { "192.0.2.1", "192.0.2.2", "198.51.100.1", "203.0.113.1",
		"2001:db8::1", "2001:db8:1::1", "fe80::1" };
	uint32_t at = pick(seed, sizeof(texts) / sizeof(*texts) + 1);
	return at == sizeof(texts) / sizeof(*texts) ? (struct address){ 0 } : build_address(texts[at]);
}

/* Now and then an interface that does not exist, or none. */
static int random_ifindex(uint64_t *seed)
{
	return (int)pick(seed, NAMES + 3);
}

static struct route_answer random_answer(uint64_t *seed)
{
	static const uint32_t tables[] = { 0, 100, 254, 255, 110, 120 };
	struct route_answer answer = { .result = (enum route_result)pick(seed, ROUTE_FAILED + 1) };
	if (pick(seed, 2))
		answer.result = ROUTE_FOUND;
	for (uint32_t i = pick(seed, 3); i > 0; i--)
		device_set_add(&answer.devices, random_ifindex(seed));
	answer.devices.more = pick(seed, 20) == 0;
	answer.gateway = random_address(seed);
	answer.table = tables[pick(seed, 6)];
	answer.prefix_length = pick(seed, 3) ? 0 : 24;
	return answer;
}

static void random_rule(struct facts *facts, uint64_t *seed)
{
	struct rule *rule = ARRAY_ADD(facts->rules, facts->rule_count);
	assert_non_null(rule);
	rule->family = pick(seed, 2) ? AF_INET : AF_INET6;
	rule->priority = pick(seed, 8) ? pick(seed, 40) : pick(seed, UINT32_MAX);
	rule->action = (enum rule_action)pick(seed, RULE_PROHIBIT + 1);
	rule->table = pick(seed, 256);
	rule->invert = pick(seed, 5) == 0;
	rule->opaque = pick(seed, 5) == 0;
	rule->l3mdev = pick(seed, 9) == 0;
	rule->has_uid = pick(seed, 9) == 0;
	rule->suppress_prefix_length = (int)pick(seed, 2) - 1;
	rule->from = (struct prefix){ random_address(seed), (uint8_t)pick(seed, 140) };
}

static void random_service(struct facts *facts, uint64_t *seed)
{
	struct service *service = ARRAY_ADD(facts->services, facts->service_count);
	assert_non_null(service);
	service->origin = pick(seed, 2) ? ORIGIN_LOCAL : ORIGIN_DNAT;
	service->address = random_address(seed);
	service->target = service->origin == ORIGIN_LOCAL ? service->address : random_address(seed);
	service->target_local = pick(seed, 2);
	service->target_ifindex = random_ifindex(seed);
	service->endpoint = pick(seed, 2) ? SIZE_MAX : pick(seed, 5);
	for (uint32_t i = pick(seed, 3); i > 0; i--)
		device_set_add(&service->arrival, random_ifindex(seed));
}

static void random_path(struct facts *facts, uint64_t *seed)
{
	struct path *path = ARRAY_ADD(facts->paths, facts->path_count);
	assert_non_null(path);
	path->service = pick(seed, 30) ? pick(seed, 5) : SIZE_MAX;
	path->destination = random_address(seed);
	path->arrival = random_ifindex(seed);
	path->basis = (enum path_basis)pick(seed, PATH_POSSIBLE + 1);
	path->protocol = pick(seed, 2) ? 6 : (uint8_t)pick(seed, 256);
	path->mark_decides = pick(seed, 8) == 0;
	path->answers = pick(seed, 8) == 0;
	path->request = random_answer(seed);
	if (pick(seed, 3) == 0)
		path->request.result = ROUTE_RP_FILTER;
	path->reply = random_answer(seed);
	path->egress = random_answer(seed);
}

static void random_endpoint(struct facts *facts, uint64_t *seed)
{
	struct endpoint *endpoint = ARRAY_ADD(facts->endpoints, facts->endpoint_count);
	assert_non_null(endpoint);
	endpoint->kind = (enum endpoint_kind)pick(seed, 3);
	endpoint->address = random_address(seed);
	endpoint->half_open = pick(seed, 3);
	endpoint->example_count = pick(seed, ENDPOINT_EXAMPLES + 1);
	for (unsigned i = 0; i < endpoint->example_count; i++) {
		endpoint->examples[i].peer = random_address(seed);
		endpoint->examples[i].protocol = 6;
		endpoint->examples[i].state = (enum nat_state)pick(seed, NAT_STATES);
		endpoint->examples[i].assured = pick(seed, 2);
	}
}

static void random_suspect(struct handshake_report *report, uint64_t *seed)
{
	struct handshake_suspect *suspect = ARRAY_ADD(report->suspects, report->suspect_count);
	assert_non_null(suspect);
	*suspect = (struct handshake_suspect){ .id = report->suspect_count,
		.sign = (enum handshake_sign)pick(seed, HANDSHAKE_SIGNS),
		.role = (enum handshake_role)pick(seed, HANDSHAKE_ROLES),
		.client = random_address(seed),
		.server = random_address(seed),
		.server_port = (uint16_t)pick(seed, 3),
		.sequence = pick(seed, 3),
		.repeats = pick(seed, 4),
		.synack_repeats = pick(seed, 4),
		.acknowledged = pick(seed, 4) == 0,
		.syn = { random_ifindex(seed) - 1, random_ifindex(seed) - 1 },
		.synack = { random_ifindex(seed) - 1, random_ifindex(seed) - 1 },
		.joined = pick(seed, 2),
		.other_server = random_address(seed),
		.other_syn = { random_ifindex(seed) - 1, random_ifindex(seed) - 1 },
		.other_synack = { random_ifindex(seed) - 1, random_ifindex(seed) - 1 } };
}

static void random_service_row(struct handshake_report *report, uint64_t *seed)
{
	struct handshake_service *row = ARRAY_ADD(report->services, report->service_count);
	assert_non_null(row);
	row->role = (enum handshake_role)pick(seed, HANDSHAKE_ROLES);
	row->device = random_ifindex(seed) - 1;
	row->synack_device = random_ifindex(seed) - 1;
	row->address = random_address(seed);
	for (unsigned outcome = 0; outcome < HANDSHAKE_OUTCOMES; outcome++)
		row->recent[outcome] = pick(seed, 2) ? pick(seed, 5) : 0;
}

static void random_peer(struct handshake_report *report, uint64_t *seed)
{
	struct handshake_peer *peer = ARRAY_ADD(report->peers, report->peer_count);
	assert_non_null(peer);
	*peer = (struct handshake_peer){ .device = random_ifindex(seed) - 1,
		.peer = random_address(seed),
		.local = random_address(seed),
		.port = (uint16_t)pick(seed, 3),
		.asks = pick(seed, 2),
		.completed = pick(seed, 2),
		.synack_device = random_ifindex(seed) };
}

static void random_unanswered(const struct facts *facts, struct handshake_report *report, uint64_t *seed)
{
	struct unanswered_service *unanswered = ARRAY_ADD(report->unanswered, report->unanswered_count);
	assert_non_null(unanswered);
	*unanswered = (struct unanswered_service){ .server = random_address(seed),
		.client = random_address(seed),
		.port = (uint16_t)pick(seed, 3),
		.device = random_ifindex(seed) - 1,
		.id = report->unanswered_count,
		.repeats = pick(seed, 5),
		.since_ns = facts->time_ns - pick(seed, 60),
		.left = pick(seed, 4) == 0 };
}

static char *random_name(uint64_t *seed)
{
	static const char *const texts[] = { "filter", "a;b", "", "-f" };
	char *text = pick(seed, 5) ? strdup(texts[pick(seed, 4)]) : NULL;
	return text;
}

static void random_trace(struct facts *facts, uint64_t *seed)
{
	struct trace *trace = ARRAY_ADD(facts->traces, facts->trace_count);
	assert_non_null(trace);
	*trace = (struct trace){ .address = random_address(seed),
		.port = (uint16_t)pick(seed, 3),
		.arrival = random_ifindex(seed),
		.translated = pick(seed, 2),
		.target = random_address(seed),
		.end = (enum trace_end)pick(seed, TRACE_NOTHING + 1),
		.place = (enum trace_place)pick(seed, TRACE_THROUGH + 1),
		.iptables = pick(seed, 2),
		.map = pick(seed, 2),
		.handle = pick(seed, 3),
		.table_family = (uint8_t)pick(seed, 256),
		.route = random_answer(seed),
		.time_ns = facts->time_ns - pick(seed, 60),
		.rule = random_name(seed),
		.set = random_name(seed),
		.element = random_name(seed) };
	if (trace->end <= TRACE_QUEUED) { /* then somebody is named */
		trace->table = strdup(pick(seed, 2) ? "filter" : "a b");
		trace->chain = strdup(pick(seed, 2) ? "forward" : "$(reboot)");
	}
}

static void random_traces(struct facts *facts, uint64_t *seed)
{
	facts->traces_known = pick(seed, 2);
	for (uint32_t i = pick(seed, 6); i > 0; i--)
		random_trace(facts, seed);
	facts->conntrack.known = facts->conntrack.in_use = pick(seed, 2);
	facts->conntrack.ended_ns = facts->time_ns;
	if (pick(seed, 2))
		build_nat_rule(facts, "192.0.2.1", (uint16_t)pick(seed, 3), "198.51.100.1", 22)->conditional =
			pick(seed, 2);
}

static void random_handshakes(struct facts *facts, uint64_t *seed)
{
	if (pick(seed, 3) == 0)
		return;
	struct handshake_report *report = facts->handshakes = calloc(1, sizeof(*report));
	assert_non_null(report);
	for (uint32_t i = pick(seed, 6); i > 0; i--)
		random_suspect(report, seed);
	for (uint32_t i = pick(seed, 6); i > 0; i--)
		random_service_row(report, seed);
	for (uint32_t i = pick(seed, 4); i > 0; i--)
		random_peer(report, seed);
	for (uint32_t i = pick(seed, 8); i > 0; i--)
		random_unanswered(facts, report, seed);
	for (int device = -1; device < 8; device++)
		ARRAY_ADD(report->devices, report->device_count)->device = device;
	report->echo_suspect_count = pick(seed, 3);
	for (size_t i = 0; i < report->echo_suspect_count; i++)
		report->echo_suspects[i] = (struct echo_suspect){ .device = random_ifindex(seed) - 1,
			.direction = (enum direction)pick(seed, DIRECTIONS),
			.asker = random_address(seed),
			.asked = random_address(seed),
			.answerer = random_address(seed),
			.time_ns = facts->time_ns };
}

static void random_surroundings(struct facts *facts, uint64_t *seed)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct device *device = build_device(facts, names[i]);
		device->kind = (enum device_kind)pick(seed, DEVICE_TUNNEL + 1);
		device->master = random_ifindex(seed);
		device->vrf_table = device->kind == DEVICE_VRF ? 120 : 0;
		device->rp_filter_effective = (int)pick(seed, 3);
		device->rp_filter_raw = (int)pick(seed, 4) - 1;
	}
	for (uint32_t i = pick(seed, 5); i > 0; i--) {
		struct local_address *local = ARRAY_ADD(facts->addresses, facts->address_count);
		assert_non_null(local);
		local->prefix = (struct prefix){ random_address(seed), (uint8_t)pick(seed, 33) };
		local->ifindex = random_ifindex(seed);
	}
	facts->rpfilter.known = pick(seed, 2);
	facts->rpfilter.drops_recent = pick(seed, 5);
	facts->free_tables[0] = pick(seed, 3) * 100;
	facts->free_tables[1] = pick(seed, 3) * 126;
}

static struct facts *random_facts(uint64_t *seed)
{
	static void (*const makers[])(
		struct facts *, uint64_t *) = { random_rule, random_service, random_path, random_endpoint };
	static const uint32_t most[] = { 6, 5, 14, 4 };
	struct facts *facts = build_facts();
	random_surroundings(facts, seed);
	random_traces(facts, seed);
	random_handshakes(facts, seed);
	for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++)
		for (uint32_t count = pick(seed, most[i] + 1); count > 0; count--)
			makers[i](facts, seed);
	for (uint32_t i = pick(seed, 4); i > 0; i--) {
		struct destination *destination = ARRAY_ADD(facts->destinations, facts->destination_count);
		assert_non_null(destination);
		destination->address = random_address(seed);
		destination->plain = random_answer(seed);
	}
	for (uint32_t i = pick(seed, 4); i > 0; i--) {
		struct table_answer *answer = ARRAY_ADD(facts->table_answers, facts->table_answer_count);
		assert_non_null(answer);
		answer->table = pick(seed, 2) ? 254 : 120;
		answer->destination = random_address(seed);
		answer->answer = random_answer(seed);
	}
	return facts;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void assert_same(const struct finding *a, const struct finding *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->cause, b->cause);
	assert_true(same_text(a->summary, b->summary) && same_text(a->explanation, b->explanation));
	assert_true(strcmp(a->reply_device, b->reply_device) == 0);
	assert_true(a->severity == b->severity && a->open == b->open && a->holds == b->holds);
	assert_true(a->since_ns == b->since_ns && a->held == b->held && a->changed_ns == b->changed_ns);
	assert_int_equal(a->evidence_count, b->evidence_count);
	for (size_t i = 0; i < a->evidence_count; i++)
		assert_string_equal(a->evidence[i].text, b->evidence[i].text);
	assert_int_equal(a->remedy_count, b->remedy_count);
	for (size_t i = 0; i < a->remedy_count; i++)
		assert_string_equal(a->remedy[i], b->remedy[i]);
}

static void assert_sound(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		assert_true(finding->summary && finding->summary[0] && finding->explanation &&
			    finding->explanation[0] && !finding->failed);
		assert_ptr_equal(findings_find(findings, finding->id), finding);
		assert_string_not_equal(finding->cause, finding->id);
		if (finding->intended)
			assert_int_equal(finding->remedy_count, 0);
		if (finding->remedy_count)
			assert_true(finding->remedy_checked ||
				    strstr(finding->explanation, "It is not certain that the commands heal"));
		if (finding->holds && finding->cause[0])
			assert_non_null(findings_find(findings, finding->cause));
	}
}

struct series {
	char id[FINDING_ID_SIZE];
	enum severity severity;
	bool intended, caused;
};

/* Of the open findings; returns how many. */
static size_t note_series(const struct findings *findings, struct series *out)
{
	size_t count = 0;
	for (size_t i = 0; findings && i < findings->count && count < SERIES_MOST; i++) {
		const struct finding *finding = &findings->items[i];
		if (!finding->open)
			continue;
		struct series *series = &out[count++];
		memcpy(series->id, finding->id, sizeof(series->id));
		series->severity = finding->severity;
		series->intended = finding->intended;
		series->caused = finding->cause[0];
	}
	return count;
}

/* What was open before and is so still has not fallen in severity, and is a cause or a symptom as before.
 * Returns how many were. */
static size_t assert_one_series(const struct series *before, size_t count, const struct findings *findings)
{
	size_t met = 0;
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = findings_find(findings, before[i].id);
		if (!finding || !finding->open)
			continue;
		met++;
		assert_int_equal(before[i].caused, finding->cause[0] != '\0');
		if (before[i].intended == finding->intended)
			assert_true(finding->severity >= before[i].severity);
	}
	return met;
}

/* Two different rules never get one priority. */
static void assert_priorities_distinct(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct finding *a = &findings->items[i], *b = &findings->items[j];
			for (size_t k = 0; a->holds && b->holds && k < a->remedy_count * b->remedy_count;
				k++) {
				const char *left = a->remedy[k % a->remedy_count];
				const char *right = b->remedy[k / a->remedy_count];
				const char *at = strstr(left, " pref ");
				size_t head = at ? (size_t)(at - left) + 6 : 0;
				if (!at || strncmp(left, right, head) != 0 || strcmp(left, right) == 0)
					continue;
				assert_true(
					strtoul(left + head, NULL, 10) != strtoul(right + head, NULL, 10));
			}
		}
	}
}

static void judging_is_a_pure_and_steady_function(void **state)
{
	(void)state;
	uint64_t seed = 20240607;
	size_t met = 0, remedied = 0, went_on = 0;
	struct series before[SERIES_MOST];
	for (int round = 0; round < ROUNDS; round++) {
		struct court one, two;
		struct intended intended = { .address = { random_address(&seed), 32 } };
		court_open(&one);
		court_open(&two);
		one.settings.intended = two.settings.intended = &intended;
		one.settings.intended_count = two.settings.intended_count = pick(&seed, 2);
		for (int step = 0; step < STEPS; step++) {
			struct facts *facts = random_facts(&seed);
			build_later(facts, step * pick(&seed, 40));
			size_t count = note_series(one.findings, before);
			court_judge(&one, facts);
			court_judge(&two, facts);
			went_on += assert_one_series(before, count, one.findings);
			assert_int_equal(one.findings->count, two.findings->count);
			for (size_t i = 0; i < one.findings->count; i++) {
				assert_same(&one.findings->items[i], &two.findings->items[i]);
				remedied += one.findings->items[i].remedy_count > 0;
			}
			met += one.findings->count;
			assert_sound(one.findings);
			assert_priorities_distinct(one.findings);
			facts_free(facts);
		}
		court_close(&one);
		court_close(&two);
	}
	print_message("%zu findings, %zu with commands, %zu went on\n", met, remedied, went_on);
	assert_true(met > ROUNDS && remedied > ROUNDS / 10 && went_on > ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(judging_is_a_pure_and_steady_function) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
