// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/conntrack_find.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>

#include "collectors/base/netlink.h"
#include "collectors/conntrack/conntrack_dump.h"

#define REQUEST_SIZE 512

struct conntrack_tuple conntrack_example_tuple(
	const struct endpoint *endpoint, const struct flow_example *example)
{
	bool out = endpoint->kind == ENDPOINT_OUT;
	return (struct conntrack_tuple){
		.source = out ? endpoint->address : example->peer,
		.destination = out ? example->peer : endpoint->address,
		.protocol = example->protocol,
		.source_port = out ? example->port : example->peer_port,
		.destination_port = out ? example->peer_port : example->port,
	};
}

static int write_request(struct nlmsghdr *header, const struct conntrack_tuple *tuple, uint16_t zone)
{
	bool v6 = tuple->source.family == AF_INET6;
	struct nf_conntrack *entry = nfct_new();
	if (!entry)
		return -ENOMEM;
	nfct_set_attr_u8(entry, ATTR_L3PROTO, tuple->source.family);
	nfct_set_attr(entry, v6 ? ATTR_IPV6_SRC : ATTR_IPV4_SRC, tuple->source.bytes);
	nfct_set_attr(entry, v6 ? ATTR_IPV6_DST : ATTR_IPV4_DST, tuple->destination.bytes);
	nfct_set_attr_u8(entry, ATTR_L4PROTO, tuple->protocol);
	nfct_set_attr_u16(entry, ATTR_PORT_SRC, htons(tuple->source_port));
	nfct_set_attr_u16(entry, ATTR_PORT_DST, htons(tuple->destination_port));
	if (zone)
		nfct_set_attr_u16(entry, ATTR_ZONE, zone);
	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	header->nlmsg_flags = NLM_F_REQUEST;
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->nfgen_family = tuple->source.family;
	generic->version = NFNETLINK_V0;
	int error = nfct_nlmsg_build(header, entry) < 0 ? -EINVAL : 0;
	nfct_destroy(entry);
	return error;
}

struct answer {
	uint32_t sequence;
	struct conntrack_flow flow;
	char text[CONNTRACK_TEXT_SIZE];
};

/* The kernel answers with the entry, or with an error. */
static int read_answer(const struct nlmsghdr *header, void *argument)
{
	struct answer *answer = argument;
	if (header->nlmsg_seq != answer->sequence)
		return -EBADMSG;
	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *refusal = mnl_nlmsg_get_payload(header);
		bool whole = mnl_nlmsg_get_payload_len(header) >= sizeof(*refusal);
		return whole && refusal->error < 0 ? refusal->error : -EBADMSG;
	}
	if (header->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return -EBADMSG;
	int error = conntrack_message_parse(header, &answer->flow);
	struct nf_conntrack *entry = error == 0 ? nfct_new() : NULL;
	if (!entry)
		return error < 0 ? error : -ENOMEM;
	if (nfct_nlmsg_parse(header, entry) < 0)
		error = -EBADMSG;
	else
		nfct_snprintf(answer->text, sizeof(answer->text), entry, NFCT_T_UNKNOWN, NFCT_O_DEFAULT, 0);
	nfct_destroy(entry);
	return error < 0 ? error : 1;
}

int conntrack_find(const char *procfs, const struct conntrack_tuple *original, uint16_t zone,
	struct conntrack_flow *out, char text[static CONNTRACK_TEXT_SIZE])
{
	char request[REQUEST_SIZE] = { 0 }; /* padding between attributes is sent as well */
	struct nlmsghdr *header = mnl_nlmsg_put_header(request);
	struct answer answer;
	struct netlink *netlink;
	uint64_t count;
	uint8_t protocol = original->protocol;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE &&
		protocol != IPPROTO_SCTP && protocol != IPPROTO_DCCP)
		return -EPROTONOSUPPORT;
	int error = conntrack_count(procfs, &count);
	if (error < 0)
		return error;
	if (count == 0)
		return -ENOENT;
	error = netlink_open(NETLINK_NETFILTER, &netlink);
	if (error < 0)
		return error;
	error = write_request(header, original, zone);
	answer.sequence = header->nlmsg_seq = netlink_sequence(netlink);
	if (!error)
		error = netlink_exchange(netlink, header, header->nlmsg_len, 1, read_answer, &answer);
	netlink_close(netlink);
	if (error < 0)
		return error;
	*out = answer.flow;
	memcpy(text, answer.text, sizeof(answer.text));
	return 0;
}
