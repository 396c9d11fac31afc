/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rpfilter collector's parsers, exposed for tests. */

#include "collectors/facts.h"

/* Reads the text of /proc/net/netstat, resp. of /proc/net/stat/rt_cache; false if the columns are not there.
 */
bool rpfilter_parse_drops(const char *text, uint64_t *drops);
bool rpfilter_parse_martians(const char *text, uint64_t *sources, uint64_t *destinations);
