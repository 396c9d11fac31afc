// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/collector_io.h"
#include "exporter/base/descriptor.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "exporter/daemon/schedule.h"

struct watch {
	struct collector_io *io;
	size_t collector;
	struct loop_handler readable, timer;
	unsigned failures;
};

struct collector_io {
	struct loop *loop;
	struct observer *observer;
	void (*changed)(void *argument);
	void *argument;
	size_t count;
	struct watch items[];
};

/* True if it is another one than before. */
static bool take_descriptor(struct watch *watch)
{
	int descriptor = observer_descriptor(watch->io->observer, watch->collector);
	if (descriptor == watch->readable.descriptor)
		return false;
	loop_forget(watch->io->loop, &watch->readable);
	watch->readable.descriptor = descriptor;
	return true;
}

/* The descriptor of a failing collector may stay readable, and would keep the loop busy with failures. */
static void advance(void *argument)
{
	struct watch *watch = argument;
	struct collector_io *io = watch->io;
	struct collector_schedule schedule;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	bool failed = observer_advance(io->observer, watch->collector, now_ns, &schedule) < 0;
	watch->failures = failed ? watch->failures + 1 : 0;
	int64_t backoff_ns = schedule_backoff(watch->failures);
	take_descriptor(watch);
	if (backoff_ns)
		loop_forget(io->loop, &watch->readable);
	else if (watch->readable.descriptor >= 0)
		loop_watch(io->loop, &watch->readable);
	timer_set(watch->timer.descriptor, backoff_ns ? now_ns + backoff_ns : schedule.due_ns);
	if (schedule.changed)
		io->changed(io->argument);
}

static void on_timer(void *argument)
{
	struct watch *watch = argument;
	descriptor_drain(watch->timer.descriptor);
	advance(watch);
}

void collector_io_refresh(struct collector_io *io)
{
	for (size_t i = 0; i < io->count; i++)
		if (take_descriptor(&io->items[i])) /* so that it says what it wants next */
			timer_set(io->items[i].timer.descriptor, 0);
}

static int open_watch(struct collector_io *io, size_t collector)
{
	struct watch *watch = &io->items[collector];
	const char *name = observer_collectors[collector]->name;
	int timer = timer_open();
	watch->readable = (struct loop_handler){
		.descriptor = -1, .function = advance, .argument = watch, .work = name
	};
	watch->timer = (struct loop_handler){
		.descriptor = timer, .function = on_timer, .argument = watch, .work = name
	};
	watch->io = io;
	watch->collector = collector;
	if (timer < 0)
		return timer;
	timer_set(timer, 0);
	return loop_watch(io->loop, &watch->timer);
}

int collector_io_new(struct loop *loop, struct observer *observer, void (*changed)(void *argument),
	void *argument, struct collector_io **out)
{
	size_t count = observer_collector_count();
	struct collector_io *io = calloc(1, sizeof(*io) + count * sizeof(io->items[0]));
	if (!io)
		return -ENOMEM;
	*io = (struct collector_io){
		.loop = loop, .observer = observer, .changed = changed, .argument = argument, .count = count
	};
	for (size_t i = 0; i < io->count; i++)
		io->items[i].timer.descriptor = -1;
	int result = 0;
	for (size_t i = 0; result == 0 && i < io->count; i++)
		result = open_watch(io, i);
	if (result < 0) {
		collector_io_free(io);
		return result;
	}
	collector_io_refresh(io);
	*out = io;
	return 0;
}

static void close_timer(int timer)
{
	if (timer >= 0)
		close(timer);
}

void collector_io_free(struct collector_io *io)
{
	if (!io)
		return;
	for (size_t i = 0; i < io->count; i++) {
		struct watch *watch = &io->items[i];
		loop_forget(io->loop, &watch->readable);
		loop_forget(io->loop, &watch->timer);
		close_timer(watch->timer.descriptor);
	}
	free(io);
}

/* ---- in a loop of its own ---- */

#define SETTLED_CHECK_NS (50 * MILLISECOND_NS)

struct run {
	struct loop *loop;
	struct observer *observer;
	struct collector_io *io;
	bool settles;
	struct loop_handler end, check; /* timers */
	struct loop_handler until;
};

static void on_end(void *argument)
{
	loop_stop(((struct run *)argument)->loop);
}

static void on_check(void *argument)
{
	struct run *run = argument;
	if (observer_is_settled(run->observer))
		loop_stop(run->loop);
	timer_set(run->check.descriptor, clock_ns(CLOCK_MONOTONIC) + SETTLED_CHECK_NS);
}

static void on_changed(void *argument)
{
	const struct run *run = argument;
	if (run->settles)
		timer_set(run->check.descriptor, 0);
}

/* until: a descriptor, or -1. */
static int run_loop(struct observer *observer, int64_t duration_ns, bool settles, int until)
{
	struct run run = { .observer = observer, .settles = settles };
	run.end = (struct loop_handler){ .descriptor = timer_open(), .function = on_end, .argument = &run };
	run.check =
		(struct loop_handler){ .descriptor = timer_open(), .function = on_check, .argument = &run };
	run.until = (struct loop_handler){ .descriptor = until, .function = on_end, .argument = &run };
	int result = run.end.descriptor < 0 || run.check.descriptor < 0 ? -EMFILE : loop_new(&run.loop);
	if (result == 0)
		result = collector_io_new(run.loop, run.observer, on_changed, &run, &run.io);
	if (result == 0)
		result = timer_set(run.end.descriptor, clock_ns(CLOCK_MONOTONIC) + duration_ns);
	if (result == 0)
		result = timer_set(run.check.descriptor, settles ? 0 : TIMER_NEVER);
	/* These come after each collector's first piece of work. */
	if (result == 0)
		result = loop_watch(run.loop, &run.check);
	if (result == 0)
		result = loop_watch(run.loop, &run.end);
	if (result == 0 && until >= 0)
		result = loop_watch(run.loop, &run.until);
	if (result == 0)
		result = loop_run(run.loop);
	collector_io_free(run.io);
	loop_free(run.loop);
	close_timer(run.end.descriptor);
	close_timer(run.check.descriptor);
	return result;
}

int collector_io_run(struct observer *observer, int64_t duration_ns)
{
	return run_loop(observer, duration_ns, false, -1);
}

int collector_io_run_until(struct observer *observer, int64_t duration_ns, int descriptor)
{
	return run_loop(observer, duration_ns, false, descriptor);
}

int collector_io_settle(struct observer *observer, int64_t timeout_ns)
{
	return run_loop(observer, timeout_ns, true, -1);
}
