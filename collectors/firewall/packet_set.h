/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the packets that get to a certain place in a ruleset: the set they lie in, and whether
 * more is demanded of them than the set says. Each selector that a rule checks makes it smaller. Pure.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/base/address.h"

#define NAT_EXCLUDED_MAX 32

struct packet_set {
	uint8_t family;           /* AF_UNSPEC: both */
	uint8_t protocol;         /* 0: any */
	bool local;               /* the destination is an address of this host */
	struct address low, high; /* of the destination; none: any */
	uint16_t ports[2];        /* of the destination, host order; {0, 65535}: any */
	char iif[IF_NAMESIZE];    /* "": any; ends with '*' for a prefix */
	int ifindex;              /* if it is given by number instead; 0 */
	unsigned excluded_count;  /* devices that it is not */
	char excluded[NAT_EXCLUDED_MAX][IF_NAMESIZE];
};

struct nat_packets {
	struct packet_set set;
	bool never;    /* there are none */
	bool narrowed; /* only some sources of the set */
	bool opaque;   /* only some of the set, and it cannot be told which */
	bool balanced; /* only some of the set, by chance */
};

extern const struct packet_set packet_set_all;

/* These make packets->set smaller, or say how the packets differ from it. */
void nat_match_family(struct nat_packets *packets, uint8_t family);
void nat_match_protocol(struct nat_packets *packets, uint8_t protocol);
/* Addresses of one family, first and last. */
void nat_match_destination(
	struct nat_packets *packets, const struct address *low, const struct address *high);
void nat_match_ports(struct nat_packets *packets, uint16_t low, uint16_t high);
/* A name, or a prefix of names that ends with '*'; or a number. */
void nat_match_iif(struct nat_packets *packets, const char *name, bool excluded);
void nat_match_ifindex(struct nat_packets *packets, int ifindex, bool excluded);
/* AF_INET, AF_INET6, or AF_UNSPEC for any other NFPROTO_*. */
uint8_t nat_family(uint32_t nfproto);
/* Bits of a mask that begins with ones and goes on with zeros; -1 if it is none. */
int nat_mask_length(const uint8_t *mask, size_t size);
/* First and last address of a prefix. */
void nat_prefix_range(
	const struct address *address, uint8_t length, struct address *low, struct address *high);

/* Every name that `inner` stands for, which may end with '*', is one that `outer` stands for. */
bool device_name_covers(const char *outer, const char *inner);
bool packet_set_disjoint(const struct packet_set *a, const struct packet_set *b);
bool packet_set_covers(const struct packet_set *set, const struct packet_set *other);
/* Takes `other` away from the set, if what remains is a set again; false if it is not. */
bool packet_set_subtract(struct packet_set *set, const struct packet_set *other);

/* The shortest list of prefixes that makes up the range, up to `most`; their number, or 0 if there are more.
 * An open range is no prefix. */
#define NAT_PREFIXES_MAX 64
unsigned packet_set_prefixes(const struct packet_set *set, struct prefix out[static NAT_PREFIXES_MAX]);

/* ---- the packets that do not come to the next rule, while a ruleset is followed */

/* For how long they are gone: during one visit of a chain (its number), in the base chain and what it calls,
 * or for good. */
#define NAT_SCOPE_BASE    0
#define NAT_SCOPE_FOREVER UINT64_MAX

struct nat_exclusion {
	struct nat_packets packets;
	uint64_t scope;
};

#define NAT_EXCLUSIONS_MAX 256

struct nat_exclusions {
	struct nat_exclusion items[NAT_EXCLUSIONS_MAX];
	unsigned count;
	bool overflown; /* some were not remembered: nothing after them is certain */
};

void nat_exclude(struct nat_exclusions *exclusions, uint64_t scope, const struct nat_packets *packets);
void nat_exclusions_leave(struct nat_exclusions *exclusions, uint64_t scope);
/* Takes them away from the packets. */
void nat_exclusions_apply(const struct nat_exclusions *exclusions, struct nat_packets *packets);
