/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * judge() turns facts into findings. A pure function: no kernel, no clock but the facts' own, no I/O. The
 * daemon, `oneway check` and the tests call it alike, on any thread.
 */

#include "alerts/finding.h"
#include "alerts/settings.h"
#include "collectors/facts.h"

/* previous: the findings of the last judgement, or NULL at the first. On success *findings is new and the
 * caller's; it holds open findings and those that are about to open or close. 0 or -ENOMEM. */
int judge(const struct settings *settings, const struct facts *now, const struct findings *previous,
	struct findings **findings);
