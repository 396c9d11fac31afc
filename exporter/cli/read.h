/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* `oneway read`: the handshakes in a capture file. */

#define READ_NOTHING  0
#define READ_FINDINGS 1
#define READ_FAILED   2 /* could not read, or not to the end, or a wrong command line */

/* The subcommand; argv[0] is its name. Returns the exit status. */
int read_command(int argc, char **argv);
