// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "alerts/wire.h"
#include "collectors/base/rfc3339.h"

static bool has_key(const struct finding *finding, const char *key)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, key) == 0)
			return true;
	return false;
}

static void add_times(const struct wire_observation *observation, struct finding *finding)
{
	char text[RFC3339_SIZE];
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
	finding_add_evidence(finding, "first_packet", "%s", rfc3339_format(first, text));
	finding_add_evidence(finding, "last_packet", "%s", rfc3339_format(last, text));
}

void wire_describe_suspects(const struct wire_observation *observation, struct finding *finding)
{
	char text[8];
	/* Beside the peers of whom it was predicted. */
	const char *peers = has_key(finding, "peers") ? "seen_peers" : "peers";
	if (observation->suspect_count == 0)
		return;
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		finding_add_handshake(finding, observation->suspects[i]->id);
		if (observation->suspects[i]->joined)
			finding_add_handshake(finding, observation->suspects[i]->other_id);
		finding_add_address(finding, peers, &observation->suspects[i]->client);
	}
	for (unsigned i = 0; i < observation->suspect_count; i++) {
		snprintf(text, sizeof(text), "%u", observation->suspects[i]->server_port);
		finding_add_distinct(finding, "ports", text);
	}
	add_times(observation, finding);
}

void wire_describe_counts(const struct wire_observation *observation, struct finding *finding)
{
	finding_add_number(finding, "completed", (double)observation->recent[HANDSHAKE_COMPLETED]);
	finding_add_number(finding, "one_way", (double)observation->recent[HANDSHAKE_ONE_WAY]);
	finding_add_number(finding, "abandoned", (double)observation->recent[HANDSHAKE_ABANDONED]);
}
