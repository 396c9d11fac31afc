// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reply routes. They are looked up (collectors/route/reply_path.h) when the kernel announces a change of
 * rules, routes, addresses, devices or their settings, when what is asked for has changed, and every half
 * minute besides, since some changes are not announced (fib_multipath_* sysctls, dead next hops after a link
 * went down). In between what was found last is given out again.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/base/hash_index.h"
#include "collectors/collector.h"
#include "collectors/firewall/filter.h"
#include "collectors/route/egress.h"
#include "collectors/route/lookup.h"
#include "collectors/route/reply_path.h"
#include "collectors/route/service.h"
#include "collectors/route/table.h"

#define LOOKUP_PERIOD_NS (30 * SECOND_NS)
#define PEERS_PERIOD_NS  SECOND_NS /* at least, between lookups for new peers alone */
#define PEERS_SHARE      100       /* these take at most 1/100 of the time */
#define FAILING_BURST    20        /* lookups that are known to fail */
#define FAILING_NS       (3 * SECOND_NS)

struct route_context {
	struct netlink *events; /* these two: of the loop */
	bool dirty;             /* since the last collect */
	struct netlink *lookups;
	bool due;        /* a replies, since something is announced or the last one failed */
	int error;       /* negative: announcements cannot be read; paths are looked up all the same */
	uint64_t inputs; /* hash of what the last lookups were made of */
	uint64_t peers;
	int64_t looked_up_ns;
	int64_t cost_ns; /* of the last lookups */
	unsigned failing_left;
	int64_t refilled_ns;
	struct route_facts last; /* found */
	struct tables_gone gone;
	bool output_unmarked; /* no rule of the firewall marks what this host sends, as read last: */
	int64_t output_ns;
	uint64_t output_version; /* of the translations then; 0: it was not read */
};

static const unsigned groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
	RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_IPV4_NETCONF, RTNLGRP_NEXTHOP, /* of Linux 5.3 */
};

/* 0, or -ENOMEM: then *to is empty. */
static int copy_facts(struct route_facts *to, const struct route_facts *from)
{
	struct route_facts copy = *from;
	copy.rules = array_copy(from->rules, from->rule_count, sizeof(*from->rules));
	copy.destinations =
		array_copy(from->destinations, from->destination_count, sizeof(*from->destinations));
	copy.lines = array_copy(from->lines, from->line_count, sizeof(*from->lines));
	copy.services = array_copy(from->services, from->service_count, sizeof(*from->services));
	copy.paths = array_copy(from->paths, from->path_count, sizeof(*from->paths));
	copy.table_answers =
		array_copy(from->table_answers, from->table_answer_count, sizeof(*from->table_answers));
	route_facts_clear(to);
	if (!copy.rules || !copy.destinations || !copy.lines || !copy.services || !copy.paths ||
		!copy.table_answers) {
		route_facts_clear(&copy);
		return -ENOMEM;
	}
	*to = copy;
	return 0;
}

/* ---- when to look up ---- */

#define HASH(sum, value) hash_bytes((sum), &(value), sizeof(value))

static uint64_t hash_inputs(const struct facts *facts, const struct collector_settings *settings)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		sum = HASH(sum, device->ifindex);
		sum = hash_bytes(sum, device->name, strlen(device->name));
		sum = HASH(sum, device->up);
		sum = HASH(sum, device->port);
		sum = HASH(sum, device->forwarding4);
		sum = HASH(sum, device->rp_filter_effective);
		sum = HASH(sum, device->src_valid_mark);
	}
	for (size_t i = 0; i < facts->address_count; i++) {
		sum = HASH(sum, facts->addresses[i].prefix);
		sum = HASH(sum, facts->addresses[i].ifindex);
	}
	for (size_t i = 0; i < facts->listener_count; i++) {
		const struct listener *listener = &facts->listeners[i];
		sum = HASH(sum, listener->address);
		sum = HASH(sum, listener->port);
		sum = HASH(sum, listener->uid);
		sum = HASH(sum, listener->ifindex);
	}
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		sum = HASH(sum, facts->endpoints[i].kind);
		sum = HASH(sum, facts->endpoints[i].address);
		sum = HASH(sum, facts->endpoints[i].target);
	}
	sum = HASH(sum, facts->listeners_unmarked);
	if (facts->nat_rules)
		sum = HASH(sum, facts->nat_rules->version);
	for (size_t i = 0; i < settings->probe_count; i++)
		sum = HASH(sum, settings->probes[i]);
	for (size_t i = 0; i < settings->line_count; i++)
		sum = hash_bytes(sum, settings->lines[i], strlen(settings->lines[i]) + 1);
	return sum;
}

