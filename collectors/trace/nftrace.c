// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The collector that names the rule: whom to trace is trace_schedule.c's to say, how is tracer.c's. It is the
 * only one that changes anything on the host, for some seconds at a time, and so is not wanted unless it is
 * named.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "collectors/base/kernel_module.h"
#include "collectors/collector.h"
#include "collectors/trace/trace.h"
#include "collectors/trace/trace_schedule.h"
#include "collectors/trace/tracer.h"

#define ARMED_NS    (10 * INT64_C(1000000000))
#define KEPT_NS     (180 * INT64_C(1000000000)) /* longer than a service waits for its next turn */
#define REFUSED_NS  (60 * INT64_C(1000000000))
#define TRACES_MOST TRACE_MEMORY
#define DROPS_MOST  128

struct nftrace {
	struct tracer *tracer;
	struct trace_schedule schedule;
	struct kept {
		struct trace trace;
		int64_t taken_ns; /* monotonic */
	} kept[TRACES_MOST];
	size_t kept_count;
	struct trace_drops *drops; /* DROPS_MOST; the first one is of all that found no room */
	size_t drop_count;
	int arm_error; /* of the last attempt */
	int64_t retry_ns;
};

/* ---- what was learnt ---- */

static void nftrace_keep(struct nftrace *nftrace, const struct trace *trace, int64_t now_ns)
{
	struct kept *kept = nftrace->kept, *end = kept + nftrace->kept_count, *place = end, *oldest = kept;
	for (; kept < end; kept++) {
		if (kept->trace.port == trace->port && kept->trace.arrival == trace->arrival &&
			address_equal(&kept->trace.address, &trace->address))
			place = kept;
		if (kept->taken_ns < oldest->taken_ns)
			oldest = kept;
	}
	if (place == nftrace->kept + TRACES_MOST)
		place = oldest;
	if (place == end)
		nftrace->kept_count++;
	else
		trace_clear(&place->trace);
	*place = (struct kept){ *trace, now_ns };
}

static void nftrace_forget_old(struct nftrace *nftrace, int64_t now_ns)
{
	for (size_t i = nftrace->kept_count; i-- > 0;) {
		if (now_ns - nftrace->kept[i].taken_ns < KEPT_NS)
			continue;
		trace_clear(&nftrace->kept[i].trace);
		nftrace->kept[i] = nftrace->kept[--nftrace->kept_count];
	}
}

/* Adds a copy. */
static int add_drops(struct trace_drops **drops, size_t *count, const struct trace_drops *from)
{
	struct trace_drops copy = *from, *item;
	copy.table = strdup(from->table);
	copy.chain = strdup(from->chain);
	item = copy.table && copy.chain ? ARRAY_ADD(*drops, *count) : NULL;
	if (!item) {
		free(copy.table);
		free(copy.chain);
		return -ENOMEM;
	}
	*item = copy;
	return 0;
}

static int nftrace_count_drop(struct nftrace *nftrace, const struct trace *trace)
{
	for (size_t i = 1; i < nftrace->drop_count; i++) {
		struct trace_drops *drops = &nftrace->drops[i];
		bool same = drops->table_family == trace->table_family && drops->handle == trace->handle &&
			    strcmp(drops->table, trace->table) == 0 &&
			    strcmp(drops->chain, trace->chain) == 0;
		if (same) {
			drops->packets++;
			return 0;
		}
	}
	if (nftrace->drop_count == DROPS_MOST) {
		nftrace->drops[0].packets++;
		return 0;
	}
	const struct trace_drops first = { trace->table_family, trace->table, trace->chain, trace->handle,
		1 };
	return add_drops(&nftrace->drops, &nftrace->drop_count, &first);
}

/* ---- tracing ---- */

static int nftrace_take(struct nftrace *nftrace, const struct facts *facts)
{
	struct trace_turn turn = { .ended_ns = facts->monotonic_ns, .asked_ns = facts->time_ns };
	struct trace trace;
	int error = tracer_take(nftrace->tracer, facts, false, &turn.subject, &trace);
	if (error < 0)
		return error;
	turn.ruleset = tracer_generation(nftrace->tracer);
	turn.seen = trace.end != TRACE_NOTHING;
	trace_schedule_note(&nftrace->schedule, facts, &turn);
	error = trace_is_dropped(&trace) ? nftrace_count_drop(nftrace, &trace) : 0;
	if (turn.seen)
		nftrace_keep(nftrace, &trace, facts->monotonic_ns);
	else
		trace_clear(&trace);
	return error;
}

static int nftrace_arm(struct nftrace *nftrace, const struct facts *facts)
{
	struct trace_subject subject;
	if (facts->monotonic_ns < nftrace->retry_ns)
		return nftrace->arm_error;
	uint32_t generation = facts->handshakes && facts->handshakes->unanswered_count
				      ? tracer_generation(nftrace->tracer)
				      : 0;
	if (!trace_schedule_next(&nftrace->schedule, facts, generation, &subject))
		return nftrace->arm_error;
	nftrace->arm_error = tracer_arm(nftrace->tracer, &subject, facts->monotonic_ns, ARMED_NS);
	if (nftrace->arm_error)
		nftrace->retry_ns = facts->monotonic_ns + REFUSED_NS;
	return nftrace->arm_error;
}

