// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/lookup.h"
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header = message_of(data, size);
	struct rule rule;
	if (!header)
		return 0;
	if (rule_parse(header, &rule) == 0 && (rule.from.length > 128 || rule.to.length > 128))
		abort();
	free(header);
	return 0;
}
