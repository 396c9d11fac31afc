/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A thread that does what takes too long for the event loop, one piece at a time. What the loop wrote before
 * worker_start() is seen by the work, and what the work wrote is seen by the loop when the descriptor is
 * readable. Both functions are called on the loop's thread.
 */

struct worker;

/* work(argument) is called once for each worker_start(). The thread blocks the signals that its maker does,
 * and stands in its network namespace. 0 or negative errno. */
int worker_new(void (*work)(void *argument), void *argument, struct worker **out);
/* Readable, until it is drained, when the work is done. */
int worker_descriptor(const struct worker *worker);
/* The work of before must be done. */
void worker_start(struct worker *worker);
/* Waits for the end of the work. Accepts NULL. */
void worker_free(struct worker *worker);