static int nftrace_copy(const struct nftrace *nftrace, struct facts *facts)
{
	for (size_t i = 0; i < nftrace->kept_count; i++) {
		struct trace *trace = ARRAY_ADD(facts->traces, facts->trace_count);
		if (!trace || trace_copy(&nftrace->kept[i].trace, trace) < 0)
			return -ENOMEM;
	}
	for (size_t i = nftrace->drops[0].packets ? 0 : 1; i < nftrace->drop_count; i++)
		if (add_drops(&facts->trace_drops, &facts->trace_drop_count, &nftrace->drops[i]) < 0)
			return -ENOMEM;
	facts->traces_known = true;
	return 0;
}

/* ---- the collector ---- */

static void nftrace_destroy(void *context)
{
	struct nftrace *nftrace = context;
	if (!nftrace)
		return;
	tracer_close(nftrace->tracer);
	for (size_t i = 0; i < nftrace->kept_count; i++)
		trace_clear(&nftrace->kept[i].trace);
	trace_drops_free(nftrace->drops, nftrace->drop_count);
	free(nftrace);
}

static int nftrace_init(const struct collector_settings *settings, void **context)
{
	struct nftrace *nftrace = calloc(1, sizeof(*nftrace));
	if (!nftrace)
		return -ENOMEM;
	int error = add_drops(
		&nftrace->drops, &nftrace->drop_count, &(struct trace_drops){ .table = "", .chain = "" });
	if (error == 0)
		error = tracer_open(&nftrace->tracer);
	if (error == 0 && kernel_module_is_there(settings->procfs, "nf_tables"))
		error = tracer_connect(nftrace->tracer);
	if (error < 0) {
		nftrace_destroy(nftrace);
		return error;
	}
	*context = nftrace;
	return 0;
}

static int nftrace_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	struct nftrace *nftrace = context;
	int error = tracer_advance(nftrace->tracer, facts->monotonic_ns);
	nftrace_forget_old(nftrace, facts->monotonic_ns);
	if (error == 0 && tracer_is_over(nftrace->tracer))
		error = nftrace_take(nftrace, facts);
	if (error == 0 && !tracer_is_armed(nftrace->tracer) && !tracer_is_over(nftrace->tracer))
		error = nftrace_arm(nftrace, facts);
	int failed = nftrace_copy(nftrace, facts);
	return failed < 0 ? failed : error;
}

static int nftrace_descriptor(const void *context)
{
	const struct nftrace *nftrace = context;
	return tracer_descriptor(nftrace->tracer);
}

static int nftrace_advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	struct nftrace *nftrace = context;
	bool before = tracer_is_over(nftrace->tracer);
	int error = tracer_advance(nftrace->tracer, now_ns);
	schedule->due_ns = tracer_due(nftrace->tracer);
	schedule->changed = !before && tracer_is_over(nftrace->tracer);
	return error;
}

/* ---- metrics ---- */

#define TABLE_SIZE 280

static void emit_trace_drops(struct metric_sink *sink, const struct facts *facts)
{
	for (size_t i = 0; i < facts->trace_drop_count; i++) {
		const struct trace_drops *drops = &facts->trace_drops[i];
		/* Those that found no row of their own have empty labels. */
		char table[TABLE_SIZE] = "", rule[24] = "";
		if (drops->table_family) {
			snprintf(table, sizeof(table), "%s %s", trace_family_name(drops->table_family),
				drops->table);
			snprintf(rule, sizeof(rule), "%llu", (unsigned long long)drops->handle);
		}
		metric_add(sink, (double)drops->packets, table, drops->chain,
			drops->table_family && !drops->handle ? "policy" : rule);
	}
}

static const struct metric_family nftrace_metrics[] = {
	{ .name = "oneway_trace_drops_total",
		.type = METRIC_COUNTER,
		.labels = { "table", "chain", "rule" },
		.help = "Traced requests that were dropped, by the handle of the rule that did it, or policy; empty "
			"labels: others.",
		.emit = emit_trace_drops },
	{ 0 },
};

static const struct collector_lack nftrace_lacks[] = {
	{ -EOPNOTSUPP, "kernel", "needs nftables tables with an owner (Linux 5.12)" },
	{ 0 },
};

const struct collector nftrace_collector = {
	.name = "nftrace",
	.summary = "the rule that drops translated requests, traced by a table of its own for up to 10 s",
	.consent = true,
	.needs = "CAP_NET_ADMIN",
	.init = nftrace_init,
	.collect = nftrace_collect,
	.destroy = nftrace_destroy,
	.descriptor = nftrace_descriptor,
	.advance = nftrace_advance,
	.families = nftrace_metrics,
	.lacks = nftrace_lacks,
};
