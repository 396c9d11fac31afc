/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parsers of the collectors `link` and `rpfilter`, exposed for tests. */

#include <libmnl/libmnl.h>

#include "collectors/facts.h"

/* Reads one RTM_NEWLINK message. src_valid_mark is the device's own, the effective rp_filter is
 * unknown. 0 or -EBADMSG. */
int link_parse_device(const struct nlmsghdr *header, struct device *out);

/* Reads one RTM_NEWADDR message. 1 if *out was written, 0 if the address is none that struct local_address
 * lists, or -EBADMSG. */
int link_parse_address(const struct nlmsghdr *header, struct local_address *out);

/* Reads the text of /proc/net/netstat, resp. of /proc/net/stat/rt_cache; false if the columns are not there.
 */
bool rpfilter_parse_drops(const char *text, uint64_t *drops);
bool rpfilter_parse_martians(const char *text, uint64_t *sources, uint64_t *destinations);
