// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <string.h>

#include "alerts/judge.h"
#include "alerts/verdict.h"
#include "tests/support/incidents.h"

struct row {
	enum route_result result;
	const char *devices;
	bool mark_decides, possible;
	enum verdict verdict;
};

static const struct row rows[] = {
	{ ROUTE_FOUND, "eth1", false, false, VERDICT_COVERED },
	{ ROUTE_FOUND, "eth0", false, false, VERDICT_UNCOVERED },
	{ ROUTE_FOUND, "eth0,eth1", false, false, VERDICT_PARTLY },
	{ ROUTE_FOUND, "eth0", true, false, VERDICT_UNKNOWN },
	{ ROUTE_FOUND, "eth0", false, true, VERDICT_UNKNOWN },
	{ ROUTE_FOUND, "eth1", true, false, VERDICT_UNKNOWN },
	{ ROUTE_NONE, NULL, false, false, VERDICT_NO_ROUTE },
	{ ROUTE_UNREACHABLE, NULL, false, false, VERDICT_NO_ROUTE },
	{ ROUTE_PROHIBIT, NULL, false, false, VERDICT_NO_ROUTE },
	{ ROUTE_BLACKHOLE, NULL, false, false, VERDICT_NO_ROUTE },
	{ ROUTE_NOT_FORWARDED, NULL, false, false, VERDICT_NO_ROUTE },
	{ ROUTE_NOT_ASKED, NULL, false, false, VERDICT_UNKNOWN },
	{ ROUTE_LOCAL, NULL, false, false, VERDICT_UNKNOWN },
	{ ROUTE_RP_FILTER, NULL, false, false, VERDICT_UNKNOWN },
	{ ROUTE_MARTIAN, NULL, false, false, VERDICT_UNKNOWN },
	{ ROUTE_FAILED, NULL, false, false, VERDICT_UNKNOWN },
	{ ROUTE_UNREACHABLE, NULL, true, false, VERDICT_UNKNOWN },
	{ ROUTE_FOUND, "", false, false, VERDICT_UNKNOWN },
};

static void answers_have_verdicts(void **state)
{
	(void)state;
	const struct settings settings = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct facts *facts = incident_two_nics();
		struct path *path = &facts->paths[0];
		path->reply = rows[i].devices && rows[i].devices[0]
				      ? build_found(facts, rows[i].devices, NULL, 254, 0)
				      : build_failed(rows[i].result);
		path->mark_decides = rows[i].mark_decides;
		if (rows[i].possible)
			path->basis = PATH_POSSIBLE;
		assert_int_equal(path_verdict(&settings, facts, path), rows[i].verdict);
		facts_free(facts);
	}
}

static void what_is_left_out_of_a_set_may_be_anything(void **state)
{
	(void)state;
	const struct settings settings = { 0 };
	struct facts *facts = incident_two_nics();
	facts->paths[0].reply.devices.more = true;
	assert_int_equal(path_verdict(&settings, facts, &facts->paths[0]), VERDICT_PARTLY);
	facts->paths[0].service = 7;
	assert_int_equal(path_verdict(&settings, facts, &facts->paths[0]), VERDICT_UNKNOWN);
	facts_free(facts);
}

static enum verdict service_verdict(const struct settings *settings, const struct facts *facts)
{
	struct verdicts verdicts;
	assert_int_equal(verdicts_make(settings, facts, &verdicts), 0);
	for (size_t i = 0; i < facts->path_count; i++)
		assert_int_equal(verdicts.paths[i], path_verdict(settings, facts, &facts->paths[i]));
	enum verdict verdict = verdicts.services[0];
	verdicts_clear(&verdicts);
	return verdict;
}

static void a_service_is_as_bad_as_its_worst_path(void **state)
{
	(void)state;
	/* From best to worst. */
	static const struct {
		enum route_result result;
		const char *devices;
		enum verdict verdict;
	} ladder[] = {
		{ ROUTE_FOUND, "eth1", VERDICT_COVERED },
		{ ROUTE_FAILED, NULL, VERDICT_UNKNOWN },
		{ ROUTE_FOUND, "eth2", VERDICT_INTENDED },
		{ ROUTE_FOUND, "eth0,eth1", VERDICT_PARTLY },
		{ ROUTE_NONE, NULL, VERDICT_NO_ROUTE },
		{ ROUTE_FOUND, "eth0", VERDICT_UNCOVERED },
	};
	struct intended intended = { .reply = "eth2" };
	const struct settings settings = { .intended = &intended, .intended_count = 1 };
	struct facts *facts = incident_two_nics();
	build_device(facts, "eth2");
	assert_int_equal(prefix_parse("198.51.100.0/24", &intended.address), 0);
	facts->path_count = 0;
	assert_int_equal(service_verdict(&settings, facts), VERDICT_UNKNOWN);
	for (size_t i = 0; i < sizeof(ladder) / sizeof(*ladder); i++) {
		struct path *path = build_path(facts, 0, PEER, "eth1");
		path->reply = ladder[i].devices ? build_found(facts, ladder[i].devices, NULL, 254, 0)
						: build_failed(ladder[i].result);
		assert_int_equal(service_verdict(&settings, facts), ladder[i].verdict);
	}
	build_path(facts, 0, PEER, "eth1");
	assert_int_equal(service_verdict(&settings, facts), VERDICT_UNCOVERED);
	facts_free(facts);
}

static void verdicts_have_names(void **state)
{
	(void)state;
	static const char *const names[VERDICTS] = { "covered", "partly", "uncovered", "no_route", "unknown",
		"intended" };
	for (int i = 0; i < VERDICTS; i++)
		assert_string_equal(verdict_name((enum verdict)i), names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_verdicts),
		cmocka_unit_test(what_is_left_out_of_a_set_may_be_anything),
		cmocka_unit_test(a_service_is_as_bad_as_its_worst_path),
		cmocka_unit_test(verdicts_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
