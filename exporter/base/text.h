/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text that comes from outside (names, paths, files) on its way to a terminal, the log or JSON. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The next character of a NUL-terminated text and its length in bytes (1 to 4). Bytes that are no valid UTF-8
 * are taken one by one, with *valid false and their own value. */
struct character {
	uint32_t code;
	size_t length;
	bool valid;
};

struct character text_next(const char *text);
/* False for control characters, invalid bytes, and characters that hide or reorder what stands beside them.
 */
bool character_is_printable(struct character character);

enum text_style {
	TEXT_PLAIN,  /* what cannot be printed becomes \n, \x1b, \u202e */
	TEXT_QUOTED, /* in double quotes as logfmt has them: also \" and \\ */
	TEXT_JSON,   /* a JSON string; invalid bytes become U+FFFD */
};

void text_put(FILE *file, const char *text, enum text_style style);
/* TEXT_PLAIN or TEXT_QUOTED into a buffer, cut at a whole character; returns buffer. */
const char *text_format(const char *text, enum text_style style, char *buffer, size_t size);
/* Characters, each taken as one column. */
size_t text_width(const char *text);
/* Writes the text in lines of at most `width` columns, each after `indent` spaces; words that are longer stay
 * whole. Ends with a line feed. */
void text_wrap(FILE *file, const char *text, unsigned indent, unsigned width);
/* Likewise, but the first line has come to column `indent` already. */
void text_wrap_on(FILE *file, const char *text, unsigned indent, unsigned width);

/* Texts that are lent. */
struct text_list {
	const char **items;
	size_t count;
};
