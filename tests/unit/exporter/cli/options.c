// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/cli/options.h"
#include "exporter/output/writer.h"

/* The linker leaves the real table out, since this program has one of its own. */
static int fake_init(const struct collector_settings *settings, void **context)
{
	(void)settings;
	*context = NULL;
	return 0;
}

static int fake_collect(void *context, const struct collector_settings *settings, struct facts *facts)
{
	(void)context;
	(void)settings;
	(void)facts;
	return 0;
}

static void fake_destroy(void *context)
{
	(void)context;
}

#define FAKE_COLLECTOR(label)                                                                             \
	{                                                                                                 \
		.name = label, .summary = "Reads " label ".", .init = fake_init, .collect = fake_collect, \
		.destroy = fake_destroy                                                                   \
	}

static const struct collector fakes[] = {
	FAKE_COLLECTOR("one"),
	FAKE_COLLECTOR("two"),
	FAKE_COLLECTOR("three"),
	FAKE_COLLECTOR("four"),
	FAKE_COLLECTOR("five"),
	FAKE_COLLECTOR("six"),
	FAKE_COLLECTOR("seven"),
	FAKE_COLLECTOR("eight"),
	FAKE_COLLECTOR("nine"),
	{ .name = "ten",
		.summary = "Changes something.",
		.consent = true,
		.init = fake_init,
		.collect = fake_collect,
		.destroy = fake_destroy },
};

const struct collector *const observer_collectors[] = { &fakes[0], &fakes[1], &fakes[2], &fakes[3], &fakes[4],
	&fakes[5], &fakes[6], &fakes[7], &fakes[8], &fakes[9], NULL };

static const struct usage exporter = { PROGRAM_EXPORTER, "oneway_exporter", "It watches.", NULL, 0, 0 };
static const struct usage check = { PROGRAM_CHECK, "oneway check", "It looks.", NULL, 0, 0 };
static const struct usage explain = { PROGRAM_EXPLAIN, "oneway explain", "It shows.", "CLIENT SERVICE", 2,
	2 };

#define MOST_ARGUMENTS 16

struct outcome {
	int status;
	char *out, *err;
	struct options options;
};

/* The line is split at spaces; "@" stands for an empty argument. */
static struct outcome parse(const struct usage *usage, char *line)
{
	struct outcome outcome = { 0 };
	size_t out_size, err_size;
	char *argv[MOST_ARGUMENTS + 2] = { (char *)"program" };
	int argc = 1;
	for (char *word = strtok(line, " "); word && argc < MOST_ARGUMENTS; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "@") ? word : word + 1;
	FILE *out = open_memstream(&outcome.out, &out_size), *err = open_memstream(&outcome.err, &err_size);
	outcome.status = options_parse(usage, argc, argv, &outcome.options, out, err);
	fclose(out);
	fclose(err);
	return outcome;
}

static void clear(struct outcome *outcome)
{
	options_free(&outcome->options);
	free(outcome->out);
	free(outcome->err);
}

static void defaults_are_as_documented(void **state)
{
	(void)state;
	char line[] = "";
	struct outcome outcome = parse(&exporter, line);
	const struct options *options = &outcome.options;
	assert_int_equal(outcome.status, OPTIONS_RUN);
	assert_string_equal(outcome.err, "");
	assert_int_equal(options->listen.count, 1);
	assert_string_equal(options->listen.items[0], ":10150");
	assert_string_equal(options->telemetry_path, "/metrics");
	assert_string_equal(options->procfs, "/proc");
	assert_int_equal(options->max_requests, 40);
	assert_int_equal(options->max_addresses, 256);
	assert_int_equal(options->log_level, LOG_LEVEL_INFO);
	assert_int_equal(options->log_format, LOG_FORMAT_LOGFMT);
	assert_null(options->config_file);
	assert_null(options->netns);
	assert_false(options->expose_api || options->config_check || options->no_exporter_metrics);
	for (size_t i = 0; observer_collectors[i]; i++)
		assert_int_equal(options->collectors[i], !fakes[i].consent);
	clear(&outcome);
}

