/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "exporter/cli/options.h"
#include "exporter/daemon/log.h"

/* Watches, judges and serves until SIGTERM or SIGINT. To be called on the main thread before there is
 * another; returns the exit status. What goes wrong is in the log. */
int daemon_run(const struct options *options, struct log *log);
