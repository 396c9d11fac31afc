// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/families.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/route/service.h"
#include "exporter/base/unwatched.h"
#include "exporter/base/version.h"
#include "exporter/daemon/observer.h"
#include "exporter/metrics/finding_series.h"

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

static void emit_log_lines_lost(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	metric_add(sink, (double)exposition_of(sink)->log_lines_lost);
}

static void emit_unwatched(struct metric_sink *sink, const struct facts *facts)
{
	struct unwatched_part part;
	for (size_t position = 0; unwatched_next(facts, &position, &part);)
		metric_add(sink, (double)part.count, part.collector, part.part, part.reason);
}

static void emit_last_judgement(struct metric_sink *sink, const struct facts *facts)
{
	metric_add(sink, (double)facts->time_ns / (double)SECOND_NS);
}

static void emit_process(struct metric_sink *sink, const struct facts *facts);

static const struct metric_family process_families[PROCESS_METRICS + 1] = {
	[PROCESS_CPU_SECONDS] = { "process_cpu_seconds_total", METRIC_COUNTER, "seconds", { NULL },
		"Total user and system CPU time spent in seconds.", PROCESS_CPU_SECONDS, true, emit_process },
	[PROCESS_OPEN_FDS] = { "process_open_fds", METRIC_GAUGE, NULL, { NULL },
		"Number of open file descriptors.", PROCESS_OPEN_FDS, true, emit_process },
	[PROCESS_MAX_FDS] = { "process_max_fds", METRIC_GAUGE, NULL, { NULL },
		"Maximum number of open file descriptors.", PROCESS_MAX_FDS, true, emit_process },
	[PROCESS_VIRTUAL_BYTES] = { "process_virtual_memory_bytes", METRIC_GAUGE, "bytes", { NULL },
		"Virtual memory size in bytes.", PROCESS_VIRTUAL_BYTES, true, emit_process },
	[PROCESS_VIRTUAL_MAX_BYTES] = { "process_virtual_memory_max_bytes", METRIC_GAUGE, "bytes", { NULL },
		"Maximum amount of virtual memory available in bytes.", PROCESS_VIRTUAL_MAX_BYTES, true,
		emit_process },
	[PROCESS_RESIDENT_BYTES] = { "process_resident_memory_bytes", METRIC_GAUGE, "bytes", { NULL },
		"Resident memory size in bytes.", PROCESS_RESIDENT_BYTES, true, emit_process },
	[PROCESS_START_SECONDS] = { "process_start_time_seconds", METRIC_GAUGE, "seconds", { NULL },
		"Start time of the process since unix epoch in seconds.", PROCESS_START_SECONDS, true,
		emit_process },
	[PROCESS_THREADS] = { "process_threads", METRIC_GAUGE, NULL, { NULL },
		"Number of OS threads in the process.", PROCESS_THREADS, true, emit_process },
};

static void emit_process(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct exposing *exposing = (const struct exposing *)sink;
	const struct process_stats *process = &exposing->exposition->process;
	if (process->known[sink->family->field])
		metric_add(sink, process->value[sink->family->field]);
}

/* ---- Alertmanagers ---- */

static void emit_alertmanager(struct metric_sink *sink, const struct facts *facts)
{
	const struct exposition *exposition = exposition_of(sink);
	(void)facts;
	for (size_t i = 0; i < exposition->alertmanager_count; i++) {
		const struct alertmanager_stats *stats = &exposition->alertmanagers[i];
		const void *count = (const char *)stats + sink->family->field;
		metric_add(sink, (double)*(const uint64_t *)count, stats->url);
	}
}

static void emit_alertmanager_errors(struct metric_sink *sink, const struct facts *facts)
{
	const struct exposition *exposition = exposition_of(sink);
	(void)facts;
	for (size_t i = 0; i < exposition->alertmanager_count; i++)
		for (int j = ALERTS_TAKEN + 1; j < ALERT_RESULTS; j++)
			metric_add(sink, (double)exposition->alertmanagers[i].failed[j],
				exposition->alertmanagers[i].url, alert_result_name((enum alert_result)j));
}

static void emit_alertmanager_capacity(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	if (exposition_of(sink)->alertmanager_count)
		metric_add(sink, ALERTS_MOST);
}

