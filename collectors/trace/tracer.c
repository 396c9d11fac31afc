// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/tracer.h"

/* before the kernel's headers, which bring the same */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "collectors/base/nfnetlink.h"
#include "collectors/route/lookup.h"
#include "collectors/trace/nft_client.h"
#include "collectors/trace/ruleset_read.h"
#include "collectors/trace/trace_rule.h"
#include "collectors/trace/trace_way.h"

/* Room for the ways of some hundred packets, should others trace as well. */
#define EVENTS_ROOM (1 << 20)
/* Taking the table away is tried again after this. */
#define RETRY_NS (100 * INT64_C(1000000))

struct tracer {
	struct nft_ctx *client;
	struct netlink *events, *requests, *routes; /* NULL before it is connected */
	char name[TRACE_TABLE_NAME_SIZE];
	bool armed; /* there is a table */
	bool over;  /* a trace waits to be taken */
	int64_t until_ns, retry_ns;
	struct trace_subject subject;
	struct trace_way way;
};

/* ---- open and close ---- */

static int open_events(struct netlink **out)
{
	int room = EVENTS_ROOM;
	int error = netlink_open(NETLINK_NETFILTER, out);
	if (error < 0)
		return error == -EPROTONOSUPPORT ? -EOPNOTSUPP : error;
	setsockopt(netlink_descriptor(*out), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	error = netlink_join(*out, NFNLGRP_NFTRACE);
	return error == -EINVAL || error == -ENOENT ? -EOPNOTSUPP : error;
}

static int make_name(struct tracer *tracer)
{
	uint32_t number;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(tracer->name, sizeof(tracer->name), TRACE_TABLE_PREFIX "%08x", number);
	return 0;
}

int tracer_open(struct tracer **out)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));
	if (!tracer)
		return -ENOMEM;
	int error = make_name(tracer);
	if (error < 0) {
		tracer_close(tracer);
		return error;
	}
	*out = tracer;
	return 0;
}

static void tracer_disconnect(struct tracer *tracer)
{
	nft_client_close(tracer->client);
	netlink_close(tracer->events);
	netlink_close(tracer->requests);
	netlink_close(tracer->routes);
	tracer->client = NULL;
	tracer->events = tracer->requests = tracer->routes = NULL;
}

int tracer_connect(struct tracer *tracer)
{
	if (tracer->client)
		return 0;
	int error = open_events(&tracer->events);
	if (error == 0)
		error = netlink_open(NETLINK_NETFILTER, &tracer->requests);
	if (error == 0)
		error = netlink_open(NETLINK_ROUTE, &tracer->routes);
	if (error == 0)
		error = nft_client_open(&tracer->client);
	if (error < 0)
		tracer_disconnect(tracer);
	return error;
}

static int tracer_disarm(struct tracer *tracer)
{
	char text[TRACE_TABLE_TEXT_SIZE];
	if (!tracer->armed)
		return 0;
	int error = nft_client_run(tracer->client, trace_table_remove(tracer->name, text));
	if (error == 0 || error == -ENOENT)
		tracer->armed = false;
	return tracer->armed ? error : 0;
}

/* The table has an owner: what tracer_disarm() could not remove goes with the socket. */
void tracer_close(struct tracer *tracer)
{
	if (!tracer)
		return;
	tracer_disarm(tracer);
	tracer_disconnect(tracer);
	free(tracer);
}

int tracer_descriptor(const struct tracer *tracer)
{
	return tracer->events ? netlink_descriptor(tracer->events) : -1;
}

uint32_t tracer_generation(struct tracer *tracer)
{
	uint32_t generation;
	if (!tracer->requests)
		return 0;
	if (nftables_generation(tracer->requests, &generation) == 0)
		return generation;
	netlink_drain(tracer->requests, NULL, NULL);
	return 0;
}

/* ---- arm, read, disarm ---- */

int tracer_arm(
	struct tracer *tracer, const struct trace_subject *subject, int64_t now_ns, int64_t duration_ns)
{
	char text[TRACE_TABLE_TEXT_SIZE];
	if (tracer->armed || tracer->over)
		return -EBUSY;
	int error = tracer_connect(tracer);
	if (error < 0)
		return error;
	netlink_drain(tracer->events, NULL, NULL);
	error = nft_client_run(tracer->client, trace_table_make(tracer->name, subject, text));
	if (error == -EEXIST)
		make_name(tracer);
	if (error < 0) /* before Linux 5.12 a table has no such flag */
		return error == -EINVAL ? -EOPNOTSUPP : error;
	tracer->armed = true;
	tracer->until_ns = now_ns + duration_ns;
	tracer->retry_ns = 0;
	tracer->subject = *subject;
	memset(&tracer->way, 0, sizeof(tracer->way));
	return 0;
}

struct tracer_reading {
	struct tracer *tracer;
	int64_t now_ns;
};

