// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker {
	void (*work)(void *argument);
	void *argument;
	int done;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool wanted, ended; /* under the lock */
};

static void *run(void *argument)
{
	struct worker *worker = argument;
	pthread_mutex_lock(&worker->lock);
	while (worker->wanted || !worker->ended) {
		if (!worker->wanted) {
			pthread_cond_wait(&worker->wake, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		worker->work(worker->argument);
		pthread_mutex_lock(&worker->lock);
		worker->wanted = false;
		eventfd_write(worker->done, 1);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

int worker_new(void (*work)(void *argument), void *argument, struct worker **out)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	*worker = (struct worker){ .work = work, .argument = argument };
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	worker->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int error = worker->done < 0 ? errno : pthread_create(&worker->thread, NULL, run, worker);
	if (error == 0) {
		pthread_setname_np(worker->thread, "judge");
		*out = worker;
		return 0;
	}
	if (worker->done >= 0)
		close(worker->done);
	free(worker);
	return -error;
}

int worker_descriptor(const struct worker *worker)
{
	return worker->done;
}

static void tell(struct worker *worker, bool *what)
{
	pthread_mutex_lock(&worker->lock);
	*what = true;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

void worker_start(struct worker *worker)
{
	tell(worker, &worker->wanted);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	tell(worker, &worker->ended);
	pthread_join(worker->thread, NULL);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	close(worker->done);
	free(worker);
}
