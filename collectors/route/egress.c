// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/egress.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "collectors/base/netlink.h"
#include "collectors/route/lookup.h"
#include "collectors/route/table.h"

/* ---- routes ---- */

static bool is_policy_table(uint32_t table)
{
	return table != RT_TABLE_MAIN && table != RT_TABLE_DEFAULT && table != RT_TABLE_LOCAL;
}

/* Leaves through a gateway by the device alone. */
static bool leads_out(const struct route_answer *answer, int ifindex)
{
	return answer->result == ROUTE_FOUND && answer->devices.count == 1 && !answer->devices.more &&
	       answer->devices.ifindex[0] == ifindex && !address_is_none(&answer->gateway);
}

/* The longer prefix, then a table of its own, which a rule can name, then the lower metric. */
static bool is_better(const struct egress_candidate *way, const struct egress_candidate *best)
{
	const struct route_answer *a = &way->answer, *b = &best->answer;
	if (b->result != ROUTE_FOUND)
		return true;
	if (a->prefix_length != b->prefix_length)
		return a->prefix_length > b->prefix_length;
	if (is_policy_table(a->table) != is_policy_table(b->table))
		return is_policy_table(a->table);
	return way->metric < best->metric;
}

int egress_take_route(const struct nlmsghdr *header, const struct address *destination, int ifindex,
	struct egress_candidate *best)
{
	const struct nlattr *table[RTA_MAX + 1];
	struct egress_candidate way = { .metric = 0 };
	int error = lookup_parse(header, false, 0, &way.answer);
	if (error < 0)
		return error;
	if (header->nlmsg_type != RTM_NEWROUTE ||
		!attributes_of_message(header, sizeof(struct rtmsg), table, RTA_MAX))
		return -EBADMSG;
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct prefix to = { .address = { .family = route->rtm_family }, .length = route->rtm_dst_len };
	if (table[RTA_DST] &&
		!attribute_bytes(table[RTA_DST], to.address.bytes, address_size(route->rtm_family)))
		return -EBADMSG;
	if (route->rtm_src_len || (route->rtm_family == AF_INET && route->rtm_tos) ||
		(route->rtm_flags & RTM_F_CLONED) || route->rtm_family != destination->family ||
		!prefix_contains(&to, destination) || !leads_out(&way.answer, ifindex))
		return 0;
	attribute_u32(table[RTA_PRIORITY], &way.metric);
	way.answer.prefix_length = route->rtm_dst_len;
	way.answer.bound = true;
	if (is_better(&way, best))
		*best = way;
	return 0;
}

/* ---- neighbours ---- */

#define STATES_KNOWN (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

static void note_neighbour(
	struct neighbours *neighbours, const struct address *address, const void *link_layer, uint16_t size)
{
	bool first = neighbours->link_layer_size == 0;
	if (!first && (neighbours->link_layer_size != size ||
			      memcmp(neighbours->link_layer, link_layer, size) != 0)) {
		neighbours->others++;
		return;
	}
	if (first || address_is_link_local(&neighbours->address))
		neighbours->address = *address;
	memcpy(neighbours->link_layer, link_layer, size);
	neighbours->link_layer_size = size;
}

