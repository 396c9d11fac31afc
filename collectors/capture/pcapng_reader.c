// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/pcapng_reader.h"

#include <byteswap.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET_OBSOLETE = 2,
	BLOCK_PACKET_SIMPLE = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum option_code {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_INTERFACE_NAME = 2,
	OPTION_PACKET_FLAGS = 2,
	OPTION_TIME_RESOLUTION = 9,
	OPTION_TIME_OFFSET = 14,
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)

#define BLOCK_FRAME_SIZE 12 /* type, length, and the length again */
#define BLOCK_SIZE_MAX   (16 << 20)
#define PIECE_SIZE       (64 << 10) /* a length is believed no further than bytes come */
#define INTERFACES_MAX   4096

struct interface {
	struct pcapng_interface described;
	uint32_t snap_length; /* 0: no limit */
	uint8_t resolution;   /* of time stamps: 10^-n s, or 2^-n with the highest bit */
	int64_t offset_s;     /* to be added to them */
};

struct pcapng_reader {
	FILE *stream;
	uint64_t offset, next_offset; /* of the block at hand, and of the one behind it */
	bool swapped;                 /* the section's byte order is not this host's */
	bool in_section;
	struct interface *interfaces;
	size_t interface_count;
	uint8_t *block; /* type and length included */
	size_t room;
	char *reason; /* of the call */
	char comments[PCAPNG_COMMENTS_SIZE];
};

/* ---- values in the section's byte order, never beyond their end; sticky as those of packet_reader.h ---- */

struct fields {
	const uint8_t *at;
	size_t left;
	bool swapped, failed;
};

static const uint8_t *take(struct fields *fields, size_t size)
{
	if (fields->failed || size > fields->left) {
		fields->failed = true;
		return NULL;
	}
	const uint8_t *bytes = fields->at;
	fields->at += size;
	fields->left -= size;
	return bytes;
}

static uint16_t take_u16(struct fields *fields)
{
	uint16_t value = 0;
	const uint8_t *bytes = take(fields, sizeof(value));
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return fields->swapped ? bswap_16(value) : value;
}

static uint32_t take_u32(struct fields *fields)
{
	uint32_t value = 0;
	const uint8_t *bytes = take(fields, sizeof(value));
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return fields->swapped ? bswap_32(value) : value;
}

static uint64_t take_u64(struct fields *fields)
{
	uint64_t value = 0;
	const uint8_t *bytes = take(fields, sizeof(value));
	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return fields->swapped ? bswap_64(value) : value;
}

/* With the padding to four bytes behind them. */
static const uint8_t *take_padded(struct fields *fields, size_t size)
{
	const uint8_t *bytes = take(fields, size);
	take(fields, -size & 3);
	return bytes;
}

struct option {
	uint16_t code;
	struct fields value;
};

/* False at the end of the options, or where they are damaged. */
static bool take_option(struct fields *fields, struct option *out)
{
	if (fields->left == 0)
		return false;
	out->code = take_u16(fields);
	uint16_t size = take_u16(fields);
	out->value =
		(struct fields){ .at = take_padded(fields, size), .left = size, .swapped = fields->swapped };
	return !fields->failed && out->code != OPTION_END;
}

/* ---- blocks ---- */

static int damaged(const struct pcapng_reader *reader, const char *what)
{
	snprintf(reader->reason, PCAPNG_REASON_SIZE, "block at offset %llu: %s",
		(unsigned long long)reader->offset, what);
	return -EBADMSG;
}

static int make_room(struct pcapng_reader *reader, size_t size)
{
	if (size <= reader->room)
		return 0;
	uint8_t *block = realloc(reader->block, size);
	if (!block)
		return -ENOMEM;
	reader->block = block;
	reader->room = size;
	return 0;
}

/* Bytes from..to of the block. */
static int read_bytes(struct pcapng_reader *reader, size_t from, size_t to)
{
	while (from < to) {
		size_t size = to - from < PIECE_SIZE ? to - from : PIECE_SIZE;
		if (make_room(reader, from + size) < 0)
			return -ENOMEM;
		size_t read = fread(reader->block + from, 1, size, reader->stream);
		if (read < size)
			return ferror(reader->stream) ? -EIO : damaged(reader, "the file ends within it");
		from += size;
	}
	return 0;
}

