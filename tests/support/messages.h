/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Netlink messages of a ruleset, one after the other as they were recorded: handed over in exact buffers, so
 * that a parser that reads beyond one is seen by the sanitizer. */

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/firewall/nft_ruleset.h"

static inline int message_read(struct nft_ruleset *ruleset, const char *bytes, size_t size)
{
	struct nlmsghdr *exact = malloc(size);
	if (!exact)
		return -ENOMEM;
	memcpy(exact, bytes, size);
	int result = nft_ruleset_add(ruleset, exact);
	free(exact);
	return result == -ENOMEM ? result : 0;
}

/* Malformed messages are left out, as the reader leaves them out. 0 or -ENOMEM. */
static inline int messages_read(struct nft_ruleset *ruleset, const char *bytes, size_t size)
{
	int result = 0;
	while (result == 0 && size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr header;
		memcpy(&header, bytes, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size)
			break;
		result = message_read(ruleset, bytes, header.nlmsg_len);
		size_t step = MNL_ALIGN(header.nlmsg_len);
		if (step >= size)
			break;
		bytes += step;
		size -= step;
	}
	while (result == 0)
		result = nft_reach(ruleset);
	return result < 0 ? result : 0;
}
