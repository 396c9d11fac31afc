// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/inet_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

int inet_diag_open(struct netlink **out)
{
	int error = netlink_open(NETLINK_SOCK_DIAG, out);
	/* A kernel without CONFIG_INET_DIAG may have no such bus either. */
	return error == -EPROTONOSUPPORT ? -EOPNOTSUPP : error;
}

int inet_diag_dump(struct netlink *netlink, uint8_t family, uint32_t states,
	netlink_message_function *message, void (*restart)(void *argument), void *argument)
{
	char buffer[MNL_NLMSG_HDRLEN + sizeof(struct inet_diag_req_v2)] __attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	struct inet_diag_req_v2 *diag = mnl_nlmsg_put_extra_header(request, sizeof(*diag));
	diag->sdiag_family = family;
	diag->sdiag_protocol = IPPROTO_TCP;
	diag->idiag_states = states;
	int error = netlink_dump(netlink, request, message, restart, argument);
	return error == -ENOENT ? -EOPNOTSUPP : error;
}
