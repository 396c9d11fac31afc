/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Follows the handshakes of a capture file and judges them as if they had been watched. */

#include <stdint.h>

#include "alerts/finding.h"
#include "collectors/capture/capture_file.h"

/* What a capture file held. */
struct capture_summary {
	uint64_t packets;          /* frames in the file */
	uint64_t unread;           /* of these: cut off or malformed where they should tell something */
	uint64_t implausible;      /* of these: with a time stamp that is far from those around */
	int64_t first_ns, last_ns; /* CLOCK_REALTIME of the first and the last frame; 0 if there is none */
	/* As of the last frame, and nothing but what the frames tell: handshakes, and devices by number. The
	 * handshakes of all findings are among the suspects, however old. */
	struct facts *facts;
	struct findings *findings; /* all that held at some time */
};

/* Reads the whole file. 0, or negative errno with one line in *error naming the file; what could be read up
 * to there is in *out even then. -ENOMEM: there is nothing. The summary is freed by capture_summary_clear().
 */
int read_capture(const char *path, struct capture_summary *out, char error[static CAPTURE_ERROR_SIZE]);
void capture_summary_clear(struct capture_summary *summary);
