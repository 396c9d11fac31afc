/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

/* Whether asking for what the module does would not load it: it is loaded, or built into the kernel. Where
 * that cannot be told (a list is not there) it is taken to be there; where /proc cannot be read at all, it is
 * not. */
bool kernel_module_is_there(const char *procfs, const char *name);

/* The same of the texts of /proc/modules and modules.builtin (kmod's); NULL: could not be read. */
bool kernel_module_is_listed(const char *loaded, const char *builtin, const char *name);
