/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* TCP sockets of the namespace, as the kernel's inet_diag lists them. */

#include "collectors/base/netlink.h"

/* 0 or negative errno; -EOPNOTSUPP: this kernel has no such bus. */
int inet_diag_open(struct netlink **out);
/* Dumps the sockets of one family in these states (1 << TCP_LISTEN, ...); see netlink_dump(). -EOPNOTSUPP:
 * this kernel has no inet_diag. */
int inet_diag_dump(struct netlink *netlink, uint8_t family, uint32_t states,
	netlink_message_function *message, void (*restart)(void *argument), void *argument);
