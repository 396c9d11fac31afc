// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watch/paper.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "exporter/base/text.h"

int paper_open(struct paper *paper, unsigned columns, size_t first, size_t height)
{
	*paper = (struct paper){ .columns = columns, .first = first, .height = height };
	paper->cells = calloc(height * columns + 1, sizeof(*paper->cells));
	for (size_t i = 0; paper->cells && i < height * columns; i++)
		paper->cells[i].code = ' ';
	return paper->cells ? 0 : -ENOMEM;
}

void paper_close(struct paper *paper)
{
	free(paper->cells);
	*paper = (struct paper){ 0 };
}

struct cell *paper_row(const struct paper *paper, size_t row)
{
	bool kept = paper->cells && row >= paper->first && row - paper->first < paper->height;
	return kept ? paper->cells + (row - paper->first) * paper->columns : NULL;
}

size_t paper_append(struct paper *paper)
{
	return paper->rows++;
}

/* What our own texts use and a terminal may lack. */
static const struct {
	uint32_t code;
	const char *text;
} spellings[] = {
	{ 0x2192, "->" },  /* → */
	{ 0x2026, "..." }, /* … */
	{ 0x2013, "-" },   /* – */
	{ 0x2500, "-" },   /* ─ */
	{ 0x2514, "`" },   /* └ */
	{ 0xb7, "-" },     /* · */
};

#define SPELLED_SIZE 24

/* The next character as it is shown: itself, of the width returned; or, in several columns of one each, what
 * `spelled` says, if that is not empty. */
static unsigned shown_width(const char *text, struct character character, char spelled[static SPELLED_SIZE])
{
	char alone[5] = "";
	int width = character_is_printable(character) ? wcwidth((wchar_t)character.code) : -1;
	spelled[0] = '\0';
	if (width > 0)
		return (unsigned)width;
	memcpy(alone, text, character.length);
	for (size_t i = 0; character.valid && i < sizeof(spellings) / sizeof(*spellings); i++)
		if (spellings[i].code == character.code)
			snprintf(spelled, SPELLED_SIZE, "%s", spellings[i].text);
	if (!*spelled && character_is_printable(character))
		snprintf(spelled, SPELLED_SIZE, "\\u%04x", character.code);
	else if (!*spelled)
		text_format(alone, TEXT_PLAIN, spelled, SPELLED_SIZE);
	return (unsigned)strlen(spelled);
}

static unsigned width_of(const char *text, size_t length)
{
	char spelled[SPELLED_SIZE];
	unsigned width = 0;
	for (const char *end = text + length; text < end;) {
		struct character character = text_next(text);
		width += shown_width(text, character, spelled);
		text += character.length;
	}
	return width;
}

unsigned paper_width(const char *text)
{
	return width_of(text, strlen(text));
}

/* It fits. */
static unsigned put_all(struct cell *cells, unsigned column, unsigned style, const char *text, size_t length)
{
	for (const char *end = text + length; text < end;) {
		char spelled[SPELLED_SIZE];
		struct character character = text_next(text);
		unsigned width = shown_width(text, character, spelled);
		for (unsigned i = 0; cells && i < width; i++)
			cells[column + i] = (struct cell){
				.code = *spelled ? (uint8_t)spelled[i]
					: i == 0 ? character.code
						 : 0,
				.style = (uint8_t)style,
			};
		column += width;
		text += character.length;
	}
	return column;
}

unsigned paper_put(const struct paper *paper, size_t row, unsigned column, unsigned end, unsigned style,
	const char *text)
{
	static const char more[] = "…";
	struct cell *cells = paper_row(paper, row);
	size_t length = strlen(text), kept = 0, at = 0;
	unsigned width = 0, all = width_of(text, length), dots = paper_width(more);
	if (end > paper->columns)
		end = paper->columns;
	if (column >= end)
		return column;
	if (all <= end - column)
		return put_all(cells, column, style, text, length);
	while (at < length) {
		char spelled[SPELLED_SIZE];
		struct character character = text_next(text + at);
		width += shown_width(text + at, character, spelled);
		if (width + dots > end - column)
			break;
		kept = at += character.length;
	}
	column = put_all(cells, column, style, text, kept);
	return dots <= end - column ? put_all(cells, column, style, more, strlen(more)) : column;
}

unsigned paper_print(const struct paper *paper, size_t row, unsigned column, unsigned end, unsigned style,
	const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return column;
	column = paper_put(paper, row, column, end, style, text);
	free(text);
	return column;
}

/* How many bytes of the text go on a row: whole words, or 0 if not even one fits. */
static size_t words_fitting(const char *text, unsigned room, unsigned marked)
{
	char spelled[SPELLED_SIZE];
	size_t words = 0, at = 0;
	unsigned width = 0;
	for (;;) {
		bool end = text[at] == '\0' || text[at] == '\n';
		bool last = text[at + strspn(text + at, " \n")] == '\0';
		if ((end || text[at] == ' ') && width + (last ? 0 : marked) <= room)
			words = at;
		if (end || width > room)
			return words;
		struct character character = text_next(text + at);
		width += shown_width(text + at, character, spelled);
		at += character.length;
	}
}

/* Of a word that is longer than a row; one character at least. */
static size_t characters_fitting(const char *text, unsigned room)
{
	size_t length = strcspn(text, " \n"), at = text_next(text).length;
	while (at < length && width_of(text, at + text_next(text + at).length) <= room)
		at += text_next(text + at).length;
	return at;
}

void paper_wrap(struct paper *paper, unsigned column, unsigned indent, unsigned style, const char *text,
	const char *mark)
{
	const unsigned columns = paper->columns, marked = paper_width(mark);
	const unsigned from = indent + marked + 8 < columns ? indent : 0; /* else hardly anything fits */
	size_t row = paper->rows ? paper->rows - 1 : paper_append(paper);
	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		unsigned room = column < columns ? columns - column : 0;
		size_t length = words_fitting(text, room, marked);
		if (length == 0 && column <= from)
			length = characters_fitting(text, room);
		if (width_of(text, length) <= room)
			column = put_all(paper_row(paper, row), column, style, text, length);
		text += length;
		if (!text[strspn(text, " \n")])
			return;
		if (length)
			paper_put(paper, row, column, columns, style, mark);
		row = paper_append(paper);
		column = from;
	}
}

void paper_paint(const struct paper *paper, size_t row, unsigned style)
{
	struct cell *cells = paper_row(paper, row);
	for (unsigned i = 0; cells && i < paper->columns; i++)
		cells[i].style = (uint8_t)style;
}

void paper_copy(const struct paper *to, size_t row, const struct paper *from)
{
	unsigned columns = from->columns < to->columns ? from->columns : to->columns;
	for (size_t i = 0; i < from->height; i++) {
		struct cell *cells = paper_row(to, row + i);
		const struct cell *source = paper_row(from, from->first + i);
		if (cells && source)
			memcpy(cells, source, columns * sizeof(*cells));
	}
}
