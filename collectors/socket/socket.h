/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parsers of the collectors `listen` and `synrecv`, exposed for tests. Pure. */

#include <libmnl/libmnl.h>

#include "collectors/facts.h"

#define SYNRECV_ADDRESSES_MAX 256

struct syn_recv_list {
	struct syn_recv *items;
	size_t count;
};

/* Reads one SOCK_DIAG_BY_FAMILY answer. 0 or -EBADMSG. */
int listen_parse(const struct nlmsghdr *header, struct listener *out);
/* No SYN-ACK of theirs gets a mark; `accepts` is the text of tcp_fwmark_accept. */
bool listen_unmarked(const struct listener *listeners, size_t count, const char *accepts);
/* So many more for the address; further addresses than SYNRECV_ADDRESSES_MAX are left out. 0 or -ENOMEM. */
int synrecv_add(const struct address *address, uint32_t unanswered, struct syn_recv_list *list);
/* Adds the connection of one message if its SYN-ACK was repeated twice or more; an address of IPv4 in IPv6
 * counts as the IPv4 address. 0, -EBADMSG or -ENOMEM; the list is the caller's in any case. */
int synrecv_parse(const struct nlmsghdr *header, struct syn_recv_list *list);
