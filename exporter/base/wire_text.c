// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/wire_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "collectors/base/rfc3339.h"
#include "collectors/handshake/wire_rows.h"

uint64_t outcomes_total(const uint64_t counts[static HANDSHAKE_OUTCOMES])
{
	uint64_t total = 0;
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		total += counts[i];
	return total;
}

static size_t append_count(
	uint64_t count, const char *name, char text[static OUTCOMES_TEXT_SIZE], size_t used)
{
	if (!count)
		return used;
	return used + (size_t)snprintf(text + used, OUTCOMES_TEXT_SIZE - used, "%s%" PRIu64 " %s",
			      used ? ", " : "", count, name);
}

const char *outcomes_text(
	const uint64_t counts[static HANDSHAKE_OUTCOMES], char text[static OUTCOMES_TEXT_SIZE])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		used = append_count(counts[i], handshake_outcome_name((enum handshake_outcome)i), text, used);
	return text;
}

static void set_way(
	const struct facts *facts, const struct device_pair *way, char cell[static HANDSHAKE_CELL_SIZE])
{
	snprintf(cell, HANDSHAKE_CELL_SIZE, "%s%s%s%s%s", way->in ? "in " : "", wire_name(facts, way->in),
		way->in && way->out ? ", " : "", way->out ? "out " : "", wire_name(facts, way->out));
}

struct handshake_cells handshake_cells(const struct facts *facts, const struct handshake_suspect *handshake)
{
	struct handshake_cells cells;
	char client[ADDRESS_TEXT_SIZE], server[ADDRESS_TEXT_SIZE];
	rfc3339_format(handshake->first_ns, cells.text[COLUMN_FIRST]);
	rfc3339_format(handshake->last_ns, cells.text[COLUMN_LAST]);
	snprintf(cells.text[COLUMN_HANDSHAKE], HANDSHAKE_CELL_SIZE,
		handshake->client.family == AF_INET6 ? "[%s]:%u → [%s]:%u" : "%s:%u → %s:%u",
		address_format(&handshake->client, client), handshake->client_port,
		address_format(&handshake->server, server), handshake->server_port);
	set_way(facts, &handshake->syn, cells.text[COLUMN_SYN]);
	set_way(facts, &handshake->synack, cells.text[COLUMN_SYNACK]);
	snprintf(cells.text[COLUMN_REPEATS], HANDSHAKE_CELL_SIZE, "%" PRIu32, handshake->repeats);
	return cells;
}
