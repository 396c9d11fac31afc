// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/rfc3339.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
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

int rfc3339_parse(const char *text, int64_t *time_ns)
{
	struct tm parts = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	int64_t fraction = 0, unit = SECOND_NS;
	if (rest && *rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9' && unit > 1; rest++)
			fraction += (*rest - '0') * (unit /= 10);
	if (!rest || strcmp(rest, "Z") != 0)
		return -EINVAL;
	int64_t seconds = timegm(&parts);
	if (seconds < 0 || seconds >= INT64_MAX / SECOND_NS)
		return -EINVAL;
	*time_ns = seconds * SECOND_NS + fraction;
	return 0;
}
