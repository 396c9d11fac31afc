/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The endpoints that a sweep of the conntrack table meets, in a place of fixed size, whatever the traffic. A
 * sweep fills a table anew on top of what the table of the sweep before remembers; that one stays as it is
 * until the new one is complete.
 */

#include <stdbool.h>
#include <stdint.h>

#include "collectors/facts.h"

#define ENDPOINT_LIMIT     1024
#define ENDPOINT_MEMORY_NS (600 * INT64_C(1000000000)) /* after the last flow */

struct endpoint_key {
	enum endpoint_kind kind;
	struct address address;
	struct address target;
};

struct endpoint_table;

/* Empty, or NULL when memory is out. */
struct endpoint_table *endpoint_table_new(void);
/* Accepts NULL. */
void endpoint_table_free(struct endpoint_table *table);

/* Empties `table` and takes over what `before` has seen within ENDPOINT_MEMORY_NS, counts at 0. */
void endpoint_table_begin(struct endpoint_table *table, const struct endpoint_table *before, int64_t now_ns);

/* Counts one flow. In a full table the endpoint seen longest ago gives way, but none that this sweep or the
 * one before has seen: more endpoints than places would else push each other out for ever, and none would be
 * told right. The same holds for an endpoint's examples; there, TCP connections that are half open and all
 * others have half of the places each for certain, so that a failing peer is never pushed out by healthy
 * ones. The example's seen_ns is set here. */
void endpoint_table_add(
	struct endpoint_table *table, const struct endpoint_key *key, const struct flow_example *example);

/* Puts the examples in order: latest first, failing ones before others. Tells whether an endpoint or a peer
 * came or went, or whether an endpoint began or ceased to have flows that are half open or open. */
bool endpoint_table_end(struct endpoint_table *table);

unsigned endpoint_table_count(const struct endpoint_table *table);
/* Writes endpoint_table_count() endpoints. */
void endpoint_table_copy(const struct endpoint_table *table, struct endpoint *out);
/* Flows met since the very first sweep that found no place, and endpoints that gave way. */
uint64_t endpoint_table_omitted(const struct endpoint_table *table);
