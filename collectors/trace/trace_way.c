// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace_way.h"

#include <linux/netfilter.h>
#include <string.h>

#include "collectors/trace/trace_table.h"

static void trace_way_finish(struct trace_way *way, enum trace_end end)
{
	way->over = true;
	way->end = end;
}

void trace_way_add(
	struct trace_way *way, const char *own, const struct trace_message *message, int64_t now_ns)
{
	bool is_own = message->family == NFPROTO_INET && strcmp(message->table, own) == 0;
	bool by_rule = message->kind == TRACE_BY_RULE;
	if (way->over)
		return;
	if (!way->begun && is_own && by_rule && message->handle && message->has_headers)
		*way = (struct trace_way){ .begun = true,
			.id = message->id,
			.asked = message->headers,
			.latest = message->headers };
	bool same = message->id == way->id ||
		    (message->has_headers && message->headers.sequence == way->asked.sequence);
	if (!way->begun || !same)
		return;
	way->last_ns = now_ns;
	if (message->has_headers) {
		way->id = message->id;
		way->latest = message->headers;
		way->iif = message->iif ? message->iif : way->iif;
		way->oif = message->oif ? message->oif : way->oif;
	}
	if (is_own) {
		if (trace_table_place(message->chain, &way->place) && way->place == TRACE_THROUGH)
			trace_way_finish(way, TRACE_PASSED);
		return;
	}
	/* The end of a chain is told as a rule without handle: that nothing in it took the packet. */
	if (by_rule && message->handle == 0)
		return;
	if (way->count == TRACE_WAY_STEPS) { /* the last one, which decides, is kept in any case */
		way->more = true;
		way->count--;
	}
	way->steps[way->count++] = *message;
	if (message->verdict < 0) /* NFT_CONTINUE, NFT_JUMP, ...: verdicts within nf_tables */
		return;
	switch (message->verdict & NF_VERDICT_MASK) {
	case NF_DROP:
		trace_way_finish(way, message->kind == TRACE_BY_POLICY ? TRACE_POLICY : TRACE_RULE);
		break;
	case NF_QUEUE:
	case NF_STOLEN: /* synproxy */
		trace_way_finish(way, TRACE_QUEUED);
		break;
	default: /* NF_ACCEPT */
		break;
	}
}

void trace_way_advance(struct trace_way *way, int64_t now_ns)
{
	if (way->begun && !way->over && now_ns - way->last_ns >= TRACE_WAY_SILENCE_NS)
		trace_way_finish(way, TRACE_VANISHED);
}

const struct trace_message *trace_way_last(const struct trace_way *way)
{
	bool told = way->end == TRACE_RULE || way->end == TRACE_POLICY || way->end == TRACE_QUEUED;
	return way->over && told && way->count ? &way->steps[way->count - 1] : NULL;
}
