/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which devices are captured on, and what was counted on each. Follows the devices of the facts as they come,
 * go and are renamed; asks for taps through functions, so that it can be tested without a kernel. Loop
 * thread.
 */

#include <regex.h>
#include <stdbool.h>

#include "collectors/facts.h"

#define CAPTURE_DEVICES_MAX 64  /* captured on at the same time */
#define CAPTURE_ROWS_MAX    256 /* remembered, gone ones too; the oldest of those are forgotten first */

struct capture_source {
	/* 0 with *tap the caller's, or negative errno. */
	int (*open)(void *argument, int ifindex, void **tap);
	void (*close)(void *argument, void *tap);
	/* Since it was opened; they overflow. False: it is of no more use. */
	bool (*counts)(void *argument, void *tap, uint32_t *received, uint32_t *dropped);
};

struct capture_row {
	struct capture capture;
	void *tap;                  /* NULL: not open */
	uint32_t received, dropped; /* as last read from the tap */
};

struct capture_set {
	const struct capture_source *source;
	void *argument;
	const regex_t *include, *exclude; /* of names; NULL: all, none */
	struct capture_row *rows;
	size_t count;
};

/* Opens and closes taps so that each L3 device that is up has one, and reads their counts. *lost: whether
 * packets were missed since the last call. 0, or the first negative errno of a tap that could not be opened
 * for another reason than that its device has just gone; the others go on. */
int capture_set_update(struct capture_set *set, const struct facts *facts, bool *lost);
/* Adds the rows to the facts. 0 or -ENOMEM. */
int capture_set_copy(const struct capture_set *set, struct facts *facts);
/* Closes all taps. */
void capture_set_clear(struct capture_set *set);
