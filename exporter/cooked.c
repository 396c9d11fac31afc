// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cooked.h"

#include <errno.h>
#include <string.h>

#include "collectors/cursor.h"

/* LINKTYPE_* */
static const uint16_t link_types[PACKET_LINKS] = {
	[PACKET_ETHERNET] = 1,
	[PACKET_RAW] = 101,
	[PACKET_SLL] = 113,
	[PACKET_SLL2] = 276,
	[PACKET_NULL] = 0,
	[PACKET_LOOP] = 108,
};

#define SLL_ADDRESS_SIZE 8
#define HARDWARE_NONE    0xfffe /* ARPHRD_NONE */
#define FAMILY_SIZE      4
#define PACKET_TO_HOST   0 /* and these: linux/if_packet.h */
#define PACKET_FROM_HOST 4

/* What a cooked header tells. */
struct cooked {
	uint16_t type, hardware, protocol;
	uint16_t address_size;
	uint8_t address[SLL_ADDRESS_SIZE];
};

static void take_address(struct cursor *cursor, size_t room, struct cooked *out)
{
	const uint8_t *bytes = cursor_take(cursor, room);
	if (bytes)
		memcpy(out->address, bytes, room);
}

static void read_ethernet(struct cursor *cursor, struct cooked *out)
{
	out->hardware = 1;
	out->address_size = 6;
	cursor_skip(cursor, 6);
	take_address(cursor, 6, out);
	out->protocol = cursor_u16(cursor);
}

static void read_sll(struct cursor *cursor, struct cooked *out)
{
	out->type = cursor_u16(cursor);
	out->hardware = cursor_u16(cursor);
	out->address_size = cursor_u16(cursor);
	take_address(cursor, SLL_ADDRESS_SIZE, out);
	out->protocol = cursor_u16(cursor);
}

static void read_sll2(struct cursor *cursor, struct cooked *out)
{
	out->protocol = cursor_u16(cursor);
	cursor_skip(cursor, 6);
	out->hardware = cursor_u16(cursor);
	out->type = cursor_u8(cursor);
	out->address_size = cursor_u8(cursor);
	take_address(cursor, SLL_ADDRESS_SIZE, out);
}

static void read_bare(struct cursor *cursor, size_t header, struct cooked *out)
{
	cursor_skip(cursor, header);
	out->protocol = cursor_peek(cursor) >> 4 == 6 ? 0x86dd : 0x0800;
}

/* Takes the frame's own header off. */
static struct cooked read_header(const struct frame *frame, struct cursor *cursor)
{
	struct cooked cooked = { .hardware = HARDWARE_NONE };
	cooked.type = frame->direction == DIRECTION_OUT ? PACKET_FROM_HOST : PACKET_TO_HOST;
	switch (frame->link) {
	case PACKET_ETHERNET:
		read_ethernet(cursor, &cooked);
		break;
	case PACKET_SLL:
		read_sll(cursor, &cooked);
		break;
	case PACKET_SLL2:
		read_sll2(cursor, &cooked);
		break;
	case PACKET_RAW:
		read_bare(cursor, 0, &cooked);
		break;
	case PACKET_NULL:
	case PACKET_LOOP:
		read_bare(cursor, FAMILY_SIZE, &cooked);
		break;
	case PACKET_LINKS:
		break;
	}
	return cooked;
}

static void write_sll(const struct cooked *cooked, uint8_t out[static COOKED_HEADER_SIZE])
{
	const uint16_t words[] = { cooked->type, cooked->hardware, cooked->address_size };
	for (size_t i = 0; i < 3; i++) {
		out[2 * i] = (uint8_t)(words[i] >> 8);
		out[2 * i + 1] = (uint8_t)words[i];
	}
	memcpy(out + 6, cooked->address, SLL_ADDRESS_SIZE);
	out[14] = (uint8_t)(cooked->protocol >> 8);
	out[15] = (uint8_t)cooked->protocol;
}

uint16_t link_type_number(enum packet_link link)
{
	return link_types[link];
}

int cooked_make(const struct frame *frame, struct cooked_frame *out)
{
	struct cursor cursor = cursor_make(frame->bytes, frame->size);
	const struct cooked cooked = read_header(frame, &cursor);
	if (cursor.failed)
		return -EBADMSG;
	write_sll(&cooked, out->header);
	out->bytes = cursor.at;
	out->size = cursor.left;
	out->length = frame->length - (uint32_t)(frame->size - cursor.left) + COOKED_HEADER_SIZE;
	return 0;
}
