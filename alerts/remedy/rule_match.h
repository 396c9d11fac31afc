/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which policy rule decides how a reply is routed (net/core/fib_rules.c, followed in user space). */

#include "collectors/facts.h"

/* What rules can select a packet by. */
struct rule_flow {
	struct address source, destination;
	const char *iif; /* "lo" for what this host sends itself */
	const char *oif; /* "" unless the socket is bound to a device */
	uint32_t mark;
	uint8_t protocol;
	uint16_t source_port, destination_port;
	uint32_t uid;
	bool uid_known;
	bool vrf; /* a device of the packet's belongs to a VRF */
};

enum rule_fit { RULE_MISSES, RULE_MAY_FIT, RULE_FITS };

/* The reply that the path asked for. The path's service must exist. */
struct rule_flow rule_flow_of_reply(const struct facts *facts, const struct path *path);
enum rule_fit rule_fit(const struct rule *rule, const struct rule_flow *flow);
/* Which rule gave the answer to the path's reply lookup. */
struct rule_decision {
	const struct rule *rule; /* NULL if that cannot be told: one that may fit stands before it */
	uint32_t priority; /* the lowest at which a new rule would be too late to change the reply: that of
			      the rule which decides it now, or may do so, or jumps there */
};
struct rule_decision rule_decision(const struct facts *facts, const struct path *path);

/* Thousands of rules are for one source address each: the index leads to those for a reply's own and to all
 * others, so that the decision is soon made. The facts are lent. 0 or -ENOMEM. */
struct rule_index {
	const struct facts *facts;
	size_t *order; /* positions of rules: those for one source by family and source, then all others */
	size_t single_count;
};
int rule_index_open(struct rule_index *index, const struct facts *facts);
void rule_index_close(struct rule_index *index);
struct rule_decision rule_index_decision(const struct rule_index *index, const struct path *path);
