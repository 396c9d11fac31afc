// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/finding_life.h"

#include <string.h>

static bool has_lasted(const struct judge_context *context, int64_t since_ns, double seconds)
{
	return (double)(context->now->monotonic_ns - since_ns) / 1e9 >= seconds;
}

static double close_seconds(const struct judge_context *context)
{
	return context->settings->thresholds.close_seconds;
}

/* It was critical or a warning, and all that the condition knows of now works. */
static bool is_refuted(const struct finding *was, const struct finding *finding)
{
	return !finding->intended && was->intended == finding->intended &&
	       finding->severity == SEVERITY_INFO && was->severity > SEVERITY_INFO;
}

void finding_life_hold(
	const struct judge_context *context, const struct finding *was, struct finding *finding)
{
	const int64_t now_ns = context->now->monotonic_ns;
	const bool was_open = was && was->open;
	finding->since_ns = finding->last_seen_ns = context->now->time_ns;
	finding->changed_ns = now_ns;
	finding->holds = true;
	if (was_open && is_refuted(was, finding))
		finding->refuted_ns = was->refuted_ns ? was->refuted_ns : now_ns;
	if ((finding->refuted_ns && has_lasted(context, finding->refuted_ns, close_seconds(context))) ||
		(was_open && was->unexplained_ns && has_lasted(context, was->unexplained_ns, CAUSE_SECONDS)))
		was = NULL;
	if (!was) {
		finding->refuted_ns = 0;
		finding->held = was_open ? 0 : finding->held + 1; /* seen to close before it opens again */
		return;
	}
	finding->relapsed = was->relapsed || was->recovered;
	if (!was->open) {
		if (!was->recovered)
			finding->since_ns = was->since_ns;
		finding->changed_ns = was->holds ? was->changed_ns : now_ns;
		finding->held = (was->held > finding->held ? was->held : finding->held) + 1;
		return;
	}
	finding->open = true;
	finding->since_ns = was->since_ns;
	finding->changed_ns = was->holds ? was->changed_ns : now_ns;
	finding->held = was->held;
	finding->unexplained_ns = was->unexplained_ns;
	memcpy(finding->cause, was->cause, sizeof(finding->cause));
	if (finding->condition->any_target) {
		finding->origin = was->origin;
		finding->target = was->target;
	}
	if (was->intended == finding->intended && was->severity > finding->severity)
		finding->severity = was->severity;
}

bool finding_life_fade(const struct judge_context *context, const struct finding *was, bool recovered,
	struct finding *finding)
{
	const double limit = was->open || was->recovered ? close_seconds(context)
							 : context->settings->thresholds.pending_seconds;
	finding->changed_ns = was->holds ? context->now->monotonic_ns : was->changed_ns;
	finding->holds = false;
	finding->refuted_ns = 0;
	finding->recovered = was->recovered || (was->open && recovered);
	if (has_lasted(context, finding->changed_ns, limit))
		return false;
	if (was->open && finding->recovered && !was->relapsed &&
		has_lasted(context, finding->changed_ns, RECOVERY_SECONDS)) {
		finding->open = false;
		finding->held = 0;
	}
	return true;
}

bool finding_life_is_settled(const struct judge_context *context, const struct finding *finding)
{
	return finding->open || finding->held >= context->settings->thresholds.open_judgements;
}

bool finding_life_is_ripe(const struct judge_context *context, const struct finding *finding)
{
	bool waits = finding->undecided && context->settings->thresholds.open_judgements > 1 &&
		     !has_lasted(context, finding->changed_ns, UNDECIDED_SECONDS);
	return finding->open || (finding_life_is_settled(context, finding) && !waits);
}

void finding_life_open(struct finding *finding, const struct finding *cause)
{
	finding->open = true;
	if (cause)
		memcpy(finding->cause, cause->id, sizeof(finding->cause));
}

void finding_life_yield(struct finding *finding, const struct finding *cause)
{
	if (cause && cause->open)
		finding->open = false;
}

void finding_life_explain(
	const struct judge_context *context, const struct finding *cause, struct finding *symptom)
{
	if (cause) {
		memcpy(symptom->cause, cause->id, sizeof(symptom->cause));
		symptom->unexplained_ns = 0;
	} else if (!symptom->unexplained_ns) {
		symptom->unexplained_ns = context->now->monotonic_ns;
	}
}
