/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which devices are captured on, and what was counted on each. Follows the devices of the facts as they come,
 * go and are renamed; asks for taps through functions, so that it can be tested without a kernel. Loop
 * thread.
 *
 * The kernel takes about 1 ms of CPU time and 25 ms to open or close a tap, so each step does one; what is
 * left after an update is done step by step, what has to be closed first.
 */

#include <regex.h>
#include <stdbool.h>

#include "collectors/facts.h"

#define CAPTURE_DEVICES_MAX  1024 /* captured on at the same time */
#define CAPTURE_GONE_MAX     1024 /* remembered of those that are gone; the first to go are forgotten first */
#define CAPTURE_UPDATE_STEPS 4

struct capture_source {
	/* 0 with *tap the caller's, or negative errno. */
	int (*open)(void *argument, int ifindex, void **tap);
	void (*close)(void *argument, void *tap);
	/* Since it was opened; they overflow. False: it is of no more use. */
	bool (*counts)(void *argument, void *tap, uint32_t *received, uint32_t *dropped);
	bool seamless; /* nothing is missed of a device before it is opened */
};

struct capture_row {
	struct capture capture;
	void *tap;                  /* NULL: not open */
	uint32_t received, dropped; /* as last read from the tap */
	uint64_t closed;            /* the how-manieth tap to be closed it was, the last time */
	bool found;                 /* among the devices, by the present update */
};

/* A device that should have a tap and has none. */
struct capture_wanted {
	int ifindex;
	char name[IF_NAMESIZE];
	int error; /* of the last time it was tried, or 0 */
	bool done; /* open now, or gone */
};

struct capture_set {
	const struct capture_source *source;
	void *argument;
	const regex_t *include, *exclude; /* of names; NULL: all, none */
	struct capture_row *rows;         /* by ifindex */
	size_t count, open_count;
	void **closing; /* taps */
	size_t closing_count;
	/* In the order they are tried: those that failed before come last, and one of them that fails again
	 * ends the round, so that they delay nobody. */
	struct capture_wanted *wanted;
	size_t wanted_count, next;
	int failed; /* ifindex of the last that failed again: the next round begins behind it */
	uint64_t closed_count;
};

/* Follows the devices, so that each L3 device that is up gets a tap, reads the counts of the taps, and does
 * the first CAPTURE_UPDATE_STEPS steps. *lost: whether packets were missed since the last call. 0, or the
 * first negative errno of a tap that could not be opened for another reason than that its device has just
 * gone; the others go on. */
int capture_set_update(struct capture_set *set, const struct facts *facts, bool *lost);
/* Opens or closes one tap, if there is something to do; *lost is set if packets were missed before it was
 * opened, and otherwise left.
 * Returns whether there is more to do. */
bool capture_set_step(struct capture_set *set, bool *lost);
bool capture_set_has_work(const struct capture_set *set);
/* Adds the rows, and the number of devices without a tap, to the facts. 0 or -ENOMEM. */
int capture_set_copy(const struct capture_set *set, struct facts *facts);
/* Closes all taps. */
void capture_set_clear(struct capture_set *set);
