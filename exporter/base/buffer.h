/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A growing text, for the writers. An append that finds no memory marks the buffer as failed and every later
 * one does nothing, so that a writer checks once, at its end. Zero-initialised is empty.
 */

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* not terminated */
	size_t size;
	size_t capacity;
	bool failed;
};

/* Frees and empties. */
void buffer_clear(struct buffer *buffer);
/* Makes room for `size` more bytes and returns where they go, or NULL; buffer_filled() then counts them. */
char *buffer_room(struct buffer *buffer, size_t size);
void buffer_filled(struct buffer *buffer, size_t size);

void buffer_add(struct buffer *buffer, const void *data, size_t size);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One byte that is written in another way. */
struct replacement {
	char byte;
	const char *text;
};

/* Appends text with the bytes of the table replaced (it ends with byte 0; NULL: none), and as %XX each byte
 * that is not part of valid UTF-8, or of a character that a terminal obeys or that hides or reorders what
 * stands beside it (text.h), but for line feeds and tabs: formats that want UTF-8 get it, the kernel lets
 * anybody with a namespace choose such names, and different texts stay different. */
void buffer_escaped(struct buffer *buffer, const char *text, const struct replacement *table);
