/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Says in the log which findings opened, changed their severity, or closed between two judgements. */

#include "alerts/finding.h"
#include "exporter/log.h"

/* before may be NULL. */
void announce_findings(const struct log *log, const struct findings *before, const struct findings *now);
