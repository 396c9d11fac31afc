/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The matches and targets of iptables in their binary form (linux/netfilter/x_tables.h), as they stand in
 * rules of iptables-nft and in tables of legacy iptables alike. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"
#include "collectors/firewall/packet_set.h"

#define XT_PORT_RANGES_MAX 15

/* A match: the packets are made narrower, but for several ports, of which there is one range for each way to
 * go on; 0: go on as you are. */
struct xt_ports {
	unsigned count;
	uint16_t ranges[XT_PORT_RANGES_MAX][2];
};

/* All others: a range below, a range above, or none. */
void xt_ports_except(struct xt_ports *ports, uint16_t low, uint16_t high);

void xt_match_apply(const char *name, unsigned revision, const uint8_t *info, size_t size,
	struct nat_packets *packets, struct xt_ports *ports);

enum xt_effect {
	XT_CONTINUES,  /* the packet goes on to the next rule */
	XT_ENDS,       /* it does not, and is not translated */
	XT_TRANSLATES, /* its destination */
	XT_UNREADABLE, /* its destination, but to what cannot be told */
	XT_UNKNOWN,    /* a target of which nothing is known */
};

struct nat_target {
	bool redirect;            /* to this host */
	bool netmap;              /* a prefix to the prefix of the same length */
	struct address low, high; /* none: the address is kept */
	uint16_t ports[2];        /* {0,0}: kept */
};

/* `family` is the packet's. */
enum xt_effect xt_target_read(const char *name, unsigned revision, const uint8_t *info, size_t size,
	uint8_t family, struct nat_target *out);
