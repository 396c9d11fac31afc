// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/device/rpfilter.h"

#include <errno.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#include "collectors/base/array.h"
#include "collectors/base/history.h"
#include "collectors/base/netlink.h"
#include "collectors/base/procfs.h"
#include "collectors/collector.h"

_Static_assert(RPFILTER_RECENT_NS / HISTORY_SECONDS == INT64_C(1000000000), "facts.h says how far back");

struct rpfilter {
	struct netlink *requests, *notifications;
	bool fresh;
	struct netconf *confs; /* sorted by ifindex */
	size_t conf_count;
	struct history drops;
};

/* ---- modes ---- */

int rpfilter_parse_netconf(const struct nlmsghdr *header, struct netconf *out)
{
	const struct nlattr *table[NETCONFA_MAX + 1];
	if (header->nlmsg_type != RTM_NEWNETCONF ||
		!attributes_of_message(header, sizeof(struct netconfmsg), table, NETCONFA_MAX))
		return -EBADMSG;
	const struct netconfmsg *message = mnl_nlmsg_get_payload(header);
	uint32_t ifindex, value;
	if (message->ncm_family != AF_INET || !attribute_u32(table[NETCONFA_IFINDEX], &ifindex))
		return -EBADMSG;
	struct netconf conf = { .ifindex = (int)ifindex, .rp_filter = RP_FILTER_UNKNOWN };
	if (attribute_u32(table[NETCONFA_RP_FILTER], &value))
		conf.rp_filter = (int)value;
	conf.forwarding = attribute_u32(table[NETCONFA_FORWARDING], &value) && value != 0;
	*out = conf;
	return 0;
}

static int rpfilter_message(const struct nlmsghdr *header, void *argument)
{
	struct rpfilter *rpfilter = argument;
	struct netconf conf;
	int error = rpfilter_parse_netconf(header, &conf);
	if (error < 0)
		return error;
	struct netconf *item = ARRAY_ADD(rpfilter->confs, rpfilter->conf_count);
	if (!item)
		return -ENOMEM;
	*item = conf;
	return 0;
}

static void forget_confs(void *argument)
{
	struct rpfilter *rpfilter = argument;
	rpfilter->conf_count = 0;
}

static int compare_confs(const void *a, const void *b)
{
	const struct netconf *left = a, *right = b;
	return (left->ifindex > right->ifindex) - (left->ifindex < right->ifindex);
}

static int read_confs(struct rpfilter *rpfilter)
{
	char buffer[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct netconfmsg))]
		__attribute__((aligned(4))) = { 0 };
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	request->nlmsg_type = RTM_GETNETCONF;
	struct netconfmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));
	message->ncm_family = AF_INET;
	forget_confs(rpfilter);
	int error = netlink_dump(rpfilter->requests, request, rpfilter_message, forget_confs, rpfilter);
	if (error == 0 && rpfilter->conf_count > 0)
		qsort(rpfilter->confs, rpfilter->conf_count, sizeof(*rpfilter->confs), compare_confs);
	return error;
}

static const struct netconf *find_conf(const struct rpfilter *rpfilter, int ifindex)
{
	const struct netconf key = { .ifindex = ifindex };
	if (rpfilter->conf_count == 0)
		return NULL;
	return bsearch(&key, rpfilter->confs, rpfilter->conf_count, sizeof(key), compare_confs);
}

static void set_mode(struct device *device, int raw, int all)
{
	device->rp_filter_raw = raw;
	bool known = raw != RP_FILTER_UNKNOWN && all != RP_FILTER_UNKNOWN;
	device->rp_filter_effective = !known ? RP_FILTER_UNKNOWN : raw > all ? raw : all;
}

