/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One dump of the conntrack table over ctnetlink: the request, and the pieces in which the answer comes; and
 * how many entries there are. */

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/netlink.h"

/* The entries that the calling thread's namespace has in the conntrack table. 0; -ENOENT if conntrack is not
 * loaded, so that it is not asked further: a request over netlink would load it. Other negative errno. */
int conntrack_count(const char *procfs, uint64_t *out);

struct conntrack_dump {
	uint32_t sequence; /* messages with another one are of an earlier dump, and skipped */
	/* Negative errno if it must not be believed: it is inconsistent, cut or has lost messages. It must be
	 * read to its end nevertheless: an unfinished dump makes the next one on that socket fail with EBUSY.
	 */
	int spoiled;
};

/* Asks for all entries of all families, without a filter. 0 or negative errno. */
int conntrack_dump_request(struct conntrack_dump *dump, struct netlink *netlink);

/* Takes the messages of one piece apart; `entry` is called for each entry, whose nlmsg_len bytes are all
 * there. The piece is aligned as struct nlmsghdr. 0: there is more to come; 1: the dump has ended well;
 * negative errno: it has ended and is of no use. */
int conntrack_dump_read(struct conntrack_dump *dump, const void *piece, size_t size,
	void (*entry)(const struct nlmsghdr *header, void *argument), void *argument);
