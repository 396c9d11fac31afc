/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* TCP sockets as /proc/net/tcp and tcp6 list them: for kernels whose tcp_diag is not loaded, which asking it
 * would do. Devices they are bound to and IPV6_V6ONLY are not told there. */

#include "collectors/base/address.h"

struct proc_socket {
	struct address address; /* as in struct listener */
	uint16_t port;
	uint8_t state;    /* TCP_LISTEN, ...; TCP_SYN_RECV: an embryonic connection */
	uint32_t repeats; /* of its SYN-ACK */
	uint32_t uid;
};

typedef int proc_socket_function(const struct proc_socket *socket, void *argument);

/* An address of IPv6, or the one of IPv4 that is mapped in it. */
struct address address_unmapped(const uint8_t bytes[static 16]);

/* 0, or -EBADMSG: no line of a socket. */
int proc_socket_parse(const char *line, struct proc_socket *out);
/* Calls `function` for each socket of the family in the state. Listening sockets stand before all others,
 * which are not read for them; of others at most 8,192 are looked through. 0 or negative errno: -EFBIG, or
 * what `function` said. */
int proc_sockets_read(
	const char *procfs, uint8_t family, uint8_t state, proc_socket_function *function, void *argument);
