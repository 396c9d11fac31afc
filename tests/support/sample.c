// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/sample.h"

/* before the kernel's headers, which bring the same */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "collectors/base/array.h"
#include "collectors/trace/trace.h"
#include "exporter/config/settings_file.h"
#include "tests/support/sample_wire.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NOW_NS       INT64_C(1767323045678000000) /* 2026-01-02T03:04:05.678Z */

enum { LO = 1, GONE, WAN1, WAN2, ODD, PORT };

static void *must(void *item)
{
	if (!item)
		abort();
	return item;
}

#define ADD(items, count) ((__typeof__(*(items)) *)must(ARRAY_ADD(items, count)))

static struct address address(const char *text)
{
	struct address out;
	if (address_parse(text, &out) < 0)
		abort();
	return out;
}

static const struct device devices[] = {
	{ .ifindex = LO, .name = "lo", .kind = DEVICE_LOOPBACK, .up = true },
	{ .ifindex = WAN1, .name = "wan1", .up = true, .rp_filter_effective = 1 },
	{ .ifindex = WAN2, .name = "wan2", .up = true, .rp_filter_effective = 2 },
	{ .ifindex = ODD, .name = "a\"<\\\xff", .up = true, .rp_filter_effective = RP_FILTER_UNKNOWN },
	{ .ifindex = PORT, .name = "eth9", .up = true, .port = true, .rp_filter_effective = 1 },
};

static const struct {
	const char *address, *target;
	int arrival;
	uint64_t half_open, open;
} services[] = {
	{ "198.51.100.7", "10.0.0.7", WAN2, 3, 0 },
	{ "192.0.2.1", NULL, WAN1, 0, 2 },
	{ "2001:db8::1", NULL, WAN1, 0, 0 },
	{ "198.51.100.8", "10.0.0.8", WAN2, 0, 1 },
	{ "192.0.2.9", NULL, ODD, 0, 0 },
};

static const struct {
	size_t service;
	const char *destination;
	enum destination_kind kind;
	int arrival;
	enum route_result result;
	int reply[2];
	const char *gateway;
	uint32_t table;
} paths[] = {
	{ 0, "203.0.113.5", DESTINATION_PEER, WAN2, ROUTE_FOUND, { WAN1 }, "192.0.2.254", 254 },
	{ 0, "203.0.113.6", DESTINATION_SET, WAN2, ROUTE_FOUND, { WAN1 }, "192.0.2.254", 254 },
	{ 0, "203.0.113.7", DESTINATION_PROBE, WAN2, ROUTE_FOUND, { WAN2, WAN1 }, NULL, 100 },
	{ 1, "203.0.113.5", DESTINATION_PEER, WAN1, ROUTE_FOUND, { WAN1 }, NULL, 254 },
	{ 2, "2001:db8:f::5", DESTINATION_NEIGHBOUR, WAN1, ROUTE_UNREACHABLE, { 0 }, NULL, 0 },
	{ 3, "203.0.113.5", DESTINATION_PEER, WAN2, ROUTE_FOUND, { WAN1 }, NULL, 254 },
	{ 1, "203.0.113.9", DESTINATION_PEER, GONE, ROUTE_FOUND, { GONE }, NULL, 254 },
	{ 1, "203.0.113.9", DESTINATION_PEER, GONE + 1, ROUTE_FOUND, { GONE + 1 }, NULL, 254 },
};

static void add_service(struct facts *facts, size_t i)
{
	struct service *service = ADD(facts->services, facts->service_count);
	service->origin = services[i].target ? ORIGIN_DNAT : ORIGIN_LOCAL;
	service->address = address(services[i].address);
	service->target = address(services[i].target ? services[i].target : services[i].address);
	service->target_local = !services[i].target;
	service->endpoint = SIZE_MAX;
	service->half_open = services[i].half_open;
	service->open = services[i].open;
	device_set_add(&service->arrival, services[i].arrival);
	if (!services[i].target)
		return;
	struct endpoint *endpoint = ADD(facts->endpoints, facts->endpoint_count);
	*endpoint = (struct endpoint){ .kind = ENDPOINT_DNAT,
		.address = service->address,
		.target = service->target,
		.half_open = service->half_open,
		.open = service->open };
}

static void add_path(struct facts *facts, size_t i)
{
	struct path *path = ADD(facts->paths, facts->path_count);
	path->service = paths[i].service;
	path->destination = address(paths[i].destination);
	path->kind = paths[i].kind;
	path->arrival = paths[i].arrival;
	path->basis = PATH_LEADS;
	path->protocol = IPPROTO_TCP;
	path->reply.result = paths[i].result;
	path->reply.table = paths[i].table;
	if (paths[i].gateway)
		path->reply.gateway = address(paths[i].gateway);
	for (size_t j = 0; j < 2; j++)
		if (paths[i].reply[j])
			device_set_add(&path->reply.devices, paths[i].reply[j]);
}

