// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/lookup.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <string.h>

/* So many answers fit into the default receive buffer (net.core.rmem_default, 212992) even if each takes a
 * page of it; where it was made smaller, ENOBUFS makes the batches smaller too. */
#define BATCH_SIZE  50
#define BATCH_TRIES 8

struct hop {
	int ifindex;
	struct address gateway;
};

/* ---- request ---- */

static void put_address(struct nlmsghdr *header, uint16_t type, const struct address *address)
{
	if (!address_is_none(address))
		mnl_attr_put(header, type, address_size(address->family), address->bytes);
}

static void put_port(struct nlmsghdr *header, uint16_t type, uint16_t port)
{
	if (port)
		mnl_attr_put_u16(header, type, htons(port));
}

static void put_selectors(struct nlmsghdr *header, const struct route_query *query)
{
	if (query->iif)
		mnl_attr_put_u32(header, RTA_IIF, (uint32_t)query->iif);
	else
		mnl_attr_put_u32(header, RTA_UID, query->uid);
	if (query->oif)
		mnl_attr_put_u32(header, RTA_OIF, (uint32_t)query->oif);
	if (query->mark)
		mnl_attr_put_u32(header, RTA_MARK, query->mark);
	/* The kernel's own default is UDP. */
	mnl_attr_put_u8(header, RTA_IP_PROTO, query->protocol ? query->protocol : IPPROTO_TCP);
	put_port(header, RTA_SPORT, query->source_port);
	put_port(header, RTA_DPORT, query->destination_port);
}

struct nlmsghdr *lookup_write(void *buffer, const struct route_query *query, uint32_t sequence)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = sequence;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = query->destination.family;
	/* Strict checking wants whole addresses. */
	route->rtm_dst_len = (uint8_t)(8 * address_size(query->destination.family));
	route->rtm_src_len = (uint8_t)(8 * address_size(query->source.family));
	/* IPv4 says "main" for the table of every match unless asked; IPv6 refuses to be asked, and tells. */
	route->rtm_flags = RTM_F_FIB_MATCH;
	if (query->destination.family == AF_INET)
		route->rtm_flags |= RTM_F_LOOKUP_TABLE;
	put_address(header, RTA_DST, &query->destination);
	put_address(header, RTA_SRC, &query->source);
	put_selectors(header, query);
	return header;
}

/* ---- answer ---- */

/* What a refusal means. Not to be had from the error: an `unreachable` rule is ENETUNREACH like no route. */
static const struct {
	int error;
	enum route_result output, input;
} refusals[] = {
	{ ENETUNREACH, ROUTE_NONE, ROUTE_NONE }, { EHOSTUNREACH, ROUTE_UNREACHABLE, ROUTE_UNREACHABLE },
	{ EACCES, ROUTE_PROHIBIT, ROUTE_PROHIBIT },
	{ EINVAL, ROUTE_BLACKHOLE, ROUTE_FAILED }, /* input: see lookup.h */
};

static enum route_result refusal(int error, bool input)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++)
		if (refusals[i].error == error)
			return input ? refusals[i].input : refusals[i].output;
	return ROUTE_FAILED;
}

static int read_refusal(const struct nlmsghdr *header, bool input, struct route_answer *answer)
{
	int error;
	if (mnl_nlmsg_get_payload_len(header) < sizeof(struct nlmsgerr))
		return -EBADMSG;
	memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
	if (error >= 0 || error < -4095) /* MAX_ERRNO */
		return -EBADMSG;
	*answer = (struct route_answer){ .result = refusal(-error, input), .error = -error };
	return 0;
}

static enum route_result result_of_type(uint8_t type, bool input)
{
	static const enum route_result results[UINT8_MAX + 1] = {
		[RTN_UNICAST] = ROUTE_FOUND,
		[RTN_MULTICAST] = ROUTE_FOUND,
		[RTN_LOCAL] = ROUTE_LOCAL,
		[RTN_BROADCAST] = ROUTE_LOCAL,
		[RTN_ANYCAST] = ROUTE_LOCAL,
		[RTN_BLACKHOLE] = ROUTE_BLACKHOLE,
		[RTN_UNREACHABLE] = ROUTE_UNREACHABLE,
		[RTN_PROHIBIT] = ROUTE_PROHIBIT,
		[RTN_THROW] = ROUTE_NONE,
	};
	if (type == RTN_MULTICAST && input)
		return ROUTE_LOCAL;
	return results[type] ? results[type] : ROUTE_FAILED;
}

