/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Frames of a capture file whose time stamps may be damaged. A time is implausible if it lies further than
 * FRAME_TIMES_APART from those of the two plausible frames before and of the four frames after it, as far as
 * there are two in all: a long pause is none, as what follows it is near. Such a frame is given on with the
 * time of the one before it.
 *
 * Frames are held back, at most five, only at the beginning and where one is in doubt.
 */

#include "collectors/capture/capture_file.h"

#define FRAME_TIMES_APART (30 * 24 * 3600 * INT64_C(1000000000))
#define FRAME_TIMES_HELD  5

struct held_frame {
	struct capture_frame frame;
	uint8_t *bytes;
	char *interface;
	size_t room;
};

/* All-zero but for the first two at first. */
struct frame_times {
	int (*feed)(void *context, const struct capture_frame *frame);
	void *context;
	struct held_frame held[FRAME_TIMES_HELD];
	size_t count;
	int64_t before[2]; /* the last plausible times, the latest first */
	size_t before_count;
	uint64_t implausible; /* frames */
};

/* 0, -ENOMEM, or what feed() returned. */
int frame_times_put(struct frame_times *times, const struct capture_frame *frame);
/* Gives on what is held back, at the end of the file. As above. */
int frame_times_finish(struct frame_times *times);
void frame_times_clear(struct frame_times *times);
