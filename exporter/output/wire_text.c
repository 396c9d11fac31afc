// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/wire_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "collectors/handshake/wire_rows.h"

uint64_t outcomes_total(const uint64_t counts[static HANDSHAKE_OUTCOMES])
{
	uint64_t total = 0;
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		total += counts[i];
	return total;
}

const char *outcomes_text(
	const uint64_t counts[static HANDSHAKE_OUTCOMES], char text[static OUTCOMES_TEXT_SIZE])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (counts[i])
			used += (size_t)snprintf(text + used, OUTCOMES_TEXT_SIZE - used, "%s%" PRIu64 " %s",
				used ? ", " : "", counts[i],
				handshake_outcome_name((enum handshake_outcome)i));
	return text;
}

const char *unwatched_text(
	const uint32_t counts[static UNWATCHED_REASONS], char text[static OUTCOMES_TEXT_SIZE])
{
	size_t used = 0;
	text[0] = '\0';
	for (int i = 0; i < UNWATCHED_REASONS; i++)
		if (counts[i])
			used += (size_t)snprintf(text + used, OUTCOMES_TEXT_SIZE - used, "%s%" PRIu32 " %s",
				used ? ", " : "", counts[i], unwatched_name((enum unwatched)i));
	return text;
}

const char *endpoint_text(const struct address *address, uint16_t port, char text[static ENDPOINT_TEXT_SIZE])
{
	char bare[ADDRESS_TEXT_SIZE];
	address_format(address, bare);
	snprintf(text, ENDPOINT_TEXT_SIZE, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", bare, port);
	return text;
}

const char *way_text(
	const struct facts *facts, const struct device_pair *way, char text[static WAY_TEXT_SIZE])
{
	snprintf(text, WAY_TEXT_SIZE, "%s%s%s%s%s", way->in ? "in " : "", wire_name(facts, way->in),
		way->in && way->out ? ", " : "", way->out ? "out " : "", wire_name(facts, way->out));
	return text;
}
