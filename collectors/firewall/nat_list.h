/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The rules of the firewall that translate destinations, as they were read at one time. While a list is
 * gathered it belongs to whoever gathers it; then it is immutable and shared by reference, by the collector
 * and by all facts of that time, on any thread.
 */

#include <net/if.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/base/address.h"
#include "collectors/base/hash_index.h"

/* A rule of the firewall that translates destinations, for one target: a map or a set gives a rule for each
 * element. They stand in the order in which the kernel asks them, so of several that fit a packet the first
 * counts (collectors/firewall/nat_find.h). */
struct nat_rule {
	uint8_t family;            /* AF_INET or AF_INET6 */
	uint8_t protocol;          /* IPPROTO_*; 0: any */
	struct prefix destination; /* AF_UNSPEC: any */
	bool destination_local;    /* only addresses of this host */
	uint16_t ports[2];         /* first and last; {0,0}: any */
	char iif[IF_NAMESIZE];     /* "": any; ends with '*' for all that begin so */
	int ifindex;               /* if the rule gives the device by number; then iif is "" */
	bool iif_excluded;         /* any but that device */
	const char *also_excluded; /* further devices that are: names, each ended by NUL, "" ends */
	bool redirect;             /* to this host: the address of the device it came by */
	bool conditional;          /* the rule demands more than is listed here */
	bool by_source;            /* if conditional: that the source is one of some, and nothing else */
	bool balanced;             /* one of several targets, chosen for each connection */
	struct address target[2];  /* first and last; none: not changed */
	uint16_t target_ports[2];  /* {0,0}: kept */
	uint8_t table_family;      /* NFPROTO_* */
	const char *table, *chain; /* of the rule that translates */
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

#define NAT_PREFIX_KINDS 130 /* any destination, or a prefix of 0 to 128 bits */

/* Names that rules point to; they stay where they are. */
struct nat_names {
	struct nat_names *next;
	size_t used, room;
	char bytes[];
};

struct nat_list {
	struct nat_rule *rules;
	size_t count, redirects;
	struct nat_unread *unread; /* the first ones */
	size_t unread_count;
	uint64_t unread_total;
	uint64_t version; /* another one when the rules were read anew */

	/* Of this module alone. Each rule stands in two chains, in order: in that of its destination, and in
	 * that of its destination and port, where all that have not one single port are together. */
	struct nat_names *names;
	struct hash_index heads;
	uint64_t seed;
	struct nat_link {
		uint32_t next[2], last[2]; /* `last`: of the first rule of a chain */
	} * links; /* of each rule; rule i is 2 * i in the first chain, 2 * i + 1 in the other */
	size_t link_count;
	bool has_prefix[2][NAT_PREFIX_KINDS]; /* of IPv4 and IPv6: some rule has one of that kind */
	bool failed;                          /* memory was out */
	atomic_uint holders;
};

/* Where a rule stands. */
struct nat_place {
	uint8_t family; /* NFPROTO_* */
	const char *table, *chain;
	uint64_t handle;
	bool legacy;
};

struct nat_packets;
struct nat_target;

/* An empty list with one holder, to be filled; NULL when memory is out. */
struct nat_list *nat_list_new(void);

/* Adds what is translated to the target: a rule for each prefix that the set consists of. Beyond
 * NAT_RULES_MAX, or if it cannot be said as rules, it is counted as unread. */
void nat_list_add(struct nat_list *list, const struct nat_place *place, const struct nat_packets *packets,
	const struct nat_target *target);
/* `reason` is static. */
void nat_list_add_unread(struct nat_list *list, const struct nat_place *place, const char *reason);
/* Adds a rule as it is; what it points to must live as long as the list. The rule in the list, or NULL when
 * memory is out; its family, destination and ports may not be changed. */
struct nat_rule *nat_list_append(struct nat_list *list, const struct nat_rule *rule);

/* One more holder; accepts NULL and returns the same list. */
const struct nat_list *nat_list_share(const struct nat_list *list);
/* One less; the last one frees it. Accepts NULL. */
void nat_list_release(const struct nat_list *list);

/* Goes through the rules, in order, whose destination contains the address (whether or not it must be local)
 * and whose ports may contain the port; with `port` 0 all ports do. */
struct nat_candidates {
	const struct nat_list *list;
	uint32_t at[2 * NAT_PREFIX_KINDS];
	unsigned count;
};
/* Accepts NULL for a list without rules. */
void nat_candidates_begin(struct nat_candidates *candidates, const struct nat_list *list,
	const struct address *address, uint16_t port);
/* NULL at the end. */
const struct nat_rule *nat_candidates_next(struct nat_candidates *candidates);
