/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a tap hands over, whichever kind it is. */

#include <stdbool.h>
#include <stdint.h>

struct tap_frame {
	int64_t time_ns; /* of the tap's clock */
	const uint8_t *bytes;
	uint32_t size, length; /* captured; on the wire, both with the SLL2 header */
	bool recalled;         /* a SYN of a flow that was left out, which comes again behind its SYN-ACK */
};

/* The frame is lent. */
typedef void tap_function(void *argument, const struct tap_frame *frame);
