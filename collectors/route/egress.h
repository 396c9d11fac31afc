/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The way out of a device that no lookup finds: a rule that should lead to its table is missing or names
 * another one, or the table has no default route. Then a route of the device is taken, whatever its table; if
 * there is none, the only neighbour on the device, for who else delivered the request.
 */

#include "collectors/facts.h"

/* Sets the egress of paths that come from beyond the arrival device's link and whose replies leave wrongly,
 * where none is known that leaves by the arrival device alone. A device with more than EGRESS_ROUTES_MAX
 * routes, or EGRESS_NEIGHBOURS_MAX neighbours, and a kernel that cannot list those of one device (before
 * Linux 4.20), tell nothing. */
#define EGRESS_ROUTES_MAX     1024
#define EGRESS_NEIGHBOURS_MAX 1024
void egresses_find(struct facts *facts);

struct nlmsghdr;
/* For tests. A route of the device `ifindex`: makes *best the route to the destination if it is better than
 * that. */
struct egress_candidate {
	struct route_answer answer; /* ROUTE_NOT_ASKED: none yet */
	uint32_t metric;
};
int egress_take_route(const struct nlmsghdr *header, const struct address *destination, int ifindex,
	struct egress_candidate *best);

/* Those on a device that have a link-layer address. */
struct neighbours {
	struct address
		address; /* of the only one: what is in a network of the device before what is link-local */
	uint8_t link_layer[32];
	uint16_t link_layer_size; /* 0: none so far */
	unsigned others;          /* with other link-layer addresses */
	unsigned count;
};
int neighbours_take(const struct nlmsghdr *header, int ifindex, struct neighbours *neighbours);
