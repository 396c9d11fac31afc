// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/value.h"
#include "exporter/output/json.h"

/* ---- handshakes ---- */

/* NULL name: all that have no row. */
static json_t *device_object(
	const struct timeline *timeline, const struct timeline_device *device, const char *name)
{
	json_t *outcomes = json_object();
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++) {
		json_t *counts = json_array();
		uint64_t sum = 0;
		for (size_t j = 0; j < timeline->point_count; j++) {
			sum += device->counts[i][j];
			value_append(&counts, json_integer(device->counts[i][j]));
		}
		if (sum || !counts)
			value_set(&outcomes, handshake_outcome_name((enum handshake_outcome)i), counts);
		else
			json_decref(counts);
	}
	const struct value_member members[] = {
		{ "device", value_text_or_null(name) },
		{ "line", json_boolean(device->line) },
		{ "outcomes", outcomes },
	};
	return VALUE_OBJECT(members);
}

static json_t *devices_array(const struct timeline *timeline)
{
	json_t *array = json_array();
	for (size_t i = 0; i < timeline->device_count; i++)
		value_append(
			&array, device_object(timeline, timeline->devices[i], timeline->devices[i]->name));
	json_t *rest = device_object(timeline, &timeline->rest, NULL);
	if (!rest || json_object_size(json_object_get(rest, "outcomes")) > 0)
		value_append(&array, rest);
	else
		json_decref(rest);
	return array;
}

/* ---- findings and changes ---- */

static json_t *finding_object(const struct timeline_finding *finding, const struct facts *facts)
{
	const struct value_member members[] = {
		{ "id", value_text(finding->id) },
		{ "condition", value_text(finding->condition->name) },
		{ "severity", value_text(severity_name(finding->severity)) },
		{ "device", value_text_or_null(finding->device) },
		{ "address", finding->has_service ? value_address(&finding->address) : json_null() },
		{ "cause", value_text_or_null(finding->cause) },
		{ "intended", json_boolean(finding->intended) },
		{ "summary", value_text(finding->summary) },
		{ "since", value_time(timeline_time(facts, finding->since_ns)) },
		{ "until", finding->until_ns ? value_time(timeline_time(facts, finding->until_ns))
					     : json_null() },
	};
	return VALUE_OBJECT(members);
}

/* Those of the hour, oldest first. */
static json_t *changes_array(const struct facts *facts)
{
	json_t *array = json_array();
	for (size_t i = 0; facts->changes && i < facts->changes->count; i++) {
		const struct change *change = facts->changes->items[i];
		if (change->monotonic_ns <= facts->monotonic_ns - TIMELINE_NS)
			continue;
		json_t *object = json_change(change);
		value_set(&object, "time", value_time(timeline_time(facts, change->monotonic_ns)));
		value_append(&array, object);
	}
	return array;
}

/* ---- all ---- */

json_t *json_history(const struct timeline *timeline, const struct facts *facts)
{
	json_t *times = json_array(), *watched = json_array(), *findings = json_array();
	for (size_t i = 0; i < timeline->point_count; i++) {
		value_append(&times, value_time(timeline_time(facts, timeline->points[i].end_ns)));
		value_append(&watched, json_boolean(timeline->points[i].watched));
	}
	for (size_t i = 0; i < timeline->finding_count; i++)
		value_append(&findings, finding_object(&timeline->findings[i], facts));
	const struct value_member members[] = {
		{ "step_seconds", json_integer(TIMELINE_STEP_NS / SECOND_NS) },
		{ "since", value_time(timeline_time(facts, timeline->begin_ns)) },
		{ "until", value_time(facts->time_ns) },
		{ "times", times },
		{ "watched", watched },
		{ "devices", devices_array(timeline) },
		{ "devices_omitted", json_integer(timeline_unplaced_devices(timeline)) },
		{ "findings", findings },
		{ "findings_omitted", value_count(timeline->given_up + timeline->unplaced) },
		{ "changes", changes_array(facts) },
		{ "changes_omitted", value_count(facts->changes ? facts->changes->untold : 0) },
	};
	return VALUE_OBJECT(members);
}
