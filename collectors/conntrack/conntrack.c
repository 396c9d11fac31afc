// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The conntrack table, swept without a filter: with a filter that few entries match, the kernel walks the
 * whole table in one call with softirqs off, and the packets of that CPU wait. Unfiltered, a call ends when
 * its 32 KiB are full. Each conntrack_advance() reads one such piece and folds it into the pending sweep,
 * which takes the place of the shown one only when the dump has ended well.
 *
 * Conntrack that is not in use stays so: the small file in /proc is looked at first, since a socket would
 * load nfnetlink, a request conntrack, and even the dump of an empty table walks all of its buckets (other
 * namespaces share them). Where it is in use a request loads nf_conntrack_netlink at most, which only reads.
 */
#include "collectors/base/clock.h"
#include "collectors/collector.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collectors/base/netlink.h"
#include "collectors/base/procfs.h"
#include "collectors/conntrack/conntrack_dump.h"
#include "collectors/conntrack/conntrack_sweep.h"

#define PERIOD_NS       SECOND_NS        /* between the starts of two sweeps, at least */
#define CPU_SHARE       100              /* one in so many of a CPU's nanoseconds */
#define DENIED_NS       (60 * SECOND_NS) /* a security module may log each refusal */
#define STALL_NS        (10 * SECOND_NS) /* without a message: the dump will not go on */
#define NO_ADDRESSES_NS (SECOND_NS / 20)
#define PATIENCE        3 /* sweeps that may fail in a row before it is worth telling */

struct conntrack {
	char *procfs;
	struct netlink *netlink;                /* NULL until there is something to sweep */
	struct address_set *local, *local_next; /* for this sweep and for the next, if others */
	struct conntrack_sweep *shown, *pending;
	struct conntrack_sample sample; /* without flows and entries, which are in `shown` */
	int64_t due_ns;
	unsigned failures; /* in a row */
	int error;         /* for collect() to tell */

	/* Of the sweep under way: */
	bool sweeping;
	struct conntrack_dump dump;
	int64_t started_ns, progress_ns, cpu_ns;

	alignas(struct nlmsghdr) uint8_t buffer[NETLINK_BUFFER_SIZE];
};

static void conntrack_destroy(void *context)
{
	struct conntrack *conntrack = context;
	if (!conntrack)
		return;
	netlink_close(conntrack->netlink);
	address_set_free(conntrack->local);
	address_set_free(conntrack->local_next);
	conntrack_sweep_free(conntrack->shown);
	conntrack_sweep_free(conntrack->pending);
	free(conntrack->procfs);
	free(conntrack);
}

static int conntrack_init(const struct collector_settings *settings, void **context)
{
	struct conntrack *conntrack = calloc(1, sizeof(*conntrack));
	if (!conntrack)
		return -ENOMEM;
	conntrack->procfs = strdup(settings->procfs);
	conntrack->shown = conntrack_sweep_new();
	conntrack->pending = conntrack_sweep_new();
	int error = conntrack->procfs && conntrack->shown && conntrack->pending ? 0 : -ENOMEM;
	if (error < 0) {
		conntrack_destroy(conntrack);
		return error;
	}
	uint64_t count;
	conntrack->sample.in_use = conntrack_count(conntrack->procfs, &count) == 0 && count > 0;
	*context = conntrack;
	return 0;
}

static int conntrack_descriptor(const void *context)
{
	const struct conntrack *conntrack = context;
	return conntrack->netlink ? netlink_descriptor(conntrack->netlink) : -1;
}

/* ---- one sweep */

enum outcome { GOES_ON, FAILED, SHOWN, SHOWN_CHANGED };

/* The pending sweep takes the shown one's place. */
static enum outcome sweep_show(struct conntrack *conntrack)
{
	struct conntrack_sweep *shown = conntrack->pending;
	bool changed = conntrack_sweep_end(shown) || !conntrack->sample.known;
	conntrack->pending = conntrack->shown;
	conntrack->shown = shown;
	conntrack->sample.known = true;
	conntrack->sample.ended_ns = clock_ns(CLOCK_REALTIME);
	conntrack->failures = 0;
	conntrack->error = 0;
	return changed ? SHOWN_CHANGED : SHOWN;
}

static enum outcome sweep_end(struct conntrack *conntrack, int error)
{
	conntrack->sweeping = false;
	if (!error)
		return sweep_show(conntrack);
	if (++conntrack->failures >= PATIENCE || error == -EPERM)
		conntrack->error = error;
	return FAILED;
}

