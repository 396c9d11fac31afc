/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The header of Linux "cooked" captures (https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html) in place
 * of a frame's own: what frames of any device can have in common. Of Ethernet's addresses the source's is
 * kept.
 */

#include <stddef.h>
#include <stdint.h>

#include "collectors/frame_ring.h"

#define COOKED_HEADER_SIZE 16

struct cooked_frame {
	uint8_t header[COOKED_HEADER_SIZE];
	const uint8_t *bytes; /* of the frame, behind its own header */
	size_t size;
	uint32_t length; /* of header and packet on the wire */
};

/* 0, or -EBADMSG: the frame ends within its header. */
int cooked_make(const struct frame *frame, struct cooked_frame *out);

/* LINKTYPE_* of frames that begin so. */
uint16_t link_type_number(enum packet_link link);
