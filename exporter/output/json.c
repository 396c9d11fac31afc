// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/json.h"

#include "exporter/base/unwatched.h"
#include "exporter/base/value.h"

/* ---- changes ---- */

json_t *json_change(const struct change *change)
{
	const struct value_member members[] = {
		{ "time", value_time(change->time_ns) },
		{ "kind", value_text(change_kind_name(change->kind)) },
		{ "event", value_text(change_event_name(change->event)) },
		{ "text", value_text(change->text) },
	};
	return VALUE_OBJECT(members);
}

json_t *json_changes(const struct change_history *history)
{
	json_t *array = json_array();
	for (size_t i = history->count; i-- > 0;)
		value_append(&array, json_change(history->items[i]));
	const struct value_member members[] = {
		{ "since", value_time(history->began_ns) },
		{ "untold", value_count(history->untold) },
		{ "changes", array },
	};
	return VALUE_OBJECT(members);
}

/* ---- findings ---- */

static json_t *evidence_value(const struct evidence *evidence)
{
	json_t *number = evidence->number ? json_loads(evidence->text, JSON_DECODE_ANY, NULL) : NULL;
	if (json_is_number(number))
		return number;
	json_decref(number);
	return value_text(evidence->text);
}

static void add_evidence(json_t **object, const struct evidence *evidence)
{
	json_t *value = evidence_value(evidence), *list = json_object_get(*object, evidence->key);
	if (evidence->item && list) {
		if (json_array_append_new(list, value) < 0)
			value_set(object, evidence->key, NULL);
		return;
	}
	list = evidence->item ? json_array() : NULL;
	if (evidence->item)
		value_append(&list, value);
	value_set(object, evidence->key, evidence->item ? list : value);
}

static json_t *evidence_object(const struct finding *finding, const struct facts *facts)
{
	json_t *object = json_object();
	for (size_t i = 0; i < finding->evidence_count; i++)
		add_evidence(&object, &finding->evidence[i]);
	json_t *handshakes = facts ? json_finding_handshakes(finding, facts) : json_array();
	if (!handshakes || json_array_size(handshakes) > 0)
		value_set(&object, "handshakes", handshakes);
	else
		json_decref(handshakes);
	return object;
}

json_t *json_remedy(const struct finding *finding)
{
	json_t *array = json_array();
	for (size_t i = 0; i < finding->remedy_count; i++)
		value_append(&array, value_text(finding->remedy[i]));
	return array;
}

static json_t *changed_list(const struct finding *finding)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < finding->changed_count; i++)
		value_append(&array, json_change(finding->changed[i]));
	return array;
}

json_t *json_finding(const struct finding *finding, const struct facts *facts)
{
	bool service = finding->has_service;
	const struct value_member members[] = {
		{ "id", value_text(finding->id) },
		{ "condition", value_text(finding->condition->name) },
		{ "severity", value_text(severity_name(finding->severity)) },
		{ "device", value_text_or_null(finding->device_name) },
		{ "address", service ? value_address(&finding->address) : json_null() },
		{ "origin", service ? value_text(origin_name(finding->origin)) : json_null() },
		{ "target", service ? value_address(&finding->target) : json_null() },
		{ "reply_device", value_text_or_null(finding->reply_device) },
		{ "since", value_time(finding->since_ns) },
		{ "last_seen", value_time(finding->last_seen_ns) },
		{ "changed", changed_list(finding) },
		{ "from_start", json_boolean(finding->from_start) },
		{ "summary", value_text(finding->summary ? finding->summary : "") },
		{ "explanation", value_text(finding->explanation ? finding->explanation : "") },
		{ "evidence", evidence_object(finding, facts) },
		{ "cause", value_text_or_null(finding->cause) },
		{ "intended", json_boolean(finding->intended) },
		{ "remedy", json_remedy(finding) },
		{ "remedy_checked", json_boolean(finding->remedy_checked) },
	};
	return VALUE_OBJECT(members);
}

json_t *json_findings(const struct findings *findings, const struct facts *facts)
{
	json_t *array = json_array();
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].open)
			value_append(&array, json_finding(&findings->items[i], facts));
	return array;
}

static json_t *unwatched_list(const struct facts *facts)
{
	json_t *array = json_array();
	struct unwatched_part part;
	for (size_t position = 0; unwatched_next(facts, &position, &part);) {
		const struct value_member members[] = {
			{ "collector", value_text(part.collector) },
			{ "part", value_text(part.part) },
			{ "reason", value_text(part.reason) },
			{ "count", value_count(part.count) },
			{ "text", value_text(part.text) },
		};
		value_append(&array, VALUE_OBJECT(members));
	}
	return array;
}

