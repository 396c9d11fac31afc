// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/oneshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "alerts/judge.h"
#include "collectors/base/clock.h"
#include "collectors/change/changes.h"
#include "exporter/config/namespace.h"
#include "exporter/config/reload.h"
#include "exporter/config/settings_file.h"
#include "exporter/daemon/collector_io.h"

#define SETTLE_NS       (10 * SECOND_NS)
#define DEFAULT_WIDTH   80
#define NARROWEST_WIDTH 40
#define MOST_WIDTH      120

/* As collector_io_settle(), and says that it goes on. */
static int settle(struct observer *observer, struct progress *progress)
{
	const int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + SETTLE_NS;
	int result = collector_io_settle(observer, SECOND_NS);
	while (result == 0 && !observer_is_settled(observer) && clock_ns(CLOCK_MONOTONIC) < end_ns) {
		if (progress)
			progress_show(progress, "Reading what the kernel knows");
		result = collector_io_settle(observer, SECOND_NS);
	}
	return result;
}

int oneshot_open(struct oneshot *oneshot, const struct options *options, struct progress *progress,
	char *message, size_t size)
{
	*oneshot = (struct oneshot){ .options = options };
	oneshot->log = (struct log){ options->log_level, options->log_format, STDERR_FILENO, NULL };
	int result = settings_load(options, &oneshot->settings, message, size);
	if (result == 0 && options->netns)
		result = namespace_enter(options->netns, message, size);
	if (result < 0)
		return result;
	oneshot->told = settings_for_collectors(oneshot->settings, options);
	result = observer_open(options->collectors, &oneshot->told, &oneshot->log, &oneshot->observer);
	if (result == 0)
		result = settle(oneshot->observer, progress);
	if (result < 0)
		snprintf(message, size, "%s", strerror(-result));
	return result;
}

void oneshot_close(struct oneshot *oneshot)
{
	observer_close(oneshot->observer);
	facts_free(oneshot->facts);
	findings_free(oneshot->findings);
	settings_free(oneshot->settings);
}

int oneshot_judge(struct oneshot *oneshot)
{
	struct facts *facts = NULL;
	struct findings *findings = NULL;
	int result = observer_collect(oneshot->observer, &oneshot->told, &facts);
	if (result < 0)
		return result;
	result = observer_complete(oneshot->observer, &oneshot->told, facts);
	if (result == 0)
		result = changes_note(oneshot->facts, facts);
	if (result == 0)
		result = judge(oneshot->settings, facts, oneshot->findings, &findings);
	if (result < 0) {
		facts_free(facts);
		return result;
	}
	facts_free(oneshot->facts);
	findings_free(oneshot->findings);
	oneshot->facts = facts;
	oneshot->findings = findings;
	return 0;
}

struct report_style oneshot_style(const struct options *options)
{
	struct winsize size;
	const char *refused = getenv("NO_COLOR"); /* https://no-color.org: present and not empty */
	bool narrow = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < NARROWEST_WIDTH;
	struct report_style style = { .colour = options->colour == COLOUR_ALWAYS,
		.width = narrow                     ? DEFAULT_WIDTH
			 : size.ws_col < MOST_WIDTH ? size.ws_col
						    : MOST_WIDTH };
	if (options->colour == COLOUR_AUTO)
		style.colour = isatty(STDOUT_FILENO) && !(refused && *refused);
	return style;
}

int oneshot_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}
