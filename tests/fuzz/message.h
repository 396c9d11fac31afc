/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <libmnl/libmnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as one message, as the reader would hand it over: its length is that of the buffer. NULL if it is
 * too short for a header. To be freed. */
static inline struct nlmsghdr *message_of(const uint8_t *data, size_t size)
{
	if (size < sizeof(struct nlmsghdr))
		return NULL;
	struct nlmsghdr *header = malloc(size);
	if (!header)
		abort();
	memcpy(header, data, size);
	header->nlmsg_len = (uint32_t)size;
	return header;
}
