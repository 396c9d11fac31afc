/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The reply paths: which lookups to make so that the facts tell, for every service address, by which device
 * requests come and by which the kernel sends the replies. It asks through a function, so that it can be
 * tested without a kernel.
 *
 *	services ─▶ destinations ─▶ candidates and lines ─▶ services by rules ─▶ targets ─▶ paths
 *	─▶ replies ─▶ requests
 *
 * Each step makes one batch of lookups from what the steps before it found.
 */

#include "collectors/collector.h"
#include "collectors/route/lookup.h"

/* Like lookup_batch(), without the socket. */
typedef int route_lookup_function(
	void *argument, const struct route_query *queries, struct route_answer *answers, size_t count);

/* Fills services, destinations, lines and paths of the facts. 0 or negative errno: then they may be
 * incomplete. */
int reply_paths_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, unsigned *failing_left);

/* Asks for one path alone: `path` names service, destination, arrival and ports, and gets its basis and
 * answers. The facts must have their reply paths; they are not changed but for the destination, which is
 * added if it is new. 0 or negative errno. */
int reply_path_find(struct facts *facts, const struct collector_settings *settings,
	route_lookup_function *lookup, void *argument, struct path *path);
