// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/nfnetlink.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

struct nlmsghdr *nfnetlink_request(void *buffer, unsigned subsystem, unsigned type, uint8_t family)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	struct nfgenmsg *generic = mnl_nlmsg_put_extra_header(request, sizeof(*generic));
	generic->nfgen_family = family;
	generic->version = NFNETLINK_V0;
	return request;
}

static int read_generation(const struct nlmsghdr *header, void *argument)
{
	const struct nlattr *table[NFTA_GEN_MAX + 1];
	bool whole = attributes_of_message(header, sizeof(struct nfgenmsg), table, NFTA_GEN_MAX) &&
		     attribute_be32(table[NFTA_GEN_ID], argument);
	return whole ? 0 : -EBADMSG;
}

int nftables_generation(struct netlink *netlink, uint32_t *out)
{
	alignas(struct nlmsghdr) char buffer[MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)] = { 0 };
	uint32_t generation = 0; /* which the kernel leaves out as it counts (nf_tables_commit) */
	int error = netlink_ask(netlink,
		nfnetlink_request(buffer, NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, NFPROTO_UNSPEC),
		read_generation, &generation);
	if (error == 0 && generation == 0)
		error = -EBADMSG;
	if (error == 0)
		*out = generation;
	return error;
}

bool attribute_be32(const struct nlattr *attribute, uint32_t *out)
{
	bool whole = attribute_u32(attribute, out);
	if (whole)
		*out = be32toh(*out);
	return whole;
}

bool attribute_be64(const struct nlattr *attribute, uint64_t *out)
{
	bool whole = attribute_bytes(attribute, out, sizeof(*out));
	if (whole)
		*out = be64toh(*out);
	return whole;
}
