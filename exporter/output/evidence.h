/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The handshakes that show a finding, and their packets. Any thread. */

#include "alerts/finding.h"
#include "exporter/base/buffer.h"

/* The handshake with this id; NULL if the report (or NULL) has it no more. */
const struct handshake_suspect *evidence_suspect(const struct handshake_report *report, uint64_t id);
/* Those the finding names that the facts still have, newest first; returns how many. */
size_t evidence_handshakes(const struct facts *facts, const struct finding *finding,
	const struct handshake_suspect *out[static FINDING_HANDSHAKES]);
bool evidence_has_handshakes(const struct facts *facts, const struct finding *finding);
bool evidence_has_packets(const struct facts *facts, const struct finding *finding);
/* Writes the packets of these handshakes, and of their views on the other side of a translation, as pcapng:
 * one interface for each device, in order of capture. 0; -ENOENT: there are none, or no more; -ENOMEM. */
int evidence_write(struct buffer *out, const struct facts *facts, const struct finding *finding);
