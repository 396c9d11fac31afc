// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "alerts/wire.h"

#define LIST_SIZE 8
#define TEXT_SIZE 48

void wire_add_text(struct finding *finding, const char *key, const char *text)
{
	unsigned count = 0;
	for (size_t i = 0; i < finding->evidence_count; i++) {
		if (strcmp(finding->evidence[i].key, key) != 0)
			continue;
		if (strcmp(finding->evidence[i].text, text) == 0 || ++count == LIST_SIZE)
			return;
	}
	finding_add_item(finding, key, text);
}

static bool has_key(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			return true;
	return false;
}

static void add_time(struct finding *finding, const char *key, int64_t time_ns)
{
	char text[TEXT_SIZE];
	time_t seconds = (time_t)(time_ns / 1000000000);
	struct tm parts;
	if (!gmtime_r(&seconds, &parts))
		return;
	size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, sizeof(text) - length, ".%03dZ", (int)(time_ns / 1000000 % 1000));
	finding_add_evidence(finding, key, "%s", text);
}

static void add_times(const struct wire_observation *observation, struct finding *finding)
{
	int64_t first = INT64_MAX, last = 0;
	uint32_t repeats = 0;
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		const struct handshake_suspect *suspect = observation->suspects[i];
		uint32_t own = suspect->sign == SIGN_SYN_REPEATED || suspect->sign == SIGN_REPLY_IGNORED
				       ? suspect->repeats
				       : suspect->synack_repeats;
		first = suspect->first_ns < first ? suspect->first_ns : first;
		last = suspect->last_ns > last ? suspect->last_ns : last;
		repeats = own > repeats ? own : repeats;
	}
	finding_add_number(finding, "repeats", repeats);
	add_time(finding, "first_packet", first);
	add_time(finding, "last_packet", last);
}

void wire_describe_suspects(const struct wire_observation *observation, struct finding *finding)
{
	char text[TEXT_SIZE];
	/* Beside the peers of whom it was predicted. */
	const char *peers = has_key(finding, "peers") ? "seen_peers" : "peers";
	if (observation->suspect_count == 0)
		return;
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		finding_add_handshake(finding, observation->suspects[i]->id);
		if (observation->suspects[i]->joined)
			finding_add_handshake(finding, observation->suspects[i]->other_id);
		wire_add_text(finding, peers, address_format(&observation->suspects[i]->client, text));
	}
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		snprintf(text, sizeof(text), "%u", observation->suspects[i]->server_port);
		wire_add_text(finding, "ports", text);
	}
	add_times(observation, finding);
}

void wire_describe_counts(const struct wire_observation *observation, struct finding *finding)
{
	finding_add_number(finding, "completed", (double)observation->recent[HANDSHAKE_COMPLETED]);
	finding_add_number(finding, "one_way", (double)observation->recent[HANDSHAKE_ONE_WAY]);
	finding_add_number(finding, "abandoned", (double)observation->recent[HANDSHAKE_ABANDONED]);
}