static void values_come_with_or_without_an_equals_sign(void **state)
{
	(void)state;
	char line[] =
		"--netns=blue --path.procfs /host/proc --log.level=debug --log.format json --line=a --line b";
	struct outcome outcome = parse(&exporter, line);
	assert_int_equal(outcome.status, OPTIONS_RUN);
	assert_string_equal(outcome.options.netns, "blue");
	assert_string_equal(outcome.options.procfs, "/host/proc");
	assert_int_equal(outcome.options.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(outcome.options.log_format, LOG_FORMAT_JSON);
	assert_int_equal(outcome.options.lines.count, 2);
	assert_string_equal(outcome.options.lines.items[0], "a");
	assert_string_equal(outcome.options.lines.items[1], "b");
	clear(&outcome);
}

static void given_addresses_replace_the_default(void **state)
{
	(void)state;
	char line[] = "--web.listen-address=127.0.0.1:1 --web.listen-address [::1]:2";
	struct outcome outcome = parse(&exporter, line);
	assert_int_equal(outcome.options.listen.count, 2);
	assert_string_equal(outcome.options.listen.items[0], "127.0.0.1:1");
	assert_string_equal(outcome.options.listen.items[1], "[::1]:2");
	clear(&outcome);
}

struct choice {
	const char *line;
	const char *wanted; /* in order: + or - */
};

static const struct choice choices[] = {
	{ "--no-collector.two", "+-+++++++-" },
	{ "--collector.disable-defaults --collector.five", "----+-----" },
	{ "--collector.five --collector.disable-defaults", "----+-----" },
	{ "--collector.one --no-collector.one", "-++++++++-" },
	{ "--no-collector.one --collector.one", "+++++++++-" },
	{ "--collector.ten", "++++++++++" },
	{ "--collector.ten --no-collector.ten", "+++++++++-" },
};

static void patterns_are_taken_one_at_a_time(void **state)
{
	(void)state;
	char include[] = "--collector.handshake.device-include=wan[0-9]+";
	char both[] = "--collector.handshake.device-include=a --collector.handshake.device-exclude=b";
	char bad[] = "--collector.handshake.device-exclude=a)|(b";
	struct outcome outcome = parse(&exporter, include);
	assert_int_equal(outcome.status, OPTIONS_RUN);
	assert_string_equal(outcome.options.device_include, "wan[0-9]+");
	assert_null(outcome.options.device_exclude);
	clear(&outcome);
	outcome = parse(&exporter, both);
	assert_int_equal(outcome.status, OPTIONS_USED);
	clear(&outcome);
	outcome = parse(&exporter, bad);
	assert_int_equal(outcome.status, OPTIONS_USED);
	assert_non_null(strstr(outcome.err, "--collector.handshake.device-exclude"));
	clear(&outcome);
}

static void collectors_are_chosen_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(choices) / sizeof(*choices); i++) {
		char line[128];
		snprintf(line, sizeof(line), "%s", choices[i].line);
		struct outcome outcome = parse(&exporter, line);
		assert_int_equal(outcome.status, OPTIONS_RUN);
		for (size_t j = 0; observer_collectors[j]; j++)
			assert_int_equal(outcome.options.collectors[j], choices[i].wanted[j] == '+');
		clear(&outcome);
	}
}

static void arguments_stand_anywhere(void **state)
{
	(void)state;
	char line[] = "--format=json 192.0.2.1 --device wan1 198.51.100.1:22";
	struct outcome outcome = parse(&explain, line);
	assert_int_equal(outcome.status, OPTIONS_RUN);
	assert_int_equal(outcome.options.arguments.count, 2);
	assert_string_equal(outcome.options.arguments.items[0], "192.0.2.1");
	assert_string_equal(outcome.options.arguments.items[1], "198.51.100.1:22");
	assert_string_equal(outcome.options.device, "wan1");
	assert_string_equal(outcome.options.writer->name, "json");
	clear(&outcome);
}

struct duration {
	const char *line;
	int64_t seconds;
};

static const struct duration durations[] = { { "--for=10", 10 }, { "--for 10s", 10 }, { "--for 2m", 120 },
	{ "--for=86400", 86400 }, { "", 0 } };

static void durations_have_units(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s", durations[i].line);
		struct outcome outcome = parse(&check, line);
		assert_int_equal(outcome.status, OPTIONS_RUN);
		assert_int_equal(outcome.options.watch_ns, durations[i].seconds * INT64_C(1000000000));
		clear(&outcome);
	}
}

struct refusal {
	const struct usage *usage;
	const char *line, *message;
};

