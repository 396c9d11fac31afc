// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/changed.h"
#include "alerts/condition.h"
#include "alerts/finding_life.h"
#include "alerts/recovered.h"
#include "alerts/remedy/remedy.h"

/* Findings in the order of their ids. */
struct sorted_findings {
	struct finding **items;
	size_t count;
};

static int compare_ids(const void *left, const void *right)
{
	const struct finding *a = *(struct finding *const *)left, *b = *(struct finding *const *)right;
	int order = strcmp(a->id, b->id);
	return order ? order : (a > b) - (a < b);
}

static int sorted_findings_make(struct finding *items, size_t count,
	int (*compare)(const void *left, const void *right), struct sorted_findings *out)
{
	struct finding **sorted = calloc(count + 1, sizeof(struct finding *));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &items[i];
	qsort(sorted, count, sizeof(struct finding *), compare);
	*out = (struct sorted_findings){ sorted, count };
	return 0;
}

/* Takes over what the candidate owns. was: the same finding in the last judgement, or NULL. */
static void carry_over(const struct judge_context *context, struct finding *candidate,
	const struct finding *was, struct findings *findings)
{
	struct finding *finding = findings_add(findings, candidate->condition);
	*finding = *candidate;
	memset(candidate, 0, sizeof(*candidate));
	finding_life_hold(context, was, finding);
	changed_note(context, was, finding);
}

/* It no longer holds; for some time it stays. */
static void keep_closing(
	const struct judge_context *context, const struct finding *was, struct findings *findings)
{
	const struct condition *condition = was->condition;
	bool recovered = was->open && condition->recovered && condition->recovered(context, was);
	struct finding life = *was;
	if (!finding_life_fade(context, was, recovered, &life))
		return;
	finding_copy(findings_add(findings, condition), &life);
}

/* Walks both in the order of ids. Of candidates with one id the first counts. */
static void merge_findings(const struct judge_context *context, const struct sorted_findings *now,
	const struct sorted_findings *before, struct findings *findings)
{
	size_t i = 0, j = 0;
	while (i < now->count || j < before->count) {
		int order = i == now->count      ? 1
			    : j == before->count ? -1
						 : strcmp(now->items[i]->id, before->items[j]->id);
		const struct finding *was = order < 0 ? NULL : before->items[j++];
		if (order > 0) {
			keep_closing(context, was, findings);
			continue;
		}
		struct finding *candidate = now->items[i++];
		while (i < now->count && strcmp(now->items[i]->id, candidate->id) == 0)
			i++;
		carry_over(context, candidate, was, findings);
	}
}

/* Each condition's together, and there in the order of their ids. */
static int compare_conditions(const void *left, const void *right)
{
	const struct finding *a = *(struct finding *const *)left, *b = *(struct finding *const *)right;
	int order = (a->condition > b->condition) - (a->condition < b->condition);
	return order ? order : compare_ids(left, right);
}

