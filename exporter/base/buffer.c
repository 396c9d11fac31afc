// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/text.h"

#define SMALLEST 4096

void buffer_clear(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}

static bool enlarge(struct buffer *buffer, size_t least)
{
	size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
	while (capacity < least)
		capacity *= 2;
	char *larger = realloc(buffer->data, capacity);
	if (!larger)
		return false;
	buffer->data = larger;
	buffer->capacity = capacity;
	return true;
}

char *buffer_room(struct buffer *buffer, size_t size)
{
	if (buffer->failed)
		return NULL;
	bool fits = size <= SIZE_MAX / 4 - buffer->size;
	if (!fits || (buffer->capacity - buffer->size < size && !enlarge(buffer, buffer->size + size))) {
		buffer->failed = true;
		return NULL;
	}
	return buffer->data + buffer->size;
}

void buffer_filled(struct buffer *buffer, size_t size)
{
	buffer->size += size;
}

void buffer_add(struct buffer *buffer, const void *data, size_t size)
{
	if (size == 0)
		return;
	char *room = buffer_room(buffer, size);
	if (!room)
		return;
	memcpy(room, data, size);
	buffer_filled(buffer, size);
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		buffer->failed = true;
	char *room = buffer_room(buffer, (size_t)(length < 0 ? 0 : length) + 1);
	if (room) {
		vsnprintf(room, (size_t)length + 1, format, again);
		buffer_filled(buffer, (size_t)length);
	}
	va_end(again);
}

static const char *replacement_of(const struct replacement *table, char byte)
{
	for (; table->byte; table++)
		if (table->byte == byte)
			return table->text;
	return NULL;
}

void buffer_escaped(struct buffer *buffer, const char *text, const struct replacement *table)
{
	while (*text) {
		const char *instead = replacement_of(table, *text);
		struct character next = text_next(text);
		if (instead)
			buffer_text(buffer, instead);
		else if (next.valid)
			buffer_add(buffer, text, next.length);
		else
			buffer_format(buffer, "%%%02X", next.code);
		text += next.length;
	}
}
