/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* POSIX extended regular expressions that must match a whole name. */

#include <regex.h>

/* To be freed by regfree(). 0; -EINVAL: no such expression; -ENOMEM. */
int name_pattern_compile(const char *text, regex_t *out);
