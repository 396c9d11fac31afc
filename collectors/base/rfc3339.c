// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/rfc3339.h"

#include <stdio.h>
#include <time.h>

#include "collectors/base/clock.h"

const char *rfc3339_format(int64_t time_ns, char text[static RFC3339_SIZE])
{
	int64_t fraction = time_ns % SECOND_NS;
	if (fraction < 0)
		fraction += SECOND_NS;
	time_t seconds = (time_t)((time_ns - fraction) / SECOND_NS);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	size_t length = strftime(text, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, RFC3339_SIZE - length, ".%03dZ", (int)(fraction / MILLISECOND_NS));
	return text;
}
