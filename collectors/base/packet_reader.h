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

struct packet_reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static inline struct packet_reader packet_reader_make(const void *bytes, size_t size)
{
	return (struct packet_reader){ .at = bytes, .left = size };
}

/* The next `size` bytes, or NULL. */
static inline const uint8_t *packet_reader_take(struct packet_reader *reader, size_t size)
{
	if (reader->failed || size > reader->left) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *bytes = reader->at;
	reader->at += size;
	reader->left -= size;
	return bytes;
}

static inline void packet_reader_skip(struct packet_reader *reader, size_t size)
{
	(void)packet_reader_take(reader, size);
}

/* What lies beyond `size` bytes from here is not there any more. */
static inline void packet_reader_limit(struct packet_reader *reader, size_t size)
{
	if (size < reader->left)
		reader->left = size;
}

static inline uint8_t packet_reader_u8(struct packet_reader *reader)
{
	const uint8_t *bytes = packet_reader_take(reader, 1);
	return bytes ? bytes[0] : 0;
}

static inline uint16_t packet_reader_u16(struct packet_reader *reader)
{
	const uint8_t *bytes = packet_reader_take(reader, 2);
	return bytes ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0;
}

static inline uint32_t packet_reader_u32(struct packet_reader *reader)
{
	const uint8_t *bytes = packet_reader_take(reader, 4);
	return bytes ? (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
			       bytes[3]
		     : 0;
}

/* The next byte, not taken; 0 if there is none. */
static inline uint8_t packet_reader_peek(const struct packet_reader *reader)
{
	return !reader->failed && reader->left ? reader->at[0] : 0;
}
