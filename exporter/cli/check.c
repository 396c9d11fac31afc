// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/cli/oneshot.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/output/writer.h"

#define ONE_LOOK_NS (1100 * MILLISECOND_NS) /* so that counters that rise are seen to */

static int complain(const char *message)
{
	fprintf(stderr, "%s: %s\n", check_command.usage.name, message);
	return COMMAND_FAILED;
}

static int watch_and_report(struct oneshot *oneshot)
{
	int64_t watch_ns = oneshot->options->watch_ns, tick_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t end_ns = tick_ns + watch_ns;
	if (!watch_ns) /* what holds in a single look is shown */
		oneshot->settings->thresholds.open_judgements = 1;
	int result = oneshot_judge(oneshot);
	if (result == 0 && !watch_ns) {
		result = collector_io_run(oneshot->observer, ONE_LOOK_NS);
		if (result == 0)
			result = oneshot_judge(oneshot);
	}
	while (result == 0 && tick_ns < end_ns) {
		tick_ns += SECOND_NS;
		int64_t wait_ns = tick_ns - clock_ns(CLOCK_MONOTONIC);
		result = collector_io_run(oneshot->observer, wait_ns);
		if (result == 0)
			result = oneshot_judge(oneshot);
	}
	const struct report_style style = oneshot_style(oneshot->options);
	if (result == 0)
		result =
			oneshot->options->writer->findings(stdout, &style, oneshot->facts, oneshot->findings);
	if (result == 0)
		result = oneshot_flush();
	if (result < 0)
		return complain(strerror(-result));
	size_t shown;
	if (report_count(oneshot->findings, &shown) < 0 ||
		(shown == 0 && report_could_not_look(oneshot->facts)))
		return COMMAND_FAILED;
	return shown ? COMMAND_FOUND : COMMAND_NOTHING;
}

static int run(const struct options *options)
{
	char message[ONESHOT_MESSAGE_SIZE];
	struct oneshot oneshot;
	int result = oneshot_open(&oneshot, options, message, sizeof(message));
	int status = result < 0 ? complain(message) : watch_and_report(&oneshot);
	oneshot_close(&oneshot);
	return status;
}

const struct command check_command = {
	.usage = {
		.program = PROGRAM_CHECK,
		.name = "oneway check",
		.summary = "Looks at this host and reports connections whose replies leave by the wrong way "
			   "or are dropped on the way back. Exit status: 0 nothing found, 1 findings, 2 could "
			   "not look.",
	},
	.headline = "One look at this host: what is wrong, why, and what heals it.",
	.run = run,
};
