// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition.h"
#include "alerts/remedy.h"

/* Findings in the order of their ids. */
struct roll {
	struct finding **items;
	size_t count;
};

static int compare_ids(const void *left, const void *right)
{
	const struct finding *a = *(struct finding *const *)left, *b = *(struct finding *const *)right;
	int order = strcmp(a->id, b->id);
	return order ? order : (a > b) - (a < b);
}

static int roll_open(struct roll *roll, struct finding *items, size_t count)
{
	struct finding **sorted = calloc(count + 1, sizeof(struct finding *));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &items[i];
	qsort(sorted, count, sizeof(struct finding *), compare_ids);
	*roll = (struct roll){ sorted, count };
	return 0;
}

static double seconds_since(int64_t then_ns, int64_t now_ns)
{
	return (double)(now_ns - then_ns) / 1e9;
}

static bool is_over(const struct scene *scene, const struct finding *was)
{
	const struct thresholds *thresholds = &scene->settings->thresholds;
	double limit = was->open ? thresholds->close_seconds : thresholds->pending_seconds;
	int64_t since = was->holds ? scene->now->monotonic_ns : was->turned_ns;
	return seconds_since(since, scene->now->monotonic_ns) >= limit;
}

/* Takes over what the candidate owns. was: the same finding in the last judgement, or NULL. */
static void go_on(const struct scene *scene, struct finding *candidate, const struct finding *was,
	struct findings *findings)
{
	struct finding *finding = findings_add(findings, candidate->condition);
	*finding = *candidate;
	memset(candidate, 0, sizeof(*candidate));
	finding->since_ns = was ? was->since_ns : scene->now->time_ns;
	finding->last_seen_ns = scene->now->time_ns;
	finding->holds = true;
	finding->turned_ns = was && was->holds ? was->turned_ns : scene->now->monotonic_ns;
	finding->held = was && was->held > finding->held ? was->held : finding->held;
	finding->open = was && was->open;
	if (!finding->open)
		finding->open = ++finding->held >= scene->settings->thresholds.open_judgements;
}

static void fade(const struct scene *scene, const struct finding *was, struct findings *findings)
{
	if (is_over(scene, was))
		return;
	struct finding *finding = findings_add(findings, was->condition);
	finding_copy(finding, was);
	if (was->holds)
		finding->turned_ns = scene->now->monotonic_ns;
	finding->holds = false;
}

static void skip_id(const struct roll *roll, size_t *at, const char *id)
{
	while (*at < roll->count && strcmp(roll->items[*at]->id, id) == 0)
		(*at)++;
}

/* The next candidate, together with what it was before if it was. Of candidates with one id the first counts.
 */
static void merge_candidate(const struct scene *scene, const struct roll *now, size_t *i,
	const struct roll *before, size_t *j, struct findings *findings)
{
	struct finding *candidate = now->items[(*i)++];
	const struct finding *was = *j < before->count ? before->items[*j] : NULL;
	char id[FINDING_ID_SIZE];
	memcpy(id, candidate->id, sizeof(id));
	if (was && strcmp(was->id, id) != 0)
		was = NULL;
	go_on(scene, candidate, was, findings);
	skip_id(now, i, id);
	skip_id(before, j, id);
}

/* Walks both in the order of ids. */
static void merge(const struct scene *scene, const struct roll *now, const struct roll *before,
	struct findings *findings)
{
	size_t i = 0, j = 0;
	while (i < now->count || j < before->count) {
		bool gone = i == now->count ||
			    (j < before->count && strcmp(before->items[j]->id, now->items[i]->id) < 0);
		if (gone)
			fade(scene, before->items[j++], findings);
		else
			merge_candidate(scene, now, &i, before, &j, findings);
	}
}

static bool may_explain(const struct finding *finding)
{
	if (!finding->holds)
		return false;
	for (size_t i = 0; conditions[i]; i++)
		for (const struct explanation_rule *by = conditions[i]->explained_by; by && by->cause; by++)
			if (by->cause == finding->condition)
				return true;
	return false;
}

static bool explains(const struct scene *scene, const struct explanation_rule *by,
	const struct finding *cause, const struct finding *symptom)
{
	return cause->condition == by->cause && cause != symptom && (cause->open || !symptom->open) &&
	       by->explains(scene, cause, symptom);
}

/* A finding that fades keeps the cause it had. */
static void find_cause(const struct scene *scene, const struct roll *causes, struct finding *symptom)
{
	for (const struct explanation_rule *by = symptom->condition->explained_by; by && by->cause; by++) {
		for (size_t j = 0; j < causes->count; j++) {
			if (explains(scene, by, causes->items[j], symptom)) {
				memcpy(symptom->cause, causes->items[j]->id, FINDING_ID_SIZE);
				return;
			}
		}
	}
}

static int find_causes(const struct scene *scene, struct findings *findings)
{
	struct roll causes = { .items = calloc(findings->count + 1, sizeof(struct finding *)) };
	if (!causes.items)
		return -ENOMEM;
	for (size_t i = 0; i < findings->count; i++)
		if (may_explain(&findings->items[i]))
			causes.items[causes.count++] = &findings->items[i];
	for (size_t i = 0; i < findings->count; i++)
		find_cause(scene, &causes, &findings->items[i]);
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

static int settle(const struct scene *scene, struct findings *candidates, const struct findings *previous,
	struct findings *findings)
{
	struct roll now = { 0 }, before = { 0 };
	int error = roll_open(&now, candidates->items, candidates->count);
	if (error == 0)
		error = roll_open(&before, previous ? previous->items : NULL, previous ? previous->count : 0);
	if (error == 0)
		merge(scene, &now, &before, findings);
	free(now.items);
	free(before.items);
	if (error == 0)
		error = find_causes(scene, findings);
	if (error == 0 && findings->count)
		qsort(findings->items, findings->count, sizeof(*findings->items), compare_findings);
	return error;
}

static int judge_scene(const struct scene *scene, const struct findings *previous, struct findings **findings)
{
	struct findings *candidates = findings_new(), *fresh = findings_new();
	int error = candidates && fresh ? 0 : -ENOMEM;
	for (size_t i = 0; error == 0 && conditions[i]; i++)
		conditions[i]->find(scene, candidates);
	for (size_t i = 0; error == 0 && i < candidates->count; i++)
		finding_identify(&candidates->items[i]);
	if (error == 0)
		error = settle(scene, candidates, previous, fresh);
	if (error == 0 && (findings_failed(candidates) || findings_failed(fresh) || scene->remedies->failed))
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
	struct scene scene;
	struct remedies remedies;
	int error = remedies_open(&remedies, now);
	if (error < 0)
		return error;
	error = scene_open(&scene, settings, now);
	if (error == 0) {
		scene.remedies = &remedies;
		error = judge_scene(&scene, previous, findings);
		scene_close(&scene);
	}
	remedies_close(&remedies);
	return error;
}
