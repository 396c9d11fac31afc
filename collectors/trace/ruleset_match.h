/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a rule asks of a packet, from its JSON (libnftables-json(5)); for collectors/trace/ruleset_read.c.
 * Pure. */

#include <jansson.h>
#include <net/if.h>

#include "collectors/trace/trace_message.h"

/* A packet, as far as rules may ask for it. */
struct ruleset_packet {
	struct trace_headers headers;
	struct trace_headers original;           /* before translation: what ct original is */
	char iif[IF_NAMESIZE], oif[IF_NAMESIZE]; /* "": none */
};

enum match_answer { MATCH_YES, MATCH_NO, MATCH_UNKNOWN };

/* Does the packet fulfil the match? What cannot be told is MATCH_UNKNOWN. */
enum match_answer ruleset_match(const json_t *match, const struct ruleset_packet *packet);

/* The packet's value of an expression (also a concatenation) as nft takes it in a set; NULL if it cannot be
 * told or memory is out. To be freed. */
char *ruleset_element(const json_t *expression, const struct ruleset_packet *packet);
