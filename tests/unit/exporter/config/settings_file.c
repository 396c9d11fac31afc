// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/config/settings_file.h"

static struct settings *parse(const char *text)
{
	char message[SETTINGS_MESSAGE_SIZE] = "";
	struct settings *settings = NULL;
	if (settings_parse("s.yml", text, strlen(text), &settings, message, sizeof(message)) < 0)
		print_error("%s\n", message);
	return settings;
}

static const char everything[] = "lines: [wan1, \"wan2\"]\n"
				 "probes:\n"
				 "  - 192.0.2.1\n"
				 "  - 2001:db8::1\n"
				 "intended:\n"
				 "  - address: 198.51.100.7\n"
				 "    arrival: wan1\n"
				 "    reply: wan2\n"
				 "    reason: backup line\n"
				 "  - { address: 2001:db8:5::7/64 }\n"
				 "thresholds:\n"
				 "  close_seconds: 2.5\n";

static void check_everything(const struct settings *settings)
{
	char text[PREFIX_TEXT_SIZE];
	assert_int_equal(settings->line_count, 2);
	assert_string_equal(settings->lines[0], "wan1");
	assert_string_equal(settings->lines[1], "wan2");
	assert_int_equal(settings->probe_count, 2);
	assert_string_equal(address_format(&settings->probes[1], text), "2001:db8::1");
	assert_int_equal(settings->intended_count, 2);
	assert_string_equal(prefix_format(&settings->intended[0].address, text), "198.51.100.7");
	assert_string_equal(settings->intended[0].arrival, "wan1");
	assert_string_equal(settings->intended[0].reply, "wan2");
	assert_string_equal(settings->intended[0].reason, "backup line");
	assert_string_equal(prefix_format(&settings->intended[1].address, text), "2001:db8:5::/64");
	assert_string_equal(settings->intended[1].arrival, "");
	assert_null(settings->intended[1].reason);
	assert_float_equal(settings->thresholds.close_seconds, 2.5, 0);
}

static void every_key_is_read(void **state)
{
	(void)state;
	struct settings *settings = parse(everything);
	check_everything(settings);
	settings_free(settings);
}

static void what_is_shared_stays_until_nobody_holds_it(void **state)
{
	(void)state;
	struct settings *settings = parse(everything), *shared = settings_share(settings);
	settings_free(settings);
	check_everything(shared);
	settings_free(shared);
}

static const char *const empty[] = { "", "\n# nothing\n", "---\n", "{}",
	"lines:\nprobes: ~\nintended: null\n", "thresholds: {}\n", "lines: []" };

static void empty_documents_mean_defaults(void **state)
{
	(void)state;
	struct settings *initial = settings_new();
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++) {
		struct settings *settings = parse(empty[i]);
		assert_non_null(settings);
		assert_int_equal(settings->line_count + settings->probe_count + settings->intended_count, 0);
		assert_memory_equal(&settings->thresholds, &initial->thresholds, sizeof(initial->thresholds));
		settings_free(settings);
	}
	settings_free(initial);
}

struct bad {
	const char *text, *message;
};

static const struct bad bad_files[] = {
	{ "lines: wan1\n", "s.yml:1: lines: expected a list, got \"wan1\"" },
	{ "\nlines:\n  - wan1\n  - a/b\n",
		"s.yml:4: lines[1]: expected a device name of 1 to 15 characters, got \"a/b\"" },
	{ "lines: [sixteen-letters-]",
		"s.yml:1: lines[0]: expected a device name of 1 to 15 characters, got \"sixteen-letters-\"" },
	{ "lines: [\"a\\0b\"]",
		"s.yml:1: lines[0]: expected a device name of 1 to 15 characters, got \"a\"" },
	{ "lines: [{a: b}]", "s.yml:1: lines[0]: expected a device name of 1 to 15 characters, got a map" },
	{ "linez: [a]", "s.yml:1: linez: unknown key, expected lines, probes, intended or thresholds" },
	{ "lines: [a]\nprobes: []\nlines: [b]\n", "s.yml:3: lines: the key is given twice" },
	{ "probes: [host.example]",
		"s.yml:1: probes[0]: expected the IPv4 or IPv6 address of a far host, got \"host.example\"" },
	{ "probes: [127.0.0.1]",
		"s.yml:1: probes[0]: expected the IPv4 or IPv6 address of a far host, got \"127.0.0.1\"" },
	{ "probes: ['::']",
		"s.yml:1: probes[0]: expected the IPv4 or IPv6 address of a far host, got \"::\"" },
	{ "intended:\n  - arrival: wan1\n", "s.yml:2: intended[0]: expected a map with the key address" },
	{ "intended:\n  - address: 1.2.3\n",
		"s.yml:2: intended[0].address: expected an IPv4 or IPv6 address or prefix, got \"1.2.3\"" },
	{ "intended:\n  - address: 192.0.2.1\n    adress: x\n",
		"s.yml:3: intended[0].adress: unknown key, expected address, arrival, reply or reason" },
	{ "intended:\n  - address: 192.0.2.1\n    reason: [a]\n",
		"s.yml:3: intended[0].reason: expected a text, got a list" },
	{ "intended:\n  - address: 192.0.2.1\n    reason: a\n    reason: b\n",
		"s.yml:4: intended[0].reason: the key is given twice" },
	{ "intended: [a]", "s.yml:1: intended[0]: expected a map, got \"a\"" },
	{ "thresholds:\n  close_seconds: abc\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got \"abc\"" },
	{ "thresholds:\n  close_seconds: -1\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got \"-1\"" },
	{ "thresholds:\n  close_seconds: 1e9\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got \"1e9\"" },
	{ "thresholds:\n  close_seconds: \"60\"\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got \"60\"" },
	{ "thresholds:\n  close_seconds: nan\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got \"nan\"" },
	{ "thresholds:\n  close_seconds:\n",
		"s.yml:2: thresholds.close_seconds: expected a number from 0 to 86400, got nothing" },
	{ "- a\n", "s.yml:1: expected a map, got a list" },
	{ "text", "s.yml:1: expected a map, got \"text\"" },
	{ "[a]: b\n", "s.yml:1: expected a key, got a list" },
	{ "lines: &a [wan1]\n", "s.yml:1: an anchor is not allowed here" },
	{ "lines: *a\n", "s.yml:1: an alias is not allowed here" },
	{ "lines: !!set {}\n", "s.yml:1: a tag is not allowed here" },
	{ "--- {}\n--- {}\n", "s.yml:2: a second document is not allowed here" },
	{ "lines: [\n", "s.yml:2: not valid YAML: did not find expected node content" },
	{ "a: b: c\n", "s.yml:1: not valid YAML: mapping values are not allowed in this context" },
	{ "\"\\e[2J\": 1\n",
		"s.yml:1: \\x1b[2J: unknown key, expected lines, probes, intended or thresholds" },
};

