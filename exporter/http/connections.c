// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PLACES (CONNECTIONS_MOST + CONNECTIONS_CLOSING)

enum phase {
	CONNECTION_NONE,
	CONNECTION_ACCEPTED, /* its thread has not taken it up: the socket is not to be touched */
	CONNECTION_READING,
	CONNECTION_ANSWERING,
	CONNECTION_IDLE,    /* reading, with an answer sent before: often its client has gone */
	CONNECTION_CLOSING, /* ended; no longer counted */
};

struct connection {
	enum phase phase;
	int descriptor;
	struct address client;
	unsigned siblings; /* connections of this client, with this one */
	int64_t since_ns;  /* of the phase */
};

struct connections {
	pthread_mutex_t lock;
	unsigned count; /* without those that are closing */
	struct connection places[PLACES];
};

struct connections *connections_new(void)
{
	struct connections *connections = calloc(1, sizeof(*connections));
	if (connections)
		pthread_mutex_init(&connections->lock, NULL);
	return connections;
}

void connections_free(struct connections *connections)
{
	if (!connections)
		return;
	pthread_mutex_destroy(&connections->lock);
	free(connections);
}

static bool connection_counts(const struct connection *connection)
{
	return connection->phase != CONNECTION_NONE && connection->phase != CONNECTION_CLOSING;
}

static void set_siblings(struct connections *connections, const struct address *client, unsigned siblings)
{
	for (size_t i = 0; i < PLACES; i++)
		if (connection_counts(&connections->places[i]) &&
			address_equal(&connections->places[i].client, client))
			connections->places[i].siblings = siblings;
}

static void connection_leave(struct connections *connections, struct connection *connection, enum phase phase)
{
	if (connection_counts(connection)) {
		connections->count--;
		set_siblings(connections, &connection->client, connection->siblings - 1);
	}
	connection->phase = phase;
}

/* What has not been sent is thrown away: a client that does not read would keep it in the kernel. */
static void connection_end(struct connections *connections, struct connection *connection)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	setsockopt(connection->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	shutdown(connection->descriptor, SHUT_RDWR);
	connection_leave(connections, connection, CONNECTION_CLOSING);
}

/* What one look at all connections tells. */
struct overview {
	struct connection *place;  /* a free one, or NULL */
	struct connection *oldest; /* of the clients that have most, or NULL */
	struct connection *own;    /* of the client, an idle one or else the oldest, or NULL */
	unsigned siblings;         /* connections of the client */
};

static bool goes_before(const struct connection *one, const struct connection *other)
{
	return !other || one->siblings > other->siblings ||
	       (one->siblings == other->siblings && one->since_ns < other->since_ns);
}

static bool is_idle(const struct connection *connection)
{
	return connection->phase == CONNECTION_IDLE;
}

/* Connections that were not taken up yet cannot be ended: they are no oldest ones. */
static struct overview look(struct connections *connections, const struct address *client)
{
	struct overview overview = { 0 };
	for (struct connection *each = connections->places; each < connections->places + PLACES; each++) {
		if (each->phase == CONNECTION_NONE)
			overview.place = each;
		if (!connection_counts(each))
			continue;
		bool own = client && address_equal(&each->client, client);
		if (own)
			overview.siblings = each->siblings;
		if (each->phase == CONNECTION_ACCEPTED)
			continue;
		if (goes_before(each, overview.oldest))
			overview.oldest = each;
		bool better =
			!overview.own || is_idle(each) > is_idle(overview.own) ||
			(is_idle(each) == is_idle(overview.own) && each->since_ns < overview.own->since_ns);
		if (own && better)
			overview.own = each;
	}
	return overview;
}

/* Room for one more of this client. */
static bool make_room(struct connections *connections, const struct overview *overview, int64_t now_ns)
{
	bool may_have_more = overview->siblings < CONNECTIONS_EACH;
	struct connection *goes = overview->own;
	if (may_have_more && connections->count < CONNECTIONS_MOST)
		return true;
	if (may_have_more && overview->oldest &&
		(overview->siblings == 0 || overview->oldest->siblings > overview->siblings + 1))
		goes = overview->oldest;
	else if (goes && !is_idle(goes) && now_ns - goes->since_ns < CONNECTION_GRACE_NS)
		return false;
	if (goes)
		connection_end(connections, goes);
	return goes;
}

