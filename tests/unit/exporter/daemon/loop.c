// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "exporter/base/descriptor.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/daemon/loop.h"

/* ---- the loop itself ---- */

struct caller {
	struct loop *loop;
	struct loop_handler handler, *other;
	unsigned called, stop_after;
	int64_t at_ns;
};

static void called(void *argument)
{
	struct caller *caller = argument;
	caller->called++;
	caller->at_ns = clock_ns(CLOCK_MONOTONIC);
	if (caller->other)
		loop_forget(caller->loop, caller->other);
	if (caller->called == caller->stop_after)
		loop_stop(caller->loop);
}

static void watch(struct loop *loop, struct caller *caller, int descriptor)
{
	assert_true(descriptor >= 0);
	caller->loop = loop;
	caller->handler =
		(struct loop_handler){ .descriptor = descriptor, .function = called, .argument = caller };
	assert_int_equal(loop_watch(loop, &caller->handler), 0);
}

static void timers_fire_when_they_are_due(void **state)
{
	(void)state;
	static const int64_t waits[] = { 30 * MILLISECOND_NS, 0, -SECOND_NS };
	struct loop *loop;
	assert_int_equal(loop_new(&loop), 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		struct caller caller = { .stop_after = 1 };
		int64_t start = clock_ns(CLOCK_MONOTONIC);
		watch(loop, &caller, timer_open());
		assert_int_equal(timer_set(caller.handler.descriptor, start + waits[i]), 0);
		assert_int_equal(loop_run(loop), 0);
		assert_true(caller.at_ns >= start + waits[i]);
		assert_true(caller.at_ns < start + SECOND_NS);
		descriptor_drain(caller.handler.descriptor);
		loop_forget(loop, &caller.handler);
		close(caller.handler.descriptor);
	}
	loop_free(loop);
}

static void a_stopped_timer_does_not_fire(void **state)
{
	(void)state;
	struct loop *loop;
	struct caller never = { .stop_after = 1 }, after = { .stop_after = 1 };
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(loop_new(&loop), 0);
	watch(loop, &never, timer_open());
	watch(loop, &after, timer_open());
	timer_set(never.handler.descriptor, now + MILLISECOND_NS);
	timer_set(never.handler.descriptor, TIMER_NEVER);
	timer_set(after.handler.descriptor, now + 20 * MILLISECOND_NS);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(never.called, 0);
	assert_int_equal(after.called, 1);
	close(never.handler.descriptor);
	close(after.handler.descriptor);
	loop_free(loop);
}

/* A handler that leaves its descriptor readable is called again, but not before the others. */
static void nobody_is_kept_from_its_turn(void **state)
{
	(void)state;
	struct loop *loop;
	struct caller greedy = { 0 }, other = { .stop_after = 50 };
	assert_int_equal(loop_new(&loop), 0);
	watch(loop, &greedy, eventfd(1, EFD_CLOEXEC));
	watch(loop, &other, eventfd(1, EFD_CLOEXEC));
	assert_int_equal(loop_run(loop), 0);
	assert_in_range(greedy.called, 49, 51);
	close(greedy.handler.descriptor);
	close(other.handler.descriptor);
	loop_free(loop);
}

/* Also within the turn in which both were readable. */
static void a_forgotten_handler_is_not_called(void **state)
{
	(void)state;
	struct loop *loop;
	struct caller one = { .stop_after = 5 }, two = { .stop_after = 5 };
	assert_int_equal(loop_new(&loop), 0);
	watch(loop, &one, eventfd(1, EFD_CLOEXEC));
	watch(loop, &two, eventfd(1, EFD_CLOEXEC));
	one.other = &two.handler;
	two.other = &one.handler;
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(one.called + two.called, 5);
	assert_true(one.called == 0 || two.called == 0);
	close(one.handler.descriptor);
	close(two.handler.descriptor);
	loop_free(loop);
}

static void be_busy(void *argument)
{
	struct caller *caller = argument;
	int64_t until_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + 3 * MILLISECOND_NS;
	while (caller->called == 0 && clock_ns(CLOCK_THREAD_CPUTIME_ID) < until_ns)
		;
	called(caller);
}

/* Two handlers do one kind of work, of which the longest piece counts. */
static void the_longest_piece_of_each_work_is_told(void **state)
{
	(void)state;
	struct loop *loop;
	struct caller busy = { 0 }, idle = { 0 }, other = { 0 }, nameless = { .stop_after = 5 };
	struct caller *callers[] = { &busy, &idle, &other, &nameless };
	static const char *const works[] = { "dig", "dig", "rest", NULL };
	struct facts *facts = facts_new();
	assert_int_equal(loop_new(&loop), 0);
	for (size_t i = 0; i < 4; i++) {
		watch(loop, callers[i], eventfd(1, EFD_CLOEXEC));
		callers[i]->handler.work = works[i];
	}
	busy.handler.function = be_busy;
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(loop_report(loop, facts), 0);
	assert_int_equal(facts->loop_work_count, 2);
	assert_string_equal(facts->loop_works[0].name, "dig");
	assert_true(facts->loop_works[0].longest >= 0.003);
	assert_string_equal(facts->loop_works[1].name, "rest");
	assert_true(facts->loop_works[1].longest < facts->loop_works[0].longest);
	for (size_t i = 0; i < 4; i++)
		close(callers[i]->handler.descriptor);
	facts_free(facts);
	loop_free(loop);
}

