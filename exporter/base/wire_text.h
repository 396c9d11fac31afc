/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the wire shows, as people read it. Names of devices are not escaped. */

#include "collectors/facts.h"

#define OUTCOMES_TEXT_SIZE 256

uint64_t outcomes_total(const uint64_t counts[static HANDSHAKE_OUTCOMES]);
/* "12 completed, 3 one_way", outcomes that did not occur left out; "" if none did. Returns text. */
const char *outcomes_text(
	const uint64_t counts[static HANDSHAKE_OUTCOMES], char text[static OUTCOMES_TEXT_SIZE]);

enum handshake_column {
	COLUMN_FIRST, /* RFC 3339 */
	COLUMN_LAST,
	COLUMN_HANDSHAKE, /* "192.0.2.1:4711 → [2001:db8::1]:22" */
	COLUMN_SYN,       /* "in eth0, out eth1"; "" if no device is known */
	COLUMN_SYNACK,
	COLUMN_REPEATS,
	HANDSHAKE_COLUMNS
};

#define HANDSHAKE_CELL_SIZE (2 * (ADDRESS_TEXT_SIZE + sizeof("[]:65535")) + 8)

struct handshake_cells {
	char text[HANDSHAKE_COLUMNS][HANDSHAKE_CELL_SIZE];
};

/* The handshake as a row of a table. */
struct handshake_cells handshake_cells(const struct facts *facts, const struct handshake_suspect *handshake);
