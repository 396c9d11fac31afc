/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One judgement's outcome, immutable and counted: the loop thread publishes it, HTTP threads hold it while
 * they write an answer from it, the last one frees it. A slow reader never delays a judgement.
 */

#include "alerts/finding.h"
#include "alerts/timeline.h"
#include "collectors/base/clock.h"
#include "collectors/facts.h"

struct snapshot {
	struct facts *facts;
	struct findings *findings;
	const struct timeline *timeline; /* up to this judgement, shared; NULL: nobody keeps it */
};

/* No judgement for so long: something hangs, whatever the latest one says. */
#define SNAPSHOT_STALE_NS (60 * SECOND_NS)

/* The place where the latest snapshot is found. All functions but latest_snapshot_publish() may be called on
 * any thread. */
struct latest_snapshot;

struct latest_snapshot *latest_snapshot_new(void);
/* Nobody may hold a snapshot any more. Accepts NULL. */
void latest_snapshot_free(struct latest_snapshot *latest);

/* Takes both over, also on failure, and goes on with the timeline of the latest. 0 or -ENOMEM: then the
 * latest stays as it was. On one thread. */
int latest_snapshot_publish(struct latest_snapshot *latest, struct facts *facts, struct findings *findings);
/* The latest, or NULL before the first; to be given back by snapshot_release(). */
const struct snapshot *latest_snapshot_take(struct latest_snapshot *latest);
void snapshot_release(const struct snapshot *snapshot);
/* How long ago the facts of the latest were collected; before the first one, how long it is waited for. */
int64_t latest_snapshot_age_ns(struct latest_snapshot *latest);