static const struct refusal refusals[] = {
	{ &exporter, "--web.max-requests abc",
		"oneway_exporter: --web.max-requests: expected a number from 1 to 1000, got \"abc\"; see "
		"--help\n" },
	{ &exporter, "--web.max-requests=0",
		"oneway_exporter: --web.max-requests: expected a number from 1 to 1000, got \"0\"; see "
		"--help\n" },
	{ &exporter, "--web.max-requests=-1",
		"oneway_exporter: --web.max-requests: expected a number from 1 to 1000, got \"-1\"; see "
		"--help\n" },
	{ &exporter, "--web.max-requests=99999999999999999999",
		"oneway_exporter: --web.max-requests: expected a number from 1 to 1000, got "
		"\"99999999999999999999\"; see --help\n" },
	{ &exporter, "--metrics.max-addresses=12x",
		"oneway_exporter: --metrics.max-addresses: expected a number from 1 to 100000, got \"12x\"; "
		"see "
		"--help\n" },
	{ &exporter, "--nonsense", "oneway_exporter: --nonsense: unknown flag; see --help\n" },
	{ &exporter, "--web.listen", "oneway_exporter: --web.listen: unknown flag; see --help\n" },
	{ &exporter, "--collector.eleven",
		"oneway_exporter: --collector.eleven: unknown flag; see --help\n" },
	{ &exporter, "-x", "oneway_exporter: -x: unknown flag; see --help\n" },
	{ &exporter, "--", "oneway_exporter: --: unknown flag; see --help\n" },
	{ &exporter, "extra", "oneway_exporter: extra: unexpected argument; see --help\n" },
	{ &exporter, "--netns",
		"oneway_exporter: --netns: expected a name or path, got nothing; see --help\n" },
	{ &exporter,
		"--netns=", "oneway_exporter: --netns: expected a name or path, got \"\"; see --help\n" },
	{ &exporter, "--netns @",
		"oneway_exporter: --netns: expected a name or path, got \"\"; see --help\n" },
	{ &exporter, "--web.expose-api=yes",
		"oneway_exporter: --web.expose-api=yes: takes no value; see --help\n" },
	{ &exporter, "--web.telemetry-path=metrics",
		"oneway_exporter: --web.telemetry-path: expected a path that begins with /, got \"metrics\"; "
		"see "
		"--help\n" },
	{ &exporter, "--line=sixteen-letters-",
		"oneway_exporter: --line: expected a device name of 1 to 15 characters, got "
		"\"sixteen-letters-\"; see --help\n" },
	{ &exporter, "--line=a/b",
		"oneway_exporter: --line: expected a device name of 1 to 15 characters, got \"a/b\"; see "
		"--help\n" },
	{ &exporter, "--log.level=loud",
		"oneway_exporter: --log.level: expected debug, info, warn or error, got \"loud\"; see "
		"--help\n" },
	{ &exporter, "--log.level=\033[2J",
		"oneway_exporter: --log.level: expected debug, info, warn or error, got \"\\x1b[2J\"; see "
		"--help\n" },
	{ &exporter, "--collector.disable-defaults",
		"oneway_exporter: --collector: expected at least one collector, got none; see --help\n" },
	{ &exporter, "--for=1", "oneway_exporter: --for=1: unknown flag; see --help\n" },
	{ &check, "--for=0",
		"oneway check: --for: expected seconds from 1 to 86400, as 10, 10s or 2m, got \"0\"; see "
		"--help\n" },
	{ &check, "--for=1441m",
		"oneway check: --for: expected seconds from 1 to 86400, as 10, 10s or 2m, got \"1441m\"; see "
		"--help\n" },
	{ &check, "--for=1h",
		"oneway check: --for: expected seconds from 1 to 86400, as 10, 10s or 2m, got \"1h\"; see "
		"--help\n" },
	{ &check, "--format=xml",
		"oneway check: --format: expected text, json, prometheus or nagios, got \"xml\"; see --help\n" },
	{ &check, "--color=blue",
		"oneway check: --color: expected auto, always or never, got \"blue\"; see --help\n" },
	{ &explain, "192.0.2.1",
		"oneway explain: arguments: expected CLIENT SERVICE, got less; see --help\n" },
	{ &explain, "a b c", "oneway explain: c: unexpected argument; see --help\n" },
	{ &explain, "a b --device=",
		"oneway explain: --device: expected a device name of 1 to 15 characters, got \"\"; see "
		"--help\n" },
	{ &check, "--web.expose-api", "oneway check: --web.expose-api: unknown flag; see --help\n" },
};

static void bad_lines_are_refused_with_one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		char line[128];
		snprintf(line, sizeof(line), "%s", refusals[i].line);
		struct outcome outcome = parse(refusals[i].usage, line);
		assert_string_equal(outcome.err, refusals[i].message);
		assert_int_equal(outcome.status, 2);
		assert_string_equal(outcome.out, "");
		clear(&outcome);
	}
}

static void check_help(const struct usage *usage)
{
	char line[] = "--help";
	struct outcome outcome = parse(usage, line);
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.err, "");
	const char *name;
	for (size_t i = 0; (name = options_flag_name(usage->program, i)); i++) {
		char flag[64];
		snprintf(flag, sizeof(flag), "\n  --%s", name);
		assert_non_null(strstr(outcome.out, flag));
	}
	assert_non_null(strstr(outcome.out, "--[no-]collector.five"));
	assert_int_equal(strstr(outcome.out, "Usage: oneway explain [FLAGS] CLIENT SERVICE\n") != NULL,
		usage->argument_count == 2);
	assert_non_null(strstr(outcome.out, usage->summary));
	clear(&outcome);
}

static void help_names_every_flag(void **state)
{
	(void)state;
	check_help(&exporter);
	check_help(&check);
	check_help(&explain);
}

static void version_is_told(void **state)
{
	(void)state;
	char line[] = "--version";
	struct outcome outcome = parse(&exporter, line);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(strncmp(outcome.out, "oneway_exporter, version ", 25), 0);
	assert_non_null(strstr(outcome.out, "(revision: "));
	clear(&outcome);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(values_come_with_or_without_an_equals_sign),
		cmocka_unit_test(given_addresses_replace_the_default),
		cmocka_unit_test(patterns_are_taken_one_at_a_time),
		cmocka_unit_test(collectors_are_chosen_by_name),
		cmocka_unit_test(arguments_stand_anywhere),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(bad_lines_are_refused_with_one_line),
		cmocka_unit_test(help_names_every_flag),
		cmocka_unit_test(version_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
