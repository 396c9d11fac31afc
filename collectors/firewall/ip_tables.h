/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The nat table of legacy iptables in its binary form (linux/netfilter_ipv4/ip_tables.h and its IPv6 twin):
 * nat_eval_table() follows it. Offsets that lead out of the table are followed no further. Pure.
 */

#include <net/if.h> /* before linux/if.h, which has the same names */
#include <stddef.h>
#include <stdint.h>

/* A table as the kernel hands it out: entries one after the other. */
struct ip_table {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint32_t entry; /* offset of the first one that a packet meets before it is routed */
	size_t size;
	const uint8_t *bytes; /* aligned as the entries are */
};

#define IP_TABLE_SIZE_MAX (64u << 20)

/* Sets the counters of all entries to 0, so that the same rules are the same bytes. */
void ip_table_clear_counters(uint8_t family, uint8_t *bytes, size_t size);
