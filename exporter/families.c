// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/clock.h"
#include "exporter/drop_families.h"
#include "exporter/handshake_families.h"
#include "exporter/reply_routes.h"
#include "exporter/trace_families.h"
#include "exporter/version.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* ---- exporter ---- */

static void emit_build_info(struct metrics *metrics, const struct exposition *exposition)
{
	(void)exposition;
	metrics_add(metrics, 1, version_number, version_revision, __VERSION__);
}

static void emit_collector_seconds(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && i < facts->collector_count; i++)
		metrics_add(metrics, facts->collectors[i].seconds, facts->collectors[i].name);
}

static void emit_collector_success(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && i < facts->collector_count; i++)
		metrics_add(metrics, facts->collectors[i].success, facts->collectors[i].name);
}

static void emit_process(
	struct metrics *metrics, const struct exposition *exposition, enum process_metric which)
{
	if (exposition->process.known[which])
		metrics_add(metrics, exposition->process.value[which]);
}

#define EMIT_PROCESS(name, which)                                                      \
	static void name(struct metrics *metrics, const struct exposition *exposition) \
	{                                                                              \
		emit_process(metrics, exposition, which);                              \
	}

EMIT_PROCESS(emit_process_cpu, PROCESS_CPU_SECONDS)
EMIT_PROCESS(emit_process_open_fds, PROCESS_OPEN_FDS)
EMIT_PROCESS(emit_process_max_fds, PROCESS_MAX_FDS)
EMIT_PROCESS(emit_process_virtual, PROCESS_VIRTUAL_BYTES)
EMIT_PROCESS(emit_process_virtual_max, PROCESS_VIRTUAL_MAX_BYTES)
EMIT_PROCESS(emit_process_resident, PROCESS_RESIDENT_BYTES)
EMIT_PROCESS(emit_process_start, PROCESS_START_SECONDS)
EMIT_PROCESS(emit_process_threads, PROCESS_THREADS)

/* ---- findings ---- */

static bool is_counted(const struct finding *finding)
{
	return finding->open && !finding->intended;
}

/* A finding without a service has no origin. */
static const char *finding_origin(const struct finding *finding)
{
	return finding->has_service ? origin_name(finding->origin) : "";
}

static bool same_labels(const struct finding *a, const struct finding *b)
{
	return a->condition == b->condition && a->severity == b->severity && !*a->cause == !*b->cause &&
	       a->has_service == b->has_service && strcmp(a->device_name, b->device_name) == 0 &&
	       (!a->has_service || (a->origin == b->origin && address_equal(&a->address, &b->address)));
}

/* Findings that differ only by their target share a series. */
static bool written_before(const struct findings *findings, size_t position)
{
	for (size_t i = 0; i < position; i++)
		if (is_counted(&findings->items[i]) &&
			same_labels(&findings->items[i], &findings->items[position]))
			return true;
	return false;
}

static void emit_finding(struct metrics *metrics, const struct exposition *exposition)
{
	const struct findings *findings = exposition->findings;
	for (size_t i = 0; findings && i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		char address[ADDRESS_TEXT_SIZE] = "";
		if (!is_counted(finding) ||
			(finding->has_service && !selection_has(&exposition->addresses, &finding->address)))
			continue;
		if (written_before(findings, i))
			continue;
		if (finding->has_service)
			address_format(&finding->address, address);
		metrics_add(metrics, 1, finding->condition->name, severity_name(finding->severity),
			finding->device_name, address, finding_origin(finding),
			*finding->cause ? "false" : "true");
	}
}

static void emit_findings(struct metrics *metrics, const struct exposition *exposition)
{
	const struct findings *findings = exposition->findings;
	for (size_t i = 0; findings && conditions[i]; i++) {
		unsigned counts[SEVERITIES] = { 0 };
		for (size_t j = 0; j < findings->count; j++)
			if (findings->items[j].condition == conditions[i] && is_counted(&findings->items[j]))
				counts[findings->items[j].severity]++;
		for (size_t j = 0; j < SEVERITIES; j++)
			metrics_add(metrics, counts[j], conditions[i]->name, severity_name((enum severity)j));
	}
}

