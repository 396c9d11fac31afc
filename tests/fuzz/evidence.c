// SPDX-License-Identifier: GPL-2.0-or-later
/* Captured frames on their way into a file of evidence: all bytes but the first, and all. */
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "exporter/output/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frame frame_of(const uint8_t *data, size_t size)
{
	struct frame frame = { .handshake = 1, .device = 1 };
	frame.size = (uint16_t)(size < FRAME_BYTES ? size : FRAME_BYTES);
	frame.length = (uint32_t)size;
	memcpy(frame.bytes, data, frame.size);
	return frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct frame frames[] = { frame_of(data + 1, size - 1), frame_of(data, size) };
	const struct facts facts = { .frames = frames, .frame_count = 2 };
	const struct finding finding = {
		.condition = &reply_wrong_device_condition, .handshakes = { 1 }, .handshake_count = 1
	};
	struct buffer out = { 0 };
	if (evidence_write(&out, &facts, &finding) < 0 || out.size % 4)
		abort();
	buffer_clear(&out);
	return 0;
}
