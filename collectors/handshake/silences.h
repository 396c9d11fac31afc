/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Services whose requests come in, are repeated, and get no answer: one row for each address, port and
 * arrival device, bounded; the one that was silent longest ago gives way. An answer (SYN-ACK or RST) to
 * anybody ends the silence. Part of the handshake table, and used by it alone.
 */

#include "collectors/handshake/handshake.h"

struct silence_row {
	struct handshake_silence silence; /* left, target: not kept here */
	uint32_t sequence;                /* the latest client's initial one */
};

struct silences {
	struct silence_row rows[HANDSHAKE_SILENCES];
	unsigned count;
};

/* A SYN that was not answered came again; silence: all but repeats and the times of earlier ones. */
void silences_note(struct silences *silences, const struct handshake_silence *silence, uint32_t sequence);
/* Somebody got an answer. */
void silences_answered(struct silences *silences, const struct address *server, uint16_t port);
