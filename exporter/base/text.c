// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/text.h"

#include <string.h>

struct sequence {
	size_t length;
	uint32_t least; /* smaller ones are overlong */
	uint8_t mask, lead;
};

static const struct sequence sequences[] = {
	{ 1, 0, 0x80, 0x00 },
	{ 2, 0x80, 0xe0, 0xc0 },
	{ 3, 0x800, 0xf0, 0xe0 },
	{ 4, 0x10000, 0xf8, 0xf0 },
};

static bool is_scalar(uint32_t code)
{
	return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

static bool decode(const uint8_t *bytes, const struct sequence *sequence, uint32_t *out)
{
	uint32_t code = bytes[0] & (uint8_t)~sequence->mask;
	for (size_t i = 1; i < sequence->length; i++) {
		if ((bytes[i] & 0xc0) != 0x80) /* also at the terminating NUL */
			return false;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < sequence->least || !is_scalar(code))
		return false;
	*out = code;
	return true;
}

struct character text_next(const char *text)
{
	const uint8_t *bytes = (const uint8_t *)text;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(*sequences); i++) {
		uint32_t code;
		if ((bytes[0] & sequences[i].mask) == sequences[i].lead &&
			decode(bytes, &sequences[i], &code))
			return (struct character){ code, sequences[i].length, true };
	}
	return (struct character){ bytes[0], 1, false };
}

struct range {
	uint32_t first, last;
};

static const struct range unprintable[] = {
	{ 0x00, 0x1f },
	{ 0x7f, 0x9f },
	{ 0x200b, 0x200f }, /* no width, direction marks */
	{ 0x2028, 0x202e }, /* line and paragraph separators, direction overrides */
	{ 0x2066, 0x2069 },
	{ 0xfeff, 0xfeff },
};

bool character_is_printable(struct character character)
{
	if (!character.valid)
		return false;
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(*unprintable); i++)
		if (character.code >= unprintable[i].first && character.code <= unprintable[i].last)
			return false;
	return true;
}

static const char short_escapes[] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };

#define ESCAPE_SIZE 16

static void escape(
	const char *text, struct character character, enum text_style style, char out[static ESCAPE_SIZE])
{
	uint32_t code = character.code;
	if (character_is_printable(character))
		snprintf(out, ESCAPE_SIZE, "%s%.*s",
			style != TEXT_PLAIN && (*text == '"' || *text == '\\') ? "\\" : "",
			(int)character.length, text);
	else if (code < sizeof(short_escapes) && short_escapes[code])
		snprintf(out, ESCAPE_SIZE, "\\%c", short_escapes[code]);
	else if (style == TEXT_JSON)
		snprintf(out, ESCAPE_SIZE, "\\u%04x", character.valid ? code : 0xfffd);
	else
		snprintf(out, ESCAPE_SIZE, code <= 0xff ? "\\x%02x" : "\\u%04x", code);
}

static void put_characters(FILE *file, const char *text, size_t length, enum text_style style)
{
	const char *end = text + length;
	for (struct character next; text < end; text += next.length) {
		char escaped[ESCAPE_SIZE];
		next = text_next(text);
		escape(text, next, style, escaped);
		fputs(escaped, file);
	}
}

void text_put(FILE *file, const char *text, enum text_style style)
{
	const char *quote = style == TEXT_PLAIN ? "" : "\"";
	fputs(quote, file);
	put_characters(file, text, strlen(text), style);
	fputs(quote, file);
}

const char *text_format(const char *text, enum text_style style, char *buffer, size_t size)
{
	const char *quote = style == TEXT_PLAIN ? "" : "\"";
	size_t used = (size_t)snprintf(buffer, size, "%s", quote);
	for (struct character next; *text; text += next.length) {
		char escaped[ESCAPE_SIZE];
		next = text_next(text);
		escape(text, next, style, escaped);
		if (used + strlen(escaped) + strlen(quote) + 1 > size)
			break;
		used += (size_t)snprintf(buffer + used, size - used, "%s", escaped);
	}
	snprintf(buffer + used, size - used, "%s", quote);
	return buffer;
}

static size_t width_of(const char *text, size_t length)
{
	size_t width = 0;
	for (const char *end = text + length; text < end; text += text_next(text).length)
		width++;
	return width;
}

size_t text_width(const char *text)
{
	return width_of(text, strlen(text));
}

static void wrap(FILE *file, const char *text, unsigned indent, unsigned width, bool begun)
{
	size_t column = begun ? indent : 0;
	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		size_t length = strcspn(text, " \n");
		size_t columns = width_of(text, length);
		if (begun) {
			begun = false;
		} else if (!column || column + 1 + columns > width) {
			fprintf(file, "%s%*s", column ? "\n" : "", (int)indent, "");
			column = indent;
		} else {
			fputc(' ', file);
			column++;
		}
		put_characters(file, text, length, TEXT_PLAIN);
		column += columns;
		text += length;
	}
	fputc('\n', file);
}

void text_wrap(FILE *file, const char *text, unsigned indent, unsigned width)
{
	wrap(file, text, indent, width, false);
}

void text_wrap_on(FILE *file, const char *text, unsigned indent, unsigned width)
{
	wrap(file, text, indent, width, true);
}
