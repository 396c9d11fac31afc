// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

void watch_events_add(struct watch_events *events, const struct watch_event *event)
{
	struct watch_event *added = NULL;
	char *text = strdup(event->text);
	if (text && events->count == WATCH_EVENTS) {
		free(events->items[0].text);
		memmove(&events->items[0], &events->items[1], (WATCH_EVENTS - 1) * sizeof(*added));
		added = &events->items[WATCH_EVENTS - 1];
	} else if (text) {
		added = ARRAY_ADD(events->items, events->count);
	}
	if (!added) {
		free(text);
		return;
	}
	*added = *event;
	added->text = text;
	events->total++;
}

static void tell(struct watch_events *events, int64_t time_ns, const char *what, const char *worse,
	const struct watch_finding *finding)
{
	const char *cause = watch_text(finding->json, "cause");
	struct watch_event event = {
		.time_ns = time_ns, .good = strcmp(what, "closed") == 0, .severity = finding->severity
	};
	if (finding->intended ||
		asprintf(&event.text, "%s %s%s %s: %s [%s]%s%s", what, worse,
			severity_name(finding->severity), finding->condition, finding->summary, finding->id,
			*cause ? " explained by " : "", cause) < 0)
		return;
	watch_events_add(events, &event);
	free(event.text);
}

void watch_events_compare(
	struct watch_events *events, const struct watch_model *before, const struct watch_model *now)
{
	for (size_t i = 0; i < now->finding_count; i++) {
		const struct watch_finding *finding = &now->findings[i];
		const struct watch_finding *old = before ? watch_find(before, finding->id) : NULL;
		char worse[32] = "";
		if (old)
			snprintf(worse, sizeof(worse), "%s -> ", severity_name(old->severity));
		if (!old || (old->intended && !finding->intended))
			tell(events, now->time_ns, before ? "opened" : "open", "", finding);
		else if (old->severity < finding->severity)
			tell(events, now->time_ns, "worsened", worse, finding);
	}
	for (size_t i = 0; before && i < before->finding_count; i++)
		if (!watch_find(now, before->findings[i].id))
			tell(events, now->time_ns, "closed", "", &before->findings[i]);
}

void watch_events_clear(struct watch_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		free(events->items[i].text);
	free(events->items);
	*events = (struct watch_events){ 0 };
}