static int tracer_message(const struct nlmsghdr *header, void *argument)
{
	const struct tracer_reading *reading = argument;
	struct trace_message message;
	if (trace_message_parse(header, &message) == 0)
		trace_way_add(&reading->tracer->way, reading->tracer->name, &message, reading->now_ns);
	return 0;
}

int tracer_advance(struct tracer *tracer, int64_t now_ns)
{
	struct tracer_reading reading = { tracer, now_ns };
	bool wanted = tracer->armed && !tracer->over;
	if (!tracer->events)
		return 0;
	/* also while nothing is armed: somebody else may trace */
	int read = netlink_drain(tracer->events, wanted ? tracer_message : NULL, &reading);
	int error = read < 0 ? read : 0;
	if (!tracer->armed)
		return error;
	if (read == NETLINK_LOST &&
		!tracer->way.over) /* a way with a gap says nothing; there will be others */
		memset(&tracer->way, 0, sizeof(tracer->way));
	trace_way_advance(&tracer->way, now_ns);
	if (!tracer->over && (tracer->way.over || now_ns >= tracer->until_ns)) {
		tracer->over = true;
		tracer->until_ns = INT64_MAX;
	}
	if (!tracer->over)
		return error;
	int disarmed = tracer_disarm(tracer);
	tracer->retry_ns = now_ns + RETRY_NS;
	return disarmed < 0 ? disarmed : error;
}

bool tracer_is_armed(const struct tracer *tracer)
{
	return tracer->armed;
}

bool tracer_is_over(const struct tracer *tracer)
{
	return tracer->over;
}

int64_t tracer_due(const struct tracer *tracer)
{
	int64_t vanished_ns = tracer->way.last_ns + TRACE_WAY_SILENCE_NS;
	if (!tracer->armed)
		return INT64_MAX;
	if (tracer->over)
		return tracer->retry_ns;
	return tracer->way.begun && vanished_ns < tracer->until_ns ? vanished_ns : tracer->until_ns;
}

/* ---- steps ---- */

static const char *verdict_word(int32_t verdict)
{
	static const char *const within[] = {
		/* nf_tables: below 0 */
		[-NFT_CONTINUE] = "continue",
		[-NFT_BREAK] = "continue",
		[-NFT_JUMP] = "jump",
		[-NFT_GOTO] = "goto",
		[-NFT_RETURN] = "return",
	};
	static const char *const netfilter[] = {
		[NF_DROP] = "drop",
		[NF_ACCEPT] = "accept",
		[NF_STOLEN] = "stolen",
		[NF_QUEUE] = "queue",
	};
	if (verdict < 0 && verdict >= NFT_RETURN)
		return within[-verdict];
	uint32_t word = (uint32_t)verdict & NF_VERDICT_MASK;
	return word < sizeof(netfilter) / sizeof(*netfilter) ? netfilter[word] : "unknown";
}

static int fill_steps(const struct tracer *tracer, struct trace *trace)
{
	const struct trace_way *way = &tracer->way;
	trace->steps = calloc(way->count + 1, sizeof(*trace->steps));
	if (!trace->steps)
		return -ENOMEM;
	for (unsigned i = 0; i < way->count; i++) {
		const struct trace_message *from = &way->steps[i];
		struct trace_step *step = &trace->steps[trace->step_count++];
		struct nft_client_chain chain;
		step->family = from->family;
		step->handle = from->handle;
		step->table = strdup(from->table);
		step->chain = strdup(from->chain);
		if (asprintf(&step->verdict, "%s%s%s%s", from->kind == TRACE_BY_POLICY ? "policy " : "",
			    verdict_word(from->verdict), from->target[0] ? " " : "", from->target) < 0)
			step->verdict = NULL;
		if (from->handle && nft_client_chain(tracer->client, from->family, from->table, from->chain,
					    &chain) == 0) {
			step->rule = ruleset_rule_text(chain.text, from->handle);
			nft_client_chain_clear(&chain);
		}
		if (!step->table || !step->chain || !step->verdict)
			return -ENOMEM;
	}
	return 0;
}

/* ---- who dropped it ---- */

/* Looks for the miss in the chain of each step, up to the rule it took there: from the chain that dropped it
 * back to the base chain it came from. */
static bool find_miss(const struct tracer *tracer, const struct facts *facts, struct ruleset_miss *miss)
{
	const struct trace_way *way = &tracer->way;
	struct ruleset_packet packet = { .headers = way->latest, .original = way->asked };
	const struct trace_message *last = trace_way_last(way);
	if (way->iif)
		snprintf(packet.iif, sizeof(packet.iif), "%s", facts_device_name(facts, way->iif));
	if (way->oif)
		snprintf(packet.oif, sizeof(packet.oif), "%s", facts_device_name(facts, way->oif));
	for (unsigned i = way->count; i-- > 0;) {
		const struct trace_message *step = &way->steps[i];
		uint64_t taken[TRACE_WAY_STEPS];
		unsigned taken_count = 0;
		struct nft_client_chain chain;
		if (step->family != last->family || strcmp(step->table, last->table) != 0)
			return false;
		for (unsigned j = 0; j < way->count; j++) {
			const struct trace_message *other = &way->steps[j];
			if (other->family == step->family && strcmp(other->table, step->table) == 0 &&
				strcmp(other->chain, step->chain) == 0)
				taken[taken_count++] = other->handle;
		}
		if (nft_client_chain(tracer->client, step->family, step->table, step->chain, &chain) == 0) {
			bool found = ruleset_find_miss(
				chain.json, step->handle, &packet, taken, taken_count, miss);
			nft_client_chain_clear(&chain);
			if (found)
				return true;
		}
		if (step->has_headers)
			return false;
	}
	return false;
}

