/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sockets that listen. */

#include <stddef.h>
#include <stdlib.h>

#include "collectors/base/address.h"

/* A TCP socket that listens in this namespace. One that takes any address has 0.0.0.0 if it serves IPv4
 * alone, :: if IPv6 alone (IPV6_V6ONLY), and none if both. An IPv4 address to which an IPv6 socket is bound
 * (::ffff:192.0.2.1) is listed as the IPv4 address it is. */
struct listener {
	struct address address; /* none: any address of the host, of both families */
	uint16_t port;
	uint32_t uid; /* the reply is routed with it (uidrange rules) */
	int ifindex;  /* bound to a device (SO_BINDTODEVICE), or 0 */
};

struct listen_facts {
	struct listener *listeners;
	size_t listener_count;
};

static inline void listen_facts_clear(struct listen_facts *own)
{
	free(own->listeners);
}
