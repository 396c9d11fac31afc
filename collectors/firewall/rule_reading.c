// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/rule_reading.h"

#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/firewall/nat_list.h"
#include "collectors/firewall/translation.h"
#include "collectors/route/lookup.h"
#include "collectors/trace/trace_rule.h"

/* A trace is on its way so long. */
#define TRACE_WAIT_NS (5 * SECOND_NS)

/* ---- whose requests ---- */

static const struct trace *find_trace(
	const struct trace *traces, size_t count, const struct unanswered_service *unanswered)
{
	for (size_t i = 0; i < count; i++)
		if (traces[i].port == unanswered->port && traces[i].arrival == unanswered->device &&
			traces[i].time_ns >= unanswered->since_ns &&
			address_equal(&traces[i].address, &unanswered->server))
			return &traces[i];
	return NULL;
}

static bool is_wanted(const struct facts *facts, const struct unanswered_service *unanswered)
{
	const struct device *device = facts_device(facts, unanswered->device);
	bool waits = facts->traces_known && facts->time_ns - unanswered->repeated_ns < TRACE_WAIT_NS;
	return !unanswered->left && device && !device->port && !facts_vrf(facts, unanswered->device) &&
	       !waits && !find_trace(facts->traces, facts->trace_count, unanswered) &&
	       translation_is_held_back(facts, unanswered);
}

size_t rule_reading_wanted(
	const struct facts *facts, const struct unanswered_service *wanted[static READING_MOST])
{
	const struct handshake_report *report = facts->handshakes;
	size_t count = 0;
	for (size_t i = 0; report && i < report->unanswered_count; i++) {
		const struct unanswered_service *unanswered = &report->unanswered[i];
		if (!is_wanted(facts, unanswered))
			continue;
		size_t place = count < READING_MOST ? count++ : READING_MOST;
		for (; place > 0 && wanted[place - 1]->since_ns > unanswered->since_ns; place--)
			if (place < READING_MOST)
				wanted[place] = wanted[place - 1];
		if (place < READING_MOST)
			wanted[place] = unanswered;
	}
	return count;
}

bool rule_reading_is_due(const struct rule_reading *reading, const struct facts *facts,
	const struct unanswered_service *const *wanted, size_t count)
{
	int64_t age_ns = facts->monotonic_ns - reading->read_ns, pause_ns = READING_SHARE * reading->cost_ns;
	bool due = count > 0 && (age_ns >= READING_AGAIN_NS || !facts->nat_rules ||
					facts->nat_rules->version != reading->version);
	for (size_t i = 0; i < count; i++)
		due |= !find_trace(reading->traces, reading->count, wanted[i]);
	return due && (!reading->read_ns || (age_ns >= READING_SOON_NS && age_ns >= pause_ns));
}

/* ---- one request ---- */

void filter_set_device(const struct facts *facts, int ifindex, int *number, char name[static IF_NAMESIZE])
{
	const struct device *device = facts_device(facts, ifindex);
	memset(name, 0, IF_NAMESIZE);
	*number = device ? ifindex : 0;
	if (device)
		snprintf(name, IF_NAMESIZE, "%s", device->name);
}

int filter_place_trace(const struct filter_place *place, struct trace *trace)
{
	static const enum trace_place places[] = { TRACE_ARRIVING, TRACE_ENTERING, TRACE_FORWARDING,
		TRACE_OPENING, TRACE_LEAVING };
	char *table = strdup(place->table), *chain = strdup(place->chain);
	if (!table || !chain) {
		free(table);
		free(chain);
		return -ENOMEM;
	}
	trace->end = place->handle ? TRACE_RULE : TRACE_POLICY;
	trace->place = places[place->hook];
	trace->table_family = place->family;
	trace->legacy = place->legacy;
	trace->handle = place->handle;
	trace->table = table;
	trace->chain = chain;
	return 0;
}

/* Behind prerouting: where each way leads. False: not known, or nowhere. */
static bool route_ways(const struct facts *facts, const struct unanswered_service *unanswered,
	const struct rule_reading_routes *routes, struct filter_way *way, bool *local)
{
	const struct translation translation =
		translation_of(facts, &unanswered->server, unanswered->port, unanswered->device);
	for (unsigned i = 0; i < way->path_count; i++) {
		struct filter_packet *packet = &way->paths[i].packet;
		struct filter_end_point *to = &packet->destination;
		struct route_answer answer;
		if ((to->address_unknown || to->port_unknown) && translation.port &&
			!address_is_none(&translation.target))
			*to = (struct filter_end_point){ .address = translation.target,
				.port = translation.port };
		if (to->address_unknown || to->port_unknown || packet->mark_known != UINT32_MAX)
			return false;
		const struct route_query query = { .destination = to->address,
			.source = packet->source.address,
			.iif = packet->iif,
			.mark = packet->mark,
			.protocol = IPPROTO_TCP,
			.source_port = packet->source.port,
			.destination_port = to->port };
		if (routes->ask(routes->argument, &query, &answer) < 0)
			return false;
		bool here = answer.result == ROUTE_LOCAL;
		if (!here && (answer.result != ROUTE_FOUND || answer.devices.count != 1 ||
				     facts_vrf(facts, answer.devices.ifindex[0])))
			return false;
		if (i > 0 && here != *local)
			return false;
		*local = here;
		if (!here)
			filter_set_device(facts, answer.devices.ifindex[0], &packet->oif, packet->oifname);
	}
	return true;
}

