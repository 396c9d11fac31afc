// SPDX-License-Identifier: GPL-2.0-or-later
/* The collector over a /proc of the test's own, where the table is never asked for: all that these tests show
 * is decided by small files. */
#include "tests/support/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/collector.h"
#include "collectors/conntrack/conntrack_find.h"

extern const struct collector conntrack_collector;

#define SECOND INT64_C(1000000000)

static const char *const directories[] = { "sys", "sys/net", "sys/net/netfilter", "net", "net/stat" };
#define DIRECTORIES (sizeof(directories) / sizeof(directories[0]))
#define COUNT_FILE  "sys/net/netfilter/nf_conntrack_count"
#define STAT_FILE   "net/stat/nf_conntrack"

struct fixture {
	char procfs[32];
	struct collector_settings settings;
	void *context;
};

static const char *path_of(const struct fixture *fixture, const char *name, char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", fixture->procfs, name);
	return path;
}

static void write_file(const struct fixture *fixture, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file = fopen(path_of(fixture, name, path), "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
	char path[PATH_MAX];
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	strcpy(fixture->procfs, "/tmp/oneway-conntrack-XXXXXX");
	assert_non_null(mkdtemp(fixture->procfs));
	for (size_t i = 0; i < DIRECTORIES; i++)
		assert_int_equal(mkdir(path_of(fixture, directories[i], path), 0700), 0);
	fixture->settings.procfs = fixture->procfs;
	assert_int_equal(conntrack_collector.init(&fixture->settings, &fixture->context), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	char path[PATH_MAX];
	struct fixture *fixture = *state;
	conntrack_collector.destroy(fixture->context);
	unlink(path_of(fixture, COUNT_FILE, path));
	unlink(path_of(fixture, STAT_FILE, path));
	for (size_t i = DIRECTORIES; i-- > 0;)
		rmdir(path_of(fixture, directories[i], path));
	rmdir(fixture->procfs);
	free(fixture);
	return 0;
}

static struct collector_schedule advance(const struct fixture *fixture, int64_t now_ns)
{
	struct collector_schedule schedule = { 0 };
	assert_int_equal(conntrack_collector.advance(fixture->context, now_ns, &schedule), 0);
	return schedule;
}

static struct conntrack_sample collect(const struct fixture *fixture, int expected)
{
	struct facts *facts = facts_new();
	assert_non_null(facts);
	assert_int_equal(conntrack_collector.collect(fixture->context, &fixture->settings, facts), expected);
	struct conntrack_sample sample = facts->conntrack;
	facts_free(facts);
	return sample;
}

static void conntrack_that_is_not_loaded_is_known_to_be_unused(void **state)
{
	const struct fixture *fixture = *state;
	assert_false(collect(fixture, 0).known);
	struct collector_schedule schedule = advance(fixture, 5 * SECOND);
	assert_true(schedule.changed);
	assert_int_equal(schedule.due_ns, 6 * SECOND);
	struct conntrack_sample sample = collect(fixture, 0);
	assert_true(sample.known);
	assert_false(sample.in_use);
	assert_false(sample.stats_known);
	assert_true(sample.ended_ns > 0);
	assert_false(advance(fixture, 6 * SECOND).changed);
}

static void an_empty_table_is_not_asked_for(void **state)
{
	const struct fixture *fixture = *state;
	write_file(fixture, COUNT_FILE, "0\n");
	assert_int_equal(advance(fixture, SECOND).due_ns, 2 * SECOND);
	struct conntrack_sample sample = collect(fixture, 0);
	assert_true(sample.known);
	assert_false(sample.in_use);
}

static void a_sweep_waits_for_the_first_addresses(void **state)
{
	const struct fixture *fixture = *state;
	write_file(fixture, COUNT_FILE, "12\n");
	struct collector_schedule schedule = advance(fixture, SECOND);
	assert_in_range(schedule.due_ns, SECOND + 1, SECOND + SECOND / 10);
	assert_false(schedule.changed);
	assert_false(collect(fixture, 0).known);
}

static void nonsense_in_the_count_is_told_if_it_stays(void **state)
{
	const struct fixture *fixture = *state;
	write_file(fixture, COUNT_FILE, "many\n");
	advance(fixture, SECOND);
	advance(fixture, 2 * SECOND);
	collect(fixture, 0);
	advance(fixture, 3 * SECOND);
	assert_false(collect(fixture, -EBADMSG).known);
	write_file(fixture, COUNT_FILE, "0\n");
	advance(fixture, 4 * SECOND);
	assert_true(collect(fixture, 0).known);
}

/* Linux 6.18 on two CPUs, and 5.10, which had no chaintoolong. */
#define BEFORE "entries  clashres found new invalid ignore delete "
#define AFTER                                                                                       \
	" insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete " \
	"search_restart\n"
#define NUMBERS                                                                                       \
	" 00000001 00000002 00000003 00000004 00000005 0000000a 00000007 00000008 00000009 00000010 " \
	"0000000b 0000000c  0000000d 0000000e 0000000f 00000010\n"

static void statistics_are_summed_over_cpus(void **state)
{
	const struct fixture *fixture = *state;
	write_file(fixture, STAT_FILE, BEFORE "chainlength" AFTER "00000000 " NUMBERS "00000000 " NUMBERS);
	const struct conntrack_sample sample = collect(fixture, 0);
	assert_true(sample.stats_known);
	assert_int_equal(sample.stats[CONNTRACK_INVALID], 2 * 4);
	assert_int_equal(sample.stats[CONNTRACK_CHAIN_TOOLONG], 2 * 7);
	assert_int_equal(sample.stats[CONNTRACK_INSERT_FAILED], 2 * 9);
	assert_int_equal(sample.stats[CONNTRACK_DROP], 2 * 0x10);
	assert_int_equal(sample.stats[CONNTRACK_EARLY_DROP], 2 * 0xb);
}

static void absent_columns_stay_0(void **state)
{
	const struct fixture *fixture = *state;
	write_file(fixture, STAT_FILE, BEFORE "delete_list" AFTER "00000000 " NUMBERS);
	const struct conntrack_sample sample = collect(fixture, 0);
	assert_true(sample.stats_known);
	assert_int_equal(sample.stats[CONNTRACK_CHAIN_TOOLONG], 0);
	assert_int_equal(sample.stats[CONNTRACK_DROP], 0x10);
}

static void nothing_is_found_where_nothing_is_loaded(void **state)
{
	const struct fixture *fixture = *state;
	const struct conntrack_tuple tuple = { .protocol = 6 };
	struct conntrack_flow flow;
	char text[CONNTRACK_TEXT_SIZE];
	assert_int_equal(conntrack_find(fixture->procfs, &tuple, 0, &flow, text), -ENOENT);
	write_file(fixture, COUNT_FILE, "0\n");
	assert_int_equal(conntrack_find(fixture->procfs, &tuple, 0, &flow, text), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
		TEST(conntrack_that_is_not_loaded_is_known_to_be_unused),
		TEST(an_empty_table_is_not_asked_for),
		TEST(a_sweep_waits_for_the_first_addresses),
		TEST(nonsense_in_the_count_is_told_if_it_stays),
		TEST(statistics_are_summed_over_cpus),
		TEST(absent_columns_stay_0),
		TEST(nothing_is_found_where_nothing_is_loaded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
