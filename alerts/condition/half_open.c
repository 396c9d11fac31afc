// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * half_open_nat: what connection tracking alone can tell of replies that get lost, where the wire is not
 * watched. A translated connection that was answered and not acknowledged is tracked for 60 s
 * (nf_conntrack_tcp_timeout_syn_recv). SYN-ACKs that the target repeats on its own do not lengthen that, the
 * answer to a repeated SYN does. So what a scan or a forged flood leaves is gone after 60 s, and only a
 * client that goes on asking stays. A service that is down leaves no such entries, nor does a slow client.
 * Where the wire is watched, it must agree.
 */
#include "alerts/condition/conditions.h"
#include "alerts/describe.h"
#include "alerts/wire.h"

#define SECOND_NS 1e9

/* Up to the last sweep that met it, however long ago that is. */
static bool is_stuck(const struct judge_context *context, const struct flow_example *example)
{
	double seconds = (double)(example->seen_ns - example->stuck_ns) / SECOND_NS;
	return example->state == NAT_SYN_RECV && example->stuck_ns &&
	       seconds >= context->settings->thresholds.half_open_seconds;
}

static bool has_stuck_peer(const struct judge_context *context, const struct endpoint *endpoint)
{
	for (unsigned i = 0; i < endpoint->example_count && endpoint->syn_recv > 0; i++)
		if (is_stuck(context, &endpoint->examples[i]))
			return true;
	return false;
}

static double share_of(uint64_t syn_recv, uint64_t open)
{
	return syn_recv ? (double)syn_recv / (double)(syn_recv + open) : 0;
}

/* At all targets together where nobody is stuck. */
static double usual_share(const struct judge_context *context)
{
	const struct facts *facts = context->now;
	uint64_t syn_recv = 0, open = 0;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		if (endpoint->kind != ENDPOINT_DNAT || has_stuck_peer(context, endpoint))
			continue;
		syn_recv += endpoint->syn_recv;
		open += endpoint->open;
	}
	return share_of(syn_recv, open);
}

static bool wire_agrees(const struct judge_context *context, const struct address *address)
{
	const struct handshake_report *report = context->now->handshakes;
	for (size_t i = 0; report && i < report->suspect_count; i++)
		if (address_equal(&report->suspects[i].server, address) &&
			wire_is_lasting(context, &report->suspects[i]))
			return true;
	for (size_t i = 0; report && i < report->service_count; i++)
		if (address_equal(&report->services[i].address, address) &&
			report->services[i].recent[HANDSHAKE_ONE_WAY])
			return true;
	return !report;
}

static bool is_beyond(const struct judge_context *context, const struct endpoint *endpoint, double usual)
{
	const struct thresholds *thresholds = &context->settings->thresholds;
	double share = share_of(endpoint->syn_recv, endpoint->open);
	return endpoint->kind == ENDPOINT_DNAT && has_stuck_peer(context, endpoint) &&
	       share >= thresholds->half_open_share && share >= usual * thresholds->half_open_factor &&
	       wire_agrees(context, &endpoint->address);
}

static void add_finding(const struct judge_context *context, const struct endpoint *endpoint, double usual,
	struct findings *candidates)
{
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE], peer[ADDRESS_TEXT_SIZE];
	struct finding *finding = findings_add(candidates, &half_open_nat_condition);
	finding_set_service(finding, ORIGIN_DNAT, &endpoint->address, &endpoint->target);
	finding->intended = intended_covers(context->settings, &endpoint->address, &endpoint->target, "", "");
	finding->severity = finding->intended ? SEVERITY_INFO : SEVERITY_WARNING;
	address_format(&endpoint->address, address);
	address_format(&endpoint->target, target);
	finding_summarise(
		finding, "connections to %s (to %s) are answered and never acknowledged", address, target);
	finding_explain(finding,
		"%s answers, the answers come to this host, and clients go on asking: connection "
		"tracking shows them half open for minutes. If nothing else is found here, the "
		"answers are lost or changed on their way after they left this host.",
		target);
	for (unsigned i = 0; i < endpoint->example_count; i++)
		if (is_stuck(context, &endpoint->examples[i]))
			finding_add_item(finding, "peers", address_format(&endpoint->examples[i].peer, peer));
	finding_add_number(finding, "syn_recv", (double)endpoint->syn_recv);
	finding_add_number(finding, "open", (double)endpoint->open);
	finding_add_number(finding, "usual_share", usual);
}

static void half_open_nat_find(const struct judge_context *context, struct findings *candidates)
{
	double usual = usual_share(context);
	for (size_t i = 0; i < context->now->endpoint_count; i++)
		if (is_beyond(context, &context->now->endpoints[i], usual))
			add_finding(context, &context->now->endpoints[i], usual, candidates);
}

const struct condition half_open_nat_condition = {
	.name = "half_open_nat",
	.help = "translated connections of a client stay answered and unacknowledged for minutes, and "
		"most of that target's do: what connection tracking alone can tell where nothing may be "
		"captured; not amid a flood",
	.severity = "warning",
	.find = half_open_nat_find,
	.explained_by = {
		{ &reply_wrong_device_condition, explains_at_address },
		{ &no_reply_route_condition, explains_at_address },
		{ &handshake_one_way_condition, explains_at_address },
	},
};
