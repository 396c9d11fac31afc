/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#define CHECK_NOTHING  0
#define CHECK_FINDINGS 1
#define CHECK_FAILED   2 /* could not look, or a wrong command line */

/* `oneway check`: looks at this host and reports; argv[0] is the subcommand. Returns the exit status. */
int check_command(int argc, char **argv);
