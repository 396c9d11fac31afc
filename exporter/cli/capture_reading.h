/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/output/writer.h"

/* Follows the handshakes of the whole file and judges them as if they had been watched. path: lent to *out.
 * openings: whether they are wanted, for comparison with other files. 0, or negative errno with one line in
 * out->error naming the file; what could be read up to there is in *out even then. -ENOMEM: that may be
 * nothing. */
int capture_read(const char *path, bool openings, struct capture_summary *out);
void capture_summary_clear(struct capture_summary *summary);
