/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One judgement's outcome, immutable and counted: the loop thread publishes it, HTTP threads hold it while
 * they write an answer from it, the last one frees it. A slow reader never delays a judgement.
 */

#include "alerts/finding.h"
#include "collectors/facts.h"

struct snapshot {
	struct facts *facts;
	struct findings *findings;
};

/* The place where the latest snapshot is found. All functions may be called on any thread. */
struct shelf;

struct shelf *shelf_new(void);
/* Nobody may hold a snapshot any more. Accepts NULL. */
void shelf_free(struct shelf *shelf);

/* Takes both over, also on failure. 0 or -ENOMEM: then the latest stays as it was. */
int shelf_publish(struct shelf *shelf, struct facts *facts, struct findings *findings);
/* The latest, or NULL before the first; to be given back by snapshot_release(). */
const struct snapshot *shelf_take(struct shelf *shelf);
void snapshot_release(const struct snapshot *snapshot);
