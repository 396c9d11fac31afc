/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is to be seen on a terminal, as rows of styled cells: text of any origin goes in, and nothing comes
 * out that a terminal obeys or that hides or moves what stands beside it. What the character set of LC_CTYPE
 * lacks is spelled out. Pure: no terminal, no ncurses.
 *
 * A paper may have more rows than it keeps: a long list is counted, and a window of it kept. An append that
 * finds no memory marks the paper as failed, once for all.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum paper_style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_INFO,
	STYLE_WARNING,
	STYLE_CRITICAL,
	STYLES,
	STYLE_REVERSE = 0x80, /* with any of the others */
};

struct cell {
	uint32_t code; /* 0: the right half of the character before */
	uint8_t style;
};

struct paper {
	unsigned columns;
	size_t first, height; /* the window: rows [first, first + height) are kept */
	size_t rows;          /* appended up to now, kept or not */
	struct cell *cells;   /* height * columns */
};

/* Blank, with no row appended. 0 or -ENOMEM. */
int paper_open(struct paper *paper, unsigned columns, size_t first, size_t height);
void paper_close(struct paper *paper);

/* The cells of a row, or NULL if it is not kept. */
struct cell *paper_row(const struct paper *paper, size_t row);
/* Appends a blank row and returns its number. */
size_t paper_append(struct paper *paper);
/* Puts text on a row that need not be appended, from column to before `end`, with … for what does not fit.
 * Returns the column behind it. */
unsigned paper_put(const struct paper *paper, size_t row, unsigned column, unsigned end, unsigned style,
	const char *text);
unsigned paper_print(const struct paper *paper, size_t row, unsigned column, unsigned end, unsigned style,
	const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Puts text on the last row from `column`, and what does not fit on rows appended, from `indent`; what stands
 * there at the end of all but the last of these is `mark`, "" or " \\". */
void paper_wrap(struct paper *paper, unsigned column, unsigned indent, unsigned style, const char *text,
	const char *mark);
/* Gives the whole row this style. */
void paper_paint(const struct paper *paper, size_t row, unsigned style);
/* Copies the rows that `from` keeps onto `to`, from its row `row`. */
void paper_copy(const struct paper *to, size_t row, const struct paper *from);
/* How many columns the text takes. */
unsigned paper_width(const char *text);
