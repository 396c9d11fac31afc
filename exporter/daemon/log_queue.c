// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/log_queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/base/clock.h"

#define ROOM       65536 /* bytes */
#define PIECE      4096  /* what a pipe takes at once */
#define FAREWELL_S 1

struct log_queue {
	int descriptor;
	void (*lose)(void *argument, uint64_t lines);
	void *argument;
	pthread_t thread;
	pthread_mutex_t lock; /* not held while something is written */
	pthread_cond_t wake, drained;
	size_t start, used; /* of bytes, which is a ring */
	uint64_t lost, told;
	bool ended, orphaned; /* orphaned: the thread frees it */
	char bytes[ROOM];
};

/* One write for the whole line, so that lines of several threads do not mix. What cannot be written is lost:
 * there is nowhere to say so. */
void log_put(int descriptor, const char *text, size_t size)
{
	struct pollfd writable = { .fd = descriptor, .events = POLLOUT };
	while (size) {
		ssize_t written = write(descriptor, text, size);
		if (written < 0 && (errno == EINTR || (errno == EAGAIN && poll(&writable, 1, -1) > 0)))
			continue;
		if (written <= 0)
			return;
		text += written;
		size -= (size_t)written;
	}
}

static void destroy(struct log_queue *queue)
{
	pthread_cond_destroy(&queue->wake);
	pthread_cond_destroy(&queue->drained);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

static void *run(void *argument)
{
	struct log_queue *queue = argument;
	pthread_mutex_lock(&queue->lock);
	while (queue->used || !queue->ended) {
		size_t straight = ROOM - queue->start;
		size_t size = queue->used < straight ? queue->used : straight;
		size = size < PIECE ? size : PIECE;
		if (size == 0) {
			pthread_cond_signal(&queue->drained);
			pthread_cond_wait(&queue->wake, &queue->lock);
			continue;
		}
		pthread_mutex_unlock(&queue->lock);
		log_put(queue->descriptor, queue->bytes + queue->start, size);
		pthread_mutex_lock(&queue->lock);
		queue->start = (queue->start + size) % ROOM;
		queue->used -= size;
		uint64_t lines = queue->used == 0 ? queue->lost - queue->told : 0;
		if (lines == 0 || queue->ended)
			continue;
		queue->told += lines;
		pthread_mutex_unlock(&queue->lock);
		queue->lose(queue->argument, lines);
		pthread_mutex_lock(&queue->lock);
	}
	bool orphaned = queue->orphaned;
	pthread_mutex_unlock(&queue->lock);
	if (orphaned)
		destroy(queue);
	return NULL;
}

int log_queue_new(
	int descriptor, void (*lost)(void *argument, uint64_t lines), void *argument, struct log_queue **out)
{
	struct log_queue *queue = malloc(sizeof(*queue));
	sigset_t all, before;
	pthread_condattr_t monotonic;
	if (!queue)
		return -ENOMEM;
	memset(queue, 0, offsetof(struct log_queue, bytes)); /* the ring takes no memory before it is used */
	queue->descriptor = descriptor;
	queue->lose = lost;
	queue->argument = argument;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->wake, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->drained, &monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int error = pthread_create(&queue->thread, NULL, run, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(queue);
		return -error;
	}
	*out = queue;
	return 0;
}

void log_queue_free(struct log_queue *queue)
{
	if (!queue)
		return;
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + FAREWELL_S * SECOND_NS;
	const struct timespec until = { until_ns / SECOND_NS, until_ns % SECOND_NS };
	int error = 0;
	pthread_mutex_lock(&queue->lock);
	while (queue->used && error == 0)
		error = pthread_cond_timedwait(&queue->drained, &queue->lock, &until);
	/* It is in a write that may never end: the process is about to, and takes it along. */
	bool stuck = queue->orphaned = queue->used;
	queue->ended = true;
	pthread_cond_signal(&queue->wake);
	pthread_t thread = queue->thread;
	pthread_mutex_unlock(&queue->lock);
	if (stuck) {
		pthread_detach(thread);
		return;
	}
	pthread_join(thread, NULL);
	destroy(queue);
}

void log_queue_put(struct log_queue *queue, const char *text, size_t size)
{
	pthread_mutex_lock(&queue->lock);
	if (size > ROOM - queue->used) {
		queue->lost++;
	} else {
		size_t end = (queue->start + queue->used) % ROOM;
		size_t straight = size < ROOM - end ? size : ROOM - end;
		memcpy(queue->bytes + end, text, straight);
		memcpy(queue->bytes, text + straight, size - straight);
		queue->used += size;
		pthread_cond_signal(&queue->wake);
	}
	pthread_mutex_unlock(&queue->lock);
}

uint64_t log_queue_lost(struct log_queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	uint64_t lost = queue->lost;
	pthread_mutex_unlock(&queue->lock);
	return lost;
}
