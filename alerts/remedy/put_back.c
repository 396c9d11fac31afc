// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/remedy/put_back.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/describe.h"
#include "alerts/remedy/remedy.h"
#include "alerts/remedy/rule_match.h"
#include "collectors/base/rfc3339.h"
#include "collectors/change/change_text.h"
#include "collectors/change/changes.h"
#include "collectors/route/table.h"

static bool leads_by(const struct device_set *set, int device)
{
	return set->count == 1 && !set->more && set->ifindex[0] == device;
}

static bool stands(const struct facts *facts, const struct rule *rule)
{
	for (size_t i = 0; i < facts->rule_count; i++)
		if (change_is_same_rule(&facts->rules[i], rule))
			return true;
	return false;
}

/* It is gone, and the reply of the path would ask it again. */
static bool is_missed(
	const struct judge_context *context, const struct change *change, const struct path *path)
{
	const struct rule *rule = &change->rule[0];
	const struct rule_flow flow = rule_flow_of_reply(context->now, path);
	return change->kind == CHANGE_RULE && change->event != CHANGE_CAME && !rule->opaque &&
	       rule->family == flow.source.family && rule_fit(rule, &flow) == RULE_FITS &&
	       !stands(context->now, rule);
}

/* What is known of the table now: it may have been changed since. */
static bool is_table_sure(
	const struct judge_context *context, const struct rule *rule, const struct path *path)
{
	return table_answer_find(context->now, path, rule->table);
}

static bool may_table_lead(
	const struct judge_context *context, const struct rule *rule, const struct path *path, int device)
{
	const struct route_answer *answer = table_answer_find(context->now, path, rule->table);
	return !answer || (answer->result == ROUTE_FOUND && leads_by(&answer->devices, device));
}

/* With it the path's replies would leave by the device. */
static bool would_lead(
	const struct judge_context *context, const struct change *change, const struct path *path, int device)
{
	const struct rule *rule = &change->rule[0];
	if (!is_missed(context, change, path) || rule->action != RULE_LOOKUP || rule->l3mdev ||
		rule->suppress_prefix_length >= 0 || !leads_by(&change->led, device) ||
		!may_table_lead(context, rule, path, device))
		return false;
	const struct rule_decision decision = rule_index_decision(&context->remedies->rules, path);
	return rule->priority < decision.priority ||
	       (change->event == CHANGE_CHANGED && decision.rule &&
		       change_is_same_rule(decision.rule, &change->rule[1]));
}

static bool is_wrong(const struct judge_context *context, const struct path *path, int device)
{
	return remedy_concerns(context, (size_t)(path - context->now->paths)) &&
	       (path->reply.result != ROUTE_FOUND || !leads_by(&path->reply.devices, device));
}

/* All paths of the source and device that are wrong would be right; *path is one of them. sure: the table was
 * asked for each. */
static bool heals(const struct judge_context *context, const struct change *change,
	const struct address *source, int device, const struct path **path, bool *sure)
{
	*sure = true;
	struct path_span span = context_target(context, source);
	const struct path *found = NULL;
	for (size_t i = 0; i < span.count; i++) {
		const struct path *candidate = context_path(context, span.paths[i]);
		if (candidate->arrival != device || !is_wrong(context, candidate, device))
			continue;
		if (!would_lead(context, change, candidate, device))
			return false;
		*sure &= is_table_sure(context, &change->rule[0], candidate);
		found = candidate;
	}
	*path = found;
	return found;
}

static void add_command(struct finding *finding, const struct rule *rule, bool add)
{
	char *text = change_text_rule_command(rule, add);
	if (text)
		finding_add_remedy(finding, "%s", text);
	else
		finding->failed = true;
	free(text);
}

/* All rules that went at the same time and that the replies would ask: one of them may keep networks
 * reachable. */
static void write_commands(const struct judge_context *context, const struct change *cause,
	const struct path *path, struct finding *finding)
{
	const struct change_history *history = context->now->changes;
	for (size_t i = 0; i < history->count; i++) {
		const struct change *change = history->items[i];
		if (change->monotonic_ns != cause->monotonic_ns || !is_missed(context, change, path))
			continue;
		add_command(finding, &change->rule[0], true);
		if (change->event == CHANGE_CHANGED && stands(context->now, &change->rule[1]))
			add_command(finding, &change->rule[1], false);
	}
}

bool remedy_put_back(const struct judge_context *context, const struct address *source, int device,
	bool doubtful, struct finding *finding)
{
	bool sure = false;
	const struct change_history *history = context->now->changes;
	const struct change *cause = NULL;
	const struct path *path = NULL;
	for (size_t i = history ? history->count : 0; !cause && i-- > 0;)
		if (history->items[i]->kind == CHANGE_RULE && history->items[i]->event != CHANGE_CAME &&
			heals(context, history->items[i], source, device, &path, &sure))
			cause = history->items[i];
	if (!cause || (!sure && !doubtful))
		return false;
	char time[RFC3339_SIZE], table[TABLE_TEXT_SIZE];
	const struct rule *rule = &cause->rule[0];
	const char *name = facts_device_name(context->now, device);
	describe_table(rule->table, table);
	write_commands(context, cause, path, finding);
	finding->remedy_checked = sure;
	finding_explain(finding,
		"Until %s a rule led these replies by table %s out of %s, as lookups showed; then it was %s. The "
		"commands put it back as it was.",
		rfc3339_format(cause->time_ns, time), table, name,
		cause->event == CHANGE_WENT ? "deleted" : "replaced");
	if (!finding->remedy_checked)
		finding_explain(finding,
			" Whether table %s still leads out of %s is not known: it could not be read.", table,
			name);
	return true;
}
