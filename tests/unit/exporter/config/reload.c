// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/config/reload.h"
#include "exporter/config/settings_file.h"

static char path[] = "/tmp/oneway-XXXXXX";
static const char *lines[] = { "tun0", "wan1" };
static const struct options options = { .config_file = path, .lines = { lines, 2 } };

static void write_file(const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool is_readable(const struct reload *reload)
{
	struct pollfd polled = { .fd = reload_descriptor(reload), .events = POLLIN };
	return poll(&polled, 1, 0) == 1;
}

static int setup(void **state)
{
	int file = mkstemp(path);
	if (file < 0 || close(file) < 0)
		return -1;
	return reload_new(&options, (struct reload **)state);
}

static int teardown(void **state)
{
	reload_free(*state);
	unlink(path);
	strcpy(path, "/tmp/oneway-XXXXXX");
	return 0;
}

static void lines_of_flags_join_those_of_the_file(void **state)
{
	(void)state;
	char message[SETTINGS_MESSAGE_SIZE];
	struct settings *settings = NULL;
	write_file("lines: [wan1, wan2]");
	assert_int_equal(settings_load(&options, &settings, message, sizeof(message)), 0);
	assert_int_equal(settings->line_count, 3);
	assert_string_equal(settings->lines[2], "tun0");
	settings_free(settings);
}

static void what_was_read_is_picked_up_once(void **state)
{
	struct reload *reload = *state;
	char message[SETTINGS_MESSAGE_SIZE];
	assert_false(is_readable(reload));
	write_file("thresholds: {close_seconds: 1}");
	assert_int_equal(reload_request(reload, message, sizeof(message)), 0);
	write_file("thresholds: {close_seconds: 2}");
	assert_int_equal(reload_request(reload, message, sizeof(message)), 0);
	assert_true(is_readable(reload));
	struct settings *settings = reload_take(reload);
	assert_float_equal(settings->thresholds.close_seconds, 2, 0);
	assert_false(is_readable(reload));
	assert_null(reload_take(reload));
	settings_free(settings);
}

static void a_bad_file_changes_nothing(void **state)
{
	struct reload *reload = *state;
	char message[SETTINGS_MESSAGE_SIZE], expected[SETTINGS_MESSAGE_SIZE];
	write_file("lines: 1");
	assert_int_equal(reload_request(reload, message, sizeof(message)), -EINVAL);
	snprintf(expected, sizeof(expected), "%s:1: lines: expected a list, got \"1\"", path);
	assert_string_equal(message, expected);
	assert_false(is_readable(reload));
	assert_null(reload_take(reload));
}

static void what_nobody_picked_up_is_freed(void **state)
{
	char message[SETTINGS_MESSAGE_SIZE];
	write_file("lines: [a]");
	assert_int_equal(reload_request(*state, message, sizeof(message)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_of_flags_join_those_of_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_read_is_picked_up_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_file_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_nobody_picked_up_is_freed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
