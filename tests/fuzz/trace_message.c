// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_message.h"
#include "collectors/trace/trace_way.h"
#include "tests/fuzz/message.h"

/* The message is taken as the first of a packet that its own table marked, and again as one of its way. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header = message_of(data, size);
	struct trace_message message;
	struct trace_way *way = calloc(1, sizeof(*way));
	if (!way)
		abort();
	if (header && trace_message_parse(header, &message) == 0) {
		if (strlen(message.table) >= TRACE_NAME_SIZE || strlen(message.chain) >= TRACE_NAME_SIZE)
			abort();
		trace_way_add(way, message.table, &message, 1);
		trace_way_add(way, "", &message, 2);
		trace_way_advance(way, INT64_MAX);
		if (way->count > TRACE_WAY_STEPS || (way->begun && !way->over))
			abort();
	}
	free(way);
	free(header);
	return 0;
}
