// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "collectors/base/clock.h"

#define EVERY_NS   (200 * MILLISECOND_NS)
#define MOST_WIDTH 80

void progress_begin(struct progress *progress)
{
	struct winsize size;
	*progress = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1,
		.due_ns = clock_ns(CLOCK_MONOTONIC_COARSE) + SECOND_NS,
		.width = MOST_WIDTH };
	if (progress->terminal && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col &&
		size.ws_col < MOST_WIDTH)
		progress->width = size.ws_col;
}

bool progress_is_due(const struct progress *progress)
{
	return progress->terminal && clock_ns(CLOCK_MONOTONIC_COARSE) >= progress->due_ns;
}

/* The last column stays free: a terminal may go to the next line there. Spaces, not an escape sequence, as
 * any terminal knows them. */
static void put(struct progress *progress, const char *text)
{
	unsigned length = (unsigned)strnlen(text, progress->width - 1);
	int rest = length < progress->filled ? (int)(progress->filled - length) : 0;
	fprintf(stderr, "\r%.*s%*s%s%.*s", (int)length, text, rest, "", rest ? "\r" : "",
		rest ? (int)length : 0, text);
	fflush(stderr);
	progress->filled = length;
}

void progress_show(struct progress *progress, const char *format, ...)
{
	char text[MOST_WIDTH + 1];
	va_list arguments;
	if (!progress_is_due(progress))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put(progress, text);
	progress->due_ns = clock_ns(CLOCK_MONOTONIC_COARSE) + EVERY_NS;
}

void progress_end(struct progress *progress)
{
	if (progress->filled)
		put(progress, "");
}
