/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of nat_walk(): visits of chains (nat_walk.c), in which rules are run (nat_run.c). */

#include "collectors/nat_exclusions.h"
#include "collectors/nat_list.h"
#include "collectors/nat_registers.h"
#include "collectors/nft_ruleset.h"

struct nat_walk {
	const struct nft_ruleset *ruleset;
	struct nat_list *list;
	struct nat_exclusions exclusions;
	uint64_t visits;
	unsigned steps;
	bool *unread; /* of each rule: it is counted already */
	int error;
};

/* One visit of a chain. */
struct nat_visit {
	size_t chain;
	uint64_t scope;
	unsigned depth;
	struct nat_packets packets; /* that come to the next rule */
	bool closed;                /* none do */
};

/* Where in a rule. */
struct nat_point {
	struct nat_visit *visit;
	const struct nft_rule *rule;
	struct nft_cursor cursor;
	unsigned parts;
	bool shared_out; /* a map has an element for each way that chance takes: none is left for later rules
			  */
};

struct nat_progress {
	struct nat_packets packets;
	struct nat_registers registers;
};

/* Runs the rest of the rule for these packets. */
void nat_run(struct nat_walk *walk, struct nat_point point, struct nat_progress state);

/* The packets are translated; they are, but to what cannot be told; they do not get to the next rule for so
 * long as `scope` says; they follow a verdict. */
void nat_walk_translate(struct nat_walk *walk, const struct nat_point *point,
	const struct nat_packets *packets, const struct nat_target *target);
void nat_walk_fail(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	const char *reason);
void nat_walk_end(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	uint64_t scope);
void nat_walk_decide(struct nat_walk *walk, const struct nat_point *point, const struct nat_packets *packets,
	int32_t code, const char *chain);
/* Counts the rule as unread, once. */
void nat_walk_note_unread(struct nat_walk *walk, const struct nft_rule *rule, const char *reason);
