/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "collectors/firewall/ip_tables.h"

/* Reads the nat table of legacy iptables of a family, if /proc says that it is there: asking for one that is
 * not would load it. table->bytes is the caller's to free. 1, 0 if there is none, or negative errno: -EAGAIN
 * if it changed meanwhile. Needs CAP_NET_ADMIN. */
int ip_table_read(const char *procfs, uint8_t family, struct ip_table *table);

/* The tables of both families as they were read last. The kernel hands out a table in one call, which for ten
 * thousand translations takes 50 ms: it is made by a thread of its own, in the caller's network namespace.
 * Nothing but `running` may be looked at while it is true. */
struct ip_tables {
	const char *procfs;        /* lent */
	struct ip_table tables[2]; /* [0] IPv4, [1] IPv6; no bytes: there is none */
	bool changed;              /* since somebody set it to false */
	bool running;
	atomic_bool done;
	pthread_t thread;
};

/* A table is there and may be read, as far as that is known without reading it. */
bool ip_tables_are_there(const struct ip_tables *tables);
/* Begins to read if there is anything to read. A table that cannot be read stays as it was. 0 or negative
 * errno. */
int ip_tables_begin(struct ip_tables *tables);
/* True when nothing is running any more. */
bool ip_tables_end(struct ip_tables *tables);
/* Waits for the thread, and frees the tables. */
void ip_tables_clear(struct ip_tables *tables);