int neighbours_take(const struct nlmsghdr *header, int ifindex, struct neighbours *neighbours)
{
	const struct nlattr *table[NDA_MAX + 1];
	if (header->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	if (!attributes_of_message(header, sizeof(struct ndmsg), table, NDA_MAX))
		return -EBADMSG;
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	uint8_t bytes[16];
	size_t size = address_size(message->ndm_family);
	const struct nlattr *link_layer = table[NDA_LLADDR];
	if (message->ndm_ifindex != ifindex || !(message->ndm_state & STATES_KNOWN) || !size || !link_layer ||
		!attribute_bytes(table[NDA_DST], bytes, size))
		return 0;
	struct address address = address_make(message->ndm_family, bytes);
	uint16_t length = mnl_attr_get_payload_len(link_layer);
	if (address_is_multicast(&address) || length == 0 || length > sizeof(neighbours->link_layer))
		return 0;
	neighbours->count++;
	note_neighbour(neighbours, &address, mnl_attr_get_payload(link_layer), length);
	return 0;
}

/* ---- asking ---- */

struct asking {
	const struct path *path;
	struct egress_candidate best;
	struct neighbours neighbours;
	unsigned routes;
};

static int take_route(const struct nlmsghdr *header, void *argument)
{
	struct asking *asking = argument;
	if (++asking->routes > EGRESS_ROUTES_MAX)
		return -E2BIG;
	return egress_take_route(header, &asking->path->destination, asking->path->arrival, &asking->best);
}

static int take_neighbour(const struct nlmsghdr *header, void *argument)
{
	struct asking *asking = argument;
	int result = neighbours_take(header, asking->path->arrival, &asking->neighbours);
	return result == 0 && asking->neighbours.count > EGRESS_NEIGHBOURS_MAX ? -E2BIG : result;
}

static void forget(void *argument)
{
	struct asking *asking = argument;
	*asking = (struct asking){ .path = asking->path };
}

/* On a socket of its own: the dump ends with it where it is not read to its end. */
static int ask(struct asking *asking, uint16_t type, uint16_t attribute, netlink_message_function *message)
{
	char buffer[NLMSG_SPACE(sizeof(struct rtmsg)) + 16] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct netlink_dump dump = { .message = message, .restart = forget, .argument = asking };
	struct netlink *netlink;
	int result = netlink_open(NETLINK_ROUTE, &netlink);
	if (result < 0)
		return result;
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = type;
	if (type == RTM_GETROUTE)
		((struct rtmsg *)mnl_nlmsg_put_extra_header(header, sizeof(struct rtmsg)))->rtm_family =
			asking->path->destination.family;
	else
		((struct ndmsg *)mnl_nlmsg_put_extra_header(header, sizeof(struct ndmsg)))->ndm_family =
			asking->path->destination.family;
	mnl_attr_put_u32(header, attribute, (uint32_t)asking->path->arrival);
	forget(asking);
	/* Without strict checking the kernel would list those of all devices. */
	result = netlink_is_strict(netlink) ? netlink_dump_begin(netlink, &dump, header) : -EOPNOTSUPP;
	while (result == 0 && dump.error == 0)
		result = netlink_dump_read(netlink, &dump);
	netlink_close(netlink);
	return result < 0 ? result : dump.error;
}

static bool has_egress(const struct path *path)
{
	const struct route_answer *egress = &path->egress;
	return egress->result == ROUTE_FOUND && egress->devices.count == 1 && !egress->devices.more &&
	       egress->devices.ifindex[0] == path->arrival;
}

static void find_egress(struct path *path)
{
	struct asking asking = { .path = path };
	if (ask(&asking, RTM_GETROUTE, RTA_OIF, take_route) == 0 &&
		asking.best.answer.result == ROUTE_FOUND) {
		path->egress = asking.best.answer;
		return;
	}
	if (ask(&asking, RTM_GETNEIGH, NDA_IFINDEX, take_neighbour) < 0 ||
		asking.neighbours.link_layer_size == 0 || asking.neighbours.others)
		return;
	path->egress = (struct route_answer){ .result = ROUTE_FOUND,
		.devices = { .count = 1, .ifindex = { path->arrival } },
		.gateway = asking.neighbours.address,
		.bound = true };
	path->egress_by_neighbour = true;
}

/* Many paths come from one destination by one device. */
static struct path *find_asked(struct facts *facts, size_t before)
{
	const struct path *path = &facts->paths[before];
	for (size_t i = 0; i < before; i++) {
		struct path *other = &facts->paths[i];
		if (other->arrival == path->arrival && table_may_help(other) &&
			address_equal(&other->destination, &path->destination))
			return other;
	}
	return NULL;
}

#define ASKED_MOST 32 /* destinations and devices at a time */

void egresses_find(struct facts *facts)
{
	unsigned asked = 0;
	for (size_t i = 0; i < facts->path_count && asked < ASKED_MOST; i++) {
		struct path *path = &facts->paths[i];
		if (!table_may_help(path) || path->answers || has_egress(path) || path->arrival <= 0)
			continue;
		const struct path *known = find_asked(facts, i);
		if (known && has_egress(known)) {
			path->egress = known->egress;
			path->egress_by_neighbour = known->egress_by_neighbour;
		} else if (!known) {
			asked++;
			find_egress(path);
		}
	}
}
