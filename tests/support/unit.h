/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIT_SKIPPED 77 /* SKIP_RETURN_CODE */

/* Whether a test of this program was skipped. */
static inline int *unit_skipped(void)
{
	static int skipped;
	return &skipped;
}

/* Ends the test that cannot be made here. */
#define unit_skip(reason)                               \
	do {                                            \
		print_message("skipped: %s\n", reason); \
		*unit_skipped() = 1;                    \
		skip();                                 \
	} while (0)

/* What a program with such tests returns: cmocka counts them as passed. */
static inline int unit_status(int failed)
{
	return failed ? failed : *unit_skipped() ? UNIT_SKIPPED : 0;
}
