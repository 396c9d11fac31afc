// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/conntrack_fill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collectors/base/netlink.h"
#include "collectors/conntrack/conntrack_dump.h"

#define BATCH_SIZE  65536
#define MESSAGE_MAX 512
#define TIMEOUT     86400 /* seconds */

const struct local_address fill_addresses[3] = {
	{ .prefix = { { AF_INET, { 192, 0, 2, 1 } }, 24 }, .ifindex = 2 },
	{ .prefix = { { AF_INET, { 192, 0, 2, 2 } }, 24 }, .ifindex = 2 },
	{ .prefix = { { AF_INET6, { 0x20, 1, 0xd, 0xb8, [15] = 1 } }, 64 }, .ifindex = 2 },
};

#define HOST4 0xc0000201U
#define FAR4  0xc6336401U

struct shape {
	uint32_t address; /* host byte order; 0: 2001:db8::1 */
	uint16_t port;
	uint8_t protocol, tcp_state;
	bool replied, outgoing, translated;
};

static const struct shape shapes[10] = {
	{ HOST4, 80, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true, .translated = true },
	{ HOST4, 80, IPPROTO_TCP, TCP_CONNTRACK_SYN_RECV, .replied = true, .translated = true },
	{ HOST4, 22, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
	{ HOST4, 22, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
	{ HOST4, 22, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
	{ HOST4 + 1, 53, IPPROTO_UDP, 0, .replied = false },
	{ HOST4, 443, IPPROTO_TCP, TCP_CONNTRACK_SYN_SENT, .outgoing = true },
	{ FAR4 + 1, 443, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
	{ FAR4 + 1, 443, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
	{ 0, 22, IPPROTO_TCP, TCP_CONNTRACK_ESTABLISHED, .replied = true },
};

struct end {
	struct address address;
	uint16_t port;
};

static struct address make4(uint32_t number)
{
	number = htonl(number);
	return address_make(AF_INET, &number);
}

static struct address make_peer(const struct shape *shape, unsigned number)
{
	if (shape->address)
		return make4(0x64400000 + number);
	struct address address = { AF_INET6, { 0x20, 1, 0xd, 0xb8, 0, 1 } };
	uint32_t low = htonl(number);
	memcpy(address.bytes + 12, &low, sizeof(low));
	return address;
}

static void put_tuple(struct nlmsghdr *header, uint16_t type, const struct end *source,
	const struct end *destination, uint8_t protocol)
{
	bool v6 = source->address.family == AF_INET6;
	size_t size = address_size(source->address.family);
	struct nlattr *tuple = mnl_attr_nest_start(header, type);
	struct nlattr *nest = mnl_attr_nest_start(header, CTA_TUPLE_IP);
	mnl_attr_put(header, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, size, source->address.bytes);
	mnl_attr_put(header, v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, size, destination->address.bytes);
	mnl_attr_nest_end(header, nest);
	nest = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, protocol);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(source->port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(destination->port));
	mnl_attr_nest_end(header, nest);
	mnl_attr_nest_end(header, tuple);
}

static void put_tcp_state(struct nlmsghdr *header, uint8_t state)
{
	struct nlattr *info = mnl_attr_nest_start(header, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(header, CTA_PROTOINFO_TCP);
	mnl_attr_put_u8(header, CTA_PROTOINFO_TCP_STATE, state);
	mnl_attr_nest_end(header, tcp);
	mnl_attr_nest_end(header, info);
}

static struct nlmsghdr *put_header(void *at, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(at);
	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->nfgen_family = family;
	return header;
}

static size_t write_entry(void *at, unsigned number)
{
	const struct shape *shape = &shapes[number % 10];
	const struct end peer = { make_peer(shape, number), 40000 };
	const struct end host = { shape->address ? make4(shape->address) : fill_addresses[2].prefix.address,
		shape->port };
	const struct end *source = shape->outgoing ? &host : &peer;
	const struct end *destination = shape->outgoing ? &peer : &host;
	uint32_t status = IPS_CONFIRMED | (shape->replied ? IPS_SEEN_REPLY : 0);
	struct nlmsghdr *header =
		put_header(at, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL, source->address.family);
	put_tuple(header, CTA_TUPLE_ORIG, source, destination, shape->protocol);
	put_tuple(header, CTA_TUPLE_REPLY, destination, source, shape->protocol);
	if (shape->tcp_state >= TCP_CONNTRACK_ESTABLISHED)
		status |= IPS_ASSURED;
	mnl_attr_put_u32(header, CTA_STATUS, htonl(status));
	mnl_attr_put_u32(header, CTA_TIMEOUT, htonl(TIMEOUT));
	if (shape->tcp_state)
		put_tcp_state(header, shape->tcp_state);
	if (shape->translated) {
		struct nlattr *nat = mnl_attr_nest_start(header, CTA_NAT_DST);
		mnl_attr_put_u32(header, CTA_NAT_V4_MINIP, htonl(0x0a080a01 + number / 10 % 4));
		mnl_attr_nest_end(header, nat);
	}
	return MNL_ALIGN(header->nlmsg_len);
}

static int write_batch(const struct netlink *netlink, const void *batch, size_t size)
{
	char answer[4096];
	int fd = netlink_descriptor(netlink);
	if (send(fd, batch, size, 0) != (ssize_t)size)
		return -errno;
	/* Refusals are counted by what is missing in the end. */
	for (int i = 0; i < 65536 && recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0; i++)
		continue;
	return 0;
}

static int write_entries(const struct netlink *netlink, char *batch, unsigned count)
{
	size_t used = 0;
	int error = 0;
	for (unsigned i = 0; i < count && error == 0; i++) {
		used += write_entry(batch + used, i);
		if (used + MESSAGE_MAX <= BATCH_SIZE && i + 1 < count)
			continue;
		error = write_batch(netlink, batch, used);
		used = 0;
	}
	return error;
}

uint64_t conntrack_filled(void)
{
	uint64_t count = 0;
	return conntrack_count("/proc", &count) < 0 ? 0 : count;
}

int conntrack_fill(unsigned count)
{
	struct netlink *netlink;
	if (count > FILL_MAX)
		return -ERANGE;
	int error = netlink_open(NETLINK_NETFILTER, &netlink);
	if (error < 0)
		return error;
	char *batch = malloc(BATCH_SIZE);
	error = batch ? write_entries(netlink, batch, count) : -ENOMEM;
	free(batch);
	netlink_close(netlink);
	if (!error && conntrack_filled() < count)
		error = -ENOSPC;
	return error;
}

int conntrack_flush(void)
{
	char request[MESSAGE_MAX];
	struct netlink *netlink;
	int error = netlink_open(NETLINK_NETFILTER, &netlink);
	if (error < 0)
		return error;
	const struct nlmsghdr *header = put_header(request, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC);
	error = write_batch(netlink, header, header->nlmsg_len);
	netlink_close(netlink);
	return error;
}
