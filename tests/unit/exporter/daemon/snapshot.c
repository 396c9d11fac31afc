// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "exporter/config/settings_file.h"
#include "exporter/daemon/snapshot.h"

#define READERS      4
#define PUBLICATIONS 2000

static void publish(struct latest_snapshot *latest, int64_t number)
{
	struct facts *facts = facts_new();
	struct findings *findings = findings_new();
	facts->time_ns = facts->monotonic_ns = number;
	while ((int64_t)findings->count < number % 3)
		findings_add(findings, NULL);
	assert_int_equal(latest_snapshot_publish(latest, facts, findings), 0);
}

static void before_the_first_there_is_none(void **state)
{
	(void)state;
	struct latest_snapshot *latest = latest_snapshot_new();
	assert_null(latest_snapshot_take(latest));
	snapshot_release(NULL);
	latest_snapshot_free(latest);
	latest_snapshot_free(NULL);
}

static void a_held_snapshot_outlives_the_next(void **state)
{
	(void)state;
	struct latest_snapshot *latest = latest_snapshot_new();
	publish(latest, 1);
	const struct snapshot *first = latest_snapshot_take(latest);
	publish(latest, 2);
	const struct snapshot *second = latest_snapshot_take(latest);
	assert_int_equal(first->facts->time_ns, 1);
	assert_int_equal(second->facts->time_ns, 2);
	snapshot_release(second);
	publish(latest, 3);
	assert_int_equal(first->facts->time_ns, 1);
	snapshot_release(first);
	latest_snapshot_free(latest);
}

struct readers {
	struct latest_snapshot *latest;
	atomic_bool ended;
	atomic_uint torn, backwards, taken;
};

static void *read_on(void *argument)
{
	struct readers *readers = argument;
	int64_t last = 0;
	while (!atomic_load(&readers->ended)) {
		const struct snapshot *snapshot = latest_snapshot_take(readers->latest);
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
	struct readers readers = { .latest = latest_snapshot_new() };
	pthread_t threads[READERS];
	publish(readers.latest, 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
	for (int i = 1; i <= PUBLICATIONS; i++)
		publish(readers.latest, i);
	while (atomic_load(&readers.taken) < READERS)
		sched_yield();
	atomic_store(&readers.ended, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&readers.torn), 0);
	assert_int_equal(atomic_load(&readers.backwards), 0);
	latest_snapshot_free(readers.latest);
}

static void its_age_is_that_of_its_facts(void **state)
{
	(void)state;
	struct latest_snapshot *latest = latest_snapshot_new();
	int64_t began_ns = clock_ns(CLOCK_MONOTONIC), age_ns = latest_snapshot_age_ns(latest);
	assert_true(age_ns >= 0 && age_ns <= clock_ns(CLOCK_MONOTONIC));
	assert_true(age_ns < SNAPSHOT_STALE_NS);
	publish(latest, 1); /* collected when the clock began */
	assert_true(latest_snapshot_age_ns(latest) >= began_ns);
	latest_snapshot_free(latest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_first_there_is_none),
		cmocka_unit_test(a_held_snapshot_outlives_the_next),
		cmocka_unit_test(its_age_is_that_of_its_facts),
		cmocka_unit_test(many_threads_read_what_one_publishes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