/* ---- rpfilter ---- */

static void emit_rp_filter_mode(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!device->port && device->rp_filter_effective != RP_FILTER_UNKNOWN)
			metrics_add(metrics, device->rp_filter_effective, device->name);
	}
}

static void emit_rp_filter_drops(struct metrics *metrics, const struct exposition *exposition)
{
	if (exposition->facts && exposition->facts->rpfilter.known)
		metrics_add(metrics, (double)exposition->facts->rpfilter.drops);
}

static void emit_martians(struct metrics *metrics, const struct exposition *exposition)
{
	if (!exposition->facts || !exposition->facts->rpfilter.martians_known)
		return;
	metrics_add(metrics, (double)exposition->facts->rpfilter.martian_sources, "source");
	metrics_add(metrics, (double)exposition->facts->rpfilter.martian_destinations, "destination");
}

/* ---- natrules ---- */

static void emit_nat_rules(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	size_t redirects = 0;
	if (!facts || !facts->nat_rules_known)
		return;
	for (size_t i = 0; i < facts->nat_rule_count; i++)
		redirects += facts->nat_rules[i].redirect;
	metrics_add(metrics, (double)(facts->nat_rule_count - redirects), "dnat");
	metrics_add(metrics, (double)redirects, "redirect");
}

static void emit_nat_rules_unread(struct metrics *metrics, const struct exposition *exposition)
{
	if (exposition->facts && exposition->facts->nat_rules_known)
		metrics_add(metrics, (double)exposition->facts->nat_rules_unread);
}

/* ---- route ---- */

const char *device_set_names(
	const struct facts *facts, const struct device_set *set, char text[static DEVICE_NAMES_SIZE])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < set->count; i++) {
		const char *name = facts_device_name(facts, set->ifindex[i]);
		size_t length = strnlen(name, IF_NAMESIZE - 1);
		if (i > 0)
			text[used++] = ',';
		memcpy(text + used, name, length);
		used += length;
		text[used] = '\0';
	}
	return text;
}

static void emit_reply_route(
	struct metrics *metrics, const struct exposition *exposition, const struct reply_route *route)
{
	const struct facts *facts = exposition->facts;
	const struct service *service = &facts->services[route->service];
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE], reply[DEVICE_NAMES_SIZE];
	metrics_add(metrics, 1, address_format(&service->address, address), origin_name(service->origin),
		address_format(&service->target, target), facts_device_name(facts, route->arrival),
		device_set_names(facts, &route->reply, reply), verdict_name(route->verdict));
}

static void emit_reply_routes(struct metrics *metrics, const struct exposition *exposition)
{
	struct reply_route *routes;
	size_t count;
	if (!exposition->facts)
		return;
	if (reply_routes_make(exposition, &routes, &count) < 0) {
		metrics->out->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		emit_reply_route(metrics, exposition, &routes[i]);
	free(routes);
}

static bool collector_succeeded(const struct facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->collector_count; i++)
		if (strcmp(facts->collectors[i].name, name) == 0)
			return facts->collectors[i].success;
	return false;
}

static bool services_known(const struct facts *facts)
{
	return facts && (facts->service_count > 0 || collector_succeeded(facts, "route"));
}

static const enum origin origins[] = { ORIGIN_LOCAL, ORIGIN_DNAT };

static void emit_service_addresses(struct metrics *metrics, const struct exposition *exposition)
{
	unsigned counts[COUNT(origins)][VERDICTS] = { 0 };
	const struct facts *facts = exposition->facts;
	if (!services_known(facts))
		return;
	for (size_t i = 0; i < facts->service_count; i++)
		counts[facts->services[i].origin][exposition->coverage.services[i]]++;
	for (size_t i = 0; i < COUNT(origins); i++)
		for (size_t j = 0; j < VERDICTS; j++)
			metrics_add(metrics, counts[origins[i]][j], origin_name(origins[i]),
				verdict_name((enum verdict)j));
}

