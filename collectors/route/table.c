// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/table.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/netlink.h"
#include "collectors/route/lookup.h"

#define MOST_ANSWERS 128

uint32_t table_of_replies(const struct facts *facts, const struct path *path)
{
	const struct service *service = &facts->services[path->service];
	bool local = service->origin == ORIGIN_LOCAL || service->target_local;
	int vrf = facts_vrf(facts, local ? path->arrival : service->target_ifindex);
	return vrf ? facts_device(facts, vrf)->vrf_table : RT_TABLE_MAIN;
}

static bool tells(const struct route_answer *answer, uint32_t table)
{
	return answer->result == ROUTE_FOUND && answer->table == table && !answer->bound;
}

const struct route_answer *table_answer_find(
	const struct facts *facts, const struct path *path, uint32_t table)
{
	for (size_t i = 0; i < facts->destination_count; i++)
		if (address_equal(&facts->destinations[i].address, &path->destination) &&
			tells(&facts->destinations[i].plain, table))
			return &facts->destinations[i].plain;
	if (tells(&path->reply, table))
		return &path->reply;
	if (tells(&path->egress, table))
		return &path->egress;
	for (size_t i = 0; i < facts->table_answer_count; i++)
		if (facts->table_answers[i].table == table &&
			address_equal(&facts->table_answers[i].destination, &path->destination))
			return &facts->table_answers[i].answer;
	return NULL;
}

/* ---- reading ---- */

/* Of equal routes nobody knows here which one is taken: then it may leave by either's devices. */
static void table_add_equal(struct route_answer *to, const struct route_answer *answer)
{
	for (unsigned i = 0; i < answer->devices.count; i++)
		device_set_add(&to->devices, answer->devices.ifindex[i]);
	to->devices.more |= answer->devices.more || answer->result != to->result;
}

/* 1; 0: it is passed over; or negative errno: it is one that cannot be followed. */
static int table_parse_route(const struct nlmsghdr *header, struct table_route *out)
{
	const struct nlattr *table[RTA_MAX + 1];
	struct table_route parsed = { 0 };
	struct route_answer answer;
	int error = lookup_parse(header, false, 0, &answer);
	if (error < 0)
		return error;
	if (header->nlmsg_type != RTM_NEWROUTE ||
		!attributes_of_message(header, sizeof(struct rtmsg), table, RTA_MAX))
		return -EBADMSG;
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	parsed.to =
		(struct prefix){ .address = { .family = route->rtm_family }, .length = route->rtm_dst_len };
	if (route->rtm_src_len)
		return -EOPNOTSUPP;
	/* Without a live hop the kernel goes on to the next route, but a throw route ends the table. */
	if ((answer.result == ROUTE_NONE && route->rtm_type != RTN_THROW) ||
		(route->rtm_family == AF_INET && route->rtm_tos) || (route->rtm_flags & RTM_F_CLONED))
		return 0;
	if (table[RTA_DST] &&
		!attribute_bytes(table[RTA_DST], parsed.to.address.bytes, address_size(route->rtm_family)))
		return -EBADMSG;
	attribute_u32(table[RTA_PRIORITY], &parsed.metric);
	parsed.throws = route->rtm_type == RTN_THROW;
	parsed.answer = answer;
	*out = parsed;
	return 1;
}

int table_take_route(const struct nlmsghdr *header, struct table_answer *answers, size_t count)
{
	struct table_route route;
	int result = table_parse_route(header, &route);
	if (result <= 0)
		return result;
	for (size_t i = 0; i < count; i++) {
		struct table_answer *known = &answers[i];
		if (known->destination.family != route.to.address.family ||
			!prefix_contains(&route.to, &known->destination))
			continue;
		bool first = known->answer.table == 0;
		int order = (int)route.to.length - known->answer.prefix_length;
		if (order == 0)
			order = (known->metric > route.metric) - (known->metric < route.metric);
		if (!first && order == 0)
			table_add_equal(&known->answer, &route.answer);
		else if (first || order > 0)
			*known = (struct table_answer){ known->table, known->destination, route.answer,
				route.metric };
	}
	return 0;
}

struct table_reading {
	struct table_answer *answers;
	size_t count;
	unsigned routes;
};

static int table_route(const struct nlmsghdr *header, void *argument)
{
	struct table_reading *reading = argument;
	if (++reading->routes > TABLE_MOST_ROUTES)
		return -E2BIG;
	return table_take_route(header, reading->answers, reading->count);
}

static void table_forget(void *argument)
{
	struct table_reading *reading = argument;
	reading->routes = 0;
	for (size_t i = 0; i < reading->count; i++) {
		struct table_answer *answer = &reading->answers[i];
		answer->answer = (struct route_answer){ .result = ROUTE_NONE };
	}
}

/* On a socket of its own: the dump ends with it where it is not read to its end. 0, or negative errno: then
 * the answers tell nothing. */
static int table_dump(uint8_t family, uint32_t number, struct netlink_dump *dump)
{
	char buffer[NLMSG_SPACE(sizeof(struct rtmsg)) + 16] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct netlink *netlink;
	int result = netlink_open(NETLINK_ROUTE, &netlink);
	if (result < 0)
		return result;
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = RTM_GETROUTE;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = family;
	mnl_attr_put_u32(header, RTA_TABLE, number);
	/* Without strict checking the kernel would dump all tables for one. */
	result = netlink_is_strict(netlink) ? netlink_dump_begin(netlink, dump, header) : -EOPNOTSUPP;
	while (result == 0 && dump->error == 0)
		result = netlink_dump_read(netlink, dump);
	netlink_close(netlink);
	if (dump->error < 0)
		result = dump->error;
	return result < 0 && result != -ENOENT ? result : 0; /* ENOENT: no such table */
}

