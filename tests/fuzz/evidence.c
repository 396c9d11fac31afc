// SPDX-License-Identifier: GPL-2.0-or-later
/* Captured frames on their way into a file of evidence. The first byte chooses how the first frame begins,
 * and its upper half how the second does. */
#include <stdlib.h>
#include <string.h>

#include "alerts/conditions.h"
#include "exporter/cooked.h"
#include "exporter/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frame frame_of(const uint8_t *data, size_t size, unsigned link)
{
	struct frame frame = { .handshake = 1, .device = 1, .link = (enum packet_link)(link % PACKET_LINKS) };
	frame.size = (uint16_t)(size < FRAME_BYTES ? size : FRAME_BYTES);
	frame.length = (uint32_t)size;
	memcpy(frame.bytes, data, frame.size);
	return frame;
}

static void check_cooked(const struct frame *frame)
{
	struct cooked_frame cooked;
	if (cooked_make(frame, &cooked) < 0)
		return;
	bool within =
		cooked.bytes >= frame->bytes && cooked.bytes + cooked.size == frame->bytes + frame->size;
	if (!within || cooked.length < cooked.size + COOKED_HEADER_SIZE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct frame frames[] = { frame_of(data + 1, size - 1, data[0] & 15),
		frame_of(data, size, data[0] >> 4) };
	const struct facts facts = { .frames = frames, .frame_count = 2 };
	const struct finding finding = {
		.condition = &reply_wrong_device_condition, .handshakes = { 1 }, .handshake_count = 1
	};
	struct buffer out = { 0 };
	check_cooked(&frames[0]);
	if (evidence_write(&out, &facts, &finding) < 0 || out.size % 4)
		abort();
	buffer_clear(&out);
	return 0;
}
