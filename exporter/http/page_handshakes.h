/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of the page that show what the wire said. */

#include "alerts/finding.h"
#include "exporter/base/buffer.h"

/* The handshakes that show the finding, and a link to their packets; nothing if there are none. */
void page_put_evidence(struct buffer *out, const struct facts *facts, const struct finding *finding);
/* The matrix of handshakes by the devices of SYN and SYN-ACK; nothing if none were seen. */
void page_put_handshakes(struct buffer *out, const struct facts *facts);
