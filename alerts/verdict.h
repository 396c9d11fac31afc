/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The verdicts of alerts/judge.h, as the conditions need them. */

#include "alerts/judge.h"

/* The path's verdict as if nothing were declared as intended. */
enum verdict path_verdict_undeclared(const struct facts *facts, const struct path *path);
/* The verdict if its requests do come by the arrival device, however uncertain that is. */
enum verdict reply_verdict(
	const struct settings *settings, const struct facts *facts, const struct path *path);
