// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <stdlib.h>

#include "collectors/base/array.h"

static void a_copy_takes_more_items(void **state)
{
	(void)state;
	for (size_t length = 0; length < 20; length++) {
		uint32_t *items = NULL;
		size_t count = 0;
		for (uint32_t i = 0; i < length; i++)
			*ARRAY_ADD(items, count) = i;
		uint32_t *copy = array_copy(items, count, sizeof(*items));
		free(items);
		assert_non_null(copy);
		for (uint32_t i = 0; i < 10; i++)
			*ARRAY_ADD(copy, count) = 100 + i;
		for (uint32_t i = 0; i < count; i++)
			assert_int_equal(copy[i], i < length ? i : 100 + i - length);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_copy_takes_more_items) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
