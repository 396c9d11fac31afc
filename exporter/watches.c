// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/watches.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collectors/clock.h"
#include "exporter/schedule.h"

struct watch {
	struct watches *watches;
	size_t collector;
	struct loop_handler handler;
	int64_t due_ns;
	unsigned failures;
};

struct watches {
	struct loop *loop;
	struct observer *observer;
	void (*changed)(void *argument);
	void *argument;
	struct loop_handler timer;
	size_t count;
	struct watch items[];
};

static void set_timer(const struct watches *watches)
{
	int64_t due_ns = TIMER_NEVER;
	for (size_t i = 0; i < watches->count; i++)
		if (watches->items[i].due_ns < due_ns)
			due_ns = watches->items[i].due_ns;
	timer_set(watches->timer.descriptor, due_ns);
}

/* The descriptor of a failing collector may stay readable, and would keep the loop busy with failures. */
static void rest(struct watch *watch, int64_t until_ns)
{
	loop_forget(watch->watches->loop, &watch->handler);
	watch->due_ns = until_ns;
}

static void wake(struct watch *watch)
{
	if (watch->handler.descriptor >= 0)
		loop_watch(watch->watches->loop, &watch->handler);
}

static void advance(struct watch *watch, int64_t now_ns)
{
	struct watches *watches = watch->watches;
	struct collector_wish wish;
	bool failed = observer_advance(watches->observer, watch->collector, now_ns, &wish) < 0;
	watch->failures = failed ? watch->failures + 1 : 0;
	watch->due_ns = wish.due_ns;
	int64_t backoff_ns = schedule_backoff(watch->failures);
	if (backoff_ns)
		rest(watch, now_ns + backoff_ns);
	else
		wake(watch);
	if (wish.changed)
		watches->changed(watches->argument);
}

static void on_readable(void *argument)
{
	struct watch *watch = argument;
	advance(watch, clock_ns(CLOCK_MONOTONIC));
	set_timer(watch->watches);
}

static void on_timer(void *argument)
{
	struct watches *watches = argument;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	descriptor_drain(watches->timer.descriptor);
	for (size_t i = 0; i < watches->count; i++)
		if (watches->items[i].due_ns <= now_ns)
			advance(&watches->items[i], now_ns);
	set_timer(watches);
}

void watches_refresh(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = &watches->items[i];
		int descriptor = observer_descriptor(watches->observer, i);
		if (descriptor == watch->handler.descriptor)
			continue;
		loop_forget(watches->loop, &watch->handler);
		watch->handler.descriptor = descriptor;
		watch->due_ns = 0; /* so that it says what it wants next */
		wake(watch);
	}
	set_timer(watches);
}

static void prepare(struct watches *watches)
{
	for (size_t i = 0; i < watches->count; i++) {
		struct watch *watch = &watches->items[i];
		*watch = (struct watch){ .watches = watches, .collector = i };
		watch->handler =
			(struct loop_handler){ .descriptor = -1, .function = on_readable, .argument = watch };
	}
}

int watches_new(struct loop *loop, struct observer *observer, void (*changed)(void *argument), void *argument,
	struct watches **out)
{
	size_t count = observer_collector_count();
	struct watches *watches = calloc(1, sizeof(*watches) + count * sizeof(watches->items[0]));
	if (!watches)
		return -ENOMEM;
	int timer = timer_open();
	*watches = (struct watches){
		.loop = loop, .observer = observer, .changed = changed, .argument = argument, .count = count
	};
	watches->timer =
		(struct loop_handler){ .descriptor = timer, .function = on_timer, .argument = watches };
	prepare(watches);
	int result = timer < 0 ? timer : loop_watch(loop, &watches->timer);
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
	for (size_t i = 0; i < watches->count; i++)
		loop_forget(watches->loop, &watches->items[i].handler);
	loop_forget(watches->loop, &watches->timer);
	if (watches->timer.descriptor >= 0)
		close(watches->timer.descriptor);
	free(watches);
}
