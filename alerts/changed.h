/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What changed before a finding first held, as far as it touches what the finding is about. A condition that
 * lookups show holds as soon as they are made anew; one that the wire shows, when clients were seen to fail.
 */

#include "alerts/finding.h"
#include "alerts/judge_context.h"

#define CHANGED_LOOKUP_SECONDS 10 /* how long before, where lookups show it */
#define CHANGED_WIRE_SECONDS   60 /* and where handshakes do */

/* Fills the finding's `changed` and `from_start`. was: the same in the last judgement, or NULL. */
void changed_note(const struct judge_context *context, const struct finding *was, struct finding *finding);
/* The change is about the finding's subject. */
bool changed_touches(const struct finding *finding, const struct change *change);
