/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The event loop: epoll, level-triggered, so that a handler does one piece of work a turn and the others get
 * their turn before it is called again. Used on one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "collectors/facts.h"

struct loop;

/* Belongs to the caller and stays where it is while it is watched. */
struct loop_handler {
	int descriptor;
	void (*function)(void *argument);
	void *argument;
	bool watched;     /* kept by the loop */
	const char *work; /* what it does, static: for loop_report(); or NULL */
};

/* 0 or negative errno. */
int loop_new(struct loop **out);
/* Accepts NULL. Descriptors stay open. */
void loop_free(struct loop *loop);

/* Watches the descriptor for reading. 0 or negative errno. */
int loop_watch(struct loop *loop, struct loop_handler *handler);
/* Does nothing if it is not watched. To be called before the descriptor is closed. */
void loop_forget(struct loop *loop, struct loop_handler *handler);

/* Calls handlers until loop_stop(). 0 or negative errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Adds to the facts how long the pieces of each kind of work were. 0 or -ENOMEM. */
int loop_report(const struct loop *loop, struct facts *facts);

#define TIMER_NEVER INT64_MAX

/* A timerfd on CLOCK_MONOTONIC; its descriptor or negative errno. */
int timer_open(void);
/* due_ns: absolute; what lies in the past is due at once; TIMER_NEVER stops it. 0 or negative errno. */
int timer_set(int timer, int64_t due_ns);
