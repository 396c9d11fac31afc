/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of a terminal report that show what the wire said. */

#include <stdio.h>

#include "alerts/finding.h"

/* A table of the first few handshakes that show the finding; nothing if there are none. */
void report_put_handshakes(
	FILE *out, const struct facts *facts, const struct finding *finding, unsigned indent);
/* One line: how many handshakes were seen and how they ended; nothing if they were not watched. */
void report_put_seen(FILE *out, const struct facts *facts);