/* RTA_GATEWAY is of the route's family, RTA_VIA (an IPv6 next hop of an IPv4 route) names its own. */
static struct address gateway_of(const struct nlattr *const *table, uint8_t family)
{
	const struct nlattr *gateway = table[RTA_GATEWAY], *via = table[RTA_VIA];
	const struct address none = { 0 };
	if (gateway && mnl_attr_get_payload_len(gateway) == address_size(family))
		return address_make(family, mnl_attr_get_payload(gateway));
	struct rtvia head;
	if (!via || mnl_attr_get_payload_len(via) < sizeof(head))
		return none;
	memcpy(&head, mnl_attr_get_payload(via), sizeof(head));
	if (head.rtvia_family > UINT8_MAX ||
		mnl_attr_get_payload_len(via) != sizeof(head) + address_size((uint8_t)head.rtvia_family))
		return none;
	return address_make(
		(uint8_t)head.rtvia_family, (const char *)mnl_attr_get_payload(via) + sizeof(head));
}

struct hops {
	struct route_answer *answer;
	int oif;
	struct hop first, bound; /* the lowest one; that on oif */
};

static void take_hop(struct hops *hops, const struct hop *hop, unsigned flags)
{
	/* Dead: its device is down, or without carrier where ignore_routes_with_linkdown says so. */
	if (hop->ifindex <= 0 || (flags & RTNH_F_DEAD))
		return;
	device_set_add(&hops->answer->devices, hop->ifindex);
	/* IPv6 names the next hop that its hash picked first, so the first is not always the same: the
	 * gateway is that of the lowest device, and there the lowest. */
	int order = (hop->ifindex > hops->first.ifindex) - (hop->ifindex < hops->first.ifindex);
	if (order == 0)
		order = address_compare(&hop->gateway, &hops->first.gateway);
	if (hops->first.ifindex == 0 || order < 0)
		hops->first = *hop;
	if (hop->ifindex == hops->oif && hops->bound.ifindex == 0)
		hops->bound = *hop;
}

static bool read_nexthops(const struct nlattr *multipath, uint8_t family, struct hops *hops)
{
	const char *at = mnl_attr_get_payload(multipath);
	size_t left = mnl_attr_get_payload_len(multipath);
	while (left >= sizeof(struct rtnexthop)) {
		const struct rtnexthop *nexthop = (const struct rtnexthop *)at;
		size_t length = nexthop->rtnh_len, step = RTNH_ALIGN(length);
		if (length < sizeof(*nexthop) || length > left)
			return false;
		const struct nlattr *table[RTA_MAX + 1];
		if (!attributes_of_bytes(at + sizeof(*nexthop), length - sizeof(*nexthop), table, RTA_MAX))
			return false;
		struct hop hop = { nexthop->rtnh_ifindex, gateway_of(table, family) };
		take_hop(hops, &hop, nexthop->rtnh_flags);
		if (step >= left)
			return true;
		at += step;
		left -= step;
	}
	return left == 0;
}

static bool read_hops(
	const struct rtmsg *route, const struct nlattr *const *table, int oif, struct route_answer *answer)
{
	struct hops hops = { .answer = answer, .oif = oif };
	uint32_t ifindex;
	if (attribute_u32(table[RTA_OIF], &ifindex)) {
		struct hop hop = { (int)ifindex, gateway_of(table, route->rtm_family) };
		take_hop(&hops, &hop, route->rtm_flags);
	}
	if (table[RTA_MULTIPATH] && !read_nexthops(table[RTA_MULTIPATH], route->rtm_family, &hops))
		return false;
	answer->gateway = hops.first.gateway;
	/* A socket bound to a device uses only the route's hops on it, though the kernel lists them all. */
	if (hops.bound.ifindex) {
		answer->devices = (struct device_set){ 0 };
		device_set_add(&answer->devices, oif);
		answer->gateway = hops.bound.gateway;
	}
	/* Without one live hop there is no way out, unless they are hidden: see ask_hidden(). */
	if (answer->devices.count == 0 && !table[RTA_NH_ID])
		answer->result = ROUTE_NONE;
	return true;
}

