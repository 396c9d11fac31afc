// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "alerts/judge.h"
#include "collectors/base/clock.h"
#include "exporter/config/collector_settings.h"
#include "exporter/config/namespace.h"
#include "exporter/config/reload.h"
#include "exporter/config/settings_file.h"
#include "exporter/output/report.h"

#define SETTLE_NS       (10 * SECOND_NS)
#define DEFAULT_WIDTH   80
#define NARROWEST_WIDTH 40
#define MOST_WIDTH      120

static int start(struct look *look)
{
	int result = collector_settings_make(look->settings, look->options, &look->told);
	if (result == 0)
		result = observer_open(look->options->collectors, &look->told, &look->log, &look->observer);
	return result;
}

int look_open(struct look *look, const struct options *options, char *message, size_t size)
{
	*look = (struct look){ .options = options };
	look->log = (struct log){ options->log_level, options->log_format, STDERR_FILENO };
	int result = settings_load(options, &look->settings, message, size);
	if (result == 0 && options->netns)
		result = namespace_enter(options->netns, message, size);
	if (result < 0)
		return result;
	result = start(look);
	if (result < 0) {
		snprintf(message, size, "%s", strerror(-result));
		return result;
	}
	observer_settle(look->observer, SETTLE_NS);
	return 0;
}

void look_close(struct look *look)
{
	observer_close(look->observer);
	collector_settings_clear(&look->told);
	facts_free(look->facts);
	findings_free(look->findings);
	settings_free(look->settings);
}

int look_once(struct look *look)
{
	struct facts *facts = NULL;
	struct findings *findings = NULL;
	int result = observer_collect(look->observer, &look->told, &facts);
	if (result < 0)
		return result;
	result = observer_complete(look->observer, &look->told, facts);
	if (result == 0)
		result = judge(look->settings, facts, look->findings, &findings);
	if (result < 0) {
		facts_free(facts);
		return result;
	}
	facts_free(look->facts);
	findings_free(look->findings);
	look->facts = facts;
	look->findings = findings;
	return 0;
}

bool look_failed(const struct look *look)
{
	return report_could_not_look(look->facts);
}

unsigned look_width(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < NARROWEST_WIDTH)
		return DEFAULT_WIDTH;
	return size.ws_col < MOST_WIDTH ? size.ws_col : MOST_WIDTH;
}

/* https://no-color.org: present and not empty. */
bool look_wants_colour(const struct options *options)
{
	const char *refused = getenv("NO_COLOR");
	switch (options->colour) {
	case COLOUR_ALWAYS:
		return true;
	case COLOUR_NEVER:
		return false;
	case COLOUR_AUTO:
		return isatty(STDOUT_FILENO) && !(refused && *refused);
	}
	return false;
}

int look_flush(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}