static uint32_t u32_at(const struct pcapng_reader *reader, size_t at)
{
	struct fields fields = {
		.at = reader->block + at, .left = sizeof(uint32_t), .swapped = reader->swapped
	};
	return take_u32(&fields);
}

/* Its byte order is told by the block's third value. */
static int find_byte_order(struct pcapng_reader *reader)
{
	int result = read_bytes(reader, 8, 12);
	if (result < 0)
		return result;
	reader->swapped = false;
	uint32_t magic = u32_at(reader, 8);
	reader->swapped = magic == bswap_32(BYTE_ORDER_MAGIC);
	if (magic != BYTE_ORDER_MAGIC && !reader->swapped)
		return damaged(reader, "no byte order is told where a section begins");
	return 0;
}

/* 1: the block is read, *type and *body are filled; 0: the end of the file. */
static int read_block(struct pcapng_reader *reader, uint32_t *type, struct fields *body)
{
	reader->offset = reader->next_offset;
	if (make_room(reader, BLOCK_FRAME_SIZE) < 0)
		return -ENOMEM;
	int first = getc(reader->stream);
	if (first == EOF)
		return ferror(reader->stream) ? -EIO : 0;
	reader->block[0] = (uint8_t)first;
	int result = read_bytes(reader, 1, 8);
	size_t have = 8;
	if (result == 0 && u32_at(reader, 0) == BLOCK_SECTION) { /* the same in both byte orders */
		result = find_byte_order(reader);
		have = 12;
	} else if (result == 0 && !reader->in_section) {
		result = damaged(reader, "no section begins there");
	}
	if (result < 0)
		return result;
	uint32_t size = u32_at(reader, 4);
	if (size < BLOCK_FRAME_SIZE || size < have + 4 || size % 4 != 0 || size > BLOCK_SIZE_MAX)
		return damaged(reader, "its length is impossible");
	result = read_bytes(reader, have, size);
	if (result < 0)
		return result;
	if (u32_at(reader, size - 4) != size)
		return damaged(reader, "the lengths at its beginning and its end differ");
	*type = u32_at(reader, 0);
	*body = (struct fields){
		.at = reader->block + 8, .left = size - BLOCK_FRAME_SIZE, .swapped = reader->swapped
	};
	reader->next_offset += size;
	return 1;
}

static void add_comment(struct pcapng_reader *reader, const struct fields *value)
{
	size_t size = strlen(reader->comments);
	snprintf(reader->comments + size, sizeof(reader->comments) - size, "%s%.*s", size ? "\n" : "",
		(int)value->left, (const char *)value->at);
}

static int begin_section(struct pcapng_reader *reader, struct fields *body)
{
	take_u32(body); /* the byte order */
	uint16_t major = take_u16(body);
	take_u16(body); /* minor version */
	take_u64(body); /* the section's length: its blocks tell */
	if (body->failed || major != 1)
		return damaged(reader, "its version of pcapng is not known");
	struct option option;
	while (take_option(body, &option))
		if (option.code == OPTION_COMMENT)
			add_comment(reader, &option.value);
	reader->in_section = true;
	reader->interface_count = 0;
	return 0;
}

static int add_interface(struct pcapng_reader *reader, struct fields *body)
{
	if (reader->interface_count == INTERFACES_MAX)
		return damaged(reader, "too many interfaces");
	struct interface *added = ARRAY_ADD(reader->interfaces, reader->interface_count);
	if (!added)
		return -ENOMEM;
	*added = (struct interface){ .resolution = 6 };
	added->described.number = (uint32_t)reader->interface_count - 1;
	added->described.link_type = take_u16(body);
	take_u16(body);
	added->snap_length = take_u32(body);
	struct option option;
	while (take_option(body, &option)) {
		struct fields *value = &option.value;
		if (option.code == OPTION_INTERFACE_NAME)
			snprintf(added->described.name, sizeof(added->described.name), "%.*s",
				(int)value->left, (const char *)value->at);
		else if (option.code == OPTION_TIME_RESOLUTION && value->left >= 1)
			added->resolution = *take(value, 1);
		else if (option.code == OPTION_TIME_OFFSET)
			added->offset_s = (int64_t)take_u64(value);
	}
	return body->failed ? damaged(reader, "an interface description is cut off") : 0;
}

/* ---- packets ---- */

