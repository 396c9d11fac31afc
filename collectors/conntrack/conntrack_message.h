/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One conntrack entry as ctnetlink shows it (linux/netfilter/nfnetlink_conntrack.h), read by a walk of its
 * own rather than by libnetfilter_conntrack: that one allocates an object for each entry and knows a hundred
 * attributes, which on a table of a million entries is half as long again as the dump itself.
 */

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/base/address.h"
#include "collectors/facts.h"

struct conntrack_tuple {
	struct address source, destination;     /* of the same family */
	uint8_t protocol;                       /* IPPROTO_* */
	uint16_t source_port, destination_port; /* host byte order; 0 where the protocol has none */
};

struct conntrack_flow {
	struct conntrack_tuple original, reply;
	uint32_t status;   /* IPS_*, linux/netfilter/nf_conntrack_common.h */
	uint32_t mark;     /* CTA_MARK */
	uint16_t zone;     /* CTA_ZONE */
	uint8_t tcp_state; /* TCP_CONNTRACK_*; TCP_CONNTRACK_NONE if the message has none */
};

/* Reads a message of type IPCTNL_MSG_CT_NEW; the caller has checked that all of nlmsg_len is there. 0, or
 * -EBADMSG if it is malformed or lacks tuples or status; unknown attributes are skipped. */
int conntrack_message_parse(const struct nlmsghdr *header, struct conntrack_flow *out);

enum nat_protocol conntrack_protocol(uint8_t protocol);
/* One of the TCP states exactly for TCP flows. */
enum nat_state conntrack_flow_state(const struct conntrack_flow *flow);
