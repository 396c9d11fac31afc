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

/* How a path's reply fares; also the `verdict` label of oneway_reply_route. */
enum verdict {
	VERDICT_COVERED,
	VERDICT_PARTLY,
	VERDICT_UNCOVERED,
	VERDICT_NO_ROUTE,
	VERDICT_UNKNOWN,
	VERDICT_INTENDED,
	VERDICTS
};

const char *verdict_name(enum verdict verdict);
enum verdict path_verdict(
	const struct settings *settings, const struct facts *facts, const struct path *path);
/* Is an asymmetry declared as intended? Devices by name; "": not known, or none. */
bool intended_covers(const struct settings *settings, const struct address *address,
	const struct address *target, const char *arrival, const char *reply);
/* The worst verdict of all the service's paths (uncovered, no_route, partly, intended, unknown, covered), or
 * unknown if it has none. */
enum verdict service_verdict(const struct settings *settings, const struct facts *facts, size_t service);
