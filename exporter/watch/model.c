// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/finding_tree.h"
#include "collectors/base/array.h"
#include "collectors/base/rfc3339.h"

const char *watch_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

int64_t watch_time(const json_t *object, const char *key)
{
	int64_t time_ns;
	return rfc3339_parse(watch_text(object, key), &time_ns) == 0 ? time_ns : 0;
}

/* ---- findings ---- */

static enum severity severity_of(const json_t *finding)
{
	for (enum severity severity = 0; severity < SEVERITIES; severity++)
		if (strcmp(watch_text(finding, "severity"), severity_name(severity)) == 0)
			return severity;
	return SEVERITY_CRITICAL; /* a newer exporter's, perhaps: rather loud than lost */
}

static void take_rows(struct watch_model *model, const struct findings *ids, const struct finding_row *rows,
	size_t count, bool intended)
{
	const json_t *array = json_object_get(model->report, "findings");
	for (size_t i = 0; i < count; i++) {
		const json_t *json = json_array_get(array, (size_t)(rows[i].finding - ids->items));
		if (rows[i].intended != intended)
			continue;
		struct watch_finding *finding = &model->findings[model->finding_count++];
		*finding = (struct watch_finding){
			.json = json,
			.id = watch_text(json, "id"),
			.condition = watch_text(json, "condition"),
			.summary = watch_text(json, "summary"),
			.severity = severity_of(json),
			.since_ns = watch_time(json, "since"),
			.depth = rows[i].depth,
			.intended = intended,
		};
		if (!intended && finding->depth == 0)
			model->incidents[finding->severity]++;
	}
}

/* Nested by finding_tree(), which knows of nothing but ids and causes here. */
static int take_findings(struct watch_model *model)
{
	const json_t *array = json_object_get(model->report, "findings");
	struct findings *ids = findings_new();
	struct finding_row *rows = NULL;
	size_t count = 0, index;
	const json_t *json;
	json_array_foreach(array, index, json)
	{
		struct finding *finding = ids ? findings_add(ids, NULL) : NULL;
		if (!finding)
			break;
		snprintf(finding->id, sizeof(finding->id), "%s", watch_text(json, "id"));
		snprintf(finding->cause, sizeof(finding->cause), "%s", watch_text(json, "cause"));
		finding->intended = json_is_true(json_object_get(json, "intended"));
		finding->open = true;
	}
	int result = ids && !ids->failed ? findings_index(ids) : -ENOMEM;
	if (result == 0)
		result = finding_tree(ids, &rows, &count);
	model->findings = calloc(count + 1, sizeof(*model->findings));
	if (result == 0 && !model->findings)
		result = -ENOMEM;
	if (result == 0) {
		take_rows(model, ids, rows, count, false);
		take_rows(model, ids, rows, count, true);
	}
	free(rows);
	findings_free(ids);
	return result;
}

static int compare_with_id(const void *id, const void *finding)
{
	return strcmp(id, (*(const struct watch_finding *const *)finding)->id);
}

static int compare_ids(const void *left, const void *right)
{
	return compare_with_id((*(const struct watch_finding *const *)left)->id, right);
}

static int index_findings(struct watch_model *model)
{
	model->by_id = calloc(model->finding_count + 1, sizeof(*model->by_id));
	if (!model->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < model->finding_count; i++)
		model->by_id[i] = &model->findings[i];
	qsort(model->by_id, model->finding_count, sizeof(*model->by_id), compare_ids);
	return 0;
}

const struct watch_finding *watch_find(const struct watch_model *model, const char *id)
{
	const struct watch_finding **found =
		bsearch(id, model->by_id, model->finding_count, sizeof(*model->by_id), compare_with_id);
	return found ? *found : NULL;
}

/* ---- the map ---- */

static unsigned rank_of(const json_t *service)
{
	static const char *const verdicts[] = { "uncovered", "no_route", "partly", "unknown", "intended",
		"covered" };
	unsigned rank = 0;
	while (rank < sizeof(verdicts) / sizeof(*verdicts) &&
		strcmp(verdicts[rank], watch_text(service, "verdict")) != 0)
		rank++;
	return rank;
}

static bool is_line(const struct watch_model *model, const char *device)
{
	const json_t *lines = json_object_get(json_object_get(model->report, "looked_at"), "lines"), *line;
	size_t index;
	json_array_foreach(lines, index, line)
	{
		const char *name = json_string_value(line);
		if (name && strcmp(name, device) == 0)
			return true;
	}
	return false;
}

static int add_place(struct watch_model *model, const char *device, const json_t *service)
{
	struct watch_place *place = ARRAY_ADD(model->places, model->place_count);
	if (!place)
		return -ENOMEM;
	*place = (struct watch_place){ .device = device, .service = service };
	place->line = is_line(model, device);
	place->rank = service ? rank_of(service) : 0;
	return 0;
}

static int compare_names(const char *left, const char *right)
{
	return *left && *right ? strcmp(left, right) : !*left - !*right;
}

static int compare_places(const void *left, const void *right)
{
	const struct watch_place *a = left, *b = right;
	int order = b->line - a->line;
	if (!order)
		order = compare_names(a->device, b->device);
	if (!order)
		order = !!a->service - !!b->service;
	if (!order)
		order = (a->rank > b->rank) - (a->rank < b->rank);
	if (!order)
		order = strcmp(watch_text(a->service, "address"), watch_text(b->service, "address"));
	return order ? order : strcmp(watch_text(a->service, "target"), watch_text(b->service, "target"));
}

