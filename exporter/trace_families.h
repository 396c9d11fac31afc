/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/families.h"

void emit_trace_drops(struct metrics *metrics, const struct exposition *exposition);
