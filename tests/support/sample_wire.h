/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the wire showed on the host of sample.h: the handshakes of its first finding and their packets. */

#include "alerts/finding.h"

/* SYNs come in on wan2, SYN-ACKs leave by wan1: seven of these, ids 107 (the newest) down to 101. The packets
 * of the last two are kept, and one of 202, which is 107 behind the translation, and of 999, which is
 * another's. */
#define SAMPLE_HANDSHAKES 7
#define SAMPLE_FRAMES     7 /* of the finding */

/* facts->time_ns is when the last packet came. The report must be there. */
void sample_add_handshakes(struct facts *facts, int syn_device, int synack_device);
/* The facts do not have its last one (any more). */
void sample_name_handshakes(struct finding *finding);
