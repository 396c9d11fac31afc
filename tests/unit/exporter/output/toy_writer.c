// SPDX-License-Identifier: GPL-2.0-or-later
/* An output format costs one file and one row: flags, help and refusals of the commands follow from the
 * table. */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "exporter/cli/options.h"
#include "exporter/output/writer.h"

/* ---- the file ---- */

static int toy_capture(FILE *out, const struct report_style *style, const struct capture_summary *captures,
	size_t count, const struct viewpoints *viewpoints)
{
	(void)style;
	(void)count;
	(void)viewpoints;
	fprintf(out, "toys: %u\n", (unsigned)captures->packets);
	return 0;
}

static const struct writer toy = { .name = "toy", .capture = toy_capture };

/* ---- the row; the program's own table is not linked ---- */

static int text_findings(FILE *out, const struct report_style *style, const struct facts *facts,
	const struct findings *findings)
{
	(void)out;
	(void)style;
	(void)facts;
	(void)findings;
	return 0;
}

static const struct writer text = { .name = "text", .findings = text_findings, .capture = toy_capture };

const struct writer *const writers[] = { &text, &toy, NULL };

/* ---- */

static const struct usage check = { PROGRAM_CHECK, "oneway check", "It looks.", NULL, 0, 0 };
static const struct usage reading = { PROGRAM_READ, "oneway read", "It reads.", NULL, 0, 0 };

/* What was printed is the caller's. */
static char *parse(const struct usage *usage, const char *argument, struct options *options, int expected)
{
	char *text_of, *argv[] = { (char *)"program", (char *)argument, NULL };
	size_t size;
	FILE *out = open_memstream(&text_of, &size);
	assert_int_equal(options_parse(usage, 2, argv, options, out, out), expected);
	fclose(out);
	return text_of;
}

static void a_command_takes_the_formats_that_can_show_what_it_has(void **state)
{
	(void)state;
	struct options options;
	char *printed = parse(&reading, "--format=toy", &options, OPTIONS_RUN);
	assert_ptr_equal(options.writer, &toy);
	options_free(&options);
	free(printed);
	printed = parse(&check, "--format=toy", &options, OPTIONS_USED);
	assert_string_equal(printed, "oneway check: --format: expected text, got \"toy\"; see --help\n");
	options_free(&options);
	free(printed);
}

static void help_lists_them(void **state)
{
	(void)state;
	struct options options;
	char *printed = parse(&reading, "--help", &options, 0);
	assert_non_null(strstr(printed, "Report as text or toy.\n"));
	options_free(&options);
	free(printed);
	printed = parse(&check, "--help", &options, 0);
	assert_non_null(strstr(printed, "Report as text.\n"));
	options_free(&options);
	free(printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_takes_the_formats_that_can_show_what_it_has),
		cmocka_unit_test(help_lists_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