/* ---- findings ---- */

static void emit_finding(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct exposition *exposition = exposition_of(sink);
	struct finding_series series;
	for (size_t position = 0;
		finding_series_next(exposition->findings, &exposition->addresses, false, &position, &series);)
		metric_add(sink, 1, series.finding->condition->name, severity_name(series.finding->severity),
			series.finding->device_name, series.address, series.origin, series.cause);
}

/* A command that was not checked is for those to see who ask this host. */
static void emit_finding_info(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct exposition *exposition = exposition_of(sink);
	struct finding_series series;
	for (size_t position = 0; finding_series_next(
		     exposition->findings, &exposition->addresses, true, &position, &series);) {
		const struct finding *finding = series.finding;
		metric_add(sink, 1, finding->condition->name, finding->device_name, series.address,
			series.origin, finding->reply_device,
			finding->remedy_checked && finding->remedy_count ? finding->remedy[0] : "");
	}
}

static void emit_findings(struct metric_sink *sink, const struct facts *facts)
{
	(void)facts;
	const struct findings *findings = exposition_of(sink)->findings;
	for (size_t i = 0; conditions[i]; i++) {
		unsigned counts[SEVERITIES] = { 0 };
		for (size_t j = 0; j < findings->count; j++)
			if (findings->items[j].condition == conditions[i] &&
				finding_is_counted(&findings->items[j]))
				counts[findings->items[j].severity]++;
		for (size_t j = 0; j < SEVERITIES; j++)
			metric_add(sink, counts[j], conditions[i]->name, severity_name((enum severity)j));
	}
}

/* The key under which findings about others' replies list whose they are. */
#define SERVERS "servers"

static bool names_server(const struct finding *finding, const char *server)
{
	for (size_t i = 0; i < finding->evidence_count; i++)
		if (strcmp(finding->evidence[i].key, SERVERS) == 0 &&
			strcmp(finding->evidence[i].text, server) == 0)
			return true;
	return false;
}

/* By an earlier finding of the same condition and device. */
static bool server_written_before(const struct findings *findings, size_t position, const char *server)
{
	const struct finding *finding = &findings->items[position];
	for (size_t i = 0; i < position; i++) {
		const struct finding *other = &findings->items[i];
		if (finding_is_counted(other) && other->condition == finding->condition &&
			strcmp(other->device_name, finding->device_name) == 0 && names_server(other, server))
			return true;
	}
	return false;
}

/* Far ones are strangers: no label names them. */
static bool is_on_link(const struct facts *facts, const char *server)
{
	struct address address;
	return address_parse(server, &address) == 0 && service_is_on_link(facts, &address);
}

static void emit_finding_servers(struct metric_sink *sink, const struct facts *facts)
{
	const struct findings *findings = exposition_of(sink)->findings;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		for (size_t j = 0; finding_is_counted(finding) && j < finding->evidence_count; j++) {
			const char *server = finding->evidence[j].text;
			if (strcmp(finding->evidence[j].key, SERVERS) == 0 && is_on_link(facts, server) &&
				!server_written_before(findings, i, server))
				metric_add(sink, 1, finding->condition->name, finding->device_name, server);
		}
	}
}

/* ---- changes ---- */

static void emit_changes(struct metric_sink *sink, const struct facts *facts)
{
	for (unsigned i = 0; facts->changes && i < CHANGE_KINDS; i++)
		metric_add(sink, (double)facts->changes->totals[i], change_kind_name((enum change_kind)i));
}

/* ---- route ---- */

/* One distinct set of label values of oneway_reply_route. */
struct reply_route {
	size_t service; /* position in facts->services */
	int arrival;
	struct device_set reply;
	enum verdict verdict;
};

/* Devices that are gone have one name, "?", so they are one. */
#define GONE (-1)

static int present(const struct facts *facts, int ifindex)
{
	return facts_device(facts, ifindex) ? ifindex : GONE;
}

