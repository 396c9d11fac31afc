/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The thread that accepts connections: it admits them (connections.h), hands them over, and ends those that
 * take too long. One descriptor is kept spare, so that it can accept, and make room, when the process has no
 * other left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "exporter/daemon/log.h"
#include "exporter/http/connections.h"

struct acceptor_target {
	/* Takes the socket over; false if it could not, and has closed it. On the acceptor's thread. */
	bool (*take)(void *argument, int descriptor, const struct sockaddr *client, socklen_t length);
	void *argument;
};

struct acceptor;

/* The connections and the log are lent until acceptor_free(). 0 or negative errno. */
int acceptor_new(struct connections *connections, const struct acceptor_target *target, const struct log *log,
	size_t listen_most, struct acceptor **out);
/* Binds one address (listen.h), of at most listen_most. 0, or negative errno with a message that names it. */
int acceptor_listen(struct acceptor *acceptor, const char *address, char *message, size_t size);
/* Says where it listens, and begins. 0 or negative errno. */
int acceptor_start(struct acceptor *acceptor, bool tls);
/* Ends the thread and stops listening. Accepts NULL. */
void acceptor_free(struct acceptor *acceptor);
