/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The samples of what the wire shows: emit functions for the table of exporter/families.c. Rows of devices
 * that had the same name are one series. */

#include "exporter/families.h"

void emit_capture_packets(struct metrics *metrics, const struct exposition *exposition);
void emit_capture_dropped(struct metrics *metrics, const struct exposition *exposition);
void emit_echoes(struct metrics *metrics, const struct exposition *exposition);
void emit_handshake_packets(struct metrics *metrics, const struct exposition *exposition);
void emit_handshakes(struct metrics *metrics, const struct exposition *exposition);
void emit_handshake_ack_ratio(struct metrics *metrics, const struct exposition *exposition);
void emit_handshake_ack_delay(struct metrics *metrics, const struct exposition *exposition);
void emit_handshakes_tracked(struct metrics *metrics, const struct exposition *exposition);
void emit_handshakes_tracked_limit(struct metrics *metrics, const struct exposition *exposition);
void emit_handshakes_evicted(struct metrics *metrics, const struct exposition *exposition);
void emit_handshake_sampling_ratio(struct metrics *metrics, const struct exposition *exposition);
void emit_syn_recv_unanswered(struct metrics *metrics, const struct exposition *exposition);
