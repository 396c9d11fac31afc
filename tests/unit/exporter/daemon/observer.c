// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collectors/base/clock.h"
#include "exporter/daemon/collector_io.h"

#define FAKES 10

/* What the fakes answer; a test sets it, setup clears it. */
static struct script {
	int init[FAKES], collect[FAKES], advance;
	int inits[FAKES], destroyed[FAKES], advanced;
	int descriptor;
	int settled_at;          /* two is settled after so many calls to advance */
	int complete, completed; /* of eight */
	char order[FAKES + 1];
} script;

static int init(int i, void **context)
{
	script.inits[i]++;
	*context = &script.init[i];
	return script.init[i];
}

static int collect(int i)
{
	char name[2] = { (char)('0' + i), '\0' };
	if (strlen(script.order) < FAKES)
		strcat(script.order, name);
	return script.collect[i];
}

#define FAKE(i)                                                                                \
	static int init_##i(const struct collector_settings *settings, void **context)         \
	{                                                                                      \
		(void)settings;                                                                \
		return init(i, context);                                                       \
	}                                                                                      \
	static int collect_##i(                                                                \
		void *context, const struct collector_settings *settings, struct facts *facts) \
	{                                                                                      \
		(void)settings;                                                                \
		(void)facts;                                                                   \
		assert_ptr_equal(context, &script.init[i]);                                    \
		return collect(i);                                                             \
	}                                                                                      \
	static void destroy_##i(void *context)                                                 \
	{                                                                                      \
		assert_ptr_equal(context, &script.init[i]);                                    \
		script.destroyed[i]++;                                                         \
	}

FAKE(0)
FAKE(1)
FAKE(2)
FAKE(3)
FAKE(4)
FAKE(5)
FAKE(6)
FAKE(7)
FAKE(8)
FAKE(9)

static int descriptor(const void *context)
{
	(void)context;
	return script.descriptor;
}

static int advance(void *context, int64_t now_ns, struct collector_schedule *schedule)
{
	(void)context;
	script.advanced++;
	schedule->due_ns = now_ns + MILLISECOND_NS;
	return script.advance;
}

static int complete(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	assert_ptr_equal(context, &script.init[8]);
	assert_non_null(facts->address_index);
	assert_int_equal(strlen(script.order), FAKES); /* after all others */
	script.completed++;
	return script.complete;
}

static bool settled(const void *context)
{
	(void)context;
	return script.advanced >= script.settled_at;
}

static const struct collector fakes[FAKES] = {
	{ .name = "zero", .init = init_0, .collect = collect_0, .destroy = destroy_0 },
	{ .name = "one", .needs = "CAP_BPF", .init = init_1, .collect = collect_1, .destroy = destroy_1 },
	{ .name = "two",
		.needs = "CAP_NET_ADMIN",
		.init = init_2,
		.collect = collect_2,
		.destroy = destroy_2,
		.descriptor = descriptor,
		.advance = advance,
		.settled = settled },
	{ .name = "three", .init = init_3, .collect = collect_3, .destroy = destroy_3 },
	{ .name = "four", .init = init_4, .collect = collect_4, .destroy = destroy_4 },
	{ .name = "five", .init = init_5, .collect = collect_5, .destroy = destroy_5 },
	{ .name = "six", .init = init_6, .collect = collect_6, .destroy = destroy_6 },
	{ .name = "seven",
		.lacks =
			(const struct collector_lack[]){ { -EOPNOTSUPP, "kernel", "no such kernel" }, { 0 } },
		.init = init_7,
		.collect = collect_7,
		.destroy = destroy_7 },
	{ .name = "eight", .init = init_8, .collect = collect_8, .complete = complete, .destroy = destroy_8 },
	{ .name = "nine", .init = init_9, .collect = collect_9, .destroy = destroy_9 },
};

const struct collector *const observer_collectors[] = { &fakes[0], &fakes[1], &fakes[2], &fakes[3], &fakes[4],
	&fakes[5], &fakes[6], &fakes[7], &fakes[8], &fakes[9], NULL };

/* ---- */

static const bool all[FAKES] = { true, true, true, true, true, true, true, true, true, true };
static const struct collector_settings settings = { .procfs = "/proc" };

struct bench {
	struct log log;
	int lines; /* what was logged */
	struct observer *observer;
};

static void open_bench(struct bench *bench, const bool *enabled)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	bench->lines = ends[0];
	bench->log = (struct log){ LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	assert_int_equal(observer_open(enabled, &settings, &bench->log, &bench->observer), 0);
}

static void close_bench(struct bench *bench)
{
	observer_close(bench->observer);
	close(bench->lines);
	close(bench->log.descriptor);
}

