/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* The entries that the calling thread's namespace has in the conntrack table. 0; -ENOENT if conntrack is not
 * loaded, so that it is not asked further: a request over netlink would load it. Other negative errno. */
int conntrack_count(const char *procfs, uint64_t *out);
