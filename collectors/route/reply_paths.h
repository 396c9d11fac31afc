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

/* Where something stands in the facts, found by an address of it. */
struct addressed {
	struct address address;
	size_t position;
};

struct addressed_list {
	struct addressed *items; /* by address, then position */
	size_t count;
};

struct reply_paths {
	struct facts *facts; /* devices, addresses, endpoints, listeners and rules of both kinds are there
				already */
	const struct collector_settings *settings;
	route_lookup_function *lookup;
	void *argument;
	unsigned *failing_left; /* input lookups that are known to fail and may still be made: they bump
				   host-wide counters */
	struct path *path;      /* the only one that is asked for; NULL: all */
	int error;              /* the first one, negative: no step is begun and no lookup made after it */

	uint32_t marks[2][ROUTE_MARKS]; /* [0] IPv4, [1] IPv6 */
	unsigned mark_count[2];
	struct route_candidate *candidates;
	size_t candidate_count;
	size_t *candidate_places; /* by destination, then device: one more than the candidate's position, or 0
				   */
	const struct local_address *network; /* these two: the one whose neighbour was found last */
	struct address neighbour;
	struct addressed_list endpoints,
		peers;               /* all endpoints; all handshake peers by this side's address */
	struct route_query *queries; /* of the round that is asked */
	size_t query_count;
};

/* Those with this address: *count of them, in their own order. */
const struct addressed *addressed_find(
	const struct addressed_list *list, const struct address *address, size_t *count);

/* The steps, each in a file of its own. */
void reply_destinations(struct reply_paths *replies);
void reply_candidates(struct reply_paths *replies);
void reply_arrivals(struct reply_paths *replies);
void reply_lookups(struct reply_paths *replies);
/* Gives the path its basis and egress; no lookups are made. */
void reply_path_set_basis(const struct reply_paths *replies, struct path *path);

/* One batch of lookups about `count` items: ask() queues any number of queries for each, and note() gets the
 * answers to those of an item for which there are some. */
void lookup_round(struct reply_paths *replies, size_t count,
	void (*ask)(struct reply_paths *replies, size_t item),
	void (*note)(struct reply_paths *replies, size_t item, const struct route_answer *answers,
		size_t answer_count));
void lookup_queue(struct reply_paths *replies, const struct route_query *query);

/* Position of the address in facts->destinations; destination_count if it is none. */
size_t destination_find(const struct facts *facts, const struct address *address);
/* NULL if it is there already, or memory is out. */
struct destination *destination_add(
	struct reply_paths *replies, const struct address *address, enum destination_kind kind);
/* A device that can be a line: up, no port, not lo. */
bool device_can_be_line(const struct device *device);
/* The candidate by which `ifindex` leads to the destination, or NULL. */
const struct route_candidate *route_candidate_of(
	const struct reply_paths *replies, size_t destination, int ifindex);
bool device_is_named_line(const struct reply_paths *replies, const struct device *device);
/* [0] for IPv4, [1] for IPv6. */
unsigned family_index(uint8_t family);
