/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Reads in a listed chain: the text of a rule, its position, and the set in which a packet was looked up in
 * vain, with the element that is missing. Pure.
 */

#include <jansson.h>
#include <net/if.h>

#include "collectors/trace/trace_message.h"

/* A packet, as far as rules may ask for it. */
struct ruleset_packet {
	struct trace_headers headers;
	struct trace_headers original;           /* before translation: what ct original is */
	char iif[IF_NAMESIZE], oif[IF_NAMESIZE]; /* "": none */
};

/* The rule as nft prints it, without its handle; NULL if it is not there or memory is out. To be freed. */
char *ruleset_rule_text(const char *listing, uint64_t handle);
/* From 1; 0: not there. */
unsigned ruleset_rule_number(const json_t *chain, uint64_t handle);

struct ruleset_miss {
	char *set;     /* its name */
	char *element; /* as nft takes it; NULL if the packet does not tell */
	bool map;      /* of verdicts */
};

/* Finds the rule that would have let the packet pass but for a set or map that lacks it: the last one before
 * `handle` (0: of all) that accepts, jumps or goes to what is in a set, or the one of that handle if it drops
 * what is in none. Rules that ask for something else that the packet is not are passed over; `taken` are the
 * handles of those that took it. True if there is one: texts are the caller's. */
bool ruleset_find_miss(const json_t *chain, uint64_t handle, const struct ruleset_packet *packet,
	const uint64_t *taken, size_t taken_count, struct ruleset_miss *out);

/* Exposed for tests: does the packet fulfil a match of libnftables-json(5)? What cannot be told is
 * MATCH_UNKNOWN. */
enum match_answer { MATCH_YES, MATCH_NO, MATCH_UNKNOWN };
enum match_answer ruleset_match(const json_t *match, const struct ruleset_packet *packet);
/* Exposed for tests: the packet's value of an expression (also a concatenation) as nft takes it in a set;
 * NULL if it cannot be told or memory is out. To be freed. */
char *ruleset_element(const json_t *expression, const struct ruleset_packet *packet);