static enum outcome sweep_start(struct conntrack *conntrack, int64_t now_ns)
{
	uint64_t count = 0;
	int error = conntrack_count(conntrack->procfs, &count);
	if (error == 0 && count > 0 && !conntrack->local && !conntrack->local_next) {
		conntrack->due_ns = now_ns + NO_ADDRESSES_NS; /* collect() brings them */
		return GOES_ON;
	}
	conntrack->started_ns = now_ns;
	conntrack->cpu_ns = 0;
	if (error < 0 && error != -ENOENT)
		return sweep_end(conntrack, error);
	conntrack->sample.in_use = error == 0 && (count > 0 || conntrack->sample.in_use);
	if (conntrack->local_next) {
		address_set_free(conntrack->local);
		conntrack->local = conntrack->local_next;
		conntrack->local_next = NULL;
	}
	conntrack->progress_ns = now_ns;
	conntrack_sweep_begin(conntrack->pending, conntrack->shown, now_ns);
	if (error < 0 || count == 0)
		return sweep_show(conntrack);
	conntrack->sweeping = true;
	error = conntrack->netlink ? 0 : netlink_open(NETLINK_NETFILTER, &conntrack->netlink);
	if (error == 0)
		error = conntrack_dump_request(&conntrack->dump, conntrack->netlink);
	return error < 0 ? sweep_end(conntrack, error) : GOES_ON;
}

static void sweep_entry(const struct nlmsghdr *header, void *argument)
{
	struct conntrack *conntrack = argument;
	struct conntrack_flow flow;
	if (conntrack_message_parse(header, &flow) == 0)
		conntrack_sweep_add(conntrack->pending, conntrack->local, &flow);
	else
		conntrack->pending->entries++;
}

/* Bytes in the buffer; 0 if there is nothing to be had or to be believed; negative errno. */
static ssize_t receive(struct conntrack *conntrack)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_size = sizeof(from);
	ssize_t size = recvfrom(netlink_descriptor(conntrack->netlink), conntrack->buffer,
		sizeof(conntrack->buffer), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_size);
	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (from.nl_pid != 0)
		return 0; /* a privileged process may write to this socket too */
	return (size_t)size > sizeof(conntrack->buffer) ? -EMSGSIZE : size;
}

static enum outcome sweep_read(struct conntrack *conntrack, int64_t now_ns)
{
	ssize_t size = receive(conntrack);
	if (size == 0)
		return now_ns - conntrack->progress_ns >= STALL_NS ? sweep_end(conntrack, -ETIMEDOUT)
								   : GOES_ON;
	conntrack->progress_ns = now_ns;
	if (size == -ENOBUFS || size == -EMSGSIZE) { /* lost: the rest is only drained */
		conntrack->dump.spoiled = (int)size;
		return GOES_ON;
	}
	if (size < 0)
		return sweep_end(conntrack, (int)size);
	int result = conntrack_dump_read(
		&conntrack->dump, conntrack->buffer, (size_t)size, sweep_entry, conntrack);
	return result == 0 ? GOES_ON : sweep_end(conntrack, result < 0 ? result : 0);
}

static int conntrack_advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	struct conntrack *conntrack = context;
	int64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	enum outcome outcome = GOES_ON;
	if (conntrack->sweeping)
		outcome = sweep_read(conntrack, now_ns);
	else if (now_ns >= conntrack->due_ns)
		outcome = sweep_start(conntrack, now_ns);
	else if (conntrack->netlink)
		receive(conntrack); /* what a sweep that broke off has left */
	conntrack->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	if (outcome == SHOWN || outcome == SHOWN_CHANGED)
		conntrack->sample.seconds = (double)conntrack->cpu_ns / SECOND_NS;
	if (outcome != GOES_ON) { /* when the next sweep may start */
		int64_t rest_ns = conntrack->error == -EPERM ? DENIED_NS : CPU_SHARE * conntrack->cpu_ns;
		conntrack->due_ns = conntrack->started_ns + (rest_ns > PERIOD_NS ? rest_ns : PERIOD_NS);
	}
	schedule->due_ns = conntrack->sweeping ? conntrack->progress_ns + STALL_NS : conntrack->due_ns;
	schedule->changed = outcome == SHOWN_CHANGED;
	return 0;
}

/* ---- the facts */

static const struct {
	const char *name, *column;
} stats[CONNTRACK_STATS] = {
	[CONNTRACK_INVALID] = { "invalid", "invalid" },
	[CONNTRACK_INSERT_FAILED] = { "insert_failed", "insert_failed" },
	[CONNTRACK_DROP] = { "drop", "drop" },
	[CONNTRACK_EARLY_DROP] = { "early_drop", "early_drop" },
	[CONNTRACK_CHAIN_TOOLONG] = { "chain_toolong",
		"chainlength" }, /* since 5.15; so named in /proc alone */
};

