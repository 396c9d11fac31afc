/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The steps in which reply paths are found, and what they share; see collectors/route/reply_path.h. */

#include "collectors/route/reply_path.h"

#define ROUTE_MARKS 8 /* distinct fwmarks of rules that are tried for each family */

/* A device that leads to a destination: the answer to some lookup for it leaves by the device. */
struct route_candidate {
	size_t destination;
	int ifindex;
	struct route_answer answer;
};

struct reply_paths {
	struct facts *facts; /* devices, addresses, endpoints, listeners and rules of both kinds are there
				already */
	const struct collector_settings *settings;
	route_lookup_function *lookup;
	void *argument;
	unsigned *failing_left; /* input lookups that are known to fail and may still be made: they bump
				   host-wide counters */

	uint32_t marks[2][ROUTE_MARKS]; /* [0] IPv4, [1] IPv6 */
	unsigned mark_count[2];
	struct route_candidate *candidates;
	size_t candidate_count;
	size_t *candidate_places; /* by destination, then device: one more than the candidate's position, or 0
				   */
	const struct local_address *network; /* these two: the one whose neighbour was found last */
	struct address neighbour;
	size_t *endpoints, *peers; /* positions in the facts: of all endpoints by address, of all handshake
				      peers by the address of this side */
};

/* The part of endpoints or peers that has this address: *count of them, in their own order. */
const size_t *reply_endpoints(
	const struct reply_paths *replies, const struct address *address, size_t *count);
const size_t *reply_peers(const struct reply_paths *replies, const struct address *address, size_t *count);

/* The steps, each in a file of its own. 0 or negative errno. */
int reply_destinations(struct reply_paths *replies);
int reply_candidates(struct reply_paths *replies);
int reply_arrivals(struct reply_paths *replies);
int reply_lookups(struct reply_paths *replies);
/* Gives the path its basis and egress; no lookups are made. */
void reply_path_set_basis(const struct reply_paths *replies, struct path *path);

/* A growing list of lookups and their answers; items keep their positions. */
struct queued_lookups {
	struct route_query *queries;
	struct route_answer *answers;
	size_t count;
};

/* Adds a query; NULL when memory is out. */
struct route_query *lookup_queue(struct queued_lookups *queue, const struct route_query *query);
/* Makes the lookups and fills answers. 0 or negative errno. */
int lookup_flush(struct reply_paths *replies, struct queued_lookups *queue);
void queued_lookups_clear(struct queued_lookups *queue);

/* A device that can be a line: up, no port, not lo. */
bool device_can_be_line(const struct device *device);
/* The candidate by which `ifindex` leads to the destination, or NULL. */
const struct route_candidate *route_candidate_of(
	const struct reply_paths *replies, size_t destination, int ifindex);
bool device_is_named_line(const struct reply_paths *replies, const struct device *device);
/* [0] for IPv4, [1] for IPv6. */
unsigned family_index(uint8_t family);
