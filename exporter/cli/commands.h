/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The subcommands of oneway. Each exits with one of the three. */

#include "exporter/cli/options.h"

#define COMMAND_NOTHING 0 /* nothing found, or nothing breaks the connection */
#define COMMAND_FOUND   1
#define COMMAND_FAILED  2 /* could not look, or not to the end, or a wrong command line */

struct command {
	struct usage usage;
	const char *headline; /* for the list of commands */
	int (*run)(const struct options *options);
};

extern const struct command check_command, explain_command, read_command, watch_command;