static int read_route(const struct nlmsghdr *header, bool input, int oif, struct route_answer *out)
{
	const struct nlattr *table[RTA_MAX + 1];
	if (!attributes_of_message(header, sizeof(struct rtmsg), table, RTA_MAX))
		return -EBADMSG;
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	if (address_size(route->rtm_family) * 8 < route->rtm_dst_len || address_size(route->rtm_family) == 0)
		return -EBADMSG;
	struct route_answer answer = { .result = result_of_type(route->rtm_type, input),
		.table = route->rtm_table,
		.prefix_length = route->rtm_dst_len };
	attribute_u32(table[RTA_TABLE], &answer.table); /* numbers beyond 255 are only there */
	if (answer.result == ROUTE_FOUND && !read_hops(route, table, oif, &answer))
		return -EBADMSG;
	*out = answer;
	return 0;
}

int lookup_parse(const struct nlmsghdr *header, bool input, int oif, struct route_answer *answer)
{
	if (header->nlmsg_type == NLMSG_ERROR)
		return read_refusal(header, input, answer);
	if (header->nlmsg_type == RTM_NEWROUTE)
		return read_route(header, input, oif, answer);
	return -EBADMSG;
}

/* Where the meaning of an error depends on what was asked. */
static void settle(const struct route_query *query, struct route_answer *answer)
{
	bool v4 = query->destination.family == AF_INET;
	/* Where no route fits a bound socket IPv4 takes the destination for on-link, whatever the reason
	 * (even a prohibit route), and then has no route to show: EHOSTUNREACH. */
	if (v4 && query->oif && !query->iif && answer->error == EHOSTUNREACH)
		answer->result = ROUTE_NONE;
	/* IPv6 has no source validation: there this can be nothing else. */
	if (!v4 && query->iif && answer->error == EINVAL)
		answer->result = ROUTE_BLACKHOLE;
}

/* ---- conversation ---- */

struct batch {
	const struct route_query *queries;
	struct route_answer *answers;
	size_t count;
	bool match; /* RTM_F_FIB_MATCH */
	uint32_t sequence[BATCH_SIZE];
	bool answered[BATCH_SIZE];
	size_t size; /* of requests */
	alignas(struct nlmsghdr) char requests[BATCH_SIZE * LOOKUP_REQUEST_SIZE];
};

static void write_batch(struct netlink *netlink, struct batch *batch)
{
	batch->size = 0;
	memset(batch->answered, 0, sizeof(batch->answered));
	for (size_t i = 0; i < batch->count; i++) {
		batch->sequence[i] = netlink_sequence(netlink);
		struct nlmsghdr *header =
			lookup_write(batch->requests + batch->size, &batch->queries[i], batch->sequence[i]);
		struct rtmsg *route = mnl_nlmsg_get_payload(header);
		if (!batch->match)
			route->rtm_flags &= ~(unsigned)RTM_F_FIB_MATCH;
		batch->size += MNL_ALIGN(header->nlmsg_len);
	}
}

/* 1 if this answers a query, 0 if it is a late answer to something else. */
static int batch_message(const struct nlmsghdr *header, void *argument)
{
	struct batch *batch = argument;
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->answered[i] || batch->sequence[i] != header->nlmsg_seq)
			continue;
		const struct route_query *query = &batch->queries[i];
		struct route_answer answer;
		int error = lookup_parse(header, query->iif != 0, query->oif, &answer);
		if (error < 0)
			return error;
		settle(query, &answer);
		answer.devices.more |= !batch->match && answer.result == ROUTE_FOUND;
		batch->answers[i] = answer;
		batch->answered[i] = true;
		return 1;
	}
	return 0;
}

