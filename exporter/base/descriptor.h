/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* Reads what made a timer, an eventfd or a signalfd readable and forgets it. */
static inline void descriptor_drain(int descriptor)
{
	uint64_t ignored[16];
	while (read(descriptor, ignored, sizeof(ignored)) < 0 && errno == EINTR)
		;
}