static int name_dropper(const struct tracer *tracer, const struct facts *facts, struct trace *trace)
{
	const struct trace_message *last = trace_way_last(&tracer->way);
	struct ruleset_miss miss;
	if (!last)
		return 0;
	trace->table_family = last->family;
	trace->handle = last->handle;
	trace->table = strdup(last->table);
	trace->chain = strdup(last->chain);
	if (!trace->table || !trace->chain)
		return -ENOMEM;
	if (trace_rule_list(tracer->client, trace) && find_miss(tracer, facts, &miss)) {
		trace->set = miss.set;
		trace->element = miss.element;
		trace->map = miss.map;
	}
	return 0;
}

/* ---- why it vanished ---- */

/* The kernel's refusal alone does not say whether reverse-path filtering is behind it, or a blackhole. */
static void ask_source(const struct tracer *tracer, const struct facts *facts,
	const struct route_query *query, struct route_answer *answer)
{
	const struct device *device = facts_device(facts, query->iif);
	struct route_query plain = *query;
	struct route_answer way, reverse;
	plain.iif = 0;
	plain.source = (struct address){ 0 };
	if (!device || lookup_batch(tracer->routes, &plain, &way, 1) < 0)
		return;
	if (way.result != ROUTE_FOUND && way.result != ROUTE_LOCAL) {
		answer->result = way.result;
		return;
	}
	int egress = way.result == ROUTE_FOUND && way.devices.count ? way.devices.ifindex[0] : 0;
	const struct route_query back = lookup_reverse(query, egress, device->src_valid_mark);
	if (lookup_batch(tracer->routes, &back, &reverse, 1) < 0)
		return;
	enum route_result verdict = lookup_source_verdict(
		device, facts_device_address(facts, query->iif, AF_INET, NULL), &reverse);
	if (verdict == ROUTE_RP_FILTER || verdict == ROUTE_MARTIAN)
		answer->result = verdict;
}

static void ask_route(const struct tracer *tracer, const struct facts *facts, struct trace *trace)
{
	const struct trace_headers *headers = &tracer->way.latest;
	const struct device *device = facts_device(facts, trace->arrival);
	const struct route_query query = { .destination = headers->destination,
		.source = headers->source,
		.iif = trace->arrival,
		.protocol = IPPROTO_TCP,
		.source_port = headers->source_port,
		.destination_port = headers->destination_port };
	if (trace->end != TRACE_VANISHED || trace->place != TRACE_ROUTING || !trace->arrival)
		return;
	if (lookup_batch(tracer->routes, &query, &trace->route, 1) < 0)
		return;
	if (trace->route.result == ROUTE_FAILED)
		ask_source(tracer, facts, &query, &trace->route);
	if (trace->route.result == ROUTE_UNREACHABLE && device && !device->forwarding4 &&
		query.destination.family == AF_INET)
		trace->route.result = ROUTE_NOT_FORWARDED;
}

/* ---- take ---- */

/* A rule that cannot be read (it is gone already) has no text. */
int tracer_take(struct tracer *tracer, const struct facts *facts, bool steps, struct trace_subject *subject,
	struct trace *out)
{
	const struct trace_way *way = &tracer->way;
	struct trace trace = { .address = tracer->subject.address,
		.port = tracer->subject.port,
		.protocol = IPPROTO_TCP,
		.arrival = tracer->subject.arrival,
		.target = tracer->subject.address,
		.target_port = tracer->subject.port,
		.end = TRACE_NOTHING,
		.time_ns = facts->time_ns };
	if (way->begun) {
		trace.end = way->over ? way->end : TRACE_VANISHED;
		trace.place = way->place;
		trace.client = way->asked.source;
		trace.client_port = way->asked.source_port;
		trace.target = way->latest.destination;
		trace.target_port = way->latest.destination_port;
		trace.translated = !address_equal(&way->asked.destination, &trace.target) ||
				   way->asked.destination_port != trace.target_port;
		trace.leaving = way->oif;
	}
	tracer->over = false;
	int error = name_dropper(tracer, facts, &trace);
	if (error == 0 && steps)
		error = fill_steps(tracer, &trace);
	if (error < 0) {
		trace_clear(&trace);
		return error;
	}
	ask_route(tracer, facts, &trace);
	*out = trace;
	*subject = tracer->subject;
	return 0;
}