/* Asks the first *count queries; fewer, and says how many, if answers get lost on the way. */
static int ask_some(struct netlink *netlink, struct batch *batch, size_t *count)
{
	int error = -ENOBUFS;
	bool lost = true;
	batch->count = *count < BATCH_SIZE ? *count : BATCH_SIZE;
	for (int try = 0; try < BATCH_TRIES && lost; try++) {
		if (try > 0) {
			netlink_drain(netlink, NULL, NULL);
			batch->count = (batch->count + 1) / 2;
		}
		write_batch(netlink, batch);
		error = netlink_exchange(
			netlink, batch->requests, batch->size, batch->count, batch_message, batch);
		/* The kernel says so; an answer that merely does not come is not waited for twice. */
		lost = error == -ENOBUFS || error == -EINTR;
	}
	*count = batch->count;
	return error;
}

/* With net.ipv4.nexthop_compat_mode=0 a match does not list the hops of its nexthop object. Asked without
 * FIB_MATCH the kernel names the one it would pick: a set of which more may be unknown. */
static int ask_hidden(struct netlink *netlink, struct batch *batch)
{
	const struct batch all = *batch;
	int error = 0;
	for (size_t i = 0; i < all.count && error == 0; i++) {
		struct route_answer *answer = &all.answers[i];
		if (answer->result != ROUTE_FOUND || answer->devices.count > 0)
			continue;
		uint8_t prefix_length = answer->prefix_length; /* now that of the destination */
		size_t one = 1;
		batch->queries = &all.queries[i];
		batch->answers = answer;
		batch->match = false;
		error = ask_some(netlink, batch, &one);
		answer->prefix_length = prefix_length;
		if (error == 0 && answer->result == ROUTE_FOUND && answer->devices.count == 0)
			answer->result = ROUTE_NONE;
	}
	return error;
}

int lookup_batch(struct netlink *netlink, const struct route_query *queries, struct route_answer *answers,
	size_t count)
{
	for (size_t done = 0; done < count;) {
		struct batch batch = { .queries = queries + done, .answers = answers + done, .match = true };
		size_t some = count - done;
		int error = ask_some(netlink, &batch, &some);
		if (error == 0)
			error = ask_hidden(netlink, &batch);
		if (error < 0)
			return error;
		done += some;
	}
	return 0;
}

/* ---- source validation ---- */

struct route_query lookup_reverse(const struct route_query *forward, int egress, bool src_valid_mark)
{
	return (struct route_query){ .destination = forward->source,
		.source = forward->destination,
		.iif = egress,
		.mark = src_valid_mark ? forward->mark : 0,
		.protocol = forward->protocol,
		.source_port = forward->destination_port,
		.destination_port = forward->source_port };
}

static enum route_result unmatched(const struct device *device, bool loose_passes)
{
	int mode = device->rp_filter_effective;
	if (mode == RP_FILTER_UNKNOWN)
		return ROUTE_FAILED;
	/* Any other number than 0 and 1 is loose. */
	return mode == 0 || (mode != 1 && loose_passes) ? ROUTE_FOUND : ROUTE_RP_FILTER;
}

enum route_result lookup_source_verdict(
	const struct device *device, bool has_address, const struct route_answer *reverse)
{
	switch (reverse->result) {
	case ROUTE_LOCAL:
		return ROUTE_MARTIAN;
	case ROUTE_NONE:
	case ROUTE_UNREACHABLE:
	case ROUTE_PROHIBIT:
	case ROUTE_BLACKHOLE:
		return unmatched(device, false);
	case ROUTE_FOUND:
		if (device_set_contains(&reverse->devices, device->ifindex))
			return ROUTE_FOUND;
		if (reverse->devices.more && unmatched(device, has_address) != ROUTE_FOUND)
			return ROUTE_FAILED;
		return unmatched(device, has_address);
	case ROUTE_NOT_ASKED:
	case ROUTE_RP_FILTER:
	case ROUTE_MARTIAN:
	case ROUTE_NOT_FORWARDED:
	case ROUTE_FAILED:
		break;
	}
	return ROUTE_FAILED;
}
