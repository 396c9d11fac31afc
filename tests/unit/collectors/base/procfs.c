// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/base/procfs.h"

static char directory[] = "/tmp/oneway-procfs-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static void write_file(const char *name, size_t size)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "wbe");
	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc('a' + (int)(i % 26), file);
	assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(unlink(path), 0);
}

static void files_of_any_size_are_read_whole(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 100000,
		PROCFS_FILE_MAX - 1 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *text;
		size_t size;
		write_file("x", sizes[i]);
		assert_int_equal(procfs_read(directory, "x", &text, &size), 0);
		assert_int_equal(size, sizes[i]);
		assert_int_equal(strlen(text), sizes[i]);
		free(text);
	}
	remove_file("x");
}

static void what_cannot_be_read_is_told(void **state)
{
	(void)state;
	char *text = (char *)directory, name[5000];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(procfs_read(directory, "none", &text, NULL), -ENOENT);
	assert_int_equal(procfs_read(directory, "net/none", &text, NULL), -ENOENT);
	assert_int_equal(procfs_read(directory, ".", &text, NULL), -EISDIR);
	assert_int_equal(procfs_read(directory, name, &text, NULL), -ENAMETOOLONG);
	write_file("x", 3 * PROCFS_FILE_MAX);
	assert_int_equal(procfs_read(directory, "x", &text, NULL), -EFBIG);
	remove_file("x");
	assert_ptr_equal(text, directory);
}

static void the_real_files_are_there(void **state)
{
	(void)state;
	char *text;
	uint64_t value;
	assert_int_equal(procfs_read("/proc", "net/netstat", &text, NULL), 0);
	assert_true(procfs_pair(text, "IpExt:", "InOctets", &value));
	free(text);
}

static void columns_are_summed_over_lines(void **state)
{
	(void)state;
	uint64_t sum = 5;
	assert_true(procfs_columns_sum("a bb  c\n01 0a 02\n01 ff 02\n", "bb", 16, &sum));
	assert_int_equal(sum, 0x109);
	assert_true(procfs_columns_sum("a bb c\n01 10 02", "bb", 10, &sum));
	assert_int_equal(sum, 10);
	static const char *const bad[] = { "", "a c\n1 2\n", "a bb c", "a bb c\n", "a bb c\n1\n",
		"a bb\n1 x\n", "a bb\n1 2\n1\n", "a bb\n1 -2\n", "a bb\n1 2z\n", "a bb\n1 2\n\n" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(procfs_columns_sum(bad[i], "bb", 16, &sum));
	assert_int_equal(sum, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_any_size_are_read_whole),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(the_real_files_are_there),
		cmocka_unit_test(columns_are_summed_over_lines),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