/* A row for each device, and one beneath it for each service: then sorted, and devices that came more than
 * once are one. */
static int take_places(struct watch_model *model)
{
	const json_t *services = json_object_get(model->addresses, "addresses"), *service, *name;
	const json_t *lines = json_object_get(json_object_get(model->report, "looked_at"), "lines");
	size_t index, inner, kept = 0, heading = 0;
	int result = 0;
	json_array_foreach(lines, index, name)
	{
		if (result == 0 && json_is_string(name))
			result = add_place(model, json_string_value(name), NULL);
	}
	json_array_foreach(services, index, service)
	{
		const json_t *devices = json_object_get(service, "arrival_devices");
		for (inner = 0; result == 0 && inner < json_array_size(devices); inner++) {
			const char *device = json_string_value(json_array_get(devices, inner));
			result = add_place(model, device ? device : "", NULL);
			if (result == 0)
				result = add_place(model, device ? device : "", service);
		}
		if (result == 0 && json_array_size(devices) == 0)
			result = add_place(model, "", NULL);
		if (result == 0 && json_array_size(devices) == 0)
			result = add_place(model, "", service);
	}
	if (model->place_count)
		qsort(model->places, model->place_count, sizeof(*model->places), compare_places);
	for (size_t i = 0; i < model->place_count; i++) {
		struct watch_place *place = &model->places[i];
		bool again =
			!place->service && kept && strcmp(model->places[heading].device, place->device) == 0;
		if (again)
			continue;
		if (place->service) {
			model->places[heading].services++;
			model->places[heading].wrong += place->rank < 2;
		} else {
			heading = kept;
		}
		model->places[kept++] = *place;
	}
	model->place_count = kept;
	return result;
}

/* ---- the matrix ---- */

static int compare_items(const void *left, const void *right)
{
	return compare_names(*(const char *const *)left, *(const char *const *)right);
}

static int take_names(const struct watch_model *model, const char *key, struct watch_names *names)
{
	const json_t *pairs = json_object_get(model->handshakes, "pairs"), *pair;
	size_t index, kept = 0;
	json_array_foreach(pairs, index, pair)
	{
		const char **name = ARRAY_ADD(names->items, names->count);
		if (!name)
			return -ENOMEM;
		*name = watch_text(pair, key);
	}
	if (names->count)
		qsort(names->items, names->count, sizeof(*names->items), compare_items);
	for (size_t i = 0; i < names->count; i++)
		if (!kept || strcmp(names->items[kept - 1], names->items[i]) != 0)
			names->items[kept++] = names->items[i];
	names->count = kept;
	return 0;
}

void watch_outcomes(const struct watch_model *model, const char *syn, const char *synack,
	uint64_t counts[static HANDSHAKE_OUTCOMES])
{
	const json_t *pairs = json_object_get(model->handshakes, "pairs"), *pair;
	size_t index;
	json_array_foreach(pairs, index, pair)
	{
		const json_t *outcomes = json_object_get(pair, "outcomes");
		if ((syn && strcmp(watch_text(pair, "syn_device"), syn) != 0) ||
			(synack && strcmp(watch_text(pair, "synack_device"), synack) != 0))
			continue;
		for (enum handshake_outcome i = 0; i < HANDSHAKE_OUTCOMES; i++) {
			json_int_t count =
				json_integer_value(json_object_get(outcomes, handshake_outcome_name(i)));
			counts[i] += count > 0 ? (uint64_t)count : 0;
		}
	}
}

/* ---- all ---- */

bool watch_could_not_look(const struct watch_model *model)
{
	const json_t *parts = json_object_get(model->report, "unwatched"), *part;
	size_t index;
	json_array_foreach(parts, index, part)
	{
		const char *collector = watch_text(part, "collector");
		if (strcmp(watch_text(part, "part"), "all") == 0 &&
			(strcmp(collector, "link") == 0 || strcmp(collector, "route") == 0))
			return true;
	}
	return false;
}

int watch_model_make(json_t *report, json_t *addresses, json_t *handshakes, struct watch_model **out)
{
	struct watch_model *model = calloc(1, sizeof(*model));
	int result = !model ? -ENOMEM : json_is_array(json_object_get(report, "findings")) ? 0 : -EINVAL;
	if (!model) {
		json_decref(report);
		json_decref(addresses);
		json_decref(handshakes);
		return result;
	}
	model->report = report;
	model->addresses = addresses;
	model->handshakes = handshakes;
	model->time_ns = watch_time(report, "time");
	if (result == 0)
		result = take_findings(model);
	if (result == 0)
		result = index_findings(model);
	if (result == 0)
		result = take_places(model);
	if (result == 0)
		result = take_names(model, "syn_device", &model->syn);
	if (result == 0)
		result = take_names(model, "synack_device", &model->synack);
	if (result == 0)
		*out = model;
	else
		watch_model_free(model);
	return result;
}

void watch_model_free(struct watch_model *model)
{
	if (!model)
		return;
	free(model->findings);
	free(model->by_id);
	free(model->places);
	free(model->syn.items);
	free(model->synack.items);
	json_decref(model->report);
	json_decref(model->addresses);
	json_decref(model->handshakes);
	free(model);
}
