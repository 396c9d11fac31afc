// SPDX-License-Identifier: GPL-2.0-or-later
/* A pcapng file. What is told of a packet lies within the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/capture/pcapng_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned touched; /* whatever is told may be read */

static void touch(const struct pcapng_frame *frame)
{
	for (uint32_t i = 0; i < frame->size; i += 64)
		touched += frame->bytes[i];
	if (frame->size)
		touched += frame->bytes[frame->size - 1];
	touched += (unsigned)strlen(frame->interface->name);
	if (frame->time_ns < -1 || frame->direction >= DIRECTIONS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[PCAPNG_REASON_SIZE] = "";
	struct pcapng_reader *reader;
	struct pcapng_frame frame;
	FILE *stream = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	if (!stream || pcapng_reader_new(stream, &reader) < 0)
		return 0;
	int result;
	while ((result = pcapng_reader_next(reader, &frame, reason)) == 1)
		touch(&frame);
	if (result < 0 && (result != -EBADMSG || !*reason))
		abort();
	pcapng_reader_free(reader);
	fclose(stream);
	return 0;
}