static void add_counters(struct facts *facts)
{
	facts->rpfilter = (struct rpfilter_counters){
		.known = true, .drops = 41, .martians_known = true, .martian_sources = 7
	};
	facts->conntrack = (struct conntrack_sample){ .known = true,
		.in_use = true,
		.entries = 1234567,
		.endpoints_omitted = 7,
		.ended_ns = NOW_NS,
		.seconds = 0.0625,
		.stats_known = true };
	facts->conntrack.flows[NAT_DNAT][NAT_TCP][NAT_SYN_RECV] = 3;
	facts->conntrack.flows[NAT_SNAT][NAT_UDP][NAT_REPLIED] = 5;
	facts->conntrack.flows[NAT_BOTH][NAT_OTHER][NAT_UNREPLIED] = 6;
	facts->conntrack.stats[CONNTRACK_EARLY_DROP] = 9;
}

static void add_nat_rules(struct facts *facts)
{
	struct nat_list *list = must(nat_list_new());
	facts->nat_rules = list;
	list->unread_total = 4;
	for (unsigned i = 0; i < 3; i++)
		nat_list_append(list, &(struct nat_rule){ .family = AF_INET,
					      .redirect = i == 2,
					      .table = "",
					      .chain = "",
					      .also_excluded = "" });
}

/* wan2 was removed and came back: two rows, one name. */
static const struct capture captures[] = {
	{ .ifindex = GONE, .name = "wan2", .packets = 7, .dropped = 1 },
	{ .ifindex = WAN1, .name = "wan1", .running = true, .packets = 1000 },
	{ .ifindex = WAN2, .name = "wan2", .running = true, .packets = 30, .dropped = 2 },
};

static const struct handshake_device wire_devices[] = {
	{ .device = WAN1,
		.packets = { [DIRECTION_IN] = { [HANDSHAKE_SYN] = 12, [HANDSHAKE_ACK] = 9 },
			[DIRECTION_OUT] = { [HANDSHAKE_SYNACK] = 11 } },
		.recent = { [HANDSHAKE_COMPLETED] = 9,
			[HANDSHAKE_ABANDONED] = 3,
			[HANDSHAKE_UNANSWERED] = 50 },
		.delays = { [0] = 4, [10] = 5, [HANDSHAKE_DELAYS - 1] = 1 },
		.delay_sum = 8.5,
		.echoes = { [ECHO_ANSWERED] = 2, [ECHO_OTHER_ADDRESS] = 1 } },
	{ .device = GONE, .packets = { [DIRECTION_IN] = { [HANDSHAKE_SYN] = 1 } }, .recent = { 5 } },
	{ .device = WAN2, .packets = { [DIRECTION_IN] = { [HANDSHAKE_SYN] = 3 } }, .recent = { 4 } },
};

static const struct handshake_pair wire_pairs[] = {
	{ WAN1, WAN1, { [HANDSHAKE_COMPLETED] = 9 } },
	{ GONE, WAN1, { [HANDSHAKE_ONE_WAY] = 2 } },
	{ WAN2, WAN1, { [HANDSHAKE_ONE_WAY] = 3 } },
	{ WAN1, 0, { [HANDSHAKE_UNANSWERED] = 50 } },
	{ 0, WAN1, { [HANDSHAKE_RETURN_ONLY] = 6 } },
};

static void add_trace_drops(struct facts *facts, uint8_t family, const char *table, const char *chain,
	uint64_t handle, uint64_t packets)
{
	*ADD(facts->trace_drops, facts->trace_drop_count) = (struct trace_drops){ .table_family = family,
		.table = strdup(table),
		.chain = strdup(chain),
		.handle = handle,
		.packets = packets };
}

static void add_wire(struct facts *facts)
{
	struct handshake_report *report = must(calloc(1, sizeof(*report)));
	facts->handshakes = report;
	for (size_t i = 0; i < COUNT(captures); i++)
		*ADD(facts->captures, facts->capture_count) = captures[i];
	for (size_t i = 0; i < COUNT(wire_devices); i++)
		*ADD(report->devices, report->device_count) = wire_devices[i];
	for (size_t i = 0; i < COUNT(wire_pairs); i++)
		*ADD(report->pairs, report->pair_count) = wire_pairs[i];
	facts->unwatched[UNWATCHED_LIMIT] = 2;
	facts->unwatched[UNWATCHED_MEMORY] = 1;
	report->tracked = 17;
	report->limit = 32768;
	report->evicted = 3;
	report->devices_omitted = 8;
	report->pairs_omitted = 9;
	report->services_omitted = 10;
	report->ratio = 4;
	facts->syn_recv_known = true;
	*ADD(facts->syn_recv, facts->syn_recv_count) =
		(struct syn_recv){ .address = address("192.0.2.1"), .unanswered = 5 };
	facts->traces_known = true;
	add_trace_drops(facts, NFPROTO_IPV4, "filter", "allowed_dnats", 9, 4);
	add_trace_drops(facts, NFPROTO_INET, "guard", "forward", 0, 1);
	add_trace_drops(facts, 0, "", "", 0, 2);
}

