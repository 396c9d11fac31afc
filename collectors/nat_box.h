/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What is known of the packets that get to a certain place in a ruleset: the box they lie in, and whether
 * more is demanded of them than the box says. Each selector that a rule checks makes it smaller. Pure.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "collectors/address.h"

#define NAT_EXCLUDED_MAX 32

struct nat_box {
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
	struct nat_box box;
	bool never;    /* there are none */
	bool narrowed; /* only some sources of the box */
	bool opaque;   /* only some of the box, and it cannot be told which */
	bool balanced; /* only some of the box, by chance */
};

extern const struct nat_box nat_box_all;

/* These make packets->box smaller, or say how the packets differ from it. */
void nat_need_family(struct nat_packets *packets, uint8_t family);
void nat_need_protocol(struct nat_packets *packets, uint8_t protocol);
/* Addresses of one family, first and last. */
void nat_need_destination(struct nat_packets *packets, const struct address *low, const struct address *high);
void nat_need_ports(struct nat_packets *packets, uint16_t low, uint16_t high);
/* A name, or a prefix of names that ends with '*'; or a number. */
void nat_need_iif(struct nat_packets *packets, const char *name, bool excluded);
void nat_need_ifindex(struct nat_packets *packets, int ifindex, bool excluded);
/* First and last address of a prefix. */
void nat_prefix_range(
	const struct address *address, uint8_t length, struct address *low, struct address *high);

bool nat_box_disjoint(const struct nat_box *a, const struct nat_box *b);
bool nat_box_covers(const struct nat_box *box, const struct nat_box *other);
/* Takes `other` away from the box, if what remains is a box again; false if it is not. */
bool nat_box_subtract(struct nat_box *box, const struct nat_box *other);

/* The shortest list of prefixes that makes up the range, up to `most`; their number, or 0 if there are more.
 * An open range is no prefix. */
#define NAT_PREFIXES_MAX 64
unsigned nat_box_prefixes(const struct nat_box *box, struct prefix out[static NAT_PREFIXES_MAX]);