static void bad_files_name_line_key_and_expectation(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(*bad_files); i++) {
		char message[SETTINGS_MESSAGE_SIZE] = "";
		struct settings *settings = NULL;
		int result = settings_parse("s.yml", bad_files[i].text, strlen(bad_files[i].text), &settings,
			message, sizeof(message));
		assert_string_equal(message, bad_files[i].message);
		assert_int_equal(result, -EINVAL);
		assert_null(settings);
	}
}

static void unknown_thresholds_are_told_the_known_ones(void **state)
{
	(void)state;
	static const char text[] = "thresholds: { close_secs: 1 }";
	char message[SETTINGS_MESSAGE_SIZE] = "";
	struct settings *settings = NULL;
	assert_int_equal(
		settings_parse("s.yml", text, strlen(text), &settings, message, sizeof(message)), -EINVAL);
	assert_non_null(strstr(message, "s.yml:1: thresholds.close_secs: unknown key, expected "));
	for (size_t i = 0; i < threshold_count; i++)
		assert_non_null(strstr(message, threshold_table[i].name));
}

static void long_lists_are_refused(void **state)
{
	(void)state;
	char message[SETTINGS_MESSAGE_SIZE], *text = malloc(32 * 5000);
	struct settings *settings = NULL;
	size_t used = (size_t)sprintf(text, "lines:\n");
	for (int i = 0; i < 4097; i++)
		used += (size_t)sprintf(text + used, "  - d%d\n", i);
	assert_int_equal(settings_parse("s.yml", text, used, &settings, message, sizeof(message)), -EINVAL);
	assert_string_equal(message, "s.yml:2: lines: expected at most 4096 items, got 4097");
	free(text);
}

static void read_expecting(const char *path, int result, const char *expected)
{
	char message[SETTINGS_MESSAGE_SIZE] = "";
	struct settings *settings = NULL;
	assert_int_equal(settings_read(path, &settings, message, sizeof(message)), result);
	assert_string_equal(message, expected);
}

static void files_that_cannot_be_read_are_named(void **state)
{
	(void)state;
	char directory[] = "/tmp/oneway-XXXXXX", path[64], message[128];
	assert_non_null(mkdtemp(directory));
	read_expecting("/nowhere/oneway.yml", -ENOENT, "/nowhere/oneway.yml: No such file or directory");
	snprintf(message, sizeof(message), "%s: Is a directory", directory);
	read_expecting(directory, -EISDIR, message);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(message, sizeof(message), "%s: not a regular file", path);
	read_expecting(path, -ENOTSUP, message);
	unlink(path);
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(file, SETTINGS_FILE_MOST + 1), 0);
	snprintf(message, sizeof(message), "%s: the file is too large", path);
	read_expecting(path, -EFBIG, message);
	close(file);
	unlink(path);
	rmdir(directory);
}

static void a_file_is_read(void **state)
{
	(void)state;
	char path[] = "/tmp/oneway-XXXXXX", message[SETTINGS_MESSAGE_SIZE];
	struct settings *settings = NULL;
	int file = mkstemp(path);
	assert_int_equal(write(file, everything, strlen(everything)), strlen(everything));
	assert_int_equal(settings_read(path, &settings, message, sizeof(message)), 0);
	check_everything(settings);
	settings_free(settings);
	close(file);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read),
		cmocka_unit_test(what_is_shared_stays_until_nobody_holds_it),
		cmocka_unit_test(empty_documents_mean_defaults),
		cmocka_unit_test(bad_files_name_line_key_and_expectation),
		cmocka_unit_test(unknown_thresholds_are_told_the_known_ones),
		cmocka_unit_test(long_lists_are_refused),
		cmocka_unit_test(files_that_cannot_be_read_are_named),
		cmocka_unit_test(a_file_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
