// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/route/lookup.h"
#include "collectors/route/table.h"
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *header = message_of(data, size);
	struct route_answer answer;
	if (!header)
		return 0;
	for (int input = 0; input < 2; input++)
		if (lookup_parse(header, input, 0, &answer) == 0 && answer.devices.count > DEVICE_SET_SIZE)
			abort();
	struct table_answer answers[] = { { .destination.family = AF_INET },
		{ .destination.family = AF_INET6 } };
	for (int again = 0; again < 2; again++)
		if (table_take_route(header, answers, 2) == 0 &&
			answers[0].answer.devices.count > DEVICE_SET_SIZE)
			abort();
	free(header);
	return 0;
}
