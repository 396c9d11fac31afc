// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "exporter/config/settings_file.h"
#include "exporter/daemon/snapshot.h"

#define READERS      4
#define PUBLICATIONS 2000

static void publish(struct shelf *shelf, int64_t number)
{
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	facts->time_ns = facts->monotonic_ns = number;
	while ((int64_t)findings->count < number % 3)
		findings_add(findings, NULL);
	assert_int_equal(shelf_publish(shelf, facts, findings), 0);
}

static void an_empty_shelf_has_nothing(void **state)
{
	(void)state;
	struct shelf *shelf = shelf_new();
	assert_null(shelf_take(shelf));
	snapshot_release(NULL);
	shelf_free(shelf);
	shelf_free(NULL);
}

static void a_held_snapshot_outlives_the_next(void **state)
{
	(void)state;
	struct shelf *shelf = shelf_new();
	publish(shelf, 1);
	const struct snapshot *first = shelf_take(shelf);
	publish(shelf, 2);
	const struct snapshot *second = shelf_take(shelf);
	assert_int_equal(first->facts->time_ns, 1);
	assert_int_equal(second->facts->time_ns, 2);
	snapshot_release(second);
	publish(shelf, 3);
	assert_int_equal(first->facts->time_ns, 1);
	snapshot_release(first);
	shelf_free(shelf);
}

struct readers {
	struct shelf *shelf;
	atomic_bool ended;
	atomic_uint torn, backwards, taken;
};

static void *read_on(void *argument)
{
	struct readers *readers = argument;
	int64_t last = 0;
	while (!atomic_load(&readers->ended)) {
		const struct snapshot *snapshot = shelf_take(readers->shelf);
		const struct facts *facts = snapshot->facts;
		if (facts->time_ns != facts->monotonic_ns ||
			(int64_t)snapshot->findings->count != facts->time_ns % 3)
			atomic_fetch_add(&readers->torn, 1);
		if (facts->time_ns < last)
			atomic_fetch_add(&readers->backwards, 1);
		last = facts->time_ns;
		atomic_fetch_add(&readers->taken, 1);
		snapshot_release(snapshot);
	}
	return NULL;
}

static void many_threads_read_what_one_publishes(void **state)
{
	(void)state;
	struct readers readers = { .shelf = shelf_new() };
	pthread_t threads[READERS];
	publish(readers.shelf, 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
	for (int i = 1; i <= PUBLICATIONS; i++)
		publish(readers.shelf, i);
	while (atomic_load(&readers.taken) < READERS)
		sched_yield();
	atomic_store(&readers.ended, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&readers.torn), 0);
	assert_int_equal(atomic_load(&readers.backwards), 0);
	shelf_free(readers.shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_shelf_has_nothing),
		cmocka_unit_test(a_held_snapshot_outlives_the_next),
		cmocka_unit_test(many_threads_read_what_one_publishes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
