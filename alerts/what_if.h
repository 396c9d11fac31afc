/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What would be if some commands were run: rules, routes, addresses and switches of the kernel as they would
 * be then, and lookups in them (net/core/fib_rules.c, net/ipv4/fib_trie.c and their IPv6 twins, followed in
 * user space). Nothing is changed on the host. Routes are read from those tables that rules or commands name;
 * all else is pure.
 */

#include "collectors/facts.h"
#include "collectors/route/lookup.h"
#include "collectors/route/table.h"

struct what_if {
	struct facts *facts; /* lent: devices, addresses and rules in them are changed */
	int rp_filter_all;   /* net.ipv4.conf.all.rp_filter, as it was read; -1: not known */
	struct table_route *routes;
	size_t route_count;
	struct what_if_table {
		uint8_t family;
		uint32_t table;
		int error; /* negative: it could not be read, -E2BIG: it has more than TABLE_ROUTES_MOST
			      routes */
	} * tables;
	size_t table_count;
	/* What made an answer uncertain; "": nothing so far. */
	char doubt[120];
};

/* Applies one command as a shell takes it: `ip rule`, `ip route`, `ip address` with add, del, replace,
 * `sysctl -w`, `echo N > /proc/sys/...`. 0; -EINVAL: it is not understood; -ENOENT: there is no such thing to
 * be removed, or no such device; -EEXIST; -ENOMEM; or what reading a table says. `message`: what about it, in
 * words. */
#define WHAT_IF_MESSAGE_SIZE 200
int what_if_apply(struct what_if *what_if, const char *command, char message[static WHAT_IF_MESSAGE_SIZE]);
/* Frees what it owns. */
void what_if_clear(struct what_if *what_if);

/* A route_lookup_function: `what_if` is one. Where it cannot tell, the answer is ROUTE_FAILED and
 * what_if->doubt says why. 0 or -ENOMEM. */
int what_if_lookup(
	void *what_if, const struct route_query *queries, struct route_answer *answers, size_t count);

/* Private: the routes of the table are there, or are read now. 0 or negative errno. */
int what_if_read_table(struct what_if *what_if, uint8_t family, uint32_t table);
