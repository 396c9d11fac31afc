// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "exporter/base/descriptor.h"
#include "exporter/daemon/loop.h"
#include "exporter/daemon/worker.h"

struct pile {
	int wanted, done;
	pthread_t thread;
};

static void shovel(void *argument)
{
	struct pile *pile = argument;
	usleep(1000);
	pile->thread = pthread_self();
	pile->done += pile->wanted;
}

static void work_is_done_elsewhere_and_told(void **state)
{
	(void)state;
	struct worker *worker;
	struct pile pile = { 0 };
	int expected = 0;
	assert_int_equal(worker_new(shovel, &pile, &worker), 0);
	struct pollfd done = { .fd = worker_descriptor(worker), .events = POLLIN };
	assert_int_equal(poll(&done, 1, 0), 0);
	for (int i = 1; i <= 20; i++) {
		pile.wanted = i;
		expected += i;
		worker_start(worker);
		assert_int_equal(poll(&done, 1, 10000), 1);
		descriptor_drain(done.fd);
		assert_int_equal(pile.done, expected);
		assert_false(pthread_equal(pile.thread, pthread_self()));
		assert_int_equal(poll(&done, 1, 0), 0);
	}
	worker_free(worker);
	assert_int_equal(pile.done, expected);
}

static void what_was_begun_is_ended_first(void **state)
{
	(void)state;
	struct worker *worker;
	struct pile pile = { .wanted = 7 };
	assert_int_equal(worker_new(shovel, &pile, &worker), 0);
	worker_start(worker);
	worker_free(worker);
	assert_int_equal(pile.done, 7);
	worker_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_is_done_elsewhere_and_told),
		cmocka_unit_test(what_was_begun_is_ended_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