static int64_t time_of(const struct interface *interface, uint32_t high, uint32_t low)
{
	unsigned exponent = interface->resolution & 0x7f;
	unsigned __int128 units = (uint64_t)high << 32 | low, divisor = 1;
	if (exponent > (interface->resolution & 0x80 ? 63 : 19))
		return -1;
	while (exponent--)
		divisor *= interface->resolution & 0x80 ? 2 : 10;
	__int128 time_ns =
		(__int128)(units * SECOND_NS / divisor) + (__int128)interface->offset_s * SECOND_NS;
	return time_ns >= 0 && time_ns < INT64_MAX ? (int64_t)time_ns : -1;
}

static enum direction direction_of(struct fields *options)
{
	static const enum direction directions[] = { DIRECTION_UNKNOWN, DIRECTION_IN, DIRECTION_OUT,
		DIRECTION_UNKNOWN };
	struct option option;
	while (take_option(options, &option))
		if (option.code == OPTION_PACKET_FLAGS && option.value.left == sizeof(uint32_t))
			return directions[take_u32(&option.value) & 3];
	return DIRECTION_UNKNOWN;
}

static const struct interface *interface_at(const struct pcapng_reader *reader, uint32_t number)
{
	return number < reader->interface_count ? &reader->interfaces[number] : NULL;
}

static int read_packet(
	struct pcapng_reader *reader, uint32_t type, struct fields *body, struct pcapng_frame *out)
{
	uint32_t number = type == BLOCK_PACKET ? take_u32(body) : take_u16(body);
	if (type == BLOCK_PACKET_OBSOLETE)
		take_u16(body); /* how many were lost before */
	const struct interface *interface = interface_at(reader, number);
	uint32_t high = take_u32(body), low = take_u32(body);
	out->size = take_u32(body);
	out->length = take_u32(body);
	out->bytes = take_padded(body, out->size);
	if (body->failed)
		return damaged(reader, "a packet is cut off");
	if (!interface)
		return damaged(reader, "a packet of an interface that was not described");
	out->interface = &interface->described;
	out->time_ns = time_of(interface, high, low);
	out->direction = direction_of(body); /* damaged options tell nothing, the packet is whole */
	return 1;
}

/* Of the first interface; without a time, and without the size that was captured. */
static int read_simple_packet(struct pcapng_reader *reader, struct fields *body, struct pcapng_frame *out)
{
	const struct interface *interface = interface_at(reader, 0);
	if (!interface)
		return damaged(reader, "a packet of an interface that was not described");
	out->length = out->size = take_u32(body);
	if (interface->snap_length && out->size > interface->snap_length)
		out->size = interface->snap_length;
	out->bytes = take_padded(body, out->size);
	if (body->failed)
		return damaged(reader, "a packet is cut off");
	out->interface = &interface->described;
	out->time_ns = 0;
	out->direction = DIRECTION_UNKNOWN;
	return 1;
}

/* 1: a packet; 0: another block. */
static int read_body(
	struct pcapng_reader *reader, uint32_t type, struct fields *body, struct pcapng_frame *out)
{
	switch (type) {
	case BLOCK_SECTION:
		return begin_section(reader, body);
	case BLOCK_INTERFACE:
		return add_interface(reader, body);
	case BLOCK_PACKET:
	case BLOCK_PACKET_OBSOLETE:
		return read_packet(reader, type, body, out);
	case BLOCK_PACKET_SIMPLE:
		return read_simple_packet(reader, body, out);
	default:
		return 0;
	}
}

int pcapng_reader_next(
	struct pcapng_reader *reader, struct pcapng_frame *out, char reason[static PCAPNG_REASON_SIZE])
{
	uint32_t type;
	struct fields body;
	int result;
	reader->reason = reason;
	do {
		result = read_block(reader, &type, &body);
		if (result <= 0)
			return result;
		result = read_body(reader, type, &body, out);
	} while (result == 0);
	return result;
}

int pcapng_reader_new(FILE *stream, struct pcapng_reader **out)
{
	struct pcapng_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->stream = stream;
	*out = reader;
	return 0;
}

void pcapng_reader_free(struct pcapng_reader *reader)
{
	if (!reader)
		return;
	free(reader->interfaces);
	free(reader->block);
	free(reader);
}

const char *pcapng_reader_comments(const struct pcapng_reader *reader)
{
	return reader->comments;
}
