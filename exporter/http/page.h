/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/base/buffer.h"
#include "exporter/daemon/snapshot.h"

/* Writes the landing page: HTML without scripts or anything loaded from elsewhere. snapshot is NULL before
 * the first judgement. telemetry_path is where the link to the metrics leads. 0 or -ENOMEM. */
int page_write(struct buffer *out, const struct snapshot *snapshot, const char *telemetry_path);