static int table_read(struct table_reading *reading)
{
	struct netlink_dump dump = { .message = table_route, .restart = table_forget, .argument = reading };
	table_forget(reading);
	return table_dump(reading->answers[0].destination.family, reading->answers[0].table, &dump);
}

/* ---- all routes of a table ---- */

struct table_listing {
	struct table_route **routes;
	size_t *count, first;
	uint32_t table;
};

static int table_keep_route(const struct nlmsghdr *header, void *argument)
{
	struct table_listing *listing = argument;
	struct table_route route;
	int result = table_parse_route(header, &route);
	if (result <= 0)
		return result;
	if (*listing->count - listing->first == TABLE_ROUTES_MOST)
		return -E2BIG;
	struct table_route *item = ARRAY_ADD(*listing->routes, *listing->count);
	if (!item)
		return -ENOMEM;
	*item = route;
	item->table = listing->table;
	return 0;
}

static void table_forget_routes(void *argument)
{
	struct table_listing *listing = argument;
	*listing->count = listing->first;
}

int table_routes_read(uint8_t family, uint32_t table, struct table_route **routes, size_t *count)
{
	struct table_listing listing = { routes, count, *count, table };
	struct netlink_dump dump = {
		.message = table_keep_route, .restart = table_forget_routes, .argument = &listing
	};
	int result = table_dump(family, table, &dump);
	if (result < 0)
		table_forget_routes(&listing);
	return result;
}

/* Asks for what is not known yet. 0 or -ENOMEM. */
static int table_want(struct facts *facts, const struct path *path, uint32_t table)
{
	if (table == 0 || facts->table_answer_count == MOST_ANSWERS || table_answer_find(facts, path, table))
		return 0;
	struct table_answer *answer = ARRAY_ADD(facts->table_answers, facts->table_answer_count);
	if (!answer)
		return -ENOMEM;
	answer->table = table;
	answer->destination = path->destination;
	return 0;
}

bool table_may_help(const struct path *path)
{
	bool far = path->basis == PATH_LEADS || path->basis == PATH_SEEN;
	bool covered = path->reply.result == ROUTE_FOUND && path->reply.devices.count == 1 &&
		       path->reply.devices.ifindex[0] == path->arrival;
	return far && (!covered || path->request.result == ROUTE_RP_FILTER);
}

static int by_table(const void *left, const void *right)
{
	const struct table_answer *a = left, *b = right;
	int order = (a->destination.family > b->destination.family) -
		    (a->destination.family < b->destination.family);
	if (order == 0)
		order = (a->table > b->table) - (a->table < b->table);
	return order ? order : address_compare(&a->destination, &b->destination);
}

static bool is_named(const struct rule *rules, size_t count, uint8_t family, uint32_t table)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].action == RULE_LOOKUP && rules[i].family == family && rules[i].table == table)
			return true;
	return false;
}

static bool is_gone(const struct tables_gone *gone, uint8_t family, uint32_t table)
{
	for (unsigned i = 0; i < gone->count; i++)
		if (gone->items[i].family == family && gone->items[i].table == table)
			return true;
	return false;
}

void tables_gone_note(
	struct tables_gone *gone, const struct rule *rules, size_t count, const struct facts *facts)
{
	const struct rule *last = NULL; /* thousands of rules may name one table */
	if (count == facts->rule_count &&
		(!count || memcmp(rules, facts->rules, count * sizeof(*rules)) == 0))
		return;
	for (size_t i = 0; i < count; last = &rules[i++]) {
		const struct rule *rule = &rules[i];
		if (rule->action != RULE_LOOKUP || rule->table == 0 ||
			(last && last->family == rule->family && last->table == rule->table) ||
			is_gone(gone, rule->family, rule->table) ||
			is_named(facts->rules, facts->rule_count, rule->family, rule->table))
			continue;
		if (gone->count == TABLES_GONE)
			memmove(&gone->items[0], &gone->items[1], --gone->count * sizeof(gone->items[0]));
		gone->items[gone->count].family = rule->family;
		gone->items[gone->count++].table = rule->table;
	}
}

static int table_want_gone(struct facts *facts, const struct path *path, const struct tables_gone *gone)
{
	int result = 0;
	for (unsigned i = gone->count; i-- > 0 && result == 0;)
		if (gone->items[i].family == path->destination.family)
			result = table_want(facts, path, gone->items[i].table);
	return result;
}

static int table_want_all(struct facts *facts, const struct tables_gone *gone)
{
	int result = 0;
	for (unsigned pass = 0; pass < 3; pass++)
		for (size_t i = 0; i < facts->path_count && result == 0; i++) {
			const struct path *path = &facts->paths[i];
			if (table_may_help(path) && pass == 2)
				result = table_want_gone(facts, path, gone);
			else if (table_may_help(path))
				result = table_want(facts, path,
					pass == 0 ? table_of_replies(facts, path) : path->egress.table);
		}
	return result;
}

int tables_read(struct facts *facts, const struct tables_gone *gone)
{
	int result = table_want_all(facts, gone);
	struct table_answer *answers = facts->table_answers;
	if (result < 0 || !answers)
		return result;
	qsort(answers, facts->table_answer_count, sizeof(*answers), by_table);
	size_t kept = 0;
	for (size_t i = 0, next; i < facts->table_answer_count; i = next) {
		for (next = i + 1; next < facts->table_answer_count; next++)
			if (answers[next].table != answers[i].table ||
				answers[next].destination.family != answers[i].destination.family)
				break;
		struct table_reading reading = { .answers = &answers[i], .count = next - i };
		bool known = table_read(&reading) == 0;
		for (size_t j = i; known && j < next; j++)
			answers[kept++] = answers[j];
	}
	facts->table_answer_count = kept;
	return 0;
}
