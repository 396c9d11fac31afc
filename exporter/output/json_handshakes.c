// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/wire_rows.h"
#include "exporter/base/value.h"
#include "exporter/output/evidence.h"
#include "exporter/output/json.h"

static json_t *device_value(const struct facts *facts, int ifindex)
{
	return value_text_or_null(wire_name(facts, ifindex));
}

/* ---- the handshakes of a finding ---- */

static json_t *way_object(const struct facts *facts, const struct device_pair *way)
{
	const struct value_member members[] = {
		{ "in", device_value(facts, way->in) },
		{ "out", device_value(facts, way->out) },
	};
	return VALUE_OBJECT(members);
}

static json_t *translated_object(const struct facts *facts, const struct handshake_suspect *suspect)
{
	const struct value_member members[] = {
		{ "client", value_address(&suspect->other_client) },
		{ "client_port", json_integer(suspect->other_client_port) },
		{ "server", value_address(&suspect->other_server) },
		{ "server_port", json_integer(suspect->other_server_port) },
		{ "syn", way_object(facts, &suspect->other_syn) },
		{ "synack", way_object(facts, &suspect->other_synack) },
	};
	return VALUE_OBJECT(members);
}

json_t *json_finding_handshakes(const struct finding *finding, const struct facts *facts)
{
	const struct handshake_suspect *suspects[FINDING_HANDSHAKES];
	size_t count = evidence_handshakes(facts, finding, suspects);
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct handshake_suspect *suspect = suspects[i];
		const struct value_member members[] = {
			{ "client", value_address(&suspect->client) },
			{ "client_port", json_integer(suspect->client_port) },
			{ "server", value_address(&suspect->server) },
			{ "server_port", json_integer(suspect->server_port) },
			{ "first", value_time(suspect->first_ns) },
			{ "last", value_time(suspect->last_ns) },
			{ "repeats", json_integer(suspect->repeats) },
			{ "syn", way_object(facts, &suspect->syn) },
			{ "synack", way_object(facts, &suspect->synack) },
			{ "acknowledged", json_boolean(suspect->acknowledged) },
			{ "translated", suspect->joined ? translated_object(facts, suspect) : json_null() },
		};
		value_append(&array, VALUE_OBJECT(members));
	}
	return array;
}

/* ---- counts ---- */

static json_t *kinds_object(const uint64_t counts[static HANDSHAKE_KINDS])
{
	json_t *object = json_object();
	for (unsigned i = 0; i < HANDSHAKE_KINDS; i++)
		value_set(&object, handshake_kind_name((enum handshake_kind)i), value_count(counts[i]));
	return object;
}

json_t *json_outcomes(const uint64_t counts[static HANDSHAKE_OUTCOMES])
{
	json_t *object = json_object();
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (counts[i])
			value_set(&object, handshake_outcome_name((enum handshake_outcome)i),
				value_count(counts[i]));
	return object;
}

/* capture: NULL if nothing is known of it. */
static json_t *device_object(
	const struct handshake_device *device, const char *name, const struct capture *capture)
{
	json_t *echoes = json_object();
	for (unsigned i = 0; i < ECHO_OUTCOMES; i++)
		value_set(&echoes, echo_outcome_name((enum echo_outcome)i), value_count(device->echoes[i]));
	const struct value_member packets[] = {
		{ "in", kinds_object(device->packets[DIRECTION_IN]) },
		{ "out", kinds_object(device->packets[DIRECTION_OUT]) },
	};
	const struct value_member members[] = {
		{ "device", value_text_or_null(name) },
		{ "packets", VALUE_OBJECT(packets) },
		{ "echo", echoes },
		{ "captured", capture ? value_count(capture->packets) : json_null() },
		{ "dropped", capture ? value_count(capture->dropped) : json_null() },
	};
	return VALUE_OBJECT(members);
}

/* ---- all ---- */

static int compare_captures(const void *left, const void *right)
{
	return strcmp(((const struct capture *)left)->name, ((const struct capture *)right)->name);
}

static json_t *devices_array(const struct facts *facts)
{
	struct handshake_device *rows = NULL;
	struct capture *captures = NULL;
	size_t count = 0, capture_count = 0;
	json_t *array = NULL;
	if (wire_devices(facts, &rows, &count) == 0 && wire_captures(facts, &captures, &capture_count) == 0)
		array = json_array();
	if (capture_count)
		qsort(captures, capture_count, sizeof(*captures), compare_captures);
	for (size_t i = 0; array && i < count; i++) {
		struct capture key = { 0 };
		snprintf(key.name, sizeof(key.name), "%s", wire_name(facts, rows[i].device));
		const struct capture *capture = capture_count ? bsearch(&key, captures, capture_count,
									sizeof(*captures), compare_captures)
							      : NULL;
		value_append(&array, device_object(&rows[i], key.name, capture));
	}
	free(rows);
	free(captures);
	return array;
}

static json_t *pairs_array(const struct facts *facts)
{
	struct handshake_pair *rows = NULL;
	size_t count = 0;
	if (wire_pairs(facts, &rows, &count) < 0)
		return NULL;
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct value_member members[] = {
			{ "syn_device", device_value(facts, rows[i].syn_device) },
			{ "synack_device", device_value(facts, rows[i].synack_device) },
			{ "outcomes", json_outcomes(rows[i].counts) },
		};
		value_append(&array, VALUE_OBJECT(members));
	}
	free(rows);
	return array;
}

json_t *json_handshakes(const struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	json_t *unwatched = json_object();
	for (unsigned i = 0; i < UNWATCHED_REASONS; i++)
		value_set(&unwatched, unwatched_name((enum unwatched)i), value_count(facts->unwatched[i]));
	const struct value_member members[] = {
		{ "tracked", value_count(report->tracked) },
		{ "limit", value_count(report->limit) },
		{ "sampling_ratio", json_real(1.0 / report->ratio) },
		{ "evicted", value_count(report->evicted) },
		{ "unwatched", unwatched },
		{ "devices", devices_array(facts) },
		{ "pairs", pairs_array(facts) },
	};
	return VALUE_OBJECT(members);
}
