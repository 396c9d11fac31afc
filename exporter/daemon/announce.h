/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Says in the log which findings opened, changed their severity, came to have a cause or none, or closed
 * between two judgements, and which rules cannot be read. */

#include "alerts/finding.h"
#include "collectors/facts.h"
#include "exporter/daemon/log.h"

/* before may be NULL. */
void announce_findings(const struct log *log, const struct findings *before, const struct findings *now);

/* Names rules that translate and cannot be read, those that were not so before. */
void announce_unread_rules(const struct log *log, const struct facts *before, const struct facts *now);

/* Each change since, at info; beyond ANNOUNCED_CHANGES how many more there are. before: NULL at first. */
#define ANNOUNCED_CHANGES 32
void announce_changes(const struct log *log, const struct facts *before, const struct facts *now);
