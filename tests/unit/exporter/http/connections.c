// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is let in, and who has to go: sockets are real, times are written down. */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/http/connections.h"

#define FAR_MOST 600

/* Both ends of connections; what the server would do with its own. */
struct far {
	int near, far;
	struct connection *connection;
};

struct world {
	struct connections *connections;
	struct far fars[FAR_MOST];
	size_t count;
	int64_t now_ns;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 2 * FAR_MOST + 16)
		return -1;
	world->connections = connections_new();
	world->now_ns = 1000 * SECOND_NS;
	*state = world;
	return world->connections ? 0 : -1;
}

static bool is_ended(const struct far *far)
{
	char byte;
	ssize_t size = recv(far->far, &byte, 1, MSG_DONTWAIT);
	return size == 0 || (size < 0 && errno != EAGAIN);
}

static int tear_down(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < world->count; i++) {
		close(world->fars[i].near);
		close(world->fars[i].far);
	}
	connections_free(world->connections);
	free(world);
	return 0;
}

static struct address client(unsigned number)
{
	const uint8_t bytes[4] = { 192, 0, (uint8_t)(number >> 8), (uint8_t)number };
	return address_make(AF_INET, bytes);
}

/* The result of connections_admit(), and the connection if there is one. */
static int come(struct world *world, unsigned number, struct far **out)
{
	struct far *far = &world->fars[world->count];
	struct address who = client(number);
	int pair[2];
	assert_true(world->count < FAR_MOST);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*far = (struct far){ pair[0], pair[1], NULL };
	int result = connections_admit(world->connections, far->near, &who, world->now_ns);
	if (result < 0) {
		close(pair[0]);
		close(pair[1]);
		return result;
	}
	world->count++;
	far->connection = connection_opened(world->connections, far->near);
	assert_non_null(far->connection);
	world->now_ns += MILLISECOND_NS;
	if (out)
		*out = far;
	return result;
}

static void leave(struct world *world, struct far *far)
{
	connection_closed(world->connections, far->connection);
	far->connection = NULL;
}

/* The threads close what was ended. */
static size_t close_ended(struct world *world)
{
	size_t closed = 0;
	for (size_t i = 0; i < world->count; i++)
		if (world->fars[i].connection && is_ended(&world->fars[i])) {
			leave(world, &world->fars[i]);
			closed++;
		}
	return closed;
}

static void a_client_replaces_its_own_oldest(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < CONNECTIONS_EACH; i++)
		assert_int_equal(come(world, 1, NULL), 0);
	assert_int_equal(come(world, 1, NULL), -EAGAIN); /* they are too young */
	assert_int_equal(come(world, 2, NULL), 0);
	world->now_ns += CONNECTION_GRACE_NS;
	connection_answering(world->connections, world->fars[0].connection, world->now_ns);
	assert_int_equal(come(world, 1, NULL), 0);
	assert_false(is_ended(&world->fars[0]));
	assert_true(is_ended(&world->fars[1]));
	assert_int_equal(close_ended(world), 1);
}

/* Who opens a connection for each request leaves behind those that are not closed yet. */
static void an_idle_one_goes_at_once(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < CONNECTIONS_EACH; i++)
		assert_int_equal(come(world, 1, NULL), 0);
	assert_int_equal(come(world, 1, NULL), -EAGAIN);
	connection_answering(world->connections, world->fars[5].connection, world->now_ns);
	assert_int_equal(come(world, 1, NULL), -EAGAIN);
	connection_answered(world->connections, world->fars[5].connection, world->now_ns);
	assert_int_equal(come(world, 1, NULL), 0);
	assert_true(is_ended(&world->fars[5]));
	assert_int_equal(close_ended(world), 1);
}

static void the_greediest_make_room(void **state)
{
	struct world *world = *state;
	struct far *scraper;
	unsigned greedy = CONNECTIONS_MOST / CONNECTIONS_EACH;
	for (unsigned i = 0; i < CONNECTIONS_MOST; i++)
		assert_int_equal(come(world, i % greedy, NULL), 0);
	assert_int_equal(come(world, 1000, &scraper), 0);
	assert_true(is_ended(&world->fars[0]));
	assert_int_equal(close_ended(world), 1);
	/* Hundreds of others come, and their requests are the oldest: who has one connection keeps it. */
	world->now_ns += CONNECTION_GRACE_NS;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(come(world, 2000 + i % 100, NULL), 0);
		assert_false(is_ended(scraper));
		close_ended(world);
	}
	/* Nor does a client that has its share take another's. */
	assert_int_equal(come(world, 2000, NULL), 0);
	assert_false(is_ended(scraper));
}

