// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_build.h"

/* before the kernel's headers, which bring the same */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/trace/ruleset_read.h"
#include "collectors/trace/trace.h"

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

static int fill_steps(const struct trace_sources *sources, const struct trace_way *way, struct trace *trace)
{
	trace->steps = calloc(way->count + 1, sizeof(*trace->steps));
	if (!trace->steps)
		return -ENOMEM;
	for (unsigned i = 0; i < way->count; i++) {
		const struct trace_way_step *from = &way->steps[i];
		struct trace_step *step = &trace->steps[trace->step_count++];
		struct nft_client_chain chain;
		step->family = from->family;
		step->handle = from->handle;
		step->table = strdup(from->table);
		step->chain = strdup(from->chain);
		if (asprintf(&step->verdict, "%s%s%s%s", from->kind == TRACE_BY_POLICY ? "policy " : "",
			    verdict_word(from->verdict), from->target[0] ? " " : "", from->target) < 0)
			step->verdict = NULL;
		if (from->handle && nft_client_chain(sources->client, from->family, from->table, from->chain,
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
static bool find_miss(
	const struct trace_sources *sources, const struct trace_way *way, struct ruleset_miss *miss)
{
	struct ruleset_packet packet = { .headers = way->latest, .original = way->asked };
	const struct trace_way_step *last = trace_way_last(way);
	if (way->iif)
		snprintf(packet.iif, sizeof(packet.iif), "%s", facts_device_name(sources->facts, way->iif));
	if (way->oif)
		snprintf(packet.oif, sizeof(packet.oif), "%s", facts_device_name(sources->facts, way->oif));
	for (unsigned i = way->count; i-- > 0;) {
		const struct trace_way_step *step = &way->steps[i];
		uint64_t taken[TRACE_WAY_STEPS];
		unsigned taken_count = 0;
		struct nft_client_chain chain;
		if (step->family != last->family || strcmp(step->table, last->table) != 0)
			return false;
		for (unsigned j = 0; j < way->count; j++) {
			const struct trace_way_step *other = &way->steps[j];
			if (other->family == step->family && strcmp(other->table, step->table) == 0 &&
				strcmp(other->chain, step->chain) == 0)
				taken[taken_count++] = other->handle;
		}
		if (nft_client_chain(sources->client, step->family, step->table, step->chain, &chain) == 0) {
			bool found = ruleset_find_miss(
				chain.json, step->handle, &packet, taken, taken_count, miss);
			nft_client_chain_clear(&chain);
			if (found)
				return true;
		}
		if (step->first)
			return false;
	}
	return false;
}

static int name_dropper(const struct trace_sources *sources, const struct trace_way *way, struct trace *trace)
{
	const struct trace_way_step *last = trace_way_last(way);
	struct nft_client_chain chain;
	struct ruleset_miss miss;
	if (!last)
		return 0;
	trace->table_family = last->family;
	trace->handle = last->handle;
	trace->table = strdup(last->table);
	trace->chain = strdup(last->chain);
	if (!trace->table || !trace->chain)
		return -ENOMEM;
	if (nft_client_chain(sources->client, last->family, last->table, last->chain, &chain) < 0)
		return 0;
	trace->rule = last->handle ? ruleset_rule_text(chain.text, last->handle) : NULL;
	trace->number = ruleset_rule_number(chain.json, last->handle);
	trace->iptables = chain.iptables;
	nft_client_chain_clear(&chain);
	if (find_miss(sources, way, &miss)) {
		trace->set = miss.set;
		trace->element = miss.element;
		trace->map = miss.map;
	}
	return 0;
}

/* ---- why it vanished ---- */

/* The kernel's refusal alone does not say whether reverse-path filtering is behind it, or a blackhole. */
static void ask_source(
	const struct trace_sources *sources, const struct route_query *query, struct route_answer *answer)
{
	const struct device *device = facts_device(sources->facts, query->iif);
	struct route_query plain = *query;
	struct route_answer way, reverse;
	plain.iif = 0;
	plain.source = (struct address){ 0 };
	if (!device || lookup_batch(sources->routes, &plain, &way, 1) < 0)
		return;
	if (way.result != ROUTE_FOUND && way.result != ROUTE_LOCAL) {
		answer->result = way.result;
		return;
	}
	int egress = way.result == ROUTE_FOUND && way.devices.count ? way.devices.ifindex[0] : 0;
	const struct route_query back = lookup_reverse(query, egress, device->src_valid_mark);
	if (lookup_batch(sources->routes, &back, &reverse, 1) < 0)
		return;
	enum route_result verdict = lookup_source_verdict(
		device, facts_device_address(sources->facts, query->iif, AF_INET, NULL), &reverse);
	if (verdict == ROUTE_RP_FILTER || verdict == ROUTE_MARTIAN)
		answer->result = verdict;
}

static void ask_route(const struct trace_sources *sources, const struct trace_way *way, struct trace *trace)
{
	const struct trace_headers *headers = &way->latest;
	const struct device *device = facts_device(sources->facts, trace->arrival);
	const struct route_query query = { .destination = headers->destination,
		.source = headers->source,
		.iif = trace->arrival,
		.protocol = IPPROTO_TCP,
		.source_port = headers->source_port,
		.destination_port = headers->destination_port };
	if (trace->end != TRACE_VANISHED || trace->place != TRACE_ROUTING || !trace->arrival)
		return;
	if (lookup_batch(sources->routes, &query, &trace->route, 1) < 0)
		return;
	if (trace->route.result == ROUTE_FAILED)
		ask_source(sources, &query, &trace->route);
	if (trace->route.result == ROUTE_UNREACHABLE && device && !device->forwarding4 &&
		query.destination.family == AF_INET)
		trace->route.result = ROUTE_NOT_FORWARDED;
}

/* ---- all ---- */

int trace_build(const struct trace_sources *sources, const struct trace_subject *subject,
	const struct trace_way *way, struct trace *out)
{
	struct trace trace = { .address = subject->address,
		.port = subject->port,
		.protocol = IPPROTO_TCP,
		.arrival = subject->arrival,
		.target = subject->address,
		.target_port = subject->port,
		.end = TRACE_NOTHING,
		.time_ns = sources->facts->time_ns };
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
	int error = name_dropper(sources, way, &trace);
	if (error == 0 && sources->steps)
		error = fill_steps(sources, way, &trace);
	if (error < 0) {
		trace_clear(&trace);
		return error;
	}
	ask_route(sources, way, &trace);
	*out = trace;
	return 0;
}