int connections_admit(
	struct connections *connections, int descriptor, const struct address *client, int64_t now_ns)
{
	int result = -EBUSY;
	pthread_mutex_lock(&connections->lock);
	struct overview overview = look(connections, client);
	if (overview.place)
		result = make_room(connections, &overview, now_ns) ? 0 : -EAGAIN;
	if (result == 0) {
		/* One of its own may have gone. */
		unsigned siblings = look(connections, client).siblings + 1;
		*overview.place = (struct connection){ CONNECTION_ACCEPTED, descriptor, *client, 0, now_ns };
		set_siblings(connections, client, siblings);
		connections->count++;
	}
	pthread_mutex_unlock(&connections->lock);
	return result;
}

static struct connection *find_accepted(struct connections *connections, int descriptor)
{
	for (size_t i = 0; i < PLACES; i++)
		if (connections->places[i].phase == CONNECTION_ACCEPTED &&
			connections->places[i].descriptor == descriptor)
			return &connections->places[i];
	return NULL;
}

void connections_forget(struct connections *connections, int descriptor)
{
	pthread_mutex_lock(&connections->lock);
	struct connection *connection = find_accepted(connections, descriptor);
	if (connection)
		connection_leave(connections, connection, CONNECTION_NONE);
	pthread_mutex_unlock(&connections->lock);
}

struct connection *connection_opened(struct connections *connections, int descriptor)
{
	pthread_mutex_lock(&connections->lock);
	struct connection *connection = find_accepted(connections, descriptor);
	if (connection)
		connection->phase = CONNECTION_READING;
	pthread_mutex_unlock(&connections->lock);
	return connection;
}

static void connection_enter(
	struct connections *connections, struct connection *connection, enum phase phase, int64_t now_ns)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	if (connection->phase != CONNECTION_CLOSING) {
		connection->phase = phase;
		connection->since_ns = now_ns;
	}
	pthread_mutex_unlock(&connections->lock);
}

void connection_answering(struct connections *connections, struct connection *connection, int64_t now_ns)
{
	connection_enter(connections, connection, CONNECTION_ANSWERING, now_ns);
}

void connection_answered(struct connections *connections, struct connection *connection, int64_t now_ns)
{
	connection_enter(connections, connection, CONNECTION_IDLE, now_ns);
}

void connection_closed(struct connections *connections, struct connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&connections->lock);
	connection_leave(connections, connection, CONNECTION_NONE);
	pthread_mutex_unlock(&connections->lock);
}

static int64_t due_ns(const struct connection *connection)
{
	return connection->since_ns +
	       (connection->phase == CONNECTION_ANSWERING ? CONNECTION_ANSWER_NS : CONNECTION_REQUEST_NS);
}

int64_t connections_expire(struct connections *connections, int64_t now_ns)
{
	int64_t next = INT64_MAX;
	pthread_mutex_lock(&connections->lock);
	for (size_t i = 0; i < PLACES; i++) {
		struct connection *each = &connections->places[i];
		if (!connection_counts(each))
			continue;
		if (due_ns(each) > now_ns)
			next = due_ns(each) < next ? due_ns(each) : next;
		else if (each->phase == CONNECTION_ACCEPTED) /* its thread had no memory for it */
			connection_leave(connections, each, CONNECTION_NONE);
		else
			connection_end(connections, each);
	}
	pthread_mutex_unlock(&connections->lock);
	return next;
}

bool connections_evict(struct connections *connections)
{
	pthread_mutex_lock(&connections->lock);
	struct connection *goes = look(connections, NULL).oldest;
	if (goes)
		connection_end(connections, goes);
	pthread_mutex_unlock(&connections->lock);
	return goes;
}
