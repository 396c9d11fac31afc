// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/device_parse.h"

#include <errno.h>
#include <stdlib.h>

#include "collectors/base/history.h"
#include "collectors/base/procfs.h"
#include "collectors/collector.h"

_Static_assert(RPFILTER_RECENT_NS / HISTORY_SECONDS == INT64_C(1000000000), "facts.h says how far back");

/* ---- modes ---- */

/* The devices' own modes come with them; what is changed for all is announced to whoever reads those. */
static int give_modes(const char *procfs, struct facts *facts)
{
	char *text, *end;
	int error = procfs_read(procfs, "sys/net/ipv4/conf/all/rp_filter", &text, NULL);
	if (error < 0)
		return error == -ENOENT ? -EOPNOTSUPP : error;
	long all = strtol(text, &end, 10);
	bool known = end != text && all >= 0 && all <= INT32_MAX;
	free(text);
	for (size_t i = 0; known && i < facts->device_count; i++) {
		struct device *device = &facts->devices[i];
		int raw = device->rp_filter_raw;
		if (raw != RP_FILTER_UNKNOWN)
			device->rp_filter_effective = raw > all ? raw : (int)all;
	}
	return known ? 0 : -EBADMSG;
}

/* ---- counters ---- */

bool rpfilter_parse_drops(const char *text, uint64_t *drops)
{
	return procfs_pair(text, "TcpExt:", "IPReversePathFilter", drops);
}

bool rpfilter_parse_martians(const char *text, uint64_t *sources, uint64_t *destinations)
{
	uint64_t read_sources, read_destinations;
	if (!procfs_columns_sum(text, "in_martian_src", 16, &read_sources) ||
		!procfs_columns_sum(text, "in_martian_dst", 16, &read_destinations))
		return false;
	*sources = read_sources;
	*destinations = read_destinations;
	return true;
}

static void collect_drops(
	struct history *history, const char *procfs, int64_t now, struct rpfilter_counters *counters)
{
	char *text;
	if (procfs_read(procfs, "net/netstat", &text, NULL) < 0)
		return;
	counters->known = rpfilter_parse_drops(text, &counters->drops);
	free(text);
	if (!counters->known)
		return;
	history_add(history, now, counters->drops);
	counters->drops_risen_ns = history->risen_ns;
	counters->drops_recent = history_recent(history, now);
}

static void collect_martians(const char *procfs, struct rpfilter_counters *counters)
{
	char *text;
	if (procfs_read(procfs, "net/stat/rt_cache", &text, NULL) < 0)
		return;
	counters->martians_known =
		rpfilter_parse_martians(text, &counters->martian_sources, &counters->martian_destinations);
	free(text);
}

/* ---- collector ---- */

static int rpfilter_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct history *drops = calloc(1, sizeof(*drops));
	if (!drops)
		return -ENOMEM;
	*context = drops;
	return 0;
}

static int rpfilter_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	collect_drops(context, settings->procfs, facts->monotonic_ns, &facts->rpfilter);
	collect_martians(settings->procfs, &facts->rpfilter);
	return give_modes(settings->procfs, facts);
}

/* ---- metrics ---- */

static void emit_rp_filter_mode(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!device->port && device->rp_filter_effective != RP_FILTER_UNKNOWN)
			metric_add(sink, device->rp_filter_effective, device->name);
	}
}

static void emit_rp_filter_drops(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->rpfilter.known)
		metric_add(sink, (double)facts->rpfilter.drops);
}

static void emit_martians(struct metric_sink *sink, const struct facts *facts)
{
	if (!facts->rpfilter.martians_known)
		return;
	metric_add(sink, (double)facts->rpfilter.martian_sources, "source");
	metric_add(sink, (double)facts->rpfilter.martian_destinations, "destination");
}

static const struct metric_family rpfilter_metrics[] = {
	{ .name = "oneway_rp_filter_mode",
		.type = METRIC_GAUGE,
		.labels = { "device" },
		.help = "Effective reverse-path filtering of a device: 0 off, 1 strict, 2 loose.",
		.emit = emit_rp_filter_mode },
	{ .name = "oneway_rp_filter_drops_total",
		.type = METRIC_COUNTER,
		.help = "Packets dropped by reverse-path filtering in this network namespace.",
		.emit = emit_rp_filter_drops },
	{ .name = "oneway_martian_packets_total",
		.type = METRIC_COUNTER,
		.labels = { "kind" },
		.help = "Packets with an impossible source or destination, in all network namespaces of the host.",
		.emit = emit_martians },
	{ 0 },
};

const struct collector rpfilter_collector = {
	.name = "rpfilter",
	.summary = "reverse-path filtering: its mode per device, and what it dropped",
	.init = rpfilter_init,
	.collect = rpfilter_collect,
	.destroy = free,
	.procfs = true,
	.families = rpfilter_metrics,
};
