/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rpfilter collector's parsers, exposed for tests. */

#include <libmnl/libmnl.h>

#include "collectors/facts.h"

/* What RTM_NEWNETCONF tells of one device, or of all (NETCONFA_IFINDEX_ALL). */
struct netconf {
	int ifindex;
	int rp_filter; /* RP_FILTER_UNKNOWN if the message does not say */
	bool forwarding;
};

/* Reads one RTM_NEWNETCONF message of AF_INET. 0 or -EBADMSG. */
int rpfilter_parse_netconf(const struct nlmsghdr *header, struct netconf *out);
/* Reads the text of /proc/net/netstat, resp. of /proc/net/stat/rt_cache; false if the columns are not there.
 */
bool rpfilter_parse_drops(const char *text, uint64_t *drops);
bool rpfilter_parse_martians(const char *text, uint64_t *sources, uint64_t *destinations);
