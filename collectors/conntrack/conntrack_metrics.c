// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/conntrack_metrics.h"

#include "collectors/base/clock.h"
#include "collectors/facts.h"

static const char *const nat_names[NAT_KINDS] = {
	[NAT_DNAT] = "dnat",
	[NAT_SNAT] = "snat",
	[NAT_BOTH] = "both",
};
static const char *const protocol_names[NAT_PROTOCOLS] = {
	[NAT_TCP] = "tcp",
	[NAT_UDP] = "udp",
	[NAT_ICMP] = "icmp",
	[NAT_OTHER] = "other",
};
static const char *const state_names[NAT_STATES] = {
	[NAT_SYN_SENT] = "syn_sent",
	[NAT_SYN_RECV] = "syn_recv",
	[NAT_ESTABLISHED] = "established",
	[NAT_CLOSING] = "closing",
	[NAT_UNREPLIED] = "unreplied",
	[NAT_REPLIED] = "replied",
};
static const char *const stat_names[CONNTRACK_STATS] = {
	[CONNTRACK_INVALID] = "invalid",
	[CONNTRACK_INSERT_FAILED] = "insert_failed",
	[CONNTRACK_DROP] = "drop",
	[CONNTRACK_EARLY_DROP] = "early_drop",
	[CONNTRACK_CHAIN_TOOLONG] = "chain_toolong",
};

static const struct conntrack_sample *known_sample(const struct facts *facts)
{
	return facts->conntrack.known ? &facts->conntrack : NULL;
}

static void emit_nat_flows(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = known_sample(facts);
	for (size_t nat = 0; sample && nat < NAT_KINDS; nat++)
		for (size_t protocol = 0; protocol < NAT_PROTOCOLS; protocol++)
			for (size_t state = 0; state < NAT_STATES; state++)
				if ((protocol == NAT_TCP) == (state < NAT_UNREPLIED))
					metric_add(sink, (double)sample->flows[nat][protocol][state],
						nat_names[nat], protocol_names[protocol], state_names[state]);
}

static void emit_target_flows(struct metric_sink *sink, const struct facts *facts)
{
	if (!known_sample(facts))
		return;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
		if (endpoint->kind != ENDPOINT_DNAT || !sink->shows(sink, &endpoint->address))
			continue;
		address_format(&endpoint->address, address);
		address_format(&endpoint->target, target);
		metric_add(sink, (double)endpoint->half_open, address, target, "half_open");
		metric_add(sink, (double)endpoint->open, address, target, "open");
	}
}

static void emit_conntrack_stats(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; facts->conntrack.stats_known && i < CONNTRACK_STATS; i++)
		metric_add(sink, (double)facts->conntrack.stats[i], stat_names[i]);
}

static void emit_sample_seconds(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = known_sample(facts);
	if (sample)
		metric_add(sink, sample->seconds);
}

static void emit_sample_entries(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = known_sample(facts);
	if (sample)
		metric_add(sink, (double)sample->entries);
}

static void emit_sample_timestamp(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = known_sample(facts);
	int64_t milliseconds = sample ? sample->ended_ns / MILLISECOND_NS : 0;
	if (sample)
		metric_add(sink, (double)milliseconds / 1000);
}

static void emit_endpoints_omitted(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = known_sample(facts);
	if (sample)
		metric_add(sink, (double)sample->endpoints_omitted);
}

const struct metric_family conntrack_metrics[] = {
	{ .name = "oneway_conntrack_endpoints_omitted_total",
		.type = METRIC_COUNTER,
		.help = "Flows met in the connection tracking table whose addresses found no place, and addresses that "
			"lost theirs to others.",
		.emit = emit_endpoints_omitted },
	{ .name = "oneway_conntrack_nat_flows",
		.type = METRIC_GAUGE,
		.labels = { "nat", "protocol", "state" },
		.help = "Translated flows at the last sweep of the connection tracking table.",
		.emit = emit_nat_flows },
	{ .name = "oneway_conntrack_sample_entries",
		.type = METRIC_GAUGE,
		.help = "Entries of the connection tracking table, translated or not, met by its last sweep.",
		.emit = emit_sample_entries },
	{ .name = "oneway_conntrack_sample_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.help = "Processor time spent on the last sweep of the connection tracking table.",
		.emit = emit_sample_seconds },
	{ .name = "oneway_conntrack_sample_timestamp_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.help = "When the last sweep of the connection tracking table ended, since the Unix epoch.",
		.emit = emit_sample_timestamp },
	{ .name = "oneway_conntrack_stat_total",
		.type = METRIC_COUNTER,
		.labels = { "stat" },
		.help = "The kernel's connection tracking statistics, summed over processors.",
		.emit = emit_conntrack_stats },
	{ .name = "oneway_conntrack_target_flows",
		.type = METRIC_GAUGE,
		.labels = { "address", "target", "state" },
		.help = "Flows to a public address by the target they are translated to, at the last sweep.",
		.emit = emit_target_flows },
	{ 0 },
};