static void emit_omitted(struct metrics *metrics, const struct exposition *exposition)
{
	if (services_known(exposition->facts))
		metrics_add(metrics, (double)exposition->addresses.omitted);
}

/* ---- conntrack ---- */

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

static const struct conntrack_sample *known_sample(const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	return facts && facts->conntrack.known ? &facts->conntrack : NULL;
}

static bool state_is_possible(size_t protocol, size_t state)
{
	bool handshake = state < NAT_UNREPLIED;
	return (protocol == NAT_TCP) == handshake;
}

static void emit_nat_flows_of(struct metrics *metrics, const struct conntrack_sample *sample, size_t nat)
{
	for (size_t protocol = 0; protocol < NAT_PROTOCOLS; protocol++)
		for (size_t state = 0; state < NAT_STATES; state++)
			if (state_is_possible(protocol, state))
				metrics_add(metrics, (double)sample->flows[nat][protocol][state],
					nat_names[nat], protocol_names[protocol], state_names[state]);
}

static void emit_nat_flows(struct metrics *metrics, const struct exposition *exposition)
{
	const struct conntrack_sample *sample = known_sample(exposition);
	for (size_t nat = 0; sample && nat < NAT_KINDS; nat++)
		emit_nat_flows_of(metrics, sample, nat);
}

static void emit_target_flows(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	if (!known_sample(exposition))
		return;
	for (size_t i = 0; i < facts->endpoint_count; i++) {
		const struct endpoint *endpoint = &facts->endpoints[i];
		char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE];
		if (endpoint->kind != ENDPOINT_DNAT ||
			!selection_has(&exposition->addresses, &endpoint->address))
			continue;
		address_format(&endpoint->address, address);
		address_format(&endpoint->target, target);
		metrics_add(metrics, (double)endpoint->half_open, address, target, "half_open");
		metrics_add(metrics, (double)endpoint->open, address, target, "open");
	}
}

static void emit_conntrack_stats(struct metrics *metrics, const struct exposition *exposition)
{
	const struct facts *facts = exposition->facts;
	for (size_t i = 0; facts && facts->conntrack.stats_known && i < CONNTRACK_STATS; i++)
		metrics_add(metrics, (double)facts->conntrack.stats[i], stat_names[i]);
}

static void emit_sample_seconds(struct metrics *metrics, const struct exposition *exposition)
{
	const struct conntrack_sample *sample = known_sample(exposition);
	if (sample)
		metrics_add(metrics, sample->seconds);
}

static void emit_sample_entries(struct metrics *metrics, const struct exposition *exposition)
{
	const struct conntrack_sample *sample = known_sample(exposition);
	if (sample)
		metrics_add(metrics, (double)sample->entries);
}

static void emit_sample_timestamp(struct metrics *metrics, const struct exposition *exposition)
{
	const struct conntrack_sample *sample = known_sample(exposition);
	int64_t milliseconds = sample ? sample->ended_ns / MILLISECOND_NS : 0;
	if (sample)
		metrics_add(metrics, (double)milliseconds / 1000);
}

/* ---- the table ---- */

