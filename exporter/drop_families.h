/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The metrics of dropped packets, for the table in exporter/families.c. */

#include "exporter/families.h"

void emit_device_drops(struct metrics *metrics, const struct exposition *exposition);
void emit_device_drops_uncounted(struct metrics *metrics, const struct exposition *exposition);
void emit_drop_reasons(struct metrics *metrics, const struct exposition *exposition);
void emit_rp_filter_device_drops(struct metrics *metrics, const struct exposition *exposition);
