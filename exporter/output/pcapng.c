// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/pcapng.h"

#include <string.h>

enum block { BLOCK_INTERFACE = 1, BLOCK_PACKET = 6, BLOCK_SECTION = 0x0a0d0d0a };

enum option {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_INTERFACE_NAME = 2,
	OPTION_PACKET_FLAGS = 2,
	OPTION_APPLICATION = 4,
	OPTION_TIME_RESOLUTION = 9,
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)
/* One for all interfaces: libpcap refuses files in which they differ. No frame is longer. */
#define SNAPLEN 65535
_Static_assert(FRAME_BYTES <= SNAPLEN, "a kept frame fits");

#define NANOSECONDS 9 /* the resolution's exponent: 10^-9 s */

static void put_u16(struct buffer *out, uint16_t value)
{
	buffer_add(out, &value, sizeof(value));
}

static void put_u32(struct buffer *out, uint32_t value)
{
	buffer_add(out, &value, sizeof(value));
}

static void put_padding(struct buffer *out, size_t size)
{
	static const uint8_t zeros[3];
	buffer_add(out, zeros, -size & 3);
}

/* ---- blocks: type, length, body, and the length again ---- */

/* Returns where the block begins, for end_block(). */
static size_t begin_block(struct buffer *out, enum block type)
{
	size_t begin = out->size;
	put_u32(out, type);
	put_u32(out, 0);
	return begin;
}

static void end_block(struct buffer *out, size_t begin)
{
	uint32_t length = (uint32_t)(out->size - begin + sizeof(length));
	put_u32(out, length);
	if (!out->failed)
		memcpy(out->data + begin + sizeof(uint32_t), &length, sizeof(length));
}

/* ---- options: code, length, value, padded to four bytes ---- */

static void put_option(struct buffer *out, enum option code, const void *value, uint16_t size)
{
	put_u16(out, (uint16_t)code);
	put_u16(out, size);
	buffer_add(out, value, size);
	put_padding(out, size);
}

static void put_text(struct buffer *out, enum option code, const char *text)
{
	struct buffer clean = { 0 };
	buffer_escaped(&clean, text, NULL);
	if (clean.failed)
		out->failed = true;
	else if (clean.size > 0 && clean.size <= UINT16_MAX)
		put_option(out, code, clean.data, (uint16_t)clean.size);
	buffer_clear(&clean);
}

static void put_end(struct buffer *out)
{
	put_option(out, OPTION_END, NULL, 0);
}

/* ---- all ---- */

void pcapng_section(struct buffer *out, const char *comment, const char *application)
{
	const int64_t unknown_length = -1;
	size_t begin = begin_block(out, BLOCK_SECTION);
	put_u32(out, BYTE_ORDER_MAGIC);
	put_u16(out, 1); /* version 1.0 */
	put_u16(out, 0);
	buffer_add(out, &unknown_length, sizeof(unknown_length));
	put_text(out, OPTION_COMMENT, comment);
	put_text(out, OPTION_APPLICATION, application);
	put_end(out);
	end_block(out, begin);
}

void pcapng_interface(struct buffer *out, uint16_t link_type, const char *name)
{
	const uint8_t resolution = NANOSECONDS;
	size_t begin = begin_block(out, BLOCK_INTERFACE);
	put_u16(out, link_type);
	put_u16(out, 0);
	put_u32(out, SNAPLEN);
	put_text(out, OPTION_INTERFACE_NAME, name);
	put_option(out, OPTION_TIME_RESOLUTION, &resolution, sizeof(resolution));
	put_end(out);
	end_block(out, begin);
}

void pcapng_packet(struct buffer *out, uint32_t interface, const struct frame *frame)
{
	static const uint32_t directions[DIRECTIONS] = { [DIRECTION_IN] = 1, [DIRECTION_OUT] = 2 };
	const uint64_t time = frame->time_ns > 0 ? (uint64_t)frame->time_ns : 0;
	const uint32_t flags = directions[frame->direction];
	size_t begin = begin_block(out, BLOCK_PACKET);
	put_u32(out, interface);
	put_u32(out, (uint32_t)(time >> 32));
	put_u32(out, (uint32_t)time);
	put_u32(out, (uint32_t)frame->size);
	put_u32(out, frame->length);
	buffer_add(out, frame->bytes, frame->size);
	put_padding(out, frame->size);
	put_option(out, OPTION_PACKET_FLAGS, &flags, sizeof(flags));
	put_end(out);
	end_block(out, begin);
}