/* gone0 was removed; what left by no device has no name. */
static const struct device_drop drops[] = {
	{ .ifindex = WAN1, .name = "wan1", .reason = DROP_IP_RPFILTER, .packets = 37, .recent = 4 },
	{ .ifindex = WAN1, .name = "wan1", .reason = DROP_NETFILTER_DROP, .packets = 1000000 },
	{ .name = "gone0", .reason = DROP_IP_RPFILTER, .packets = 4 },
	{ .name = "", .reason = DROP_IP_OUTNOROUTES, .packets = 2 },
};

static void add_drops(struct facts *facts)
{
	facts->device_drops_known = true;
	facts->drop_reasons = 1 << DROP_IP_RPFILTER | 1 << DROP_IP_OUTNOROUTES | 1 << DROP_NETFILTER_DROP;
	facts->device_drops_uncounted = 1;
	for (size_t i = 0; i < COUNT(drops); i++)
		*ADD(facts->device_drops, facts->device_drop_count) = drops[i];
}

struct facts *sample_facts(void)
{
	struct facts *facts = must(facts_new());
	facts->time_ns = NOW_NS;
	for (size_t i = 0; i < COUNT(devices); i++)
		*ADD(facts->devices, facts->device_count) = devices[i];
	for (size_t i = 0; i < COUNT(services); i++)
		add_service(facts, i);
	for (size_t i = 0; i < COUNT(paths); i++)
		add_path(facts, i);
	add_counters(facts);
	add_nat_rules(facts);
	add_wire(facts);
	add_drops(facts);
	sample_add_handshakes(facts, WAN2, WAN1);
	*ADD(facts->collectors, facts->collector_count) =
		(struct collector_status){ .name = "link", .success = true, .seconds = 0.001 };
	*ADD(facts->collectors, facts->collector_count) = (struct collector_status){
		.name = "conntrack", .seconds = 0.25, .error = "lacks <CAP_NET_ADMIN>"
	};
	*ADD(facts->loop_works, facts->loop_work_count) = (struct loop_work){ "link", 0.0005 };
	return facts;
}

static struct finding *add_finding(
	struct findings *findings, const struct condition *condition, const char *device, const char *service)
{
	struct finding *finding = findings_add(findings, condition);
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", device);
	finding->severity = SEVERITY_CRITICAL;
	finding->open = finding->holds = true;
	finding->since_ns = NOW_NS - INT64_C(65000000000);
	finding->last_seen_ns = NOW_NS;
	if (service) {
		finding->has_service = true;
		finding->origin = ORIGIN_DNAT;
		finding->address = address(service);
		finding->target = address("10.0.0.7");
	}
	finding_summarise(finding, "Summary of %s <%s>", condition->name, device);
	finding_explain(finding, "Explained & so on.");
	finding_identify(finding);
	return finding;
}

static void add_details(struct finding *finding)
{
	strcpy(finding->reply_device, "wan1");
	finding_add_item(finding, "peer", "203.0.113.5");
	finding_add_item(finding, "peer", "203.0.113.6");
	finding_add_item(finding, "peer", "203.0.113.7");
	finding_add_evidence(finding, "odd", "a\xff\"b");
	finding_add_number(finding, "half_open", 3);
	finding_add_number(finding, "share", 0.25);
	finding_add_remedy(finding, "ip rule add from %s lookup 100", "10.0.0.7");
	finding_add_remedy(finding, "ip route add default dev 'a&b' table 100");
	finding->remedy_checked = true;
}

struct findings *sample_findings(void)
{
	struct findings *findings = must(findings_new());
	char cause[FINDING_ID_SIZE];
	struct finding *finding =
		add_finding(findings, &reply_wrong_device_condition, "wan2", "198.51.100.7");
	add_details(finding);
	sample_name_handshakes(finding);
	memcpy(cause, finding->id, sizeof(cause));
	finding = add_finding(findings, &rp_filter_drops_condition, "wan1", NULL);
	finding->severity = SEVERITY_WARNING;
	memcpy(finding->cause, cause, sizeof(cause));
	finding = add_finding(findings, &reply_wrong_device_condition, "wan2", "198.51.100.8");
	finding->intended = true;
	finding = add_finding(findings, &no_reply_route_condition, "", "2001:db8::1");
	finding->open = false;
	/* The same address with another target is another finding, and the same series. */
	finding = add_finding(findings, &reply_wrong_device_condition, "wan2", "198.51.100.7");
	finding->target = address("10.0.0.77");
	finding_identify(finding);
	return findings;
}

struct settings *sample_settings(void)
{
	struct settings *settings = must(settings_new());
	struct intended *intended = ADD(settings->intended, settings->intended_count);
	intended->address = (struct prefix){ address("198.51.100.8"), 32 };
	return settings;
}

void sample_judge(struct snapshot *snapshot)
{
	struct settings *settings = sample_settings();
	verdicts_clear(&snapshot->findings->verdicts);
	must(verdicts_make(settings, snapshot->facts, &snapshot->findings->verdicts) < 0 ? NULL : settings);
	settings_free(settings);
}

struct snapshot sample_snapshot(void)
{
	struct snapshot snapshot = { .facts = sample_facts(), .findings = sample_findings() };
	sample_judge(&snapshot);
	return snapshot;
}

void sample_free(struct snapshot *snapshot)
{
	facts_free(snapshot->facts);
	findings_free(snapshot->findings);
}
