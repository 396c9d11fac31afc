/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A record of the ring that the capturing program fills (collectors/capture/packet_record.h), as a frame.
 * Pure. */

#include <pcap/sll.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/packet_record.h"
#include "collectors/capture/tap_frame.h"

#define RECORD_FRAME_BYTES (SLL2_HDR_LEN + 4 + PACKETS_BYTES) /* 4: a VLAN tag */

/* With the header of DLT_LINUX_SLL2 in bytes[], where out->bytes points. 0; -EBADMSG: it is cut off, or
 * claims more bytes than it holds or the packet has. */
int record_frame_read(
	const void *record, size_t size, uint8_t bytes[static RECORD_FRAME_BYTES], struct tap_frame *out);
