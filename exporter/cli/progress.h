/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is going on, on the last line of a terminal: on standard error, if that is one, and nowhere else. It
 * comes after a second, is written anew five times a second at most, and is gone at the end.
 */

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool terminal;
	int64_t due_ns;  /* CLOCK_MONOTONIC_COARSE, of the next line */
	unsigned width;  /* of the terminal */
	unsigned filled; /* columns that are written on */
};

void progress_begin(struct progress *progress);
/* Cheap enough for each packet: whether it is time for a line. */
bool progress_is_due(const struct progress *progress);
/* ASCII. */
void progress_show(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_end(struct progress *progress);
