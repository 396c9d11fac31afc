// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "collectors/clock.h"

#define EVENTS_A_TURN 16

struct loop {
	int epoll;
	bool stopped;
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

static void dispatch(const struct loop *loop, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count && !loop->stopped; i++) {
		const struct loop_handler *handler = events[i].data.ptr;
		if (handler->watched) /* an earlier handler of this turn may have forgotten it */
			handler->function(handler->argument);
	}
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		struct epoll_event events[EVENTS_A_TURN];
		int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, -1);
		if (count < 0 && errno != EINTR)
			return -errno;
		dispatch(loop, events, count);
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

void descriptor_drain(int descriptor)
{
	uint64_t ignored[16];
	while (read(descriptor, ignored, sizeof(ignored)) < 0 && errno == EINTR)
		;
}
