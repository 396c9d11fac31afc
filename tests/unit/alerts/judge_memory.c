// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory runs out at each place in turn: judge() says so, gives nothing and loses nothing (the sanitizers see
 * to that). The linker leads the calls below here. */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/trace.h"
#include "tests/support/incidents.h"
#include "tests/support/wire_builder.h"

/* Allocations that still succeed; negative: all do. */
static long left = -1;

static bool runs_out(void)
{
	return left >= 0 && left-- == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
int __real_vasprintf(char **text, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

void *__wrap_calloc(size_t count, size_t size)
{
	return runs_out() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return runs_out() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return runs_out() ? NULL : __real_strdup(text);
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
	return runs_out() ? -1 : __real_vasprintf(text, format, arguments);
}

static struct facts *strict_two_nics(void)
{
	struct facts *facts = incident_two_nics();
	facts->paths[0].request = build_failed(ROUTE_RP_FILTER);
	build_example(facts, 0, PEER, NAT_SYN_RECV);
	return facts;
}

static struct facts *conflict(void)
{
	struct facts *facts = incident_dnat_uplinks();
	build_path(facts, build_service(facts, "203.0.113.10", "10.8.10.2", "vlan95"), PEER, "vlan95");
	return facts;
}

static struct facts *recovered(void)
{
	struct facts *facts = incident_two_nics();
	facts->path_count = 0;
	return facts;
}

/* Everything at once. */
static struct facts *wire(void)
{
	static void (*const happenings[])(struct facts *) = { wire_hangs, wire_leaves_wrongly, wire_ignores,
		wire_translated, wire_half_passes, wire_echo_filtered };
	struct facts *facts = wire_host();
	for (size_t i = 0; i < sizeof(happenings) / sizeof(*happenings); i++)
		happenings[i](facts);
	return facts;
}

/* Two ports of one target, one of them traced. */
static struct facts *held_back(void)
{
	struct facts *facts = wire_host();
	wire_unanswered(facts, "eth0", FAR, OWN0, 1222, 3);
	wire_unanswered(facts, "eth0", FAR, OWN0, 1223, 3);
	build_nat_rule(facts, OWN0, 1222, "10.0.0.9", 22);
	build_nat_rule(facts, OWN0, 1223, "10.0.0.9", 23);
	facts->conntrack.known = facts->conntrack.in_use = true;
	facts->conntrack.ended_ns = facts->time_ns;
	facts->traces = calloc(1, sizeof(*facts->traces));
	facts->traces[facts->trace_count++] = (struct trace){ .address = build_address(OWN0),
		.port = 1222,
		.arrival = build_ifindex(facts, "eth0"),
		.translated = true,
		.target = build_address("10.0.0.9"),
		.target_port = 22,
		.end = TRACE_RULE,
		.table_family = 1,
		.table = strdup("filter"),
		.chain = strdup("forward"),
		.handle = 9,
		.rule = strdup("drop"),
		.set = strdup("allowed"),
		.element = strdup("10.0.0.9 . 22"),
		.time_ns = facts->time_ns };
	return facts;
}

struct memory_row {
	struct facts *(*before)(void), *(*now)(void);
};

static const struct memory_row rows[] = {
	{ strict_two_nics, strict_two_nics },
	{ incident_two_nics, recovered },
	{ incident_dnat_uplinks, conflict },
	{ incident_two_nics6, incident_two_nics6 },
	{ incident_tunnel, incident_tunnel },
	{ wire, wire },
	{ held_back, held_back },
};

#define MOST_ALLOCATIONS 10000

static long allocations_of(const struct court *court, const struct facts *facts)
{
	for (long allowed = 0; allowed < MOST_ALLOCATIONS; allowed++) {
		struct findings *findings = NULL;
		left = allowed;
		int error = judge(&court->settings, facts, court->findings, &findings);
		bool all_succeeded = left >= 0;
		left = -1;
		if (error == 0) {
			assert_true(all_succeeded);
			findings_free(findings);
			return allowed;
		}
		assert_int_equal(error, -ENOMEM);
		assert_null(findings);
	}
	return MOST_ALLOCATIONS;
}

static void each_failing_allocation_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct court court;
		struct facts *before = rows[i].before(), *now = rows[i].now();
		court_open(&court);
		court_settle(&court, before);
		long allocations = allocations_of(&court, now);
		print_message("%ld allocations\n", allocations);
		assert_true(allocations > 10 && allocations < MOST_ALLOCATIONS);
		court_close(&court);
		facts_free(before);
		facts_free(now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_failing_allocation_is_survived) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
