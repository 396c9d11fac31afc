// SPDX-License-Identifier: GPL-2.0-or-later
/* A record of the ring, and then the frame it becomes. */
#include <stdlib.h>

#include "collectors/capture/packet.h"
#include "collectors/capture/record_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(RECORD_FRAME_BYTES); /* exactly as large, for the sanitizer's sake */
	struct tap_frame frame;
	struct packet packet;
	if (!bytes)
		abort();
	if (record_frame_read(data, size, bytes, &frame) == 0) {
		if (frame.bytes != bytes || frame.size < SLL2_HDR_LEN || frame.size > RECORD_FRAME_BYTES ||
			frame.length < frame.size)
			abort();
		if (packet_read(PACKET_SLL2, frame.bytes, frame.size, &packet) == 0 &&
			(packet.direction == DIRECTION_UNKNOWN || packet.direction >= DIRECTIONS))
			abort();
	}
	free(bytes);
	return 0;
}
