/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the conditions look at in one judgement: the facts, and what all conditions need to know of them,
 * reckoned once. Lent to the conditions by judge(); lives as long as that call.
 */

#include "alerts/verdict.h"

struct remedies;

struct judge_context {
	const struct settings *settings;
	const struct facts *now; /* handshakes: without what is over, see alerts/recovered.h */
	struct verdicts verdicts;
	size_t *order; /* paths by target, arrival, service and position; without those of no service */
	size_t order_count;
	struct remedies *remedies;
	struct facts facts; /* what `now` points to: a copy that shares all but `handshakes` */
	struct handshake_report handshakes;
};

/* Some of the context's paths, as positions in facts.paths. */
struct path_span {
	const size_t *paths;
	size_t count;
};

/* 0 or -ENOMEM. The context must stay where it is until it is closed. */
int judge_context_open(
	struct judge_context *context, const struct settings *settings, const struct facts *now);
void judge_context_close(struct judge_context *context);

/* From an empty span to the paths of the first service and arrival device, and on to the next ones. False
 * after the last. */
bool context_next_pair(const struct judge_context *context, struct path_span *pair);
/* All paths to services with this target. */
struct path_span context_target(const struct judge_context *context, const struct address *target);

const struct path *context_path(const struct judge_context *context, size_t path);
const struct service *context_service(const struct judge_context *context, size_t path);
/* Its requests are known to come by its arrival device, which still exists. */
bool context_certain(const struct judge_context *context, size_t path);
