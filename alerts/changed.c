// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/changed.h"

#include <string.h>

static bool is_within(const struct prefix *prefix, const struct address *address)
{
	return address_is_none(&prefix->address) || prefix_contains(prefix, address);
}

bool changed_touches(const struct finding *finding, const struct change *change)
{
	const bool service = finding->has_service;
	const bool on_device = change->ifindex && change->ifindex == finding->device;
	if (service && change->family != AF_UNSPEC && change->family != finding->target.family)
		return false;
	switch (change->kind) {
	case CHANGE_RULE:
		return !service || change->rule[0].invert || change->rule[1].invert ||
		       is_within(&change->prefix, &finding->target);
	case CHANGE_REPLY_ROUTE:
		return on_device && (!service || is_within(&change->prefix, &finding->target));
	case CHANGE_DEVICE:
	case CHANGE_RP_FILTER:
		return on_device;
	case CHANGE_ADDRESS:
		return on_device || (service && (is_within(&change->prefix, &finding->address) ||
							is_within(&change->prefix, &finding->target)));
	case CHANGE_FORWARDING:
		return on_device || (service && finding->origin == ORIGIN_DNAT);
	case CHANGE_TRANSLATION:
	case CHANGE_ELEMENT:
	case CHANGE_TARGET:
		return service && (is_within(&change->prefix, &finding->address) ||
					  address_equal(&change->target[0], &finding->target) ||
					  address_equal(&change->target[1], &finding->target));
	case CHANGE_KINDS:
		break;
	}
	return false;
}

/* By kind, so that a rule stands before the reply routes that follow from it; of one kind the newest first.
 */
static void add_change(struct finding *finding, const struct change *change)
{
	unsigned at = finding->changed_count;
	while (at > 0 && finding->changed[at - 1]->kind > change->kind)
		at--;
	if (at == FINDING_CHANGES)
		return;
	if (finding->changed_count == FINDING_CHANGES)
		change_release(finding->changed[--finding->changed_count]);
	memmove(&finding->changed[at + 1], &finding->changed[at],
		(finding->changed_count - at) * sizeof(finding->changed[0]));
	finding->changed[at] = change_share(change);
	finding->changed_count++;
}

void changed_note(const struct judge_context *context, const struct finding *was, struct finding *finding)
{
	const struct change_history *history = context->now->changes;
	const int64_t within_ns = (finding->handshake_count ? CHANGED_WIRE_SECONDS : CHANGED_LOOKUP_SECONDS) *
				  INT64_C(1000000000);
	const int64_t from_ns = context->now->monotonic_ns - within_ns;
	if (!history)
		return;
	for (size_t i = history->count; (!was || !was->holds) && i-- > 0;) {
		if (history->items[i]->monotonic_ns < from_ns)
			break;
		if (changed_touches(finding, history->items[i]))
			add_change(finding, history->items[i]);
	}
	if (finding->changed_count)
		return;
	for (unsigned i = 0; was && i < was->changed_count; i++)
		add_change(finding, was->changed[i]);
	finding->from_start = was ? was->from_start : context->now->time_ns - history->began_ns < within_ns;
}
