// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/version.h"
#include "exporter/daemon/observer.h"
#include "exporter/metrics/reply_routes.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What the exporter's own families find behind their sink. */
struct exposing {
	struct metrics metrics; /* stays first */
	const struct exposition *exposition;
};

static const struct exposition *exposition_of(const struct metric_sink *sink)
{
	return ((const struct exposing *)sink)->exposition;
}

static bool shows(const struct metric_sink *sink, const struct address *address)
{
	return selection_has(&exposition_of(sink)->addresses, address);
}

/* ---- exporter ---- */

static void emit_build_info(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	metric_add(sink, 1, version_number, version_revision, __VERSION__);
}

static void emit_collector_seconds(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; i < facts->collector_count; i++)
		metric_add(sink, facts->collectors[i].seconds, facts->collectors[i].name);
}

static void emit_collector_success(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; i < facts->collector_count; i++)
		metric_add(sink, facts->collectors[i].success, facts->collectors[i].name);
}

static void emit_loop_longest(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; i < facts->loop_work_count; i++)
		metric_add(sink, facts->loop_works[i].longest, facts->loop_works[i].name);
}

static void emit_process(struct metric_sink *sink, enum process_metric which)
{
	const struct process_stats *process = &exposition_of(sink)->process;
	if (process->known[which])
		metric_add(sink, process->value[which]);
}

#define EMIT_PROCESS(name, which)                                             \
	static void name(struct metric_sink *sink, const struct facts *facts) \
	{                                                                     \
		(void)facts;                                                  \
		emit_process(sink, which);                                    \
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

static void emit_finding(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct findings *findings = exposition_of(sink)->findings;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		char address[ADDRESS_TEXT_SIZE] = "";
		if (!is_counted(finding) || (finding->has_service && !sink->shows(sink, &finding->address)))
			continue;
		if (written_before(findings, i))
			continue;
		if (finding->has_service)
			address_format(&finding->address, address);
		metric_add(sink, 1, finding->condition->name, severity_name(finding->severity),
			finding->device_name, address, finding_origin(finding),
			*finding->cause ? "false" : "true");
	}
}

static void emit_findings(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct findings *findings = exposition_of(sink)->findings;
	for (size_t i = 0; conditions[i]; i++) {
		unsigned counts[SEVERITIES] = { 0 };
		for (size_t j = 0; j < findings->count; j++)
			if (findings->items[j].condition == conditions[i] && is_counted(&findings->items[j]))
				counts[findings->items[j].severity]++;
		for (size_t j = 0; j < SEVERITIES; j++)
			metric_add(sink, counts[j], conditions[i]->name, severity_name((enum severity)j));
	}
}

/* ---- route ---- */

static void emit_reply_route(
	struct metric_sink *sink, const struct facts *facts, const struct reply_route *route)
{
	const struct service *service = &facts->services[route->service];
	char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE], reply[DEVICE_NAMES_SIZE];
	metric_add(sink, 1, address_format(&service->address, address), origin_name(service->origin),
		address_format(&service->target, target), facts_device_name(facts, route->arrival),
		facts_device_names(facts, &route->reply, ",", reply), verdict_name(route->verdict));
}