/* False: it is not known how it goes on. */
static bool follow_request(const struct facts *facts, const struct filter_rules *rules,
	const struct unanswered_service *unanswered, const struct rule_reading_routes *routes,
	struct filter_way *way)
{
	struct filter_packet packet = {
		.source = { .address = unanswered->client, .port = unanswered->client_port },
		.destination = { .address = unanswered->server, .port = unanswered->port },
		.mark_known = UINT32_MAX,
		.ct_mark_known = UINT32_MAX,
	};
	bool local = false;
	packet.original[0] = packet.source;
	packet.original[1] = packet.destination;
	filter_set_device(facts, unanswered->device, &packet.iif, packet.iifname);
	filter_begin(way, &packet);
	filter_follow(way, rules, facts, NF_INET_PRE_ROUTING);
	if (!route_ways(facts, unanswered, routes, way, &local))
		return false;
	filter_follow(way, rules, facts, local ? NF_INET_LOCAL_IN : NF_INET_FORWARD);
	if (!local)
		filter_follow(way, rules, facts, NF_INET_POST_ROUTING);
	return true;
}

static int tell(const struct filter_way *way, struct trace *trace)
{
	const struct filter_place *decider = filter_decider(way);
	const struct filter_end_point *to = &way->dropped.packet.destination;
	bool dropped = filter_end(way) == FILTER_DROPS;
	if (!decider || (dropped && (to->address_unknown || to->port_unknown)))
		return 0;
	int error = filter_place_trace(decider, trace);
	if (error < 0)
		return error;
	if (!dropped || way->drops_elsewhere) {
		trace->end = TRACE_UNKNOWN;
		trace->reason =
			dropped ? "another chain of the same priority may drop it before" : decider->reason;
		return 0;
	}
	trace->translated = !address_equal(&to->address, &trace->address) || to->port != trace->port;
	trace->target = to->address;
	trace->target_port = to->port;
	return 0;
}

int rule_reading_follow(const struct facts *facts, const struct filter_rules *rules,
	const struct unanswered_service *unanswered, const struct rule_reading_routes *routes,
	struct trace *out)
{
	struct filter_way *way = malloc(sizeof(*way));
	struct trace trace = { .address = unanswered->server,
		.port = unanswered->port,
		.protocol = IPPROTO_TCP,
		.arrival = unanswered->device,
		.client = unanswered->client,
		.client_port = unanswered->client_port,
		.target = unanswered->server,
		.target_port = unanswered->port,
		.end = TRACE_PASSED,
		.place = TRACE_THROUGH,
		.read = true,
		.time_ns = facts->time_ns };
	if (!way)
		return -ENOMEM;
	bool known = follow_request(facts, rules, unanswered, routes, way);
	int error = known ? tell(way, &trace) : 0;
	free(way);
	if (error == 0)
		*out = trace;
	return error;
}

/* ---- the reading ---- */

void rule_reading_clear(struct rule_reading *reading)
{
	while (reading->count)
		trace_clear(&reading->traces[--reading->count]);
}

static int ask_kernel(void *argument, const struct route_query *query, struct route_answer *answer)
{
	return lookup_batch(argument, query, answer, 1);
}

/* 0 or negative errno. */
static int read_anew(struct rule_reading *reading, const char *procfs, const struct facts *facts,
	const struct unanswered_service *const *wanted, size_t count)
{
	struct rule_reading_routes routes = { .ask = ask_kernel };
	struct filter_rules *rules = NULL;
	struct netlink *netlink = NULL;
	int error = netlink_open(NETLINK_ROUTE, &netlink);
	if (error == 0)
		error = filter_rules_read(procfs, &rules);
	routes.argument = netlink;
	for (size_t i = 0; error == 0 && i < count; i++) {
		struct trace *trace = &reading->traces[reading->count];
		error = rule_reading_follow(facts, rules, wanted[i], &routes, trace);
		if (error < 0)
			break;
		reading->count++;
		trace_rule_read(trace);
	}
	filter_rules_free(rules);
	netlink_close(netlink);
	return error;
}

int rule_reading_add(struct rule_reading *reading, const char *procfs, struct facts *facts)
{
	const struct unanswered_service *wanted[READING_MOST];
	size_t count = rule_reading_wanted(facts, wanted);
	if (count == 0)
		rule_reading_clear(reading);
	if (rule_reading_is_due(reading, facts, wanted, count)) {
		int64_t before_ns = clock_ns(CLOCK_MONOTONIC);
		rule_reading_clear(reading);
		int error = read_anew(reading, procfs, facts, wanted, count);
		reading->cost_ns = clock_ns(CLOCK_MONOTONIC) - before_ns;
		reading->read_ns = facts->monotonic_ns;
		reading->version = facts->nat_rules ? facts->nat_rules->version : 0;
		if (error == -ENOMEM)
			return error;
	}
	for (size_t i = 0; i < count; i++) {
		const struct trace *said = find_trace(reading->traces, reading->count, wanted[i]);
		if (!said || said->end == TRACE_PASSED)
			continue;
		struct trace copy, *place;
		if (trace_copy(said, &copy) < 0)
			return -ENOMEM;
		place = ARRAY_ADD(facts->traces, facts->trace_count);
		if (!place) {
			trace_clear(&copy);
			return -ENOMEM;
		}
		*place = copy;
	}
	return 0;
}
