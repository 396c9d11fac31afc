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

/* The descriptor of a failing collector may stay readable, and would keep the loop busy with failures. */
static void advance(struct watch *watch)
{
	struct collector_io *io = watch->io;
	struct collector_schedule schedule;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	bool failed = observer_advance(io->observer, watch->collector, now_ns, &schedule) < 0;
	watch->failures = failed ? watch->failures + 1 : 0;
	int64_t backoff_ns = schedule_backoff(watch->failures);
	if (backoff_ns)
		loop_forget(io->loop, &watch->readable);
	else if (watch->readable.descriptor >= 0)
		loop_watch(io->loop, &watch->readable);
	timer_set(watch->timer.descriptor, backoff_ns ? now_ns + backoff_ns : schedule.due_ns);
	if (schedule.changed)
		io->changed(io->argument);
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

void collector_io_refresh(struct collector_io *io)
{
	for (size_t i = 0; i < io->count; i++) {
		struct watch *watch = &io->items[i];
		int descriptor = observer_descriptor(io->observer, i);
		if (descriptor == watch->readable.descriptor)
			continue;
		loop_forget(io->loop, &watch->readable);
		watch->readable.descriptor = descriptor;
		timer_set(watch->timer.descriptor, 0); /* so that it says what it wants next */
	}
}

static int open_watch(struct collector_io *io, size_t collector)
{
	struct watch *watch = &io->items[collector];
	const char *name = observer_collectors[collector]->name;
	int timer = timer_open();
	watch->readable = (struct loop_handler){
		.descriptor = -1, .function = on_readable, .argument = watch, .work = name
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

void collector_io_free(struct collector_io *io)
{
	if (!io)
		return;
	for (size_t i = 0; i < io->count; i++) {
		struct watch *watch = &io->items[i];
		loop_forget(io->loop, &watch->readable);
		loop_forget(io->loop, &watch->timer);
		if (watch->timer.descriptor >= 0)
			close(watch->timer.descriptor);
	}
	free(io);
}
