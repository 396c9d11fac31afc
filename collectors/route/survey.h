/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The survey: which lookups to make so that the facts tell, for every service address, by which device
 *requests come and by which the kernel sends the replies. It asks through a function, so that it can be
 *tested without a kernel.
 *
 *	services ─▶ destinations ─▶ candidates and lines ─▶ services by rules ─▶ targets ─▶ paths ─▶ replies
 *─▶ requests
 *
 * Each step makes one batch of lookups from what the steps before it found.
 */

#include "collectors/collector.h"
#include "collectors/route/lookup.h"

#define SURVEY_MARKS 8 /* distinct fwmarks of rules that are tried for each family */

/* Like lookup_batch(), without the socket. */
typedef int survey_lookup_function(
	void *argument, const struct route_query *queries, struct route_answer *answers, size_t count);

/* A device that leads to a destination: the answer to some lookup for it leaves by the device. */
struct route_candidate {
	size_t destination;
	int ifindex;
	struct route_answer answer;
};

/* A connected network of a device. */
struct survey_network {
	struct prefix prefix; /* without host bits */
	int ifindex;
	size_t position; /* of the first address in it */
	struct address
		neighbour; /* an address in it that is not this host's; none: there is no room for one */
};

struct survey {
	struct facts *facts; /* devices, addresses, endpoints, listeners and rules of both kinds are there
				already */
	const struct collector_settings *settings;
	survey_lookup_function *lookup;
	void *argument;
	unsigned *failing_left; /* input lookups that are known to fail and may still be made: they bump
				   host-wide counters */

	uint32_t marks[2][SURVEY_MARKS]; /* [0] IPv4, [1] IPv6 */
	unsigned mark_count[2];
	struct route_candidate *candidates;
	size_t candidate_count;
	size_t *candidate_places; /* by destination, then device: one more than the candidate's position, or 0
				   */
	struct survey_network *networks; /* distinct, by device */
	size_t network_count;
	size_t *endpoints, *peers; /* positions in the facts: of all endpoints by address, of all handshake
				      peers by the address of this side */
};

/* 0 or -ENOMEM; survey_clear() is due in either case. */
int survey_open(struct survey *survey);
void survey_clear(struct survey *survey);

/* The part of endpoints or peers that has this address: *count of them, in their own order. */
const size_t *survey_endpoints(const struct survey *survey, const struct address *address, size_t *count);
const size_t *survey_peers(const struct survey *survey, const struct address *address, size_t *count);

/* Fills services, destinations, lines and paths of the facts. 0 or negative errno: then they may be
 * incomplete. */
int survey_run(struct facts *facts, const struct collector_settings *settings, survey_lookup_function *lookup,
	void *argument, unsigned *failing_left);

/* Asks for one path alone: `path` names service, destination, arrival and ports, and gets its basis and
 * answers. The facts must have been surveyed; they are not changed but for the destination, which is added if
 * it is new. 0 or negative errno. */
int survey_path(struct facts *facts, const struct collector_settings *settings,
	survey_lookup_function *lookup, void *argument, struct path *path);

/* The steps, each in a file of its own. 0 or negative errno. */
int survey_destinations(struct survey *survey);
int survey_candidates(struct survey *survey);
int survey_networks(struct survey *survey);
int survey_paths(struct survey *survey);
int survey_lookups(struct survey *survey);
/* Gives the path its basis and egress; no lookups are made. */
void survey_set_basis(const struct survey *survey, struct path *path);

/* A growing list of lookups and their answers; items keep their positions. */
struct queued_lookups {
	struct route_query *queries;
	struct route_answer *answers;
	size_t count;
};

/* Adds a query; NULL when memory is out. */
struct route_query *lookup_queue(struct queued_lookups *queue, const struct route_query *query);
/* Makes the lookups and fills answers. 0 or negative errno. */
int lookup_flush(struct survey *survey, struct queued_lookups *queue);
void queued_lookups_clear(struct queued_lookups *queue);

/* A device that can be a line: up, no port, not lo. */
bool survey_is_candidate(const struct device *device);
/* The first network of the device that contains the address, or NULL. */
const struct survey_network *survey_network_of(
	const struct survey *survey, int ifindex, const struct address *address);
/* The candidate by which `ifindex` leads to the destination, or NULL. */
const struct route_candidate *route_candidate_of(
	const struct survey *survey, size_t destination, int ifindex);
bool survey_is_named(const struct survey *survey, const struct device *device);
/* [0] for IPv4, [1] for IPv6. */
unsigned survey_family_index(uint8_t family);