static const struct metric_family families[] = {
	{ "oneway_addresses_omitted", METRIC_GAUGE, NULL, { NULL },
		"Service addresses left out of label values because there are more than "
		"--metrics.max-addresses.",
		emit_omitted },
	{ "oneway_capture_dropped_total", METRIC_COUNTER, NULL, { "device" },
		"Packets that passed the capture filter and were lost before they were read.",
		emit_capture_dropped },
	{ "oneway_capture_packets_total", METRIC_COUNTER, NULL, { "device" },
		"Packets that passed the capture filter.", emit_capture_packets },
	{ "oneway_conntrack_nat_flows", METRIC_GAUGE, NULL, { "nat", "protocol", "state" },
		"Translated flows at the last sweep of the connection tracking table.", emit_nat_flows },
	{ "oneway_conntrack_sample_entries", METRIC_GAUGE, NULL, { NULL },
		"Entries of the connection tracking table, translated or not, met by its last sweep.",
		emit_sample_entries },
	{ "oneway_conntrack_sample_seconds", METRIC_GAUGE, "seconds", { NULL },
		"Processor time spent on the last sweep of the connection tracking table.",
		emit_sample_seconds },
	{ "oneway_conntrack_sample_timestamp_seconds", METRIC_GAUGE, "seconds", { NULL },
		"When the last sweep of the connection tracking table ended, since the Unix epoch.",
		emit_sample_timestamp },
	{ "oneway_conntrack_stat_total", METRIC_COUNTER, NULL, { "stat" },
		"The kernel's connection tracking statistics, summed over processors.",
		emit_conntrack_stats },
	{ "oneway_conntrack_target_flows", METRIC_GAUGE, NULL, { "address", "target", "state" },
		"Flows to a public address by the target they are translated to, at the last sweep.",
		emit_target_flows },
	{ "oneway_device_drops_total", METRIC_COUNTER, NULL, { "device", "reason" },
		"Packets that the kernel dropped since start, by the device they arrived on or were to leave "
		"by (empty: none yet).",
		emit_device_drops },
	{ "oneway_device_drops_uncounted_total", METRIC_COUNTER, NULL, { NULL },
		"Packets dropped since start that may be missing in the counts by device, at most.",
		emit_device_drops_uncounted },
	{ "oneway_drop_reason_counted", METRIC_GAUGE, NULL, { "reason" },
		"Whether the running kernel tells this reason, so that its drops are counted.",
		emit_drop_reasons },
	{ "oneway_echo_total", METRIC_COUNTER, NULL, { "device", "outcome" },
		"ICMP echo requests by what became of them, and by the device they were seen on.",
		emit_echoes },
	{ "oneway_exporter_build_info", METRIC_GAUGE, NULL, { "version", "revision", "compiler" },
		"Always 1; the labels say from what the exporter was built.", emit_build_info },
	{ "oneway_finding", METRIC_GAUGE, NULL,
		{ "condition", "severity", "device", "address", "origin", "cause" },
		"1 while a finding is open; cause is true unless another finding explains it.",
		emit_finding },
	{ "oneway_findings", METRIC_GAUGE, NULL, { "condition", "severity" },
		"Open findings, those declared as intended aside.", emit_findings },
	{ "oneway_handshake_ack_delay_seconds", METRIC_HISTOGRAM, "seconds", { "device" },
		"Time from a SYN-ACK to its acknowledgement, by the device of the latter.",
		emit_handshake_ack_delay },
	{ "oneway_handshake_ack_ratio", METRIC_GAUGE, NULL, { "device" },
		"Completed share of the handshakes that were answered by a SYN-ACK and ended in the last "
		"minute; absent below 10.",
		emit_handshake_ack_ratio },
	{ "oneway_handshake_packets_total", METRIC_COUNTER, NULL, { "device", "direction", "kind" },
		"Packets of TCP handshakes seen on a device.", emit_handshake_packets },
	{ "oneway_handshake_sampling_ratio", METRIC_GAUGE, NULL, { NULL },
		"Share of new handshakes that is followed; below 1 under floods, and counts are scaled.",
		emit_handshake_sampling_ratio },
	{ "oneway_handshakes_evicted_total", METRIC_COUNTER, NULL, { NULL },
		"Undecided handshakes that were given up because the table was full.",
		emit_handshakes_evicted },
	{ "oneway_handshakes_total", METRIC_COUNTER, NULL, { "syn_device", "synack_device", "outcome" },
		"TCP handshakes that ended, by the devices of SYN and SYN-ACK (empty: not seen).",
		emit_handshakes },
	{ "oneway_handshakes_tracked", METRIC_GAUGE, NULL, { NULL }, "Handshakes that have not ended yet.",
		emit_handshakes_tracked },
	{ "oneway_handshakes_tracked_limit", METRIC_GAUGE, NULL, { NULL },
		"Handshakes that can be followed at the same time.", emit_handshakes_tracked_limit },
	{ "oneway_martian_packets_total", METRIC_COUNTER, NULL, { "kind" },
		"Packets with an impossible source or destination, in all network namespaces of the host.",
		emit_martians },
	{ "oneway_nat_rules", METRIC_GAUGE, NULL, { "kind" },
		"Rules of the firewall that translate destinations, one for each target and element of a map.",
		emit_nat_rules },
	{ "oneway_nat_rules_unread", METRIC_GAUGE, NULL, { NULL },
		"Rules that translate destinations, but to what could not be read.", emit_nat_rules_unread },
	{ "oneway_reply_route", METRIC_GAUGE, NULL,
		{ "address", "origin", "target", "arrival_device", "reply_device", "verdict" },
		"1 for each way of replies to requests for a service address by the device they arrive on.",
		emit_reply_routes },
	{ "oneway_rp_filter_device_drops_total", METRIC_COUNTER, NULL, { "device" },
		"Packets that arrived on a device and were dropped by reverse-path filtering since start.",
		emit_rp_filter_device_drops },
	{ "oneway_rp_filter_drops_total", METRIC_COUNTER, NULL, { NULL },
		"Packets dropped by reverse-path filtering in this network namespace.",
		emit_rp_filter_drops },
	{ "oneway_rp_filter_mode", METRIC_GAUGE, NULL, { "device" },
		"Effective reverse-path filtering of a device: 0 off, 1 strict, 2 loose.",
		emit_rp_filter_mode },
	{ "oneway_scrape_collector_duration_seconds", METRIC_GAUGE, "seconds", { "collector" },
		"How long the collector's last reading took.", emit_collector_seconds },
	{ "oneway_scrape_collector_success", METRIC_GAUGE, NULL, { "collector" },
		"Whether the collector's last reading succeeded.", emit_collector_success },
	{ "oneway_service_addresses", METRIC_GAUGE, NULL, { "origin", "verdict" },
		"Service addresses, each with its target, by the worst verdict on their reply routes.",
		emit_service_addresses },
	{ "oneway_syn_recv_unanswered", METRIC_GAUGE, NULL, { "address" },
		"Connections to a local address whose SYN-ACK was repeated twice or more.",
		emit_syn_recv_unanswered },
	{ "oneway_trace_drops_total", METRIC_COUNTER, NULL, { "table", "chain", "rule" },
		"Traced requests that were dropped, by the handle of the rule that did it, or policy; empty "
		"labels: others.",
		emit_trace_drops },
	{ "process_cpu_seconds_total", METRIC_COUNTER, "seconds", { NULL },
		"Total user and system CPU time spent in seconds.", emit_process_cpu },
	{ "process_max_fds", METRIC_GAUGE, NULL, { NULL }, "Maximum number of open file descriptors.",
		emit_process_max_fds },
	{ "process_open_fds", METRIC_GAUGE, NULL, { NULL }, "Number of open file descriptors.",
		emit_process_open_fds },
	{ "process_resident_memory_bytes", METRIC_GAUGE, "bytes", { NULL }, "Resident memory size in bytes.",
		emit_process_resident },
	{ "process_start_time_seconds", METRIC_GAUGE, "seconds", { NULL },
		"Start time of the process since unix epoch in seconds.", emit_process_start },
	{ "process_threads", METRIC_GAUGE, NULL, { NULL }, "Number of OS threads in the process.",
		emit_process_threads },
	{ "process_virtual_memory_bytes", METRIC_GAUGE, "bytes", { NULL }, "Virtual memory size in bytes.",
		emit_process_virtual },
	{ "process_virtual_memory_max_bytes", METRIC_GAUGE, "bytes", { NULL },
		"Maximum amount of virtual memory available in bytes.", emit_process_virtual_max },
};

const struct metric_family *metrics_families(size_t *count)
{
	*count = COUNT(families);
	return families;
}

int metrics_expose(struct buffer *out, enum metrics_format format, const struct exposition *exposition)
{
	struct metrics metrics = { .out = out, .format = format };
	for (size_t i = 0; i < COUNT(families); i++)
		metrics_family(&metrics, &families[i], exposition);
	metrics_end(&metrics);
	return out->failed ? -ENOMEM : 0;
}
