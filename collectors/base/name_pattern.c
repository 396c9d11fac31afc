// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/name_pattern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int compile(const char *text, regex_t *out)
{
	int error = regcomp(out, text, REG_EXTENDED | REG_NOSUB);
	if (error == 0)
		return 0;
	return error == REG_ESPACE ? -ENOMEM : -EINVAL;
}

int name_pattern_compile(const char *text, regex_t *out)
{
	char *whole;
	regex_t alone;
	/* By itself first: "a)|(b" is none, but would be one between parentheses. */
	int result = compile(text, &alone);
	if (result < 0)
		return result;
	regfree(&alone);
	if (asprintf(&whole, "^(%s)$", text) < 0)
		return -ENOMEM;
	result = compile(whole, out);
	free(whole);
	return result;
}
