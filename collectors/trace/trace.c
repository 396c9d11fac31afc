// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/trace/trace.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

/* The texts of a trace. */
static const size_t texts[] = {
	offsetof(struct trace, table),
	offsetof(struct trace, chain),
	offsetof(struct trace, rule),
	offsetof(struct trace, set),
	offsetof(struct trace, element),
};

#define TEXTS (sizeof(texts) / sizeof(*texts))

static char **text_of(const struct trace *trace, size_t which)
{
	return (char **)((char *)trace + texts[which]);
}

int trace_copy(const struct trace *trace, struct trace *out)
{
	struct trace copy = *trace;
	bool failed = false;
	copy.steps = NULL;
	copy.step_count = 0;
	for (size_t i = 0; i < TEXTS; i++) {
		const char *text = *text_of(trace, i);
		*text_of(&copy, i) = text ? strdup(text) : NULL;
		failed |= text && !*text_of(&copy, i);
	}
	if (failed) {
		trace_clear(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

void trace_clear(struct trace *trace)
{
	for (size_t i = 0; i < TEXTS; i++)
		free(*text_of(trace, i));
	for (size_t i = 0; i < trace->step_count; i++) {
		free(trace->steps[i].table);
		free(trace->steps[i].chain);
		free(trace->steps[i].verdict);
		free(trace->steps[i].rule);
	}
	free(trace->steps);
	*trace = (struct trace){ 0 };
}

void trace_facts_clear(struct trace_facts *own)
{
	for (size_t i = 0; i < own->trace_count; i++)
		trace_clear(&own->traces[i]);
	free(own->traces);
	trace_drops_free(own->trace_drops, own->trace_drop_count);
}

void trace_drops_free(struct trace_drops *drops, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(drops[i].table);
		free(drops[i].chain);
	}
	free(drops);
}

bool trace_is_dropped(const struct trace *trace)
{
	return trace->end == TRACE_RULE || trace->end == TRACE_POLICY;
}

const char *trace_end_name(enum trace_end end)
{
	static const char *const names[] = {
		[TRACE_RULE] = "rule",
		[TRACE_POLICY] = "policy",
		[TRACE_QUEUED] = "queued",
		[TRACE_VANISHED] = "vanished",
		[TRACE_PASSED] = "passed",
		[TRACE_NOTHING] = "nothing",
		[TRACE_UNKNOWN] = "unknown",
	};
	return names[end];
}

const char *trace_place_name(enum trace_place place)
{
	static const char *const names[] = {
		[TRACE_ARRIVING] = "prerouting",
		[TRACE_ROUTING] = "routing",
		[TRACE_ENTERING] = "input",
		[TRACE_FORWARDING] = "forward",
		[TRACE_OPENING] = "output",
		[TRACE_LEAVING] = "postrouting",
		[TRACE_THROUGH] = "through",
	};
	return names[place];
}

const char *trace_family_name(uint8_t family)
{
	static const char *const names[] = {
		[NFPROTO_INET] = "inet",
		[NFPROTO_IPV4] = "ip",
		[NFPROTO_ARP] = "arp",
		[NFPROTO_NETDEV] = "netdev",
		[NFPROTO_BRIDGE] = "bridge",
		[NFPROTO_IPV6] = "ip6",
	};
	return family < sizeof(names) / sizeof(*names) && names[family] ? names[family] : "?";
}