static size_t first_of(const struct sorted_findings *causes, const struct condition *condition)
{
	size_t low = 0, high = causes->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (causes->items[middle]->condition < condition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The best that holds and explains it, open or not; NULL: none. */
static const struct finding *find_cause(const struct judge_context *context,
	const struct sorted_findings *causes, const struct finding *symptom)
{
	const struct finding *pending = NULL;
	for (const struct explanation_rule *by = symptom->condition->explained_by; by->cause; by++) {
		for (size_t i = first_of(causes, by->cause);
			i < causes->count && causes->items[i]->condition == by->cause; i++) {
			const struct finding *cause = causes->items[i];
			if (!cause->holds || cause == symptom || !by->explains(context, cause, symptom))
				continue;
			if (finding_life_is_settled(context, cause))
				return cause;
			pending = pending ? pending : cause;
		}
	}
	return pending;
}

/* What is ripe opens, unless its cause may yet turn out to be none: as what it opens it stays. */
static void open_finding(
	const struct judge_context *context, const struct sorted_findings *causes, struct finding *finding)
{
	const struct finding *cause = find_cause(context, causes, finding);
	if (finding_life_is_ripe(context, finding) && (!cause || finding_life_is_settled(context, cause)))
		finding_life_open(finding, cause);
}

/* Its cause may be fading as well. */
static void keep_symptom(const struct judge_context *context, const struct findings *findings,
	const struct sorted_findings *causes, struct finding *symptom)
{
	const struct finding *cause = findings_find(findings, symptom->cause);
	if (!cause || !cause->open)
		cause = find_cause(context, causes, symptom);
	finding_life_explain(context, cause && cause->open ? cause : NULL, symptom);
}

static int settle_causes(const struct judge_context *context, struct findings *findings)
{
	struct sorted_findings causes = { 0 };
	int error = findings_index(findings);
	if (error == 0)
		error = sorted_findings_make(findings->items, findings->count, compare_conditions, &causes);
	if (error < 0)
		return error;
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->items[i];
		if (!finding->open && finding->holds)
			open_finding(context, &causes, finding);
		else if (finding->open && finding->holds && *finding->cause)
			keep_symptom(context, findings, &causes, finding);
	}
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *finding = &findings->items[i];
		if (finding->open && !finding->holds && !*finding->cause)
			finding_life_yield(finding, find_cause(context, &causes, finding));
	}
	free(causes.items);
	return 0;
}

static int compare_findings(const void *left, const void *right)
{
	const struct finding *a = left, *b = right;
	if (a->open != b->open)
		return a->open ? -1 : 1;
	if (!a->cause[0] != !b->cause[0])
		return a->cause[0] ? 1 : -1;
	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int settle_findings(const struct judge_context *context, struct findings *candidates,
	const struct findings *previous, struct findings *findings)
{
	struct sorted_findings now = { 0 }, before = { 0 };
	int error = sorted_findings_make(candidates->items, candidates->count, compare_ids, &now);
	if (error == 0)
		error = sorted_findings_make(previous ? previous->items : NULL,
			previous ? previous->count : 0, compare_ids, &before);
	if (error == 0)
		merge_findings(context, &now, &before, findings);
	free(now.items);
	free(before.items);
	if (error == 0)
		error = settle_causes(context, findings);
	if (error == 0 && findings->count)
		qsort(findings->items, findings->count, sizeof(*findings->items), compare_findings);
	return error < 0 ? error : findings_index(findings);
}

static int judge_conditions(
	const struct judge_context *context, const struct findings *previous, struct findings **findings)
{
	struct findings *candidates = findings_new(), *fresh = findings_new();
	int error = candidates && fresh ? 0 : -ENOMEM;
	for (size_t i = 0; error == 0 && conditions[i]; i++)
		conditions[i]->find(context, candidates);
	for (size_t i = 0; error == 0 && i < candidates->count; i++)
		finding_identify(&candidates->items[i]);
	if (error == 0)
		error = settle_findings(context, candidates, previous, fresh);
	if (error == 0 &&
		(findings_failed(candidates) || findings_failed(fresh) || context->remedies->failed))
		error = -ENOMEM;
	findings_free(candidates);
	if (error < 0)
		findings_free(fresh);
	else
		*findings = fresh;
	return error;
}

int judge(const struct settings *settings, const struct facts *now, const struct findings *previous,
	struct findings **findings)
{
	struct judge_context context;
	struct remedies remedies;
	int error = remedies_open(&remedies, now);
	if (error < 0)
		return error;
	error = judge_context_open(&context, settings, now);
	if (error == 0) {
		context.remedies = &remedies;
		error = recovered_omit(&context);
		if (error == 0)
			error = judge_conditions(&context, previous, findings);
		if (error == 0) {
			(*findings)->verdicts = context.verdicts;
			context.verdicts = (struct verdicts){ 0 };
		}
		judge_context_close(&context);
	}
	remedies_close(&remedies);
	return error;
}
