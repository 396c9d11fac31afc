// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/silences.h"

static bool same_service(const struct handshake_silence *silence, const struct address *server, uint16_t port)
{
	return silence->port == port && address_equal(&silence->server, server);
}

static struct silence_row *find(struct silences *silences, const struct handshake_silence *silence)
{
	for (unsigned i = 0; i < silences->count; i++) {
		const struct handshake_silence *row = &silences->rows[i].silence;
		if (row->device == silence->device && same_service(row, &silence->server, silence->port))
			return &silences->rows[i];
	}
	return NULL;
}

static struct silence_row *make_room(struct silences *silences)
{
	struct silence_row *oldest = &silences->rows[0];
	if (silences->count < HANDSHAKE_SILENCES)
		return &silences->rows[silences->count++];
	for (unsigned i = 1; i < silences->count; i++)
		if (silences->rows[i].silence.last_ns < oldest->silence.last_ns)
			oldest = &silences->rows[i];
	return oldest;
}

void silences_note(struct silences *silences, const struct handshake_silence *silence, uint32_t sequence)
{
	struct silence_row *row = find(silences, silence);
	struct handshake_silence fresh = *silence;
	fresh.repeats = 1;
	fresh.repeated_ns = silence->last_ns;
	if (row && silence->last_ns - row->silence.last_ns < HANDSHAKE_RECENT_NS) {
		fresh.repeats = row->silence.repeats + 1;
		fresh.repeated_ns = row->silence.repeated_ns;
		fresh.since_ns = row->silence.since_ns;
	}
	if (!row)
		row = make_room(silences);
	*row = (struct silence_row){ .silence = fresh, .sequence = sequence };
}

void silences_answered(struct silences *silences, const struct address *server, uint16_t port)
{
	for (unsigned i = silences->count; i-- > 0;)
		if (same_service(&silences->rows[i].silence, server, port))
			silences->rows[i] = silences->rows[--silences->count];
}
