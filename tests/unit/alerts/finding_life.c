// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <ctype.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/finding_life.h"
#include "tests/support/facts_builder.h"

/* A judgement each second. What its condition says: holds as info, warning, critical, critical as was shown
 * for seconds already (X), intended (n), a warning that is undecided (u); or not (.), and the wire shows that
 * it works (r). What comes out: I, W, C: shown as such; -: not shown, but remembered; (blank): forgotten. */
static const struct life {
	const char *name, *says, *shown;
} lives[] = {
	{ "opens at the second judgement", "ccc", "-CC" },
	{ "shown for seconds already", "XX", "CC" },
	{ "held once", "c......", "-----  " },
	{ "held twice with a pause", "c..c", "---C" },
	{ "fades for close_seconds", "cc...........", "-CCCCCCCCCC  " },
	{ "comes back while fading", "cc...cc....", "-CCCCCCCCCC" },
	{ "severity rises", "wwcc", "-WCC" },
	{ "severity does not fall to a warning, ever", "ccwwwwwwwwwwwwwwww", "-CCCCCCCCCCCCCCCCC" },
	{ "nor while it fades", "ccw...", "-CCCCC" },
	{ "nor for a while to info", "cciiiciiiiciiiii", "-CCCCCCCCCCCCCCC" },
	{ "what completes for close_seconds begins anew", "cciiiiiiiiiiiii", "-CCCCCCCCCC--II" },
	{ "info rises", "iiicc", "-IICC" },
	{ "is declared as intended", "ccnnn", "-CIII" },
	{ "is not intended any more", "nncc", "-ICC" },
	{ "undecided, then critical", "uuucc", "---CC" },
	{ "undecided for long", "uuuuuu", "----WW" },
	{ "undecided once it is open", "wwuu", "-WWW" },
	{ "recovers", "ccrrrrr", "-CCCC--" },
	{ "recovers late", "cc....r", "-CCCCC-" },
	{ "recovers too late to tell", "cc.....", "-CCCCCC" },
	{ "success that comes before the end", "cc.r...", "-CCCC--" },
	{ "relapses while it recovers", "ccrrcrrrrrrrrrr", "-CCCCCCCCCCCCC " },
	{ "relapses after it recovered", "ccrrrrrrccrrrrrrrrrr", "-CCCC----CCCCCCCCCC " },
	{ "recovered for good", "ccrrrrrrrrrrr", "-CCCC------  " },
	{ "what never opened does not recover", "crrrrrr", "-----  " },
};

static struct finding candidate(char says)
{
	struct finding finding = { .condition = &reply_wrong_device_condition };
	finding.severity = strchr("in", says)   ? SEVERITY_INFO
			   : strchr("wu", says) ? SEVERITY_WARNING
						: SEVERITY_CRITICAL;
	finding.intended = says == 'n';
	finding.undecided = says == 'u';
	finding.held = says == 'X';
	return finding;
}

static char shown(const struct finding *finding)
{
	static const char letters[SEVERITIES] = { 'I', 'W', 'C' };
	return finding->open ? letters[finding->severity] : '-';
}

static void a_life_goes_its_way(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	struct settings settings = { 0 };
	const struct judge_context context = { .settings = &settings, .now = facts };
	thresholds_default(&settings.thresholds);
	settings.thresholds.close_seconds = 9;
	settings.thresholds.pending_seconds = 4;
	for (const struct life *life = lives; life < lives + sizeof(lives) / sizeof(*lives); life++) {
		struct finding now = { 0 };
		bool known = false;
		for (size_t i = 0; life->says[i]; i++) {
			const struct finding was = now;
			char says = life->says[i];
			build_later(facts, 1);
			now = known ? was : candidate(says);
			if (isalpha(says) && says != 'r') {
				now = candidate(says);
				finding_life_hold(&context, known ? &was : NULL, &now);
				known = true;
				if (finding_life_is_ripe(&context, &now))
					finding_life_open(&now, NULL);
				assert_true(now.holds && now.last_seen_ns == facts->time_ns);
			} else if (known) {
				known = finding_life_fade(&context, &was, says == 'r', &now);
				assert_false(known && now.holds);
			}
			char found = known ? shown(&now) : ' ';
			if (found != life->shown[i])
				fail_msg("%s: '%c' at %zu of \"%s\"", life->name, found, i, life->says);
		}
	}
	facts_free(facts);
}

static void a_life_has_one_age(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		size_t born; /* since then */
	} ages[] = {
		{ "ccc..c", 0 },
		{ "c..cc", 0 },
		{ "ccrrrrrrcc", 8 },
		{ "cciiiiiiiiiiiii", 11 },
	};
	struct facts *facts = build_facts();
	struct settings settings = { 0 };
	const struct judge_context context = { .settings = &settings, .now = facts };
	thresholds_default(&settings.thresholds);
	settings.thresholds.close_seconds = 9;
	for (size_t row = 0; row < sizeof(ages) / sizeof(*ages); row++) {
		struct finding now = { 0 };
		int64_t born = 0;
		for (size_t i = 0; ages[row].says[i]; i++) {
			const struct finding was = now;
			char says = ages[row].says[i];
			build_later(facts, 1);
			born = i == ages[row].born ? facts->time_ns : born;
			if (says == '.' || says == 'r') {
				assert_true(finding_life_fade(&context, &was, says == 'r', &now));
				continue;
			}
			now = candidate(says);
			finding_life_hold(&context, i ? &was : NULL, &now);
			if (finding_life_is_ripe(&context, &now))
				finding_life_open(&now, NULL);
		}
		assert_true(now.since_ns == born);
	}
	facts_free(facts);
}

static void what_is_about_an_address_keeps_its_labels(void **state)
{
	(void)state;
	struct facts *facts = build_facts();
	struct settings settings = { 0 };
	const struct judge_context context = { .settings = &settings, .now = facts };
	thresholds_default(&settings.thresholds);
	const struct address own = build_address("192.0.2.1"), target = build_address("10.0.0.1");
	struct finding was = { .condition = &handshake_one_way_condition, .held = 1 }, now = was;
	finding_set_service(&was, ORIGIN_LOCAL, &own, &own);
	finding_life_hold(&context, NULL, &was);
	finding_set_service(&now, ORIGIN_DNAT, &own, &target);
	finding_life_hold(&context, &was, &now);
	assert_int_equal(now.origin, ORIGIN_DNAT); /* not shown yet */
	finding_life_open(&was, NULL);
	finding_life_hold(&context, &was, &now);
	assert_int_equal(now.origin, ORIGIN_LOCAL);
	assert_true(address_equal(&now.target, &own));
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_goes_its_way),
		cmocka_unit_test(a_life_has_one_age),
		cmocka_unit_test(what_is_about_an_address_keeps_its_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
