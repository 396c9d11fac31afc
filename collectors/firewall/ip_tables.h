/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A table of legacy iptables in its binary form (linux/netfilter_ipv4/ip_tables.h and its IPv6 twin):
 * nat_eval_table() follows the nat table, which is pure. Offsets that lead out of the table are followed no
 * further.
 */

#include <net/if.h> /* before linux/if.h, which has the same names */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP_TABLE_HOOKS    5
#define IP_TABLE_NO_ENTRY UINT32_MAX

/* A table as the kernel hands it out: entries one after the other. */
struct ip_table {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint32_t entry; /* offset of the first one that a packet meets before it is routed */
	/* By NF_INET_*: offsets of the first one that a packet meets in each hook, and of the one that is the
	 * policy of its chain; IP_TABLE_NO_ENTRY: the table is not asked there. As read from the kernel. */
	uint32_t hooks[IP_TABLE_HOOKS], policies[IP_TABLE_HOOKS];
	size_t size;
	const uint8_t *bytes; /* aligned as the entries are */
};

#define IP_TABLE_SIZE_MAX (64u << 20)

/* Sets the counters of all entries to 0, so that the same rules are the same bytes. */
void ip_table_clear_counters(uint8_t family, uint8_t *bytes, size_t size);

/* ---- read from the kernel: ip_tables_read.c */

/* Reads a table of legacy iptables of a family ("nat"), if /proc says that it is there: asking for one that
 * is not would load it. table->bytes is the caller's to free. 1, 0 if there is none, or negative errno:
 * -EAGAIN if it changed meanwhile. Needs CAP_NET_ADMIN. */
int ip_table_read(const char *procfs, uint8_t family, const char *name, struct ip_table *table);

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

/* Begins to read if there is anything to read. A table that cannot be read stays as it was. 0 or negative
 * errno. */
int ip_tables_begin(struct ip_tables *tables);
/* True when nothing is running any more. */
bool ip_tables_end(struct ip_tables *tables);
/* Waits for the thread, and frees the tables. */
void ip_tables_clear(struct ip_tables *tables);
