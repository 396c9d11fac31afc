/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Services whose requests come in, are repeated, and get no answer: one row for each address, port and
 * arrival device, bounded; the one whose SYN came again longest ago gives way. An answer (SYN-ACK or RST) to
 * anybody takes it out. Part of the handshake table, and used by it alone.
 */

#include "collectors/handshake/handshake_facts.h"

struct unanswered_row {
	struct unanswered_service service; /* left, target: not kept here */
	uint32_t sequence;                 /* the latest client's initial one */
};

struct unanswered_table {
	struct unanswered_row rows[UNANSWERED_MOST];
	unsigned count;
};

/* A SYN that was not answered came again; service: all but repeats and the times of earlier ones. */
void unanswered_note(
	struct unanswered_table *table, const struct unanswered_service *service, uint32_t sequence);
/* Somebody got an answer: it is not unanswered any more. */
void unanswered_end(struct unanswered_table *table, const struct address *server, uint16_t port);
