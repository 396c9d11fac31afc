/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rules of the firewall that translate destinations. */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "collectors/address.h"

/* A rule of the firewall that translates destinations, for one target: a map or a set gives a rule for each
 * element. They stand in the order in which the kernel asks them, so of several that fit a packet the first
 * counts (nat_rule_find(), collectors/nat_find.h). */
struct nat_rule {
	uint8_t family;            /* AF_INET or AF_INET6 */
	uint8_t protocol;          /* IPPROTO_*; 0: any */
	struct prefix destination; /* AF_UNSPEC: any */
	bool destination_local;    /* only addresses of this host */
	uint16_t ports[2];         /* first and last; {0,0}: any */
	char iif[IF_NAMESIZE];     /* "": any; ends with '*' for all that begin so */
	int ifindex;               /* if the rule gives the device by number; iif is its name, or "?" */
	bool iif_excluded;         /* any but that device */
	const char *
		also_excluded; /* further devices that are: names, each ended by NUL, "" ends; in nat_names */
	bool redirect;         /* to this host: the address of the device it came by */
	bool conditional;      /* the rule demands more than is listed here */
	bool by_source;        /* if conditional: that the source is one of some, and nothing else */
	bool balanced;         /* one of several targets, chosen for each connection */
	struct address target[2];  /* first and last; none: not changed */
	uint16_t target_ports[2];  /* {0,0}: kept */
	uint8_t table_family;      /* NFPROTO_* */
	const char *table, *chain; /* of the rule that translates; in nat_names */
	uint64_t handle;           /* of it; of legacy iptables its number in the chain, from 1 */
	bool legacy;               /* of iptables-legacy */
};

/* A rule that translates destinations and cannot be told what to. */
struct nat_unread {
	uint8_t table_family;
	const char *table, *chain; /* "": not of one rule */
	uint64_t handle;
	const char *reason; /* static */
};

#define NAT_RULES_MAX  16384
#define NAT_UNREAD_MAX 16 /* that are named; all are counted */

struct nat_facts {
	bool nat_rules_known; /* the ruleset was read; there may be no rules in it */
	struct nat_rule *nat_rules;
	size_t nat_rule_count;
	uint64_t nat_rules_version; /* another one when the rules were read anew */
	uint64_t nat_rules_unread;
	struct nat_unread *nat_unread; /* the first ones */
	size_t nat_unread_count;
	char *nat_names;
};

static inline void nat_facts_clear(struct nat_facts *own)
{
	free(own->nat_rules);
	free(own->nat_unread);
	free(own->nat_names);
}
