/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What one routing table holds for a destination. The kernel cannot be asked for a lookup in one table, only
 * for one by all rules: what lookups that ended in the table do not tell is read from its routes.
 */

#include "collectors/facts.h"

#define TABLE_MOST_ROUTES 1024 /* a longer table is not read to its end */

/* The table whose connected networks and other specific routes answer the path's replies: main, or that of
 * the VRF in which they are looked up; 0 if the VRF did not say which. The path's service must exist. */
uint32_t table_of_replies(const struct facts *facts, const struct path *path);
/* What a free lookup of the path's destination in the table finds; NULL: nobody knows. It may be the plain
 * lookup's, the path's own or a table_answer. */
const struct route_answer *table_answer_find(
	const struct facts *facts, const struct path *path, uint32_t table);

/* Tables that rules named some time and none does now, the latest last. */
#define TABLES_GONE 8
struct tables_gone {
	struct {
		uint8_t family;
		uint32_t table;
	} items[TABLES_GONE];
	unsigned count;
};
/* Adds those that the rules name and facts->rules do not. */
void tables_gone_note(
	struct tables_gone *gone, const struct rule *rules, size_t count, const struct facts *facts);

/* The path comes from beyond its device's link, and its reply leaves wrongly, or its request is dropped. */
bool table_may_help(const struct path *path);
/* Fills facts->table_answers for the paths whose replies leave wrongly: what lookups leave open of the table
 * whose specific routes they obey, of that which leads out of the arrival device, and of those that are gone.
 * A table that is too long, has IPv6 routes by source, or cannot be read alone (before Linux 4.20) is left
 * out. 0 or -ENOMEM. */
int tables_read(struct facts *facts, const struct tables_gone *gone);

/* A route of a table. */
struct table_route {
	uint32_t table;
	struct prefix to; /* length 0: a default route */
	uint32_t metric;
	bool throws; /* it ends the table; answer.result is ROUTE_NONE */
	struct route_answer answer;
};

/* All routes of a table, appended; a table that does not exist has none. 0 or negative errno: -E2BIG,
 * -EOPNOTSUPP (IPv6 routes by source, or the table cannot be read alone), -ENOMEM. Needs no privilege. */
#define TABLE_ROUTES_MOST 65536
int table_routes_read(uint8_t family, uint32_t table, struct table_route **routes, size_t *count);

struct nlmsghdr;
/* Exposed for tests: takes one route of a table into account, in the answers of that table; 0, or negative
 * errno: then they tell nothing. */
int table_take_route(const struct nlmsghdr *header, struct table_answer *answers, size_t count);
