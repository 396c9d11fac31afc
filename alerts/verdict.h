/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How replies fare: of one path, and of a service by the worst of its paths. */

#include "alerts/settings.h"
#include "collectors/facts.h"

/* Also the `verdict` label of oneway_reply_route. */
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
/* The path's verdict as if nothing were declared as intended. */
enum verdict path_verdict_undeclared(const struct facts *facts, const struct path *path);
/* The verdict if its requests do come by the arrival device, however uncertain that is. */
enum verdict reply_verdict(
	const struct settings *settings, const struct facts *facts, const struct path *path);
/* Is an asymmetry declared as intended? Devices by name; "": not known, or none. */
bool intended_covers(const struct settings *settings, const struct address *address,
	const struct address *target, const char *arrival, const char *reply);

/* Of all paths and services of the same facts, by their positions there. */
struct verdicts {
	enum verdict *paths;
	enum verdict *services; /* the worst of all the service's paths (uncovered, no_route, partly,
				   intended, unknown, covered), or unknown if it has none */
};

/* 0 or -ENOMEM. */
int verdicts_make(const struct settings *settings, const struct facts *facts, struct verdicts *out);
void verdicts_clear(struct verdicts *verdicts);
