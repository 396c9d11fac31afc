/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is not watched, and why: the metric, the page and the report all tell it from here. */

#include <stdbool.h>

#include "collectors/facts.h"

struct unwatched_part {
	const char *collector;
	const char *part;   /* one word: "devices"; "all" of what the collector watches */
	const char *reason; /* one of few words: "permission", "limit" */
	uint64_t count;     /* of what `text` names */
	const char *text;   /* what is not watched, or what is missing to watch it; lent by the facts */
};

/* The next one at or after *position, which is moved behind it; 0 at first. False: there are no more. */
bool unwatched_next(const struct facts *facts, size_t *position, struct unwatched_part *out);
