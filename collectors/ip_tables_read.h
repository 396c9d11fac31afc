/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>

#include "collectors/ip_tables.h"

/* Reads the nat table of legacy iptables of a family, if /proc says that it is there: asking for one that is
 * not would load it. table->bytes is the caller's to free. 1, 0 if there is none, or negative errno: -EAGAIN
 * if it changed meanwhile. Needs CAP_NET_ADMIN. */
int ip_table_read(const char *procfs, uint8_t family, struct ip_table *table);
