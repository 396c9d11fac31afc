// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/conntrack_dump.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/procfs.h"

int conntrack_count(const char *procfs, uint64_t *out)
{
	char *text, *end;
	int error = procfs_read(procfs, "sys/net/netfilter/nf_conntrack_count", &text, NULL);
	if (error < 0)
		return error;
	errno = 0;
	uint64_t count = strtoull(text, &end, 10);
	if (errno || end == text || (*end != '\n' && *end != '\0'))
		error = -EBADMSG;
	free(text);
	if (!error)
		*out = count;
	return error;
}

int conntrack_dump_request(struct conntrack_dump *dump, struct netlink *netlink)
{
	const struct {
		struct nlmsghdr header;
		struct nfgenmsg generic;
	} request = {
		.header = { .nlmsg_len = sizeof(request),
			.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = netlink_sequence(netlink) },
		.generic = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 },
	};
	*dump = (struct conntrack_dump){ .sequence = request.header.nlmsg_seq };
	return mnl_socket_sendto(netlink_socket(netlink), &request, sizeof(request)) < 0 ? -errno : 0;
}

/* The result of a dump at whose end `header` stands, an acknowledgement or NLMSG_DONE. */
static int conntrack_dump_end(const struct conntrack_dump *dump, const struct nlmsghdr *header)
{
	int error = 0;
	if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(header), sizeof(error));
	if (error < 0)
		return error;
	if (header->nlmsg_type == NLMSG_ERROR)
		return -EPROTO; /* an acknowledgement that nobody asked for */
	return dump->spoiled < 0 ? dump->spoiled : 1;
}

int conntrack_dump_read(struct conntrack_dump *dump, const void *piece, size_t size,
	void (*entry)(const struct nlmsghdr *header, void *argument), void *argument)
{
	const char *at = piece;
	for (size_t step = 0; size >= sizeof(struct nlmsghdr); at += step, size -= step) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)at;
		if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > size)
			break;
		step = NLMSG_ALIGN(header->nlmsg_len) < size ? NLMSG_ALIGN(header->nlmsg_len) : size;
		if (header->nlmsg_seq != dump->sequence)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			dump->spoiled = -EINTR;
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
			return conntrack_dump_end(dump, header);
		if (header->nlmsg_type == NLMSG_OVERRUN)
			dump->spoiled = -ENOBUFS;
		else if (header->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
			entry(header, argument);
	}
	if (size > 0)
		dump->spoiled = -EBADMSG;
	return 0;
}
