// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/acceptor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/http/guard.h"
#include "exporter/http/listen.h"

/* Of one listening socket before the others, and deadlines, have their turn. */
#define ACCEPT_BATCH 64
/* Sockets that were ended are closed by their threads meanwhile. */
#define PAUSE_MILLISECONDS 1
#define PAUSES_MOST        50

struct acceptor {
	struct connections *connections;
	struct acceptor_target target;
	const struct log *log;
	struct log_limit complaints;
	int spare; /* -1: it is in use */
	bool running;
	pthread_t thread;
	size_t count;
	struct pollfd polled[]; /* the listening sockets, then what ends the thread */
};

int acceptor_new(struct connections *connections, const struct acceptor_target *target, const struct log *log,
	size_t listen_most, struct acceptor **out)
{
	struct acceptor *acceptor =
		calloc(1, sizeof(*acceptor) + (listen_most + 1) * sizeof(*acceptor->polled));
	if (!acceptor)
		return -ENOMEM;
	*acceptor = (struct acceptor){ .connections = connections,
		.target = *target,
		.log = log,
		.complaints = { .period_ns = 60 * SECOND_NS, .burst = 1 } };
	acceptor->spare = eventfd(0, EFD_CLOEXEC);
	acceptor->polled[0] =
		(struct pollfd){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .events = POLLIN };
	if (acceptor->spare < 0 || acceptor->polled[0].fd < 0) {
		int error = errno;
		acceptor_free(acceptor);
		return -error;
	}
	*out = acceptor;
	return 0;
}

int acceptor_listen(struct acceptor *acceptor, const char *address, char *message, size_t size)
{
	int descriptor = listen_open(address, message, size);
	if (descriptor < 0)
		return descriptor;
	acceptor->polled[acceptor->count + 1] = acceptor->polled[acceptor->count];
	acceptor->polled[acceptor->count++] = (struct pollfd){ .fd = descriptor, .events = POLLIN };
	return 0;
}

static void pause_shortly(void)
{
	poll(NULL, 0, PAUSE_MILLISECONDS);
}

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* The connection takes the spare descriptor's place, the oldest one's descriptor becomes the spare. If none
 * comes back, the new connection is closed: left waiting, it would keep poll() awake. */
static int accept_with_spare(
	struct acceptor *acceptor, int listening, struct sockaddr *client, socklen_t *length)
{
	if (acceptor->spare >= 0)
		close(acceptor->spare);
	/* The kernel takes a descriptor before it looks whether anybody waits: often, nobody does. */
	int descriptor = accept4(listening, client, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error = descriptor < 0 ? errno : EMFILE;
	bool evicted = descriptor >= 0 && connections_evict(acceptor->connections);
	acceptor->spare = -1;
	for (unsigned i = 0; acceptor->spare < 0 && i < PAUSES_MOST; i++) {
		if (i == PAUSES_MOST - 1 || !evicted) {
			if (descriptor >= 0)
				close(descriptor);
			descriptor = -1;
		}
		acceptor->spare = eventfd(0, EFD_CLOEXEC);
		if (acceptor->spare < 0)
			pause_shortly();
	}
	if (error != EAGAIN && log_limit_allows(&acceptor->complaints, clock_ns(CLOCK_MONOTONIC)))
		log_warn(acceptor->log, "No descriptor is left for another connection",
			{ "oldest", evicted ? "closed" : "none" });
	errno = error;
	return descriptor;
}

/* False if there is nothing to accept now. */
static bool accept_one(struct acceptor *acceptor, int listening)
{
	struct sockaddr_storage storage;
	struct sockaddr *client = (struct sockaddr *)&storage;
	socklen_t length = sizeof(storage);
	int descriptor = accept4(listening, client, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (descriptor < 0 && is_shortage(errno)) {
		length = sizeof(storage);
		descriptor = accept_with_spare(acceptor, listening, client, &length);
		if (descriptor < 0)
			return false;
	}
	if (descriptor < 0)
		return errno != EAGAIN;
	struct address who = guard_client(client);
	int result = -EBUSY;
	for (unsigned i = 0; result == -EBUSY && i < PAUSES_MOST; i++) {
		if (i > 0)
			pause_shortly();
		result =
			connections_admit(acceptor->connections, descriptor, &who, clock_ns(CLOCK_MONOTONIC));
	}
	if (result < 0)
		close(descriptor);
	else if (!acceptor->target.take(acceptor->target.argument, descriptor, client, length))
		connections_forget(acceptor->connections, descriptor);
	return true;
}

static int milliseconds_until(int64_t due_ns, int64_t now_ns)
{
	int64_t rest = due_ns == INT64_MAX ? -1 : (due_ns - now_ns) / MILLISECOND_NS + 1;
	return rest < INT_MAX ? (int)rest : INT_MAX;
}

static void *acceptor_run(void *argument)
{
	struct acceptor *acceptor = argument;
	const struct pollfd *end = &acceptor->polled[acceptor->count];
	while (!end->revents) {
		int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		int64_t due_ns = connections_expire(acceptor->connections, now_ns);
		/* What is accepted now is due a request's time later: no sooner than the next turn looks. */
		if (poll(acceptor->polled, acceptor->count + 1, milliseconds_until(due_ns, now_ns)) < 0)
			continue;
		for (size_t i = 0; i < acceptor->count; i++)
			for (unsigned n = 0; acceptor->polled[i].revents && n < ACCEPT_BATCH; n++)
				if (!accept_one(acceptor, acceptor->polled[i].fd))
					break;
	}
	return NULL;
}

int acceptor_start(struct acceptor *acceptor, bool tls)
{
	int error = pthread_create(&acceptor->thread, NULL, acceptor_run, acceptor);
	if (error != 0)
		return -error;
	pthread_setname_np(acceptor->thread, "accept");
	acceptor->running = true;
	for (size_t i = 0; i < acceptor->count; i++) {
		char name[LISTEN_NAME_SIZE];
		log_info(acceptor->log, "Listening on",
			{ "address", listen_name(acceptor->polled[i].fd, name) },
			{ "tls", tls ? "true" : "false" });
	}
	return 0;
}

void acceptor_free(struct acceptor *acceptor)
{
	if (!acceptor)
		return;
	if (acceptor->running) {
		eventfd_write(acceptor->polled[acceptor->count].fd, 1);
		pthread_join(acceptor->thread, NULL);
	}
	for (size_t i = 0; i <= acceptor->count; i++)
		if (acceptor->polled[i].fd >= 0)
			close(acceptor->polled[i].fd);
	if (acceptor->spare >= 0)
		close(acceptor->spare);
	free(acceptor);
}