/* Each once: a line is listed for each family. */
static json_t *line_names(const struct facts *facts)
{
	json_t *array = json_array();
	for (size_t i = 0; i < facts->line_count; i++) {
		bool again = false;
		for (size_t j = 0; j < i; j++)
			again |= facts->lines[j].ifindex == facts->lines[i].ifindex;
		if (!again)
			value_append(&array, value_text(facts_device_name(facts, facts->lines[i].ifindex)));
	}
	return array;
}

json_t *json_report(const struct findings *findings, const struct facts *facts)
{
	const struct value_member looked_at[] = {
		{ "devices", value_count(facts->device_count) },
		{ "lines", line_names(facts) },
		{ "addresses", value_count(facts->service_count) },
		{ "paths", value_count(facts->path_count) },
	};
	const struct value_member members[] = {
		{ "time", value_time(facts->time_ns) },
		{ "looked_at", VALUE_OBJECT(looked_at) },
		{ "unwatched", unwatched_list(facts) },
		{ "findings", json_findings(findings, facts) },
	};
	return VALUE_OBJECT(members);
}

/* ---- addresses ---- */

static const char *const destination_kinds[] = {
	[DESTINATION_PEER] = "peer",
	[DESTINATION_SET] = "set",
	[DESTINATION_PROBE] = "probe",
	[DESTINATION_NEIGHBOUR] = "neighbour",
};

static json_t *device_names(const struct facts *facts, const struct device_set *set)
{
	json_t *array = json_array();
	for (unsigned i = 0; i < set->count; i++)
		value_append(&array, value_text(facts_device_name(facts, set->ifindex[i])));
	return array;
}

static json_t *path_object(const struct facts *facts, const struct path *path, enum verdict verdict)
{
	bool found = path->reply.result == ROUTE_FOUND;
	const struct device_set none = { 0 };
	const struct value_member members[] = {
		{ "destination", value_address(&path->destination) },
		{ "kind", value_text(destination_kinds[path->kind]) },
		{ "arrival_device", value_text(facts_device_name(facts, path->arrival)) },
		{ "reply_devices", device_names(facts, found ? &path->reply.devices : &none) },
		{ "verdict", value_text(verdict_name(verdict)) },
		{ "table", path->reply.table ? json_integer(path->reply.table) : json_null() },
		{ "gateway", found ? value_address(&path->reply.gateway) : json_null() },
	};
	return VALUE_OBJECT(members);
}

/* Takes the paths over. */
static json_t *service_object(
	const struct facts *facts, const struct service *service, enum verdict verdict, json_t *paths)
{
	const struct value_member flows[] = {
		{ "half_open", json_integer((json_int_t)service->half_open) },
		{ "open", json_integer((json_int_t)service->open) },
	};
	const struct value_member members[] = {
		{ "address", value_address(&service->address) },
		{ "origin", value_text(origin_name(service->origin)) },
		{ "target", value_address(&service->target) },
		{ "arrival_devices", device_names(facts, &service->arrival) },
		{ "verdict", value_text(verdict_name(verdict)) },
		{ "flows", VALUE_OBJECT(flows) },
		{ "paths", paths },
	};
	return VALUE_OBJECT(members);
}

/* Fills one array of paths per service in one pass over all paths. */
json_t *json_addresses(const struct facts *facts, const struct verdicts *verdicts)
{
	json_t *paths = json_array();
	for (size_t i = 0; i < facts->service_count; i++)
		value_append(&paths, json_array());
	for (size_t i = 0; paths && i < facts->path_count; i++) {
		json_t *of_service = json_array_get(paths, facts->paths[i].service);
		json_t *path = path_object(facts, &facts->paths[i], verdicts->paths[i]);
		if (json_array_append_new(of_service, path) < 0)
			value_append(&paths, NULL);
	}
	json_t *array = paths ? json_array() : NULL;
	for (size_t i = 0; array && i < facts->service_count; i++)
		value_append(&array, service_object(facts, &facts->services[i], verdicts->services[i],
					     json_incref(json_array_get(paths, i))));
	json_decref(paths);
	return array;
}

json_t *json_address_report(const struct findings *findings, const struct facts *facts)
{
	const struct value_member members[] = { { "addresses", json_addresses(facts, &findings->verdicts) } };
	return VALUE_OBJECT(members);
}
