/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads packet bytes in network order, one after the other, never beyond their end. The error is sticky: a
 * read that does not fit gives zero, takes nothing, and so do all later ones; it is asked for once, at the
 * end. Inline, for every captured packet passes here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct cursor cursor_make(const void *bytes, size_t size)
{
	return (struct cursor){ .at = bytes, .left = size };
}

/* The next `size` bytes, or NULL. */
static inline const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
	if (cursor->failed || size > cursor->left) {
		cursor->failed = true;
		return NULL;
	}
	const uint8_t *bytes = cursor->at;
	cursor->at += size;
	cursor->left -= size;
	return bytes;
}

static inline void cursor_skip(struct cursor *cursor, size_t size)
{
	(void)cursor_take(cursor, size);
}

/* What lies beyond `size` bytes from here is not there any more. */
static inline void cursor_limit(struct cursor *cursor, size_t size)
{
	if (size < cursor->left)
		cursor->left = size;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 1);
	return bytes ? bytes[0] : 0;
}

static inline uint16_t cursor_u16(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 2);
	return bytes ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0;
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_take(cursor, 4);
	return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
			       bytes[3]
		     : 0;
}

/* The next byte, not taken; 0 if there is none. */
static inline uint8_t cursor_peek(const struct cursor *cursor)
{
	return !cursor->failed && cursor->left ? cursor->at[0] : 0;
}
