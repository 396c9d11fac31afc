// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "alerts/wire.h"

#define LIST_SIZE 8
#define TEXT_SIZE 48

int wire_add_text(struct finding *finding, const char *key, const char *text)
{
	unsigned count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++) {
		if (strcmp(finding->evidence[i].key, key) != 0)
			continue;
		if (strcmp(finding->evidence[i].text, text) == 0 || ++count == LIST_SIZE)
			return 0;
	}
	return finding_add_item(finding, key, text);
}

static bool has_key(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			return true;
	return false;
}

/* Beside the peers of whom it was predicted. */
static int add_peers(const struct wire_sight *sight, struct finding *finding)
{
	char text[ADDRESS_TEXT_SIZE];
	const char *key = has_key(finding, "peers") ? "seen_peers" : "peers";
	int error = 0;
	for (unsigned i = 0; error == 0 && i < sight->suspect_count; i++)
		error = wire_add_text(finding, key, address_format(&sight->suspects[i]->client, text));
	return error;
}

static int add_ports(const struct wire_sight *sight, struct finding *finding)
{
	char text[TEXT_SIZE];
	int error = 0;
	for (unsigned i = 0; error == 0 && i < sight->suspect_count; i++) {
		snprintf(text, sizeof(text), "%u", sight->suspects[i]->server_port);
		error = wire_add_text(finding, "ports", text);
	}
	return error;
}

static int add_time(struct finding *finding, const char *key, int64_t time_ns)
{
	char text[TEXT_SIZE];
	time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm parts;
	if (!gmtime_r(&seconds, &parts))
		return 0;
	size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, sizeof(text) - length, ".%03dZ", (int)(time_ns / 1000000 % 1000));
	return finding_add_evidence(finding, key, "%s", text);
}

static int add_times(const struct wire_sight *sight, struct finding *finding)
{
	int64_t first = INT64_MAX, last = 0;
	uint32_t repeats = 0;
	for (unsigned i = 0; i < sight->suspect_count; i++) {
		const struct handshake_suspect *suspect = sight->suspects[i];
		uint32_t own = suspect->sign == SIGN_SYN_REPEATED || suspect->sign == SIGN_REPLY_IGNORED
				       ? suspect->repeats
				       : suspect->synack_repeats;
		first = suspect->first_ns < first ? suspect->first_ns : first;
		last = suspect->last_ns > last ? suspect->last_ns : last;
		repeats = own > repeats ? own : repeats;
	}
	int error = finding_add_number(finding, "repeats", repeats);
	if (error == 0)
		error = add_time(finding, "first_packet", first);
	return error < 0 ? error : add_time(finding, "last_packet", last);
}

int wire_describe_suspects(const struct wire_sight *sight, struct finding *finding)
{
	if (sight->suspect_count == 0)
		return 0;
	for (unsigned i = 0; i < sight->suspect_count; i++) {
		finding_add_handshake(finding, sight->suspects[i]->id);
		if (sight->suspects[i]->joined)
			finding_add_handshake(finding, sight->suspects[i]->other_id);
	}
	int error = add_peers(sight, finding);
	if (error == 0)
		error = add_ports(sight, finding);
	return error < 0 ? error : add_times(sight, finding);
}

int wire_describe_counts(const struct wire_sight *sight, struct finding *finding)
{
	static const struct {
		enum handshake_outcome outcome;
		const char *key;
	} rows[] = {
		{ HANDSHAKE_COMPLETED, "completed" },
		{ HANDSHAKE_ONE_WAY, "one_way" },
		{ HANDSHAKE_ABANDONED, "abandoned" },
	};
	int error = 0;
	for (size_t i = 0; error == 0 && i < sizeof(rows) / sizeof(*rows); i++)
		error = finding_add_number(finding, rows[i].key, (double)sight->recent[rows[i].outcome]);
	return error;
}
