// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A collector costs its file and one row of the table: its flag, its help, its log lines, its status, its
 * facts and its metrics follow.
 */
#include "tests/support/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collectors/collector.h"

/* ---- the file ---- */

struct toy_facts {
	unsigned toys;
	char *name;
};

/* The part of the toys, or NULL: for the judge and the writers. */
static const struct toy_facts *toy_facts(const struct facts *facts);

static int toy_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	unsigned *toys = calloc(1, sizeof(*toys));
	*context = toys;
	return toys ? 0 : -ENOMEM;
}

static void toy_destroy(void *context)
{
	free(context);
}

static void toy_facts_free(void *data)
{
	struct toy_facts *part = data;
	free(part->name);
	free(part);
}

extern const struct collector toy_collector;

static int toy_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)settings;
	unsigned *toys = context;
	struct toy_facts *part = calloc(1, sizeof(*part));
	if (!part)
		return -ENOMEM;
	part->toys = ++*toys;
	part->name = strdup("bear");
	int result = part->name ? facts_attach(facts, &toy_collector, part, toy_facts_free) : -ENOMEM;
	if (result < 0)
		toy_facts_free(part);
	return result;
}

static bool toy_settled(const void *context)
{
	const unsigned *toys = context;
	return *toys >= 3;
}

static void emit_toys(struct metric_sink *sink, const struct facts *facts)
{
	const struct toy_facts *part = toy_facts(facts);
	if (part)
		metric_add(sink, part->toys, part->name);
}

static const struct metric_family toy_metrics[] = {
	{ .name = "oneway_toys",
		.type = METRIC_GAUGE,
		.labels = { "name" },
		.help = "Toys that were counted.",
		.emit = emit_toys },
	{ 0 },
};

const struct collector toy_collector = {
	.name = "toy",
	.summary = "toys",
	.needs = "CAP_TOY",
	.init = toy_init,
	.collect = toy_collect,
	.destroy = toy_destroy,
	.settled = toy_settled,
	.families = toy_metrics,
};

static const struct toy_facts *toy_facts(const struct facts *facts)
{
	return facts_part(facts, &toy_collector);
}

/* ---- the row; the program's own table is not linked ---- */

#include "collectors/base/clock.h"
#include "exporter/cli/options.h"
#include "exporter/config/settings_file.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/metrics/families.h"

extern const struct collector rpfilter_collector;

const struct collector *const observer_collectors[] = { &rpfilter_collector, &toy_collector, NULL };

/* ---- */

static const struct usage usage = { PROGRAM_CHECK, "oneway check", "It looks.", NULL, 0, 0 };

/* What was printed is the caller's. */
static char *parse(char *argument, struct options *options, int expected)
{
	char *printed, *argv[] = { (char *)"program", argument, NULL };
	size_t size;
	FILE *out = open_memstream(&printed, &size);
	assert_int_equal(options_parse(&usage, argument ? 2 : 1, argv, options, out, out), expected);
	fclose(out);
	return printed;
}

static void it_has_a_flag_and_help(void **state)
{
	(void)state;
	struct options options;
	char refused[] = "--no-collector.toy", help[] = "--help";
	free(parse(NULL, &options, OPTIONS_RUN));
	assert_true(options.collectors[1]);
	options_free(&options);
	free(parse(refused, &options, OPTIONS_RUN));
	assert_true(options.collectors[0] && !options.collectors[1]);
	options_free(&options);
	char *printed = parse(help, &options, 0);
	assert_non_null(strstr(printed, "  --[no-]collector.toy (on)\n      toys\n"));
	options_free(&options);
	free(printed);
}

static char *expose(struct facts *facts)
{
	struct snapshot snapshot = { .facts = facts, .findings = findings_new() };
	struct exposition exposition;
	struct metric_families families;
	struct buffer out = { 0 };
	assert_non_null(snapshot.findings);
	assert_int_equal(metric_families_make(&families), 0);
	assert_int_equal(exposition_make(&snapshot, NULL, 256, &exposition), 0);
	assert_int_equal(metrics_expose(&out, METRICS_TEXT, &families, &exposition), 0);
	buffer_add(&out, "", 1);
	exposition_clear(&exposition);
	metric_families_clear(&families);
	findings_free(snapshot.findings);
	return out.data;
}

static void what_it_collects_is_shown(void **state)
{
	(void)state;
	static const bool enabled[] = { false, true };
	static const struct collector_settings settings = { .procfs = "/proc" };
	const struct log log = { .level = LOG_LEVEL_ERROR, .descriptor = STDERR_FILENO };
	struct observer *observer;
	struct facts *facts;
	assert_int_equal(observer_open(enabled, &settings, &log, &observer), 0);
	assert_int_equal(collector_io_settle(observer, 20 * SECOND_NS), 0);
	assert_int_equal(observer_collect(observer, &settings, &facts), 0);
	assert_int_equal(toy_facts(facts)->toys, 4); /* it was settled after three */
	char *text = expose(facts);
	assert_non_null(strstr(text, "# HELP oneway_toys Toys that were counted.\n"
				     "# TYPE oneway_toys gauge\n"
				     "oneway_toys{name=\"bear\"} 4\n"));
	assert_non_null(strstr(text, "\noneway_scrape_collector_success{collector=\"toy\"} 1\n"));
	assert_null(strstr(text, "oneway_nat_rules"));
	free(text);
	facts_free(facts);
	observer_close(observer);
}

static void facts_of_others_have_no_part_of_it(void **state)
{
	(void)state;
	struct facts *facts = facts_new();
	assert_null(toy_facts(facts));
	facts_free(facts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_a_flag_and_help),
		cmocka_unit_test(what_it_collects_is_shown),
		cmocka_unit_test(facts_of_others_have_no_part_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
