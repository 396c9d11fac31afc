/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What all that ask nfnetlink have in common. Its numbers are in network byte order. */

#include "collectors/base/netlink.h"

/* Begins a request to a subsystem (NFNL_SUBSYS_*) in a buffer of zeros. */
struct nlmsghdr *nfnetlink_request(void *buffer, unsigned subsystem, unsigned type, uint8_t family);

/* The number of the nftables ruleset's latest change, never 0. 0 or negative errno, as netlink_ask(). */
int nftables_generation(struct netlink *netlink, uint32_t *out);

/* Like attribute_u32(), in host byte order. */
bool attribute_be32(const struct nlattr *attribute, uint32_t *out);
bool attribute_be64(const struct nlattr *attribute, uint64_t *out);
