/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#define EXPLAIN_WHOLE  0
#define EXPLAIN_BREAKS 1
#define EXPLAIN_FAILED 2 /* could not look, or a wrong command line */

/* `oneway explain CLIENT SERVICE[:PORT]`: argv[0] is the subcommand. Returns the exit status. */
int explain_command(int argc, char **argv);