static uint64_t hash_peers(const struct facts *facts)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		for (unsigned e = 0; e < endpoint->example_count; e++) {
			sum = HASH(sum, endpoint->examples[e].peer);
			sum = HASH(sum, endpoint->examples[e].port);
			sum = HASH(sum, endpoint->examples[e].mark);
		}
	}
	const struct handshake_report *report = facts->handshakes;
	for (size_t i = 0; report && i < report->peer_count; i++) {
		sum = HASH(sum, report->peers[i].device);
		sum = HASH(sum, report->peers[i].peer);
		sum = HASH(sum, report->peers[i].local);
		sum = HASH(sum, report->peers[i].asks);
		if (report->peers[i].asks)
			sum = HASH(sum, report->peers[i].port);
	}
	return sum;
}

static bool is_due(const struct route_context *context, uint64_t inputs, uint64_t peers, int64_t now_ns)
{
	int64_t age = now_ns - context->looked_up_ns;
	if (context->due || inputs != context->inputs || age >= LOOKUP_PERIOD_NS)
		return true;
	return peers != context->peers && age >= PEERS_PERIOD_NS && age >= PEERS_SHARE * context->cost_ns;
}

/* ---- the lookups ---- */

static int ask_kernel(
	void *argument, const struct route_query *queries, struct route_answer *answers, size_t count)
{
	return lookup_batch(argument, queries, answers, count);
}

static void refill_failing(struct route_context *context, int64_t now_ns)
{
	int64_t earned = (now_ns - context->refilled_ns) / FAILING_NS;
	if (earned <= 0)
		return;
	context->refilled_ns += earned * FAILING_NS;
	if (earned > FAILING_BURST - (int64_t)context->failing_left)
		earned = FAILING_BURST - (int64_t)context->failing_left;
	context->failing_left += (unsigned)earned;
}

/* 0 or negative errno. */
static int drain(struct route_context *context)
{
	int some = netlink_drain(context->events, NULL, NULL);
	if (some > 0)
		context->dirty = true;
	return some < 0 ? some : 0;
}

static int route_collect(void *opaque, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	(void)facts;
	struct route_context *context = opaque;
	context->error = drain(context);
	context->due |= context->dirty;
	context->dirty = false;
	return 0;
}

/* ---- marks ---- */

static bool asks_for_mark(const struct facts *facts)
{
	for (size_t i = 0; i < facts->rule_count; i++)
		if (facts->rules[i].mark_mask)
			return true;
	return false;
}

/* The translations have a new version whenever the nftables ruleset has changed; nobody announces changes of
 * legacy iptables. */
static bool is_output_unmarked(
	struct route_context *context, const struct collector_settings *settings, const struct facts *facts)
{
	struct filter_rules *rules;
	uint64_t version = facts->nat_rules ? facts->nat_rules->version : 0;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	if (version && version == context->output_version && now_ns - context->output_ns < LOOKUP_PERIOD_NS)
		return context->output_unmarked;
	context->output_unmarked = false;
	context->output_version = version;
	context->output_ns = now_ns;
	if (!version || filter_rules_read_output(settings->procfs, &rules) < 0)
		return false;
	context->output_unmarked = !filter_rules_mark_output(rules);
	filter_rules_free(rules);
	return context->output_unmarked;
}