static void one_connection_each_goes_by_age(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < CONNECTIONS_MOST + 10; i++) {
		assert_int_equal(come(world, i, NULL), 0);
		assert_int_equal(close_ended(world), i >= CONNECTIONS_MOST);
	}
	assert_null(world->fars[9].connection);
	assert_non_null(world->fars[10].connection);
}

static void deadlines_do_not_wait_for_silence(void **state)
{
	struct world *world = *state;
	struct far *slow, *answered;
	int64_t begun_ns = world->now_ns;
	assert_int_equal(come(world, 1, &slow), 0);
	assert_int_equal(come(world, 2, &answered), 0);
	assert_int_equal(
		connections_expire(world->connections, world->now_ns), begun_ns + CONNECTION_REQUEST_NS);
	connection_answering(world->connections, answered->connection, world->now_ns);
	int64_t answering_ns = world->now_ns;
	assert_int_equal(connections_expire(world->connections, begun_ns + CONNECTION_REQUEST_NS),
		answering_ns + CONNECTION_ANSWER_NS);
	assert_true(is_ended(slow));
	assert_false(is_ended(answered));
	leave(world, slow);
	/* The next request of a connection that is kept has as long again. */
	int64_t again_ns = answering_ns + CONNECTION_ANSWER_NS - 1;
	connection_answered(world->connections, answered->connection, again_ns);
	assert_int_equal(connections_expire(world->connections, again_ns), again_ns + CONNECTION_REQUEST_NS);
	connection_answering(world->connections, answered->connection, again_ns);
	assert_int_equal(connections_expire(world->connections, again_ns + CONNECTION_ANSWER_NS), INT64_MAX);
	assert_true(is_ended(answered));
	leave(world, answered);
}

static void what_is_not_closed_is_bounded(void **state)
{
	struct world *world = *state;
	unsigned let_in = 0;
	for (unsigned i = 0; i < FAR_MOST; i++) {
		int result = come(world, i, NULL);
		if (result == -EBUSY)
			break;
		assert_int_equal(result, 0);
		let_in++;
	}
	assert_int_equal(let_in, CONNECTIONS_MOST + CONNECTIONS_CLOSING);
	assert_int_equal(close_ended(world), CONNECTIONS_CLOSING);
	assert_int_equal(come(world, 1, NULL), 0);
}

static void sockets_that_were_never_opened_are_left_alone(void **state)
{
	struct world *world = *state;
	struct address who = client(1);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	const struct far other = { pair[0], pair[1], NULL };
	assert_int_equal(connections_admit(world->connections, pair[0], &who, world->now_ns), 0);
	assert_false(connections_evict(world->connections));
	assert_int_equal(
		connections_expire(world->connections, world->now_ns + CONNECTION_REQUEST_NS), INT64_MAX);
	assert_false(is_ended(&other));
	assert_null(connection_opened(world->connections, pair[0]));
	assert_int_equal(connections_admit(world->connections, pair[0], &who, world->now_ns), 0);
	connections_forget(world->connections, pair[0]);
	assert_int_equal(connections_expire(world->connections, world->now_ns), INT64_MAX);
	connection_answering(world->connections, NULL, 0);
	connection_closed(world->connections, NULL);
	close(pair[0]);
	close(pair[1]);
}

static void eviction_takes_the_greediest(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(come(world, i == 0 ? 7 : 8, NULL), 0);
	assert_true(connections_evict(world->connections));
	assert_true(is_ended(&world->fars[1]));
	assert_true(connections_evict(world->connections)); /* one each: by age */
	assert_true(is_ended(&world->fars[0]));
	assert_true(connections_evict(world->connections));
	assert_false(connections_evict(world->connections));
	assert_int_equal(close_ended(world), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_client_replaces_its_own_oldest),
		TEST(an_idle_one_goes_at_once),
		TEST(the_greediest_make_room),
		TEST(one_connection_each_goes_by_age),
		TEST(deadlines_do_not_wait_for_silence),
		TEST(what_is_not_closed_is_bounded),
		TEST(sockets_that_were_never_opened_are_left_alone),
		TEST(eviction_takes_the_greediest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
