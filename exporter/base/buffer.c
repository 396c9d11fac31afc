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

char *buffer_room(struct buffer *buffer, size_t size)
{
	size_t capacity = buffer->capacity ? buffer->capacity : SMALLEST;
	buffer->failed |= size > SIZE_MAX / 4 - buffer->size;
	if (buffer->failed)
		return NULL;
	if (buffer->capacity - buffer->size < size) {
		while (capacity < buffer->size + size)
			capacity *= 2;
		char *larger = realloc(buffer->data, capacity);
		buffer->failed = !larger;
		if (!larger)
			return NULL;
		buffer->data = larger;
		buffer->capacity = capacity;
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

void buffer_escaped(struct buffer *buffer, const char *text, const struct replacement *table)
{
	while (*text) {
		const struct replacement *row = table;
		struct character next = text_next(text);
		while (row && row->byte && row->byte != *text)
			row++;
		if (row && row->byte)
			buffer_text(buffer, row->text);
		else if (character_is_printable(next) || *text == '\n' || *text == '\t')
			buffer_add(buffer, text, next.length);
		else
			for (size_t i = 0; i < next.length; i++)
				buffer_format(buffer, "%%%02X", (unsigned char)text[i]);
		text += next.length;
	}
}