/* The lines logged since, without their times. */
static const char *logged(const struct bench *bench, char text[static 1024])
{
	char raw[1024], *save, *to = text;
	ssize_t length = read(bench->lines, raw, sizeof(raw) - 1);
	raw[length < 0 ? 0 : length] = '\0';
	*to = '\0';
	for (char *line = strtok_r(raw, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		to += sprintf(to, "%s\n", strchr(line, ' ') + 1);
	return text;
}

static struct facts *collect_facts(const struct bench *bench)
{
	struct facts *facts = NULL;
	assert_int_equal(observer_collect(bench->observer, &settings, &facts), 0);
	return facts;
}

static int setup(void **state)
{
	(void)state;
	script = (struct script){ .descriptor = -1 };
	return 0;
}

static void collectors_are_asked_in_order_and_freed(void **state)
{
	(void)state;
	struct bench bench;
	char text[1024];
	open_bench(&bench, all);
	int64_t before = clock_ns(CLOCK_MONOTONIC);
	struct facts *facts = collect_facts(&bench);
	assert_string_equal(script.order, "0123456789");
	assert_true(facts->monotonic_ns >= before && facts->time_ns > 0);
	assert_int_equal(facts->collector_count, FAKES);
	assert_string_equal(facts->collectors[1].name, "one");
	assert_true(facts->collectors[1].success);
	assert_string_equal(facts->collectors[1].error, "");
	assert_string_equal(logged(&bench, text), "");
	facts_free(facts);
	close_bench(&bench);
	for (int i = 0; i < FAKES; i++)
		assert_int_equal(script.destroyed[i], 1);
}

static void unwanted_collectors_do_not_appear(void **state)
{
	(void)state;
	static const bool some[FAKES] = { [3] = true };
	struct bench bench;
	open_bench(&bench, some);
	struct facts *facts = collect_facts(&bench);
	assert_int_equal(facts->collector_count, 1);
	assert_string_equal(facts->collectors[0].name, "three");
	assert_int_equal(script.inits[0] + script.inits[1] + script.inits[2] + script.inits[4], 0);
	facts_free(facts);
	close_bench(&bench);
}

static void what_cannot_start_is_said_once_with_its_needs(void **state)
{
	(void)state;
	struct bench bench;
	char text[1024];
	script.init[1] = -EPERM;
	script.init[3] = script.init[7] = -EOPNOTSUPP;
	open_bench(&bench, all);
	assert_string_equal(logged(&bench, text),
		"level=WARN msg=\"Collector cannot look\" collector=one error=\"not permitted: needs "
		"CAP_BPF\"\n"
		"level=WARN msg=\"Collector cannot look\" collector=three error=\"this kernel or network "
		"namespace has no such source\"\n"
		"level=WARN msg=\"Collector cannot look\" collector=seven error=\"no such kernel\"\n");
	for (int i = 0; i < 3; i++) {
		struct facts *facts = collect_facts(&bench);
		assert_int_equal(facts->collector_count, FAKES);
		assert_true(facts->collectors[0].success);
		assert_false(facts->collectors[1].success);
		assert_string_equal(facts->collectors[1].error, "not permitted: needs CAP_BPF");
		assert_true(facts->collectors[4].success);
		facts_free(facts);
	}
	assert_string_equal(logged(&bench, text), "");
	assert_int_equal(script.inits[1], 1);
	assert_int_equal(script.inits[3], 1);
	close_bench(&bench);
	assert_int_equal(script.destroyed[1], 0);
	assert_int_equal(script.destroyed[0], 1);
}

static void a_failing_collect_is_said_once_and_so_is_its_recovery(void **state)
{
	(void)state;
	struct bench bench;
	char text[1024];
	open_bench(&bench, all);
	script.collect[0] = -EIO;
	for (int i = 0; i < 3; i++) {
		struct facts *facts = collect_facts(&bench);
		assert_false(facts->collectors[0].success);
		assert_string_equal(facts->collectors[0].error, "Input/output error");
		facts_free(facts);
	}
	assert_string_equal(logged(&bench, text),
		"level=WARN msg=\"Collector cannot look\" collector=zero error=\"Input/output error\"\n");
	script.collect[0] = 0;
	struct facts *facts = collect_facts(&bench);
	assert_true(facts->collectors[0].success);
	facts_free(facts);
	assert_string_equal(
		logged(&bench, text), "level=INFO msg=\"Collector can look again\" collector=zero\n");
	close_bench(&bench);
}

static void what_takes_long_comes_afterwards(void **state)
{
	(void)state;
	static const struct {
		int collect, complete, completed;
		const char *error, *line;
	} turns[] = {
		{ 0, -EIO, 1, "Input/output error",
			"level=WARN msg=\"Collector cannot look\" collector=eight error=\"Input/output error\"\n" },
		{ 0, -EIO, 1, "Input/output error", "" },
		{ -EIO, 0, 0, "Input/output error", "" },
		{ 0, 0, 1, "", "level=INFO msg=\"Collector can look again\" collector=eight\n" },
	};
	struct bench bench;
	char text[1024];
	open_bench(&bench, all);
	for (size_t i = 0; i < sizeof(turns) / sizeof(*turns); i++) {
		script.order[0] = '\0';
		script.completed = 0;
		script.collect[8] = turns[i].collect;
		script.complete = turns[i].complete;
		struct facts *facts = collect_facts(&bench);
		assert_int_equal(script.completed, 0);
		assert_int_equal(observer_complete(bench.observer, &settings, facts), 0);
		assert_int_equal(script.completed, turns[i].completed);
		assert_int_equal(facts->collector_count, FAKES);
		assert_string_equal(facts->collectors[8].name, "eight");
		assert_string_equal(facts->collectors[8].error, turns[i].error);
		assert_int_equal(facts->collectors[8].success, turns[i].error[0] == '\0');
		assert_true(facts->collectors[7].success && facts->collectors[9].success);
		assert_string_equal(logged(&bench, text), turns[i].line);
		facts_free(facts);
	}
	close_bench(&bench);
}

static void a_failing_advance_is_said_once(void **state)
{
	(void)state;
	struct bench bench;
	struct collector_schedule schedule;
	char text[1024];
	open_bench(&bench, all);
	script.advance = -ENOBUFS;
	for (int i = 0; i < 3; i++)
		assert_int_equal(observer_advance(bench.observer, 2, 5, &schedule), -ENOBUFS);
	assert_int_equal(schedule.due_ns, 5 + MILLISECOND_NS);
	assert_string_equal(logged(&bench, text),
		"level=WARN msg=\"Collector fails to follow changes\" collector=two error=\"No buffer "
		"space available\"\n");
	assert_int_equal(observer_advance(bench.observer, 0, 5, &schedule), 0);
	assert_true(schedule.due_ns == COLLECTOR_NEVER && !schedule.changed);
	close_bench(&bench);
}

static void it_settles_when_the_first_look_is_complete(void **state)
{
	(void)state;
	struct bench bench;
	script.settled_at = 20;
	open_bench(&bench, all);
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(collector_io_settle(bench.observer, 20 * SECOND_NS), 0);
	assert_true(script.advanced >= 20);
	assert_int_equal(strspn(script.order, "2"), strlen(script.order)); /* nobody else is asked */
	assert_true(clock_ns(CLOCK_MONOTONIC) - start < 5 * SECOND_NS);
	close_bench(&bench);
}

static void settling_ends_with_its_time(void **state)
{
	(void)state;
	struct bench bench;
	script.settled_at = 1000000;
	open_bench(&bench, all);
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(collector_io_settle(bench.observer, 100 * MILLISECOND_NS), 0);
	int64_t took = clock_ns(CLOCK_MONOTONIC) - start;
	assert_true(took >= 100 * MILLISECOND_NS && took < 2 * SECOND_NS);
	close_bench(&bench);
}

static void what_is_settled_is_not_waited_for(void **state)
{
	(void)state;
	struct bench bench;
	open_bench(&bench, all);
	assert_int_equal(collector_io_settle(bench.observer, 20 * SECOND_NS), 0);
	assert_in_range(script.advanced, 1, 3);
	close_bench(&bench);
}

/* A descriptor that stays readable because its collector fails must not keep the processor busy. */
static void a_readable_descriptor_that_fails_does_not_spin(void **state)
{
	(void)state;
	struct bench bench;
	script.descriptor = eventfd(1, EFD_CLOEXEC);
	script.advance = -EIO;
	open_bench(&bench, all);
	assert_int_equal(collector_io_run(bench.observer, 300 * MILLISECOND_NS), 0);
	assert_in_range(script.advanced, 3, 12);
	close_bench(&bench);
	close(script.descriptor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(collectors_are_asked_in_order_and_freed, setup),
		cmocka_unit_test_setup(unwanted_collectors_do_not_appear, setup),
		cmocka_unit_test_setup(what_cannot_start_is_said_once_with_its_needs, setup),
		cmocka_unit_test_setup(a_failing_collect_is_said_once_and_so_is_its_recovery, setup),
		cmocka_unit_test_setup(what_takes_long_comes_afterwards, setup),
		cmocka_unit_test_setup(a_failing_advance_is_said_once, setup),
		cmocka_unit_test_setup(it_settles_when_the_first_look_is_complete, setup),
		cmocka_unit_test_setup(settling_ends_with_its_time, setup),
		cmocka_unit_test_setup(what_is_settled_is_not_waited_for, setup),
		cmocka_unit_test_setup(a_readable_descriptor_that_fails_does_not_spin, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
