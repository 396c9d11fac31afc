// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/daemon/log.h"

#define LINE_SIZE 4096

struct pipe {
	int in, out;
};

static struct pipe open_pipe(void)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	return (struct pipe){ ends[1], ends[0] };
}

/* What was written since, "" for nothing. */
static const char *take(const struct pipe *pipe, char text[static LINE_SIZE])
{
	ssize_t length = read(pipe->out, text, LINE_SIZE - 1);
	text[length < 0 ? 0 : length] = '\0';
	return text;
}

static void close_pipe(const struct pipe *pipe)
{
	close(pipe->in);
	close(pipe->out);
}

struct escape {
	const char *value;
	const char *logfmt; /* as it stands in the line */
	const char *json;   /* what a JSON reader sees */
};

static const struct escape escapes[] = {
	{ "plain", "plain", "plain" },
	{ "", "\"\"", "" },
	{ "two words", "\"two words\"", "two words" },
	{ "a=b", "\"a=b\"", "a=b" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"", "say \"hi\"" },
	{ "back\\slash", "\"back\\\\slash\"", "back\\slash" },
	{ "a\nlevel=INFO", "\"a\\nlevel=INFO\"", "a\nlevel=INFO" },
	{ "\033[2J", "\"\\x1b[2J\"", "\033[2J" },
	{ "caf\303\251", "caf\303\251", "caf\303\251" },
	{ "\342\200\256x", "\"\\u202ex\"", "\342\200\256x" },
	{ "\302\233x", "\"\\x9bx\"", "\302\233x" },
	{ "bad\377byte", "\"bad\\xffbyte\"", "bad\357\277\275byte" },
	{ "cut\342\200", "\"cut\\xe2\\x80\"", "cut\357\277\275\357\277\275" },
	{ "\300\200", "\"\\xc0\\x80\"", "\357\277\275\357\277\275" },
	{ "\355\240\200", "\"\\xed\\xa0\\x80\"", "\357\277\275\357\277\275\357\277\275" },
	{ "\360\237\230\200", "\360\237\230\200", "\360\237\230\200" },
};

static void logfmt_quotes_what_needs_it(void **state)
{
	(void)state;
	struct pipe pipe = open_pipe();
	struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, pipe.in, NULL };
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		char line[LINE_SIZE], expected[256];
		log_info(&log, "It happened", { "value", escapes[i].value }, { "next", "x" });
		take(&pipe, line);
		snprintf(expected, sizeof(expected), "Z level=INFO msg=\"It happened\" value=%s next=x\n",
			escapes[i].logfmt);
		assert_memory_equal(line, "time=2", 6);
		assert_string_equal(strchr(line, 'Z'), expected);
		assert_int_equal(strchr(line, 'Z') - line, strlen("time=2000-01-01T00:00:00.000"));
	}
	close_pipe(&pipe);
}

static void json_is_json(void **state)
{
	(void)state;
	struct pipe pipe = open_pipe();
	struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_JSON, pipe.in, NULL };
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		char line[LINE_SIZE];
		log_warn(&log, "It \"happened\"", { "value", escapes[i].value });
		take(&pipe, line);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(object);
		assert_string_equal(json_string_value(json_object_get(object, "level")), "WARN");
		assert_string_equal(json_string_value(json_object_get(object, "msg")), "It \"happened\"");
		assert_string_equal(json_string_value(json_object_get(object, "value")), escapes[i].json);
		json_decref(object);
	}
	close_pipe(&pipe);
}

static void lower_levels_are_left_out(void **state)
{
	(void)state;
	char line[LINE_SIZE];
	struct pipe pipe = open_pipe();
	struct log log = { LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT, pipe.in, NULL };
	log_debug(&log, "no");
	log_info(&log, "no");
	assert_string_equal(take(&pipe, line), "");
	log_error(&log, "yes");
	assert_non_null(strstr(take(&pipe, line), "level=ERROR msg=yes\n"));
	close_pipe(&pipe);
}

static void names_are_parsed(void **state)
{
	(void)state;
	enum log_level level;
	enum log_format format;
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_int_equal(log_level_parse("WARN", &level), -EINVAL);
	assert_int_equal(log_format_parse("json", &format), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_format_parse("xml", &format), -EINVAL);
}

static void a_limit_counts_what_it_suppresses(void **state)
{
	(void)state;
	struct log_limit limit = { .period_ns = 100, .burst = 2 };
	assert_true(log_limit_allows(&limit, 1000));
	assert_true(log_limit_allows(&limit, 1010));
	assert_false(log_limit_allows(&limit, 1020));
	assert_false(log_limit_allows(&limit, 1099));
	assert_int_equal(limit.suppressed, 2);
	assert_true(log_limit_allows(&limit, 1100));
}

#define LINES 4000 /* more than a pipe and the queue hold */

static void a_log_that_nobody_reads_delays_nobody(void **state)
{
	(void)state;
	int ends[2];
	char line[LINE_SIZE];
	unsigned read = 0, told = 0, some;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	assert_int_equal(log_begin(&log), 0);
	for (unsigned i = 0; i < LINES; i++)
		log_info(&log, "It happened", { "again", "and again" });
	assert_in_range(log_lines_lost(&log), 1, LINES - 1);
	FILE *in = fdopen(ends[0], "r");
	assert_non_null(in);
	/* Each line comes, or is told of, perhaps in several times. */
	while (read + told < LINES && fgets(line, LINE_SIZE, in)) {
		const char *lost = strstr(line, "msg=\"Lines of the log were lost: nobody read it\" lines=");
		if (lost && sscanf(strstr(lost, "lines="), "lines=%u", &some) == 1)
			told += some;
		else
			read++;
	}
	assert_int_equal(told, log_lines_lost(&log));
	assert_int_equal(read + told, LINES);
	log_info(&log, "It is over");
	assert_non_null(fgets(line, LINE_SIZE, in));
	assert_non_null(strstr(line, "msg=\"It is over\""));
	log_end(&log);
	fclose(in);
	close(ends[1]);
}

static void an_end_waits_for_no_reader(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct log log = { LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT, ends[1], NULL };
	assert_int_equal(log_begin(&log), 0);
	for (unsigned i = 0; i < LINES; i++)
		log_info(&log, "It happened", { "again", "and again" });
	log_end(&log);
	close(ends[0]); /* lets the thread go on, to its end */
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logfmt_quotes_what_needs_it),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(lower_levels_are_left_out),
		cmocka_unit_test(names_are_parsed),
		cmocka_unit_test(a_limit_counts_what_it_suppresses),
		cmocka_unit_test(a_log_that_nobody_reads_delays_nobody),
		cmocka_unit_test(an_end_waits_for_no_reader),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
