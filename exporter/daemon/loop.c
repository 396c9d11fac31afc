// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "collectors/base/array.h"
#include "collectors/base/clock.h"

#define EVENTS_A_TURN 16
#define WORKS_MAX     24
#define PERIOD_NS     (60 * SECOND_NS)

/* The longest piece of this period and of the one before it, processor time. */
struct work {
	const char *name;
	int64_t period; /* number of it; 0: that the clock began with */
	int64_t longest_ns, longest_before_ns;
};

struct loop {
	int epoll;
	bool stopped;
	struct work works[WORKS_MAX];
	size_t work_count;
};

int loop_new(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		int error = errno;
		free(loop);
		return -error;
	}
	*out = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	free(loop);
}

int loop_watch(struct loop *loop, struct loop_handler *handler)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = handler };
	if (handler->watched)
		return 0;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, handler->descriptor, &event) < 0)
		return -errno;
	handler->watched = true;
	return 0;
}

void loop_forget(struct loop *loop, struct loop_handler *handler)
{
	if (!handler->watched)
		return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, handler->descriptor, NULL);
	handler->watched = false;
}

/* NULL: there is no room for one more. */
static struct work *work_named(struct loop *loop, const char *name)
{
	size_t i = 0;
	while (i < loop->work_count && strcmp(loop->works[i].name, name) != 0)
		i++;
	if (i == WORKS_MAX)
		return NULL;
	if (i == loop->work_count)
		loop->works[loop->work_count++].name = name;
	return &loop->works[i];
}

static void enter_period(struct work *work, int64_t period)
{
	if (period == work->period)
		return;
	work->longest_before_ns = period == work->period + 1 ? work->longest_ns : 0;
	work->longest_ns = 0;
	work->period = period;
}

static void call(struct loop *loop, const struct loop_handler *handler)
{
	struct work *work = handler->work ? work_named(loop, handler->work) : NULL;
	int64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	handler->function(handler->argument); /* the handler itself may be gone after that */
	int64_t length_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	if (!work)
		return;
	enter_period(work, clock_ns(CLOCK_MONOTONIC) / PERIOD_NS);
	if (length_ns > work->longest_ns)
		work->longest_ns = length_ns;
}

int loop_report(const struct loop *loop, struct facts *facts)
{
	for (size_t i = 0; i < loop->work_count; i++) {
		struct work work = loop->works[i];
		enter_period(&work, clock_ns(CLOCK_MONOTONIC) / PERIOD_NS);
		struct loop_work *out = ARRAY_ADD(facts->loop_works, facts->loop_work_count);
		if (!out)
			return -ENOMEM;
		int64_t longest_ns =
			work.longest_ns > work.longest_before_ns ? work.longest_ns : work.longest_before_ns;
		*out = (struct loop_work){ work.name, (double)longest_ns / (double)SECOND_NS };
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		struct epoll_event events[EVENTS_A_TURN];
		int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, -1);
		if (count < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < count && !loop->stopped; i++) {
			const struct loop_handler *handler = events[i].data.ptr;
			if (handler->watched) /* an earlier handler of this turn may have forgotten it */
				call(loop, handler);
		}
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

int timer_open(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return timer < 0 ? -errno : timer;
}

int timer_set(int timer, int64_t due_ns)
{
	struct itimerspec when = { 0 }; /* all zero would stop the timer: the past is at least 1 ns */
	if (due_ns != TIMER_NEVER) {
		int64_t due = due_ns > 0 ? due_ns : 1;
		when.it_value.tv_sec = due / SECOND_NS;
		when.it_value.tv_nsec = due % SECOND_NS;
	}
	return timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) < 0 ? -errno : 0;
}
