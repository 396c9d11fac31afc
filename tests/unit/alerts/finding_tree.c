// SPDX-License-Identifier: GPL-2.0-or-later
/* Findings are single letters; what explains one stands behind a '<', an 'i' says that it is intended, a '-'
 * that it is not open. The tree is each letter with its depth, and an 'i' as well. */
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/finding_tree.h"

static const struct {
	const char *findings, *tree;
} rows[] = {
	{ "", "" },
	{ "a b c", "a0 b0 c0" },
	{ "a b- c", "a0 c0" },
	{ "a b<a c", "a0 b1 c0" },
	{ "a<b b c<b", "b0 a1 c1" },
	{ "a<b b<c c d", "c0 b1 a2 d0" },
	{ "a b<a c<b d<a e<d f", "a0 b1 c2 d1 e2 f0" },
	{ "a<d b<d c<b d e<c f<d", "d0 a1 b1 c2 e3 f1" },
	{ "a b<a c<b d<c e<b", "a0 b1 c2 d3 e2" },
	{ "a<x b", "a0 b0" },
	{ "a<b b-", "a0" },
	{ "a<a b", "a0 b0" },
	{ "a<b b<a c<b", "a0 b1 c2" },
	{ "a<c b<a c<b", "a0 b1 c2" },
	{ "a<b b<c c<b d<a", "b0 a1 d2 c1" },
	{ "ai b<a", "a0i b1i" },
	{ "a bi<a", "a0 b0i" },
	{ "ai bi<a c<b", "a0i b1i c2i" },
	{ "a<b bi<c c", "b0i a1i c0" },
};

static struct findings *read_findings(const char *text)
{
	struct findings *findings = findings_new();
	assert_non_null(findings);
	for (; *text; text += strspn(text, " ")) {
		struct finding *finding = findings_add(findings, &return_only_condition);
		finding->open = true;
		finding->id[0] = *text++;
		for (; *text && *text != ' '; text++) {
			finding->intended |= *text == 'i';
			finding->open &= *text != '-';
			if (*text == '<')
				finding->cause[0] = *++text;
		}
	}
	return findings;
}

static void symptoms_stand_beneath_their_cause(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct findings *findings = read_findings(rows[i].findings);
		struct finding_row *tree;
		size_t count;
		char text[100] = "";
		assert_int_equal(finding_tree(findings, &tree, &count), 0);
		for (size_t at = 0, used = 0; at < count; at++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%u%s", at ? " " : "",
				tree[at].finding->id, tree[at].depth, tree[at].intended ? "i" : "");
		assert_string_equal(text, rows[i].tree);
		free(tree);
		findings_free(findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symptoms_stand_beneath_their_cause),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