static int route_complete(void *opaque, const struct collector_settings *settings, struct facts *facts)
{
	struct route_context *context = opaque;
	uint64_t inputs = hash_inputs(facts, settings), peers = hash_peers(facts);
	if (!is_due(context, inputs, peers, facts->monotonic_ns)) {
		int result = copy_facts(&facts->route_facts, &context->last);
		services_attach(facts);
		return result < 0 ? result : context->error;
	}
	context->inputs = inputs;
	context->peers = peers;
	context->due = false; /* what is announced from here on is for the next time */
	context->looked_up_ns = clock_ns(CLOCK_MONOTONIC);
	refill_failing(context, context->looked_up_ns);

	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int result = rules_read(context->lookups, AF_INET, &facts->rules, &facts->rule_count);
	if (result == 0)
		result = rules_read(context->lookups, AF_INET6, &facts->rules, &facts->rule_count);
	/* A kernel without IPv6 has no IPv6 rules: that is no failure. IPv4 there is. */
	if (result == -EOPNOTSUPP || result == -EAFNOSUPPORT)
		result = 0;
	facts->answers_unmarked = result == 0 && facts->listeners_unmarked && asks_for_mark(facts) &&
				  is_output_unmarked(context, settings, facts);
	if (result == 0)
		tables_gone_note(&context->gone, context->last.rules, context->last.rule_count, facts);
	if (result == 0)
		result = reply_paths_find(
			facts, settings, ask_kernel, context->lookups, &context->failing_left);
	if (result == 0)
		egresses_find(facts);
	if (result == 0)
		result = tables_read(facts, &context->gone);
	for (unsigned i = 0; result == 0 && i < 2; i++)
		facts->free_tables[i] =
			rules_free_table(context->lookups, families[i], facts->rules, facts->rule_count);
	if (result == 0)
		result = copy_facts(&context->last, &facts->route_facts);
	if (result < 0) {
		context->due = true;
		route_facts_clear(&facts->route_facts);
	}
	context->cost_ns = clock_ns(CLOCK_MONOTONIC) - context->looked_up_ns;
	return result < 0 ? result : context->error;
}

static int route_advance(void *opaque, int64_t now_ns, struct collector_schedule *schedule)
{
	(void)now_ns;
	struct route_context *context = opaque;
	int error = drain(context);
	schedule->changed = context->dirty;
	schedule->due_ns = COLLECTOR_NEVER;
	return error;
}

static int route_descriptor(const void *opaque)
{
	const struct route_context *context = opaque;
	return netlink_descriptor(context->events);
}

static void route_destroy(void *opaque)
{
	struct route_context *context = opaque;
	if (!context)
		return;
	netlink_close(context->lookups);
	netlink_close(context->events);
	route_facts_clear(&context->last);
	free(context);
}

static int route_init(const struct collector_settings *settings, void **out)
{
	(void)settings;
	struct route_context *context = calloc(1, sizeof(*context));
	if (!context)
		return -ENOMEM;
	context->dirty = true;
	context->failing_left = FAILING_BURST;
	context->refilled_ns = clock_ns(CLOCK_MONOTONIC);
	int result = netlink_open(NETLINK_ROUTE, &context->lookups);
	if (result == 0)
		result = netlink_watch(groups, sizeof(groups) / sizeof(*groups), &context->events);
	if (result < 0) {
		route_destroy(context);
		return result;
	}
	*out = context;
	return 0;
}

const struct collector route_collector = {
	.name = "route",
	.summary = "reply routes of local and translated addresses, and rules",
	.init = route_init,
	.collect = route_collect,
	.complete = route_complete,
	.destroy = route_destroy,
	.descriptor = route_descriptor,
	.advance = route_advance,
};
