/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The connections that HTTP has open: how many there may be, of whom, how long, and which one goes when there
 * is no room. Clients are told apart by guard_client(): an IPv4 address, or an IPv6 /64.
 *
 * Room is shared by clients: when all is taken, the client that has most connections loses its oldest one. A
 * client with one connection therefore keeps it while another has two. Who wants more than its share replaces
 * a connection of its own: an idle one, or one that was left CONNECTION_GRACE_NS.
 *
 * A connection is ended by shutdown(2), whatever it is doing: the thread that owns the socket sees its end
 * and closes it. Any thread may call; times are CLOCK_MONOTONIC.
 */

#include <stdint.h>

#include "collectors/base/address.h"
#include "collectors/base/clock.h"

#define CONNECTIONS_MOST    256
#define CONNECTIONS_EACH    32  /* of one client */
#define CONNECTIONS_CLOSING 256 /* ended here, but not yet closed by their threads */

#define CONNECTION_GRACE_NS SECOND_NS
/* From accept(), or the last byte of the answer before, to the end of a request's headers. */
#define CONNECTION_REQUEST_NS (15 * SECOND_NS)
/* From there to the last byte of the answer. */
#define CONNECTION_ANSWER_NS (60 * SECOND_NS)

struct connections;
struct connection;

/* NULL when memory is out. */
struct connections *connections_new(void);
/* No connection may be left. Accepts NULL. */
void connections_free(struct connections *connections);

/* A connection of this client has come. 0: it is counted; the socket is to be handed to its thread, which
 * calls connection_opened() and connection_closed(). -EAGAIN: to be refused. -EBUSY: too many are being
 * closed; to be asked again in a moment. */
int connections_admit(
	struct connections *connections, int descriptor, const struct address *client, int64_t now_ns);
/* The socket was closed before connection_opened(). */
void connections_forget(struct connections *connections, int descriptor);

/* The connection with this socket, to be given to the following; NULL if there is none. The descriptor is
 * used until connection_closed(). */
struct connection *connection_opened(struct connections *connections, int descriptor);
/* These accept NULL. */
void connection_answering(struct connections *connections, struct connection *connection, int64_t now_ns);
void connection_answered(struct connections *connections, struct connection *connection, int64_t now_ns);
void connection_closed(struct connections *connections, struct connection *connection);

/* Ends what has taken too long; returns when to call again, INT64_MAX if nothing is open. */
int64_t connections_expire(struct connections *connections, int64_t now_ns);
/* Ends the connection that would go if there were no room. False if there is none. */
bool connections_evict(struct connections *connections);