static void emit_reply_routes(struct metric_sink *sink, const struct facts *facts)
{
	struct reply_route *routes;
	size_t count;
	const struct exposition *exposition = exposition_of(sink);
	if (reply_routes_make(
		    facts, &exposition->findings->verdicts, &exposition->addresses, &routes, &count) < 0) {
		sink->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		emit_reply_route(sink, facts, &routes[i]);
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
	return facts->service_count > 0 || collector_succeeded(facts, "route");
}

static const enum origin origins[] = { ORIGIN_LOCAL, ORIGIN_DNAT };

static void emit_service_addresses(struct metric_sink *sink, const struct facts *facts)
{
	unsigned counts[COUNT(origins)][VERDICTS] = { 0 };
	const enum verdict *verdicts = exposition_of(sink)->findings->verdicts.services;
	if (!services_known(facts))
		return;
	for (size_t i = 0; i < facts->service_count; i++)
		counts[facts->services[i].origin][verdicts[i]]++;
	for (size_t i = 0; i < COUNT(origins); i++)
		for (size_t j = 0; j < VERDICTS; j++)
			metric_add(sink, counts[origins[i]][j], origin_name(origins[i]),
				verdict_name((enum verdict)j));
}

static void emit_omitted(struct metric_sink *sink, const struct facts *facts)
{
	if (services_known(facts))
		metric_add(sink, (double)exposition_of(sink)->addresses.omitted);
}

/* ---- all tables ---- */

static const struct metric_family own_families[] = {
	{ .name = "oneway_addresses_omitted",
		.type = METRIC_GAUGE,
		.help = "Service addresses left out of label values because there are more than "
			"--metrics.max-addresses.",
		.emit = emit_omitted },
	{ .name = "oneway_exporter_build_info",
		.type = METRIC_GAUGE,
		.labels = { "version", "revision", "compiler" },
		.help = "Always 1; the labels say from what the exporter was built.",
		.always = true,
		.emit = emit_build_info },
	{ .name = "oneway_finding",
		.type = METRIC_GAUGE,
		.labels = { "condition", "severity", "device", "address", "origin", "cause" },
		.help = "1 while a finding is open; cause is true unless another finding explains it.",
		.emit = emit_finding },
	{ .name = "oneway_findings",
		.type = METRIC_GAUGE,
		.labels = { "condition", "severity" },
		.help = "Open findings, those declared as intended aside.",
		.emit = emit_findings },
	{ .name = "oneway_loop_longest_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.labels = { "work" },
		.help = "Processor time of the longest single piece of each kind of work on the event loop, "
			"of the last one to two minutes.",
		.emit = emit_loop_longest },
	{ .name = "oneway_reply_route",
		.type = METRIC_GAUGE,
		.labels = { "address", "origin", "target", "arrival_device", "reply_device", "verdict" },
		.help = "1 for each way of replies to requests for a service address by the device they arrive on.",
		.emit = emit_reply_routes },
	{ .name = "oneway_scrape_collector_duration_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.labels = { "collector" },
		.help = "How long the collector's last reading took.",
		.emit = emit_collector_seconds },
	{ .name = "oneway_scrape_collector_success",
		.type = METRIC_GAUGE,
		.labels = { "collector" },
		.help = "Whether the collector's last reading succeeded.",
		.emit = emit_collector_success },
	{ .name = "oneway_service_addresses",
		.type = METRIC_GAUGE,
		.labels = { "origin", "verdict" },
		.help = "Service addresses, each with its target, by the worst verdict on their reply routes.",
		.emit = emit_service_addresses },
	{ .name = "process_cpu_seconds_total",
		.type = METRIC_COUNTER,
		.unit = "seconds",
		.help = "Total user and system CPU time spent in seconds.",
		.always = true,
		.emit = emit_process_cpu },
	{ .name = "process_max_fds",
		.type = METRIC_GAUGE,
		.help = "Maximum number of open file descriptors.",
		.always = true,
		.emit = emit_process_max_fds },
	{ .name = "process_open_fds",
		.type = METRIC_GAUGE,
		.help = "Number of open file descriptors.",
		.always = true,
		.emit = emit_process_open_fds },
	{ .name = "process_resident_memory_bytes",
		.type = METRIC_GAUGE,
		.unit = "bytes",
		.help = "Resident memory size in bytes.",
		.always = true,
		.emit = emit_process_resident },
	{ .name = "process_start_time_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.help = "Start time of the process since unix epoch in seconds.",
		.always = true,
		.emit = emit_process_start },
	{ .name = "process_threads",
		.type = METRIC_GAUGE,
		.help = "Number of OS threads in the process.",
		.always = true,
		.emit = emit_process_threads },
	{ .name = "process_virtual_memory_bytes",
		.type = METRIC_GAUGE,
		.unit = "bytes",
		.help = "Virtual memory size in bytes.",
		.always = true,
		.emit = emit_process_virtual },
	{ .name = "process_virtual_memory_max_bytes",
		.type = METRIC_GAUGE,
		.unit = "bytes",
		.help = "Maximum amount of virtual memory available in bytes.",
		.always = true,
		.emit = emit_process_virtual_max },
	{ 0 },
};

static size_t table_size(const struct metric_family *table)
{
	size_t count = 0;
	while (table && table[count].name)
		count++;
	return count;
}

static void add_table(struct metric_families *families, const struct metric_family *table)
{
	for (size_t i = 0, count = table_size(table); i < count; i++)
		families->items[families->count++] = &table[i];
}

static int by_name(const void *left, const void *right)
{
	const struct metric_family *const *a = left, *const *b = right;
	return strcmp((*a)->name, (*b)->name);
}

int metric_families_make(struct metric_families *out)
{
	size_t room = table_size(own_families);
	for (size_t i = 0; observer_collectors[i]; i++)
		room += table_size(observer_collectors[i]->families);
	struct metric_families families = { calloc(room, sizeof(*families.items)), 0 };
	if (!families.items)
		return -ENOMEM;
	add_table(&families, own_families);
	for (size_t i = 0; observer_collectors[i]; i++)
		add_table(&families, observer_collectors[i]->families);
	qsort(families.items, families.count, sizeof(*families.items), by_name);
	*out = families;
	return 0;
}

void metric_families_clear(struct metric_families *families)
{
	free(families->items);
	*families = (struct metric_families){ 0 };
}

int metrics_expose(struct buffer *out, enum metrics_format format, const struct metric_families *families,
	const struct exposition *exposition)
{
	struct exposing exposing = { metrics_begin(out, format, exposition->facts), exposition };
	exposing.metrics.sink.shows = shows;
	for (size_t i = 0; i < families->count; i++)
		metrics_family(&exposing.metrics, families->items[i]);
	metrics_end(&exposing.metrics);
	return out->failed ? -ENOMEM : 0;
}