static void a_bad_descriptor_is_an_error(void **state)
{
	(void)state;
	struct loop *loop;
	struct loop_handler handler = { .descriptor = -1 };
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_watch(loop, &handler), -EBADF);
	loop_forget(loop, &handler);
	loop_free(loop);
	loop_free(NULL);
}

/* ---- the collectors in it; the observer is played by the functions below ---- */

#define FAKES 5

static struct script {
	int descriptor[FAKES], result;
	unsigned advanced[FAKES], changes;
	int64_t schedule_ns;
	bool changed;
} script;

size_t observer_collector_count(void)
{
	return FAKES;
}

int observer_descriptor(const struct observer *observer, size_t collector)
{
	(void)observer;
	return script.descriptor[collector];
}

int observer_advance(
	struct observer *observer, size_t collector, int64_t now_ns, struct collector_schedule *schedule)
{
	(void)observer;
	script.advanced[collector]++;
	schedule->due_ns = script.schedule_ns ? now_ns + script.schedule_ns : COLLECTOR_NEVER;
	schedule->changed = script.changed;
	return script.result;
}

bool observer_is_settled(const struct observer *observer)
{
	(void)observer;
	return true;
}

static void changed(void *argument)
{
	(void)argument;
	script.changes++;
}

static int setup(void **state)
{
	(void)state;
	memset(&script, 0, sizeof(script));
	for (size_t i = 0; i < FAKES; i++)
		script.descriptor[i] = -1;
	return 0;
}

static void run_for(struct loop *loop, struct collector_io *io, int64_t duration_ns)
{
	struct caller stop = { .stop_after = 1 };
	watch(loop, &stop, timer_open());
	timer_set(stop.handler.descriptor, clock_ns(CLOCK_MONOTONIC) + duration_ns);
	assert_int_equal(loop_run(loop), 0);
	loop_forget(loop, &stop.handler);
	close(stop.handler.descriptor);
	collector_io_free(io);
	loop_free(loop);
}

static struct collector_io *new_io(struct loop **loop)
{
	struct collector_io *io;
	assert_int_equal(loop_new(loop), 0);
	assert_int_equal(collector_io_new(*loop, NULL, changed, NULL, &io), 0);
	return io;
}

static void advance_is_called_when_due(void **state)
{
	(void)state;
	struct loop *loop;
	script.schedule_ns = 20 * MILLISECOND_NS;
	script.changed = true;
	struct collector_io *io = new_io(&loop);
	run_for(loop, io, 210 * MILLISECOND_NS);
	assert_in_range(script.advanced[2], 5, 11);
	unsigned advanced = 0;
	for (size_t i = 0; i < FAKES; i++)
		advanced += script.advanced[i];
	assert_int_equal(script.changes, advanced);
}

static void collectors_without_a_schedule_are_asked_once(void **state)
{
	(void)state;
	struct loop *loop;
	struct collector_io *io = new_io(&loop);
	run_for(loop, io, 50 * MILLISECOND_NS);
	assert_int_equal(script.advanced[4], 1);
	assert_int_equal(script.changes, 0);
}

static void a_failing_collector_does_not_spin(void **state)
{
	(void)state;
	struct loop *loop;
	script.descriptor[1] = eventfd(1, EFD_CLOEXEC);
	script.result = -EIO;
	struct collector_io *io = new_io(&loop);
	run_for(loop, io, 300 * MILLISECOND_NS);
	assert_in_range(script.advanced[1], 3, 12);
	close(script.descriptor[1]);
}

static void a_collector_that_starts_late_is_watched(void **state)
{
	(void)state;
	struct loop *loop;
	struct collector_io *io = new_io(&loop);
	script.descriptor[3] = eventfd(1, EFD_CLOEXEC);
	collector_io_refresh(io);
	run_for(loop, io, 20 * MILLISECOND_NS);
	assert_true(script.advanced[3] > 2);
	close(script.descriptor[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_when_they_are_due),
		cmocka_unit_test(a_stopped_timer_does_not_fire),
		cmocka_unit_test(nobody_is_kept_from_its_turn),
		cmocka_unit_test(a_forgotten_handler_is_not_called),
		cmocka_unit_test(the_longest_piece_of_each_work_is_told),
		cmocka_unit_test(a_bad_descriptor_is_an_error),
		cmocka_unit_test_setup(advance_is_called_when_due, setup),
		cmocka_unit_test_setup(collectors_without_a_schedule_are_asked_once, setup),
		cmocka_unit_test_setup(a_failing_collector_does_not_spin, setup),
		cmocka_unit_test_setup(a_collector_that_starts_late_is_watched, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
