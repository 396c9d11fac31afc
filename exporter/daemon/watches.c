// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/watches.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "exporter/daemon/schedule.h"

struct watch {
	struct watches *watches;
	size_t collector;
	struct loop_handler readable, timer;
	unsigned failures;
};

struct watches {
	struct loop *loop;
	struct observer *observer;
	void (*changed)(void *argument);
	void *argument;
	size_t count;
	struct watch items[];
};

/* The descriptor of a failing collector may stay readable, and would keep the loop busy with failures. */
static void advance(struct watch *watch)
{
	struct watches *watches = watch->watches;
	struct collector_schedule schedule;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	bool failed = observer_advance(watches->observer, watch->collector, now_ns, &schedule) < 0;
	watch->failures = failed ? watch->failures + 1 : 0;
	int64_t backoff_ns = schedule_backoff(watch->failures);
	if (backoff_ns)
		loop_forget(watches->loop, &watch->readable);
	else if (watch->readable.descriptor >= 0)
		loop_watch(watches->loop, &watch->readable);
	timer_set(watch->timer.descriptor, backoff_ns ? now_ns + backoff_ns : schedule.due_ns);
	if (schedule.changed)
		watches->changed(watches->argument);
}

static void on_readable(void *argument)
{
	advance(argument);
}

static void on_timer(void *argument)
{
	struct watch *watch = argument;
	descriptor_drain(watch->timer.descriptor);
	advance(watch);
}

void watches_refresh(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = &watches->items[i];
		int descriptor = observer_descriptor(watches->observer, i);
		if (descriptor == watch->readable.descriptor)
			continue;
		loop_forget(watches->loop, &watch->readable);
		watch->readable.descriptor = descriptor;
		timer_set(watch->timer.descriptor, 0); /* so that it says what it wants next */
	}
}

static int open_watch(struct watches *watches, size_t collector)
{
	struct watch *watch = &watches->items[collector];
	const char *name = observer_collectors[collector]->name;
	int timer = timer_open();
	watch->readable = (struct loop_handler){
		.descriptor = -1, .function = on_readable, .argument = watch, .work = name
	};
	watch->timer = (struct loop_handler){
		.descriptor = timer, .function = on_timer, .argument = watch, .work = name
	};
	watch->watches = watches;
	watch->collector = collector;
	if (timer < 0)
		return timer;
	timer_set(timer, 0);
	return loop_watch(watches->loop, &watch->timer);
}

int watches_new(struct loop *loop, struct observer *observer, void (*changed)(void *argument), void *argument,
	struct watches **out)
{
	size_t count = observer_collector_count();
	struct watches *watches = calloc(1, sizeof(*watches) + count * sizeof(watches->items[0]));
	if (!watches)
		return -ENOMEM;
	*watches = (struct watches){
		.loop = loop, .observer = observer, .changed = changed, .argument = argument, .count = count
	};
	for (size_t i = 0; i < watches->count; i++)
		watches->items[i].timer.descriptor = -1;
	int result = 0;
	for (size_t i = 0; result == 0 && i < watches->count; i++)
		result = open_watch(watches, i);
	if (result < 0) {
		watches_free(watches);
		return result;
	}
	watches_refresh(watches);
	*out = watches;
	return 0;
}

void watches_free(struct watches *watches)
{
	if (!watches)
		return;
	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = &watches->items[i];
		loop_forget(watches->loop, &watch->readable);
		loop_forget(watches->loop, &watch->timer);
		if (watch->timer.descriptor >= 0)
			close(watch->timer.descriptor);
	}
	free(watches);
}
