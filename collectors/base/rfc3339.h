/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

#define RFC3339_SIZE 32

/* "2026-01-02T03:04:05.678Z" of a CLOCK_REALTIME time; returns text. */
const char *rfc3339_format(int64_t time_ns, char text[static RFC3339_SIZE]);
/* The same back, with or without a fraction of a second. 0 or -EINVAL. */
int rfc3339_parse(const char *text, int64_t *time_ns);
