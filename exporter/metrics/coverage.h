/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The verdicts of all paths and services of a snapshot, asked once for the length of an answer. */

#include "alerts/judge.h"

struct coverage {
	enum verdict *paths;    /* by position in facts->paths */
	enum verdict *services; /* by position in facts->services */
};

/* 0 or -ENOMEM. */
int coverage_make(const struct settings *settings, const struct facts *facts, struct coverage *out);
void coverage_clear(struct coverage *coverage);
