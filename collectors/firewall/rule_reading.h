/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which rule drops the requests of services that are translated and not let through, by reading where nobody
 * traces: of a few services at once, and not more often than a reading is worth. Used on the thread that
 * completes facts.
 */

#include "collectors/facts.h"
#include "collectors/firewall/filter.h"
#include "collectors/handshake/handshake_facts.h"

#define READING_MOST     4
#define READING_SOON_NS  (2 * INT64_C(1000000000))  /* at least, between two readings */
#define READING_AGAIN_NS (30 * INT64_C(1000000000)) /* of what did not change, as far as is announced */
#define READING_SHARE    20                         /* they take at most 1/20 of the time */

/* Zeroed: nothing was read. */
struct rule_reading {
	struct trace traces[READING_MOST]; /* TRACE_PASSED: nothing is to be said of it */
	size_t count;
	uint64_t version; /* of the translating rules then: it is another one after each change */
	int64_t read_ns;  /* monotonic; 0: never */
	int64_t cost_ns;
};

/* Adds what the rules say of each such service to the facts' traces; reads them if that is due. 0 or -ENOMEM;
 * rules that cannot be read say nothing. */
int rule_reading_add(struct rule_reading *reading, const char *procfs, struct facts *facts);
void rule_reading_clear(struct rule_reading *reading);

/* For tests: the rest is pure. */

/* Those that wait longest. Gives their number. */
size_t rule_reading_wanted(
	const struct facts *facts, const struct unanswered_service *wanted[static READING_MOST]);
bool rule_reading_is_due(const struct rule_reading *reading, const struct facts *facts,
	const struct unanswered_service *const *wanted, size_t count);

struct route_query;
/* Answers a lookup; 0 or negative errno. */
struct rule_reading_routes {
	int (*ask)(void *argument, const struct route_query *query, struct route_answer *answer);
	void *argument;
};

/* What becomes of the latest request: TRACE_RULE, TRACE_POLICY, TRACE_UNKNOWN with the rule that cannot be
 * followed, or TRACE_PASSED, also if it does not come so far that the rules alone decide. 0 or -ENOMEM. */
int rule_reading_follow(const struct facts *facts, const struct filter_rules *rules,
	const struct unanswered_service *unanswered, const struct rule_reading_routes *routes,
	struct trace *out);
