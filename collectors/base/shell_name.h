/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <net/if.h>
#include <stdbool.h>

/* A device's name may hold anything but '/', ':' and white space (dev_valid_name), so also what a shell would
 * take for its own: each ' becomes '\''. */
#define ESCAPED_NAME_SIZE (IF_NAMESIZE * 4)
#define SHELL_NAME_SIZE   (ESCAPED_NAME_SIZE + 2)

/* A shell takes the name as it is. */
bool shell_name_is_plain(const char *name);
/* As it stands between two '. */
void shell_name_escape(const char *name, char text[static ESCAPED_NAME_SIZE]);
/* As a word of a command, in ' where need be; returns text. */
const char *shell_name(const char *name, char text[static SHELL_NAME_SIZE]);
