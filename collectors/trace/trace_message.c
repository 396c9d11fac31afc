// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_message.h"

/* before the kernel's headers, which bring the same */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "collectors/base/nfnetlink.h"
#include "collectors/base/packet_reader.h"

#define TRACE_TYPE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE)

/* The policy is shown as an unsigned number, the verdict of a rule as a nest; a return has neither. */
static int read_outcome(const struct nlattr *const *table, struct trace_message *message)
{
	const struct nlattr *nest[NFTA_VERDICT_MAX + 1] = { 0 };
	bool policy = message->kind == TRACE_BY_POLICY;
	uint32_t code;
	if (!policy && !attributes_of_nest(table[NFTA_TRACE_VERDICT], nest, NFTA_VERDICT_MAX))
		return -EBADMSG;
	if (!attribute_be32(policy ? table[NFTA_TRACE_POLICY] : nest[NFTA_VERDICT_CODE], &code))
		return -EBADMSG;
	message->verdict = (int32_t)code;
	attribute_text(nest[NFTA_VERDICT_CHAIN], message->target, sizeof(message->target));
	return 0;
}

static struct packet_reader packet_reader_of(const struct nlattr *attribute)
{
	return attribute ? packet_reader_make(
				   mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute))
			 : packet_reader_make(NULL, 0);
}

static struct address take_address(struct packet_reader *reader, uint8_t family)
{
	const uint8_t *bytes = packet_reader_take(reader, address_size(family));
	return bytes ? address_make(family, bytes) : (struct address){ 0 };
}

/* Where protocol and addresses stand in the headers of both families (RFC 791, RFC 8200). Behind IPv6
 * extension headers the kernel finds the transport header, and nothing here says what it is. */
static bool read_network(const struct nlattr *attribute, struct trace_headers *headers)
{
	struct packet_reader reader = packet_reader_of(attribute);
	uint8_t version = packet_reader_u8(&reader) >> 4;
	bool four = version == 4;
	uint8_t family = four ? AF_INET : AF_INET6;
	packet_reader_skip(&reader, four ? 8 : 5);
	uint8_t protocol = packet_reader_u8(&reader);
	packet_reader_skip(&reader, four ? 2 : 1);
	headers->source = take_address(&reader, family);
	headers->destination = take_address(&reader, family);
	return !reader.failed && (four ? protocol == IPPROTO_TCP : version == 6);
}

static bool read_transport(const struct nlattr *attribute, struct trace_headers *headers)
{
	struct packet_reader reader = packet_reader_of(attribute);
	headers->source_port = packet_reader_u16(&reader);
	headers->destination_port = packet_reader_u16(&reader);
	headers->sequence = packet_reader_u32(&reader);
	return !reader.failed;
}

int trace_message_parse(const struct nlmsghdr *header, struct trace_message *out)
{
	const struct nlattr *table[NFTA_TRACE_MAX + 1];
	struct trace_message message = { 0 };
	struct nfgenmsg generic;
	uint32_t kind, ifindex;
	if (header->nlmsg_type != TRACE_TYPE || mnl_nlmsg_get_payload_len(header) < sizeof(generic) ||
		!attributes_of_message(header, sizeof(generic), table, NFTA_TRACE_MAX))
		return -EBADMSG;
	memcpy(&generic, mnl_nlmsg_get_payload(header), sizeof(generic));
	message.family = generic.nfgen_family;
	if (!attribute_u32(table[NFTA_TRACE_ID], &message.id) ||
		!attribute_text(table[NFTA_TRACE_TABLE], message.table, sizeof(message.table)) ||
		!attribute_text(table[NFTA_TRACE_CHAIN], message.chain, sizeof(message.chain)) ||
		!attribute_be32(table[NFTA_TRACE_TYPE], &kind) || kind < TRACE_BY_POLICY ||
		kind > TRACE_BY_RULE)
		return -EBADMSG;
	message.kind = (enum trace_message_kind)kind;
	attribute_be64(table[NFTA_TRACE_RULE_HANDLE], &message.handle);
	if (read_outcome(table, &message) < 0)
		return -EBADMSG;
	if (attribute_be32(table[NFTA_TRACE_IIF], &ifindex))
		message.iif = (int)ifindex;
	if (attribute_be32(table[NFTA_TRACE_OIF], &ifindex))
		message.oif = (int)ifindex;
	message.has_headers = read_network(table[NFTA_TRACE_NETWORK_HEADER], &message.headers) &&
			      read_transport(table[NFTA_TRACE_TRANSPORT_HEADER], &message.headers);
	*out = message;
	return 0;
}
