// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/paper_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static void put_code(FILE *out, uint32_t code)
{
	if (code < 0x80)
		fputc((int)code, out);
	else if (code < 0x800)
		fprintf(out, "%c%c", 0xc0 | code >> 6, 0x80 | (code & 0x3f));
	else if (code < 0x10000)
		fprintf(out, "%c%c%c", 0xe0 | code >> 12, 0x80 | (code >> 6 & 0x3f), 0x80 | (code & 0x3f));
	else
		fprintf(out, "%c%c%c%c", 0xf0 | code >> 18, 0x80 | (code >> 12 & 0x3f),
			0x80 | (code >> 6 & 0x3f), 0x80 | (code & 0x3f));
}

char *paper_row_text(const struct paper *paper, size_t row, char **styles)
{
	const struct cell *cells = paper_row(paper, row);
	char *text, *letters = calloc(paper->columns + 1, 1);
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out || !letters || !cells)
		abort();
	for (unsigned i = 0; i < paper->columns; i++) {
		uint32_t code = cells[i].code;
		int width = code ? wcwidth((wchar_t)code) : 0;
		bool wide_before = i > 0 && cells[i - 1].code && wcwidth((wchar_t)cells[i - 1].code) == 2;
		letters[i] = "pbdgiwc"[cells[i].style & ~STYLE_REVERSE];
		if (cells[i].style & STYLE_REVERSE)
			letters[i] = (char)toupper(letters[i]);
		if (code && (width < 1 || code < 0x20 || code == 0x7f))
			abort();
		if (wide_before != !code || (width == 2 && i + 1 == paper->columns))
			abort();
		if (code)
			put_code(out, code);
	}
	fclose(out);
	for (size_t end = strlen(text); end > 0 && text[end - 1] == ' ';)
		text[--end] = '\0';
	if (styles)
		*styles = letters;
	else
		free(letters);
	return text;
}

char *paper_text(const struct paper *paper)
{
	char *all;
	size_t size;
	FILE *out = open_memstream(&all, &size);
	if (!out)
		abort();
	for (size_t row = paper->first; row < paper->first + paper->height; row++) {
		char *text = paper_row_text(paper, row, NULL);
		fprintf(out, "%s\n", text);
		free(text);
	}
	fclose(out);
	return all;
}
