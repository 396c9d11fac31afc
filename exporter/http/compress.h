/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/base/buffer.h"

/* Appends data as one gzip member (RFC 1952). 0 or -ENOMEM. */
int compress_gzip(const void *data, size_t size, struct buffer *out);
