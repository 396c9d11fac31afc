/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the conditions look at in one judgement: the facts, and what all conditions need to know of them,
 * reckoned once. Lent to the conditions by judge(); lives as long as that call.
 */

#include "alerts/verdict.h"

struct remedies;

struct scene {
	const struct settings *settings;
	const struct facts *now; /* handshakes: without what is over, see alerts/recovered.h */
	struct verdicts verdicts;
	size_t *order; /* paths by target, arrival, service and position; without those of no service */
	size_t order_count;
	struct remedies *remedies;
	struct facts facts; /* what `now` points to: a copy that shares all but `handshakes` */
	struct handshake_report handshakes;
};

/* Some of the scene's paths, as positions in facts.paths. */
struct path_span {
	const size_t *paths;
	size_t count;
};

/* 0 or -ENOMEM. The scene must stay where it is until it is closed. */
int scene_open(struct scene *scene, const struct settings *settings, const struct facts *now);
void scene_close(struct scene *scene);

/* From an empty span to the paths of the first service and arrival device, and on to the next ones. False
 * after the last. */
bool scene_next_pair(const struct scene *scene, struct path_span *pair);
/* All paths to services with this target. */
struct path_span scene_target(const struct scene *scene, const struct address *target);

const struct path *scene_path(const struct scene *scene, size_t path);
const struct service *scene_service(const struct scene *scene, size_t path);
/* Its requests are known to come by its arrival device, which still exists. */
bool scene_certain(const struct scene *scene, size_t path);