static bool read_stats(const char *procfs, uint64_t sums[static CONNTRACK_STATS])
{
	char *text;
	if (procfs_read(procfs, "net/stat/nf_conntrack", &text, NULL) < 0)
		return false;
	bool known = false;
	for (int i = 0; i < CONNTRACK_STATS; i++)
		known |= procfs_columns_sum(text, stats[i].column, 16, &sums[i]);
	free(text);
	return known;
}

static int conntrack_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	struct conntrack *conntrack = context;
	const struct conntrack_sweep *shown = conntrack->shown;
	unsigned count = endpoint_table_count(shown->endpoints);
	/* Facts without any address are those of a host that could not be looked at. */
	if (facts->address_count > 0 || (!conntrack->local && !conntrack->local_next)) {
		struct address_set *local = address_set_new(facts->addresses, facts->address_count);
		if (!local)
			return -ENOMEM;
		address_set_free(conntrack->local_next);
		conntrack->local_next = local;
	}
	facts->conntrack = conntrack->sample;
	facts->conntrack.entries = shown->entries;
	facts->conntrack.endpoints_omitted = endpoint_table_omitted(shown->endpoints);
	memcpy(facts->conntrack.flows, shown->flows, sizeof(shown->flows));
	facts->conntrack.stats_known = read_stats(settings->procfs, facts->conntrack.stats);
	if (count > 0) {
		facts->endpoints = calloc(count, sizeof(facts->endpoints[0]));
		if (!facts->endpoints)
			return -ENOMEM;
		endpoint_table_copy(shown->endpoints, facts->endpoints);
		facts->endpoint_count = count;
	}
	return conntrack->error;
}

/* The first sweep has ended, or there is nothing to sweep. */
static bool conntrack_settled(const void *context)
{
	const struct conntrack *conntrack = context;
	return conntrack->sample.known || !conntrack->sample.in_use;
}

/* ---- metrics */

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

static void emit_nat_flows(struct metric_sink *sink, const struct facts *facts)
{
	const struct conntrack_sample *sample = &facts->conntrack;
	for (size_t nat = 0; sample->known && nat < NAT_KINDS; nat++)
		for (size_t protocol = 0; protocol < NAT_PROTOCOLS; protocol++)
			for (size_t state = 0; state < NAT_STATES; state++)
				if ((protocol == NAT_TCP) == (state < NAT_UNREPLIED))
					metric_add(sink, (double)sample->flows[nat][protocol][state],
						nat_names[nat], protocol_names[protocol], state_names[state]);
}

static void emit_target_flows(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; facts->conntrack.known && i < facts->endpoint_count; i++) {
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
		metric_add(sink, (double)facts->conntrack.stats[i], stats[i].name);
}

static void emit_sample_seconds(struct metric_sink *sink, const struct facts *facts)
{
	if (facts->conntrack.known)
		metric_add(sink, facts->conntrack.seconds);
}

static void emit_sample_timestamp(struct metric_sink *sink, const struct facts *facts)
{
	int64_t milliseconds = facts->conntrack.ended_ns / MILLISECOND_NS;
	if (facts->conntrack.known)
		metric_add(sink, (double)milliseconds / 1000);
}

static void emit_sample_count(struct metric_sink *sink, const struct facts *facts)
{
	const char *sample = (const char *)&facts->conntrack;
	if (facts->conntrack.known)
		metric_add(sink, (double)*(const uint64_t *)(const void *)(sample + sink->family->field));
}

static const struct metric_family conntrack_metrics[] = {
	{ .name = "oneway_conntrack_endpoints_omitted_total",
		.type = METRIC_COUNTER,
		.help = "Flows met in the connection tracking table whose addresses found no place, and addresses that "
			"lost theirs to others.",
		.field = offsetof(struct conntrack_sample, endpoints_omitted),
		.emit = emit_sample_count },
	{ .name = "oneway_conntrack_nat_flows",
		.type = METRIC_GAUGE,
		.labels = { "nat", "protocol", "state" },
		.help = "Translated flows at the last sweep of the connection tracking table.",
		.emit = emit_nat_flows },
	{ .name = "oneway_conntrack_sample_entries",
		.type = METRIC_GAUGE,
		.help = "Entries of the connection tracking table, translated or not, met by its last sweep.",
		.field = offsetof(struct conntrack_sample, entries),
		.emit = emit_sample_count },
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

const struct collector conntrack_collector = {
	.name = "conntrack",
	.summary = "NAT flows, service addresses in use and statistics of connection tracking",
	.needs = "CAP_NET_ADMIN",
	.init = conntrack_init,
	.collect = conntrack_collect,
	.destroy = conntrack_destroy,
	.procfs = true,
	.descriptor = conntrack_descriptor,
	.advance = conntrack_advance,
	.settled = conntrack_settled,
	.families = conntrack_metrics,
};