static struct reply_route reply_route_of(
	const struct facts *facts, const struct path *path, enum verdict verdict)
{
	struct reply_route route = {
		.service = path->service, .arrival = present(facts, path->arrival), .verdict = verdict
	};
	if (path->reply.result == ROUTE_FOUND)
		for (unsigned i = 0; i < path->reply.devices.count; i++)
			device_set_add(&route.reply, present(facts, path->reply.devices.ifindex[i]));
	return route;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

/* Two services may carry the same labels, so positions do not decide; facts are the argument. */
static int compare_routes(const void *left, const void *right, void *facts)
{
	const struct reply_route *a = left, *b = right;
	const struct service *services = ((const struct facts *)facts)->services;
	const struct service *of_a = &services[a->service], *of_b = &services[b->service];
	int order = address_compare(&of_a->address, &of_b->address);
	if (order == 0)
		order = ORDER(of_a->origin, of_b->origin);
	if (order == 0)
		order = address_compare(&of_a->target, &of_b->target);
	if (order == 0)
		order = ORDER(a->arrival, b->arrival);
	if (order == 0)
		order = ORDER(a->reply.count, b->reply.count);
	for (unsigned i = 0; order == 0 && i < a->reply.count; i++)
		order = ORDER(a->reply.ifindex[i], b->reply.ifindex[i]);
	return order ? order : ORDER(a->verdict, b->verdict);
}

/* Paths that differ only by destination, ports or mark are one series. */
static void emit_reply_routes(struct metric_sink *sink, const struct facts *facts)
{
	size_t count = 0;
	const struct exposition *exposition = exposition_of(sink);
	struct reply_route *routes = calloc(facts->path_count + 1, sizeof(*routes));
	if (!routes) {
		sink->failed = true;
		return;
	}
	for (size_t i = 0; i < facts->path_count; i++)
		if (shows(sink, &facts->services[facts->paths[i].service].address))
			routes[count++] = reply_route_of(
				facts, &facts->paths[i], exposition->findings->verdicts.paths[i]);
	qsort_r(routes, count, sizeof(*routes), compare_routes, (void *)facts);
	for (size_t i = 0; i < count; i++) {
		const struct reply_route *route = &routes[i];
		const struct service *service = &facts->services[route->service];
		char address[ADDRESS_TEXT_SIZE], target[ADDRESS_TEXT_SIZE], reply[DEVICE_NAMES_SIZE];
		if (i > 0 && compare_routes(route - 1, route, (void *)facts) == 0)
			continue;
		metric_add(sink, 1, address_format(&service->address, address), origin_name(service->origin),
			address_format(&service->target, target), facts_device_name(facts, route->arrival),
			facts_device_names(facts, &route->reply, ",", reply), verdict_name(route->verdict));
	}
	free(routes);
}

static bool services_known(const struct facts *facts)
{
	bool known = facts->service_count > 0;
	for (size_t i = 0; i < facts->collector_count; i++)
		known |= !strcmp(facts->collectors[i].name, "route") && facts->collectors[i].success;
	return known;
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
	{ .name = "oneway_alertmanager_notifications_dropped_total",
		.type = METRIC_COUNTER,
		.labels = { "alertmanager" },
		.help = "Alerts not sent to this Alertmanager because there are more than the queue may hold.",
		.field = offsetof(struct alertmanager_stats, dropped),
		.always = true,
		.emit = emit_alertmanager },
	{ .name = "oneway_alertmanager_notifications_errors_total",
		.type = METRIC_COUNTER,
		.labels = { "alertmanager", "reason" },
		.help = "Alerts sent in requests that failed; they are sent again. reason is connect, timeout, "
			"tls or status.",
		.always = true,
		.emit = emit_alertmanager_errors },
	{ .name = "oneway_alertmanager_notifications_total",
		.type = METRIC_COUNTER,
		.labels = { "alertmanager" },
		.help = "Alerts that this Alertmanager took, each one counted each time it is sent.",
		.field = offsetof(struct alertmanager_stats, sent),
		.always = true,
		.emit = emit_alertmanager },
	{ .name = "oneway_alertmanager_queue_capacity",
		.type = METRIC_GAUGE,
		.help = "Alerts that the queue of an Alertmanager may hold.",
		.always = true,
		.emit = emit_alertmanager_capacity },
	{ .name = "oneway_alertmanager_queue_length",
		.type = METRIC_GAUGE,
		.labels = { "alertmanager" },
		.help = "Alerts that are to be sent to this Alertmanager and were not taken yet.",
		.field = offsetof(struct alertmanager_stats, queued),
		.always = true,
		.emit = emit_alertmanager },
	{ .name = "oneway_changes_total",
		.type = METRIC_COUNTER,
		.labels = { "kind" },
		.help = "Rules, reply routes, devices, addresses, rp_filter, forwarding and translations that "
			"came, went or changed since the start.",
		.emit = emit_changes },
	{ .name = "oneway_exporter_build_info",
		.type = METRIC_GAUGE,
		.labels = { "version", "revision", "compiler" },
		.help = "Always 1; the labels say from what the exporter was built.",
		.always = true,
		.emit = emit_build_info },
	{ .name = "oneway_finding",
		.type = METRIC_GAUGE,
		.labels = { FINDING_LABELS },
		.help = "1 while a finding is open; cause is true unless another finding explains it.",
		.emit = emit_finding },
	{ .name = "oneway_finding_info",
		.type = METRIC_GAUGE,
		.labels = { "condition", "device", "address", "origin", "reply_device", "remedy" },
		.help = "1 while a finding is open; with the device of the replies and, where it was checked, the first "
			"command that heals it.",
		.emit = emit_finding_info },
	{ .name = "oneway_finding_server",
		.type = METRIC_GAUGE,
		.labels = { "condition", "device", "server" },
		.help = "1 for each server on this host's own networks whose passing replies an open finding is "
			"about, up to 8 a finding.",
		.emit = emit_finding_servers },
	{ .name = "oneway_findings",
		.type = METRIC_GAUGE,
		.labels = { "condition", "severity" },
		.help = "Open findings, those declared as intended aside.",
		.emit = emit_findings },
	{ .name = "oneway_last_judgement_timestamp_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds",
		.help = "When the host was last looked at and judged, in seconds since unix epoch.",
		.emit = emit_last_judgement },
	{ .name = "oneway_log_lines_lost_total",
		.type = METRIC_COUNTER,
		.help = "Lines of the log that were lost because nobody read it fast enough.",
		.always = true,
		.emit = emit_log_lines_lost },
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
	{ .name = "oneway_unwatched",
		.type = METRIC_GAUGE,
		.labels = { "collector", "part", "reason" },
		.help = "What a collector does not watch, and why: 1 for part=all, else how many there are.",
		.emit = emit_unwatched },
	{ 0 },
};

/* Adds the families to the items, or only counts them where items is NULL. */
static size_t add_families(
	const struct metric_family **items, const struct metric_family *table, size_t count)
{
	for (; table && table->name; table++, count++)
		if (items)
			items[count] = table;
	return count;
}

static size_t add_all(const struct metric_family **items)
{
	size_t count = add_families(items, own_families, 0);
	count = add_families(items, process_families, count);
	for (size_t i = 0; observer_collectors[i]; i++)
		count = add_families(items, observer_collectors[i]->families, count);
	return count;
}

static int by_name(const void *left, const void *right)
{
	const struct metric_family *const *a = left, *const *b = right;
	return strcmp((*a)->name, (*b)->name);
}

int metric_families_make(struct metric_families *out)
{
	size_t count = add_all(NULL);
	const struct metric_family **items = calloc(count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	add_all(items);
	qsort(items, count, sizeof(*items), by_name);
	*out = (struct metric_families){ items, count };
	return 0;
}

void metric_families_clear(struct metric_families *families)
{
	free(families->items);
	*families = (struct metric_families){ 0 };
}

/* ---- writing ---- */

int exposition_make(const struct snapshot *snapshot, const struct process_stats *process,
	size_t max_addresses, struct exposition *out)
{
	struct exposition exposition = { 0 };
	if (process)
		exposition.process = *process;
	if (snapshot) {
		exposition.facts = snapshot->facts;
		exposition.findings = snapshot->findings;
		int result = selection_make(
			snapshot->facts, snapshot->findings, max_addresses, &exposition.addresses);
		if (result < 0)
			return result;
	}
	*out = exposition;
	return 0;
}

void exposition_clear(struct exposition *exposition)
{
	selection_clear(&exposition->addresses);
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
