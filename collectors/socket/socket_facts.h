/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* TCP sockets: those that listen, and connections that wait for their acknowledgement. */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "collectors/base/address.h"

/* A TCP socket that listens in this namespace. One that takes any address has 0.0.0.0 if it serves IPv4
 * alone, :: if IPv6 alone (IPV6_V6ONLY), and none if both. An IPv4 address to which an IPv6 socket is bound
 * (::ffff:192.0.2.1) is listed as the IPv4 address it is. */
struct listener {
	struct address address; /* none: any address of the host, of both families */
	uint16_t port;
	uint32_t uid;  /* the reply is routed with it (uidrange rules) */
	int ifindex;   /* bound to a device (SO_BINDTODEVICE), or 0 */
	uint32_t mark; /* SO_MARK */
	bool mark_known;
};

/* Embryonic connections to a local address whose SYN-ACK was repeated twice or more (inet_diag,
 * idiag_retrans). */
struct syn_recv {
	struct address address;
	uint32_t unanswered;
};

struct socket_facts {
	struct listener *listeners;
	size_t listener_count;
	bool listeners_unmarked; /* neither listener nor sysctl gives a mark to a SYN-ACK; false as well where
				  that is not known */
	bool syn_recv_known;
	struct syn_recv *syn_recv; /* addresses with at least one */
	size_t syn_recv_count;
};

static inline void socket_facts_clear(struct socket_facts *own)
{
	free(own->listeners);
	free(own->syn_recv);
}
