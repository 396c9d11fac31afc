// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/paper_text.h"

static char *put(const char *text, unsigned columns, unsigned column, unsigned end)
{
	struct paper paper;
	assert_int_equal(paper_open(&paper, columns, 0, 1), 0);
	paper_put(&paper, 0, column, end, STYLE_PLAIN, text);
	char *shown = paper_row_text(&paper, 0, NULL);
	paper_close(&paper);
	return shown;
}

static void assert_put(const char *text, unsigned columns, const char *expected)
{
	char *shown = put(text, columns, 0, columns);
	assert_string_equal(shown, expected);
	free(shown);
}

static void nothing_that_a_terminal_obeys_gets_through(void **state)
{
	(void)state;
	assert_put("wan\033[2J1", 20, "wan\\x1b[2J1");
	assert_put("a\r\nb\tc\a", 20, "a\\r\\nb\\tc\\x07");
	assert_put("\x9b"
		   "31m",
		20, "\\x9b31m"); /* CSI in one byte */
	assert_put("\xc2\x9b"
		   "31m",
		20, "\\x9b31m");
	assert_put("\xff\xfe!", 20, "\\xff\\xfe!");
	assert_put("\xe2\x80", 20, "\\xe2\\x80"); /* cut off */
}

static void nothing_reorders_or_hides_what_stands_beside_it(void **state)
{
	(void)state;
	assert_put("a\u202eb", 20, "a\\u202eb");
	assert_put("a\u2067b\u2069", 20, "a\\u2067b\\u2069");
	assert_put("a\u200bb\u200fc\ufeff", 30, "a\\u200bb\\u200fc\\ufeff");
	assert_put("e\u0301", 20, "e\\u0301"); /* combining */
	assert_put("a\u2060b", 20, "a\\u2060b");
}

static void wide_characters_take_two_columns_and_never_stand_in_half(void **state)
{
	(void)state;
	assert_int_equal(paper_width("線1"), 3);
	assert_put("線路1", 5, "線路1");
	assert_put("線路1", 4, "線…");
	assert_put("線路1", 3, "線…");
	assert_put("線路1", 2, "…");
	assert_put("線", 1, "…");
}

static void what_does_not_fit_is_marked_as_cut(void **state)
{
	(void)state;
	assert_put("abcdef", 6, "abcdef");
	assert_put("abcdefg", 6, "abcde…");
	assert_put("ab\033c", 5, "ab…"); /* an escape is not cut amid */
	char *shown = put("abcdef", 10, 4, 8);
	assert_string_equal(shown, "    abc…");
	free(shown);
	shown = put("abc", 4, 9, 12);
	assert_string_equal(shown, "");
	free(shown);
}

static void a_poor_character_set_gets_ascii(void **state)
{
	(void)state;
	assert_non_null(setlocale(LC_CTYPE, "C"));
	assert_put("a → b … ─ · ü", 40, "a -> b ... - - \\u00fc");
	assert_put("abcdefgh", 6, "abc...");
	assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

static char *wrapped(
	const char *text, unsigned columns, unsigned column, unsigned indent, const char *mark, size_t *rows)
{
	struct paper paper;
	assert_int_equal(paper_open(&paper, columns, 0, 12), 0);
	paper_append(&paper);
	paper_wrap(&paper, column, indent, STYLE_PLAIN, text, mark);
	*rows = paper.rows;
	paper.height = paper.rows < 12 ? paper.rows : 12;
	char *shown = paper_text(&paper);
	paper_close(&paper);
	return shown;
}

static void assert_wrapped(const char *text, unsigned columns, unsigned column, unsigned indent,
	const char *mark, const char *expected)
{
	size_t rows;
	char *shown = wrapped(text, columns, column, indent, mark, &rows);
	assert_string_equal(shown, expected);
	free(shown);
}

static void text_is_wrapped_at_words(void **state)
{
	(void)state;
	assert_wrapped("one two three four", 20, 0, 2, "", "one two three four\n");
	assert_wrapped("one two three four", 10, 0, 2, "", "one two\nthree four\n");
	assert_wrapped("one two three four", 14, 3, 2, "", "   one two\n  three four\n");
	assert_wrapped("  one \n two  ", 14, 0, 0, "", "one\ntwo\n");
	assert_wrapped("", 14, 0, 0, "", "\n");
	assert_wrapped("線路 線路 線路", 9, 0, 0, "", "線路 線路\n線路\n");
}

static void words_longer_than_a_row_are_broken(void **state)
{
	(void)state;
	assert_wrapped("abcdefghij", 4, 0, 0, "", "abcd\nefgh\nij\n");
	assert_wrapped("ab cdefghijklmnop q", 14, 0, 2, "", "ab\n  cdefghijklmn\n  op q\n");
	assert_wrapped("線路線", 3, 0, 0, "", "線\n路\n線\n");
	assert_wrapped("線", 1, 0, 0, "", "\n");
}

static void a_wrapped_command_can_be_copied(void **state)
{
	(void)state;
	assert_wrapped("ip rule add pref 1 from 10.0.0.7 lookup main", 24, 2, 2, " \\",
		"  ip rule add pref 1 \\\n  from 10.0.0.7 lookup \\\n  main\n");
	assert_wrapped("ip rule add", 13, 2, 2, " \\", "  ip rule add\n");
}

static void only_the_window_is_kept_and_all_is_counted(void **state)
{
	(void)state;
	struct paper paper;
	assert_int_equal(paper_open(&paper, 8, 2, 2), 0);
	for (unsigned i = 0; i < 5; i++)
		paper_print(&paper, paper_append(&paper), 0, 8, STYLE_BOLD, "row %u", i);
	char *text = paper_text(&paper);
	assert_string_equal(text, "row 2\nrow 3\n");
	assert_int_equal(paper.rows, 5);
	assert_null(paper_row(&paper, 1));
	assert_null(paper_row(&paper, 4));
	free(text);
	paper_close(&paper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_that_a_terminal_obeys_gets_through),
		cmocka_unit_test(nothing_reorders_or_hides_what_stands_beside_it),
		cmocka_unit_test(wide_characters_take_two_columns_and_never_stand_in_half),
		cmocka_unit_test(what_does_not_fit_is_marked_as_cut),
		cmocka_unit_test(a_poor_character_set_gets_ascii),
		cmocka_unit_test(text_is_wrapped_at_words),
		cmocka_unit_test(words_longer_than_a_row_are_broken),
		cmocka_unit_test(a_wrapped_command_can_be_copied),
		cmocka_unit_test(only_the_window_is_kept_and_all_is_counted),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
