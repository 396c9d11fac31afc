// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers come from the kernel's types, whatever they are. */
#include "tests/support/unit.h"

#include <bpf/btf.h>
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "collectors/drop/drop_program.h"

#define UNTOLD UINT32_MAX /* a sentinel that no kernel has */

static const char *kernel_name(enum drop_reason reason, char name[static 64])
{
	snprintf(name, 64, "SKB_DROP_REASON_%s", drop_reason_name(reason));
	for (char *letter = name; *letter; letter++)
		*letter = (char)toupper(*letter);
	return name;
}

/* A kernel whose reasons have these numbers, 0: not there, among others. */
static struct btf *make_kernel(const uint32_t numbers[static DROP_REASONS])
{
	char name[64];
	struct btf *btf = btf__new_empty();
	assert_non_null(btf);
	assert_true(btf__add_enum(btf, "other", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_IP_RPFILTER", 99), 0);
	assert_true(btf__add_enum(btf, "skb_drop_reason", 4) > 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_NOT_DROPPED_YET", 0), 0);
	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (numbers[i])
			assert_int_equal(
				btf__add_enum_value(btf, kernel_name((enum drop_reason)i, name), numbers[i]),
				0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_IP_RPFILTER_NOT", 3), 0);
	assert_int_equal(btf__add_enum_value(btf, "SKB_DROP_REASON_SUBSYS_MASK", 0xffff0000), 0);
	return btf;
}

static void check(const uint32_t numbers[static DROP_REASONS])
{
	uint32_t found[DROP_REASONS];
	struct btf *btf = make_kernel(numbers);
	memset(found, 0xff, sizeof(found));
	assert_true(drop_btf_numbers(btf, found));
	assert_memory_equal(found, numbers, sizeof(found));
	btf__free(btf);
}

static void permuted_numbers_are_followed(void **state)
{
	(void)state;
	uint32_t numbers[DROP_REASONS];
	for (unsigned turn = 0; turn < DROP_REASONS; turn++) {
		for (unsigned i = 0; i < DROP_REASONS; i++)
			numbers[i] = 40 + (i + turn) % DROP_REASONS;
		check(numbers);
	}
}

static void names_that_are_absent_have_no_number(void **state)
{
	(void)state;
	for (unsigned absent = 0; absent < DROP_REASONS; absent++) {
		uint32_t numbers[DROP_REASONS];
		for (unsigned i = 0; i < DROP_REASONS; i++)
			numbers[i] = i == absent ? 0 : 70 - i;
		check(numbers);
	}
}

static void a_kernel_without_reasons_is_told(void **state)
{
	(void)state;
	uint32_t found[DROP_REASONS] = { UNTOLD };
	struct btf *btf = btf__new_empty();
	assert_non_null(btf);
	assert_false(drop_btf_numbers(btf, found));
	assert_int_equal(found[0], UNTOLD);
	btf__free(btf);
}

/* What the kernel itself prints of its tracepoint: pairs like { 16, "IP_RPFILTER" }. */
static uint32_t printed_number(const char *format, enum drop_reason reason)
{
	char name[64], quoted[80];
	unsigned number = 0;
	snprintf(
		quoted, sizeof(quoted), ", \"%s\" }", kernel_name(reason, name) + strlen("SKB_DROP_REASON_"));
	const char *at = strstr(format, quoted);
	while (at && at > format && *at != '{')
		at--;
	return at && sscanf(at, "{ %u", &number) == 1 ? number : 0;
}

/* Seen by this process alone. */
static bool mount_tracefs(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) == 0;
}

#define FORMAT "/sys/kernel/tracing/events/skb/kfree_skb/format"

static bool read_format(char text[static 65536])
{
	FILE *file = fopen(FORMAT, "re");
	if (!file && mount_tracefs())
		file = fopen(FORMAT, "re");
	if (!file)
		return false;
	text[fread(text, 1, 65535, file)] = '\0';
	fclose(file);
	return text[0] != '\0';
}

static void the_running_kernel_agrees_with_its_tracepoint(void **state)
{
	(void)state;
	static char format[65536];
	uint32_t numbers[DROP_REASONS];
	struct btf *btf = btf__load_vmlinux_btf();
	if (!btf || !drop_btf_numbers(btf, numbers)) {
		btf__free(btf);
		unit_skip("the running kernel has no BTF, or no drop reasons in it");
	}
	btf__free(btf);
	if (!read_format(format))
		unit_skip("tracefs cannot be read");
	for (unsigned i = 0; i < DROP_REASONS; i++)
		assert_int_equal(numbers[i], printed_number(format, (enum drop_reason)i));
	assert_int_not_equal(numbers[DROP_IP_RPFILTER], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permuted_numbers_are_followed),
		cmocka_unit_test(names_that_are_absent_have_no_number),
		cmocka_unit_test(a_kernel_without_reasons_is_told),
		cmocka_unit_test(the_running_kernel_agrees_with_its_tracepoint),
	};
	return unit_status(cmocka_run_group_tests(tests, NULL, NULL));
}
