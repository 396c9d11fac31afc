// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include "collectors/collector.h"
#include "collectors/drop/drop_ledger.h"
#include "collectors/drop/drop_program.h"

const char *drop_reason_name(enum drop_reason reason)
{
	static const char *const names[DROP_REASONS] = {
		[DROP_IP_RPFILTER] = "ip_rpfilter",
		[DROP_IP_LOCAL_SOURCE] = "ip_local_source",
		[DROP_IP_INVALID_SOURCE] = "ip_invalid_source",
		[DROP_IP_LOCALNET] = "ip_localnet",
		[DROP_IP_INVALID_DEST] = "ip_invalid_dest",
		[DROP_IP_OUTNOROUTES] = "ip_outnoroutes",
		[DROP_IP_INNOROUTES] = "ip_innoroutes",
		[DROP_IP_INADDRERRORS] = "ip_inaddrerrors",
		[DROP_NETFILTER_DROP] = "netfilter_drop",
	};
	return names[reason];
}

struct dropping {
	struct drop_program *program;
	struct drop_ledger ledger;
};

static void drops_destroy(void *context)
{
	struct dropping *dropping = context;
	if (!dropping)
		return;
	drop_program_close(dropping->program);
	drop_ledger_clear(&dropping->ledger);
	free(dropping);
}

static int drops_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct dropping *dropping = calloc(1, sizeof(*dropping));
	if (!dropping)
		return -ENOMEM;
	int error = drop_program_open(&dropping->program);
	if (error < 0) {
		drops_destroy(dropping);
		return error;
	}
	*context = dropping;
	return 0;
}

static int drops_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct dropping *dropping = context;
	struct drop_counts counts;
	struct drop_meter gone;
	int error = drop_program_read(dropping->program, &counts);
	if (error < 0)
		return error;
	error = drop_ledger_enter(&dropping->ledger, &counts, facts);
	free(counts.items);
	if (error == 0)
		error = drop_ledger_give(&dropping->ledger, facts);
	if (error < 0)
		return error;
	while (drop_ledger_retire(&dropping->ledger, &gone))
		drop_program_forget(dropping->program, gone.ifindex, gone.reason);
	facts->device_drops_known = true;
	facts->drop_reasons = counts.reasons;
	facts->device_drops_uncounted = counts.uncounted + dropping->ledger.omitted;
	return 0;
}

/* ---- metrics ---- */

static void emit_device_drops(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; facts->device_drops_known && i < facts->device_drop_count; i++)
		metric_add(sink, (double)facts->device_drops[i].packets, facts->device_drops[i].name,
			drop_reason_name(facts->device_drops[i].reason));
}

static void emit_device_drops_uncounted(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->device_drops_known)
		metric_add(sink, (double)facts->device_drops_uncounted);
}

static void emit_drop_reasons(struct metric_sink *sink, const struct facts *facts)
{
	for (unsigned i = 0; facts->device_drops_known && i < DROP_REASONS; i++)
		metric_add(sink, facts->drop_reasons >> i & 1, drop_reason_name((enum drop_reason)i));
}

static void emit_rp_filter_device_drops(struct metric_sink *sink, const struct facts *facts)
{
	if (!facts->device_drops_known || !(facts->drop_reasons >> DROP_IP_RPFILTER & 1))
		return;
	for (size_t i = 0; i < facts->device_drop_count; i++)
		if (facts->device_drops[i].reason == DROP_IP_RPFILTER)
			metric_add(sink, (double)facts->device_drops[i].packets, facts->device_drops[i].name);
	/* 0 for devices that filter or could: a counter that is there before it rises shows its first rise.
	 */
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!device->port && device->rp_filter_effective != RP_FILTER_UNKNOWN &&
			!facts_device_drop(facts, device->ifindex, DROP_IP_RPFILTER))
			metric_add(sink, 0, device->name);
	}
}

static const struct metric_family drops_metrics[] = {
	{ .name = "oneway_device_drops_total",
		.type = METRIC_COUNTER,
		.labels = { "device", "reason" },
		.help = "Packets that the kernel dropped since start, by the device they arrived on or were to leave "
			"by (empty: none yet).",
		.emit = emit_device_drops },
	{ .name = "oneway_device_drops_uncounted_total",
		.type = METRIC_COUNTER,
		.help = "Packets dropped since start that may be missing in the counts by device, at most.",
		.emit = emit_device_drops_uncounted },
	{ .name = "oneway_drop_reason_counted",
		.type = METRIC_GAUGE,
		.labels = { "reason" },
		.help = "Whether the running kernel tells this reason, so that its drops are counted.",
		.emit = emit_drop_reasons },
	{ .name = "oneway_rp_filter_device_drops_total",
		.type = METRIC_COUNTER,
		.labels = { "device" },
		.help = "Packets that arrived on a device and were dropped by reverse-path filtering since start.",
		.emit = emit_rp_filter_device_drops },
	{ 0 },
};

const struct collector drops_collector = {
	.name = "drops",
	.summary = "packets that the kernel drops, by device and reason, counted by a BPF program",
	.needs = "CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN",
	.init = drops_init,
	.collect = drops_collect,
	.destroy = drops_destroy,
	.lacks = drop_program_lacks,
	.families = drops_metrics,
};
