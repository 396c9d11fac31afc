// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/cli/look.h"
#include "exporter/output/writer.h"

#define ONE_LOOK_NS (1100 * MILLISECOND_NS) /* so that counters that rise are seen to */

static const struct usage usage = {
	.program = PROGRAM_CHECK,
	.name = "oneway check",
	.summary = "Looks at this host and reports connections whose replies leave by the wrong way or are "
		   "dropped on the way back. Exit status: 0 nothing found, 1 findings, 2 could not look.",
};

static int complain(const char *message)
{
	fprintf(stderr, "%s: %s\n", usage.name, message);
	return CHECK_FAILED;
}

static int watch_and_report(struct look *look)
{
	int64_t watch_ns = look->options->watch_ns, tick_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t end_ns = tick_ns + watch_ns;
	if (!watch_ns) /* what holds in a single look is shown */
		look->settings->thresholds.open_judgements = 1;
	int result = look_once(look);
	if (result == 0 && !watch_ns) {
		observer_run(look->observer, ONE_LOOK_NS);
		result = look_once(look);
	}
	while (result == 0 && tick_ns < end_ns) {
		tick_ns += SECOND_NS;
		int64_t wait_ns = tick_ns - clock_ns(CLOCK_MONOTONIC);
		observer_run(look->observer, wait_ns > 0 ? wait_ns : 0);
		result = look_once(look);
	}
	const struct report_style style = { look_wants_colour(look->options), look_width() };
	if (result == 0)
		result = look->options->writer->findings(stdout, &style, look->facts, look->findings);
	if (result == 0)
		result = look_flush();
	if (result < 0)
		return complain(strerror(-result));
	size_t shown;
	if (report_count(look->findings, &shown) < 0 || (shown == 0 && look_failed(look)))
		return CHECK_FAILED;
	return shown ? CHECK_FINDINGS : CHECK_NOTHING;
}

static int run(const struct options *options)
{
	char message[LOOK_MESSAGE_SIZE];
	struct look look;
	int result = look_open(&look, options, message, sizeof(message));
	int status = result < 0 ? complain(message) : watch_and_report(&look);
	look_close(&look);
	return status;
}

int check_command(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