static void give_modes(const struct rpfilter *rpfilter, struct facts *facts)
{
	const struct netconf *all = find_conf(rpfilter, NETCONFA_IFINDEX_ALL);
	for (size_t i = 0; i < facts->device_count; i++) {
		struct device *device = &facts->devices[i];
		const struct netconf *conf = find_conf(rpfilter, device->ifindex);
		if (!conf)
			continue; /* does no IPv4 */
		set_mode(device, conf->rp_filter, all ? all->rp_filter : RP_FILTER_UNKNOWN);
		device->forwarding4 = conf->forwarding;
	}
}

/* Where the kernel has no RTM_GETNETCONF. */
static int read_mode_file(const char *procfs, const char *device)
{
	char name[64 + IF_NAMESIZE];
	char *text;
	snprintf(name, sizeof(name), "sys/net/ipv4/conf/%s/rp_filter", device);
	if (procfs_read(procfs, name, &text, NULL) < 0)
		return RP_FILTER_UNKNOWN;
	char *end;
	long value = strtol(text, &end, 10);
	int mode = end == text || value < 0 || value > INT32_MAX ? RP_FILTER_UNKNOWN : (int)value;
	free(text);
	return mode;
}

static int give_modes_of_files(const char *procfs, struct facts *facts)
{
	int all = read_mode_file(procfs, "all");
	if (all == RP_FILTER_UNKNOWN)
		return -EOPNOTSUPP;
	for (size_t i = 0; i < facts->device_count; i++)
		set_mode(&facts->devices[i], read_mode_file(procfs, facts->devices[i].name), all);
	return 0;
}

static int collect_modes(struct rpfilter *rpfilter, const char *procfs, struct facts *facts)
{
	int some = netlink_drain(rpfilter->notifications, NULL, NULL);
	if (some != 0) /* nothing is read anew by time here: what cannot be followed is read each time */
		rpfilter->fresh = false;
	int error = rpfilter->fresh ? 0 : read_confs(rpfilter);
	rpfilter->fresh = error == 0;
	if (error == -EOPNOTSUPP)
		return give_modes_of_files(procfs, facts);
	if (error == 0)
		give_modes(rpfilter, facts);
	return error < 0 ? error : some < 0 ? some : 0;
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

static void rpfilter_destroy(void *context)
{
	struct rpfilter *rpfilter = context;
	if (!rpfilter)
		return;
	netlink_close(rpfilter->requests);
	netlink_close(rpfilter->notifications);
	free(rpfilter->confs);
	free(rpfilter);
}

static int rpfilter_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	struct rpfilter *rpfilter = calloc(1, sizeof(*rpfilter));
	if (!rpfilter)
		return -ENOMEM;
	const unsigned group = RTNLGRP_IPV4_NETCONF;
	int error = netlink_open(NETLINK_ROUTE, &rpfilter->requests);
	if (error == 0)
		error = netlink_watch(&group, 1, &rpfilter->notifications);
	if (error < 0) {
		rpfilter_destroy(rpfilter);
		return error;
	}
	*context = rpfilter;
	return 0;
}

static int rpfilter_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct rpfilter *rpfilter = context;
	collect_drops(&rpfilter->drops, settings->procfs, facts->monotonic_ns, &facts->rpfilter);
	collect_martians(settings->procfs, &facts->rpfilter);
	return collect_modes(rpfilter, settings->procfs, facts);
}

static int rpfilter_descriptor(const void *context)
{
	const struct rpfilter *rpfilter = context;
	return netlink_descriptor(rpfilter->notifications);
}

static int rpfilter_advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	(void)now_ns;
	struct rpfilter *rpfilter = context;
	int some = netlink_drain(rpfilter->notifications, NULL, NULL);
	if (some != 0)
		rpfilter->fresh = false;
	*schedule = (struct collector_schedule){ .due_ns = COLLECTOR_NEVER, .changed = some > 0 };
	return some < 0 ? some : 0;
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
	.destroy = rpfilter_destroy,
	.descriptor = rpfilter_descriptor,
	.advance = rpfilter_advance,
	.families = rpfilter_metrics,
};
