/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The remedy that undoes what somebody did while oneway watched: a policy rule that was deleted, or replaced,
 * is put back as it was. */

#include "alerts/finding.h"
#include "alerts/judge_context.h"

/* Adds the commands, and in words what they are, if a rule is known that led replies from the source out of
 * the device, by the kernel's own lookups, that would decide again where it stood, and that is gone.
 * doubtful: also where it is not known whether its table still leads there. False: there is none. */
bool remedy_put_back(const struct judge_context *context, const struct address *source, int device,
	bool doubtful, struct finding *finding);
