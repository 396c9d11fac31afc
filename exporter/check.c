// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "exporter/clock.h"
#include "exporter/json.h"
#include "exporter/look.h"
#include "exporter/report.h"
#include "exporter/value.h"

#define ONE_LOOK_NS (1100 * MILLISECOND_NS) /* so that counters that rise are seen to */

static const struct usage usage = {
	.program = PROGRAM_CHECK,
	.name = "oneway check",
	.summary = "Looks at this host and reports connections whose replies leave by the wrong way or are "
		   "dropped on the way back. Exit status: 0 nothing found, 1 findings, 2 could not look.",
};

/* What holds in a single look is shown. */
static int take_one_look(struct look *look)
{
	look->settings->thresholds.open_judgements = 1;
	int result = look_once(look);
	if (result < 0)
		return result;
	observer_run(look->observer, ONE_LOOK_NS);
	return look_once(look);
}

static int look_for(struct look *look, int64_t duration_ns)
{
	int64_t start_ns = clock_ns(CLOCK_MONOTONIC), end_ns = start_ns + duration_ns;
	int result = look_once(look);
	for (int64_t tick_ns = start_ns; result == 0 && tick_ns < end_ns;) {
		tick_ns += SECOND_NS;
		int64_t wait_ns = tick_ns - clock_ns(CLOCK_MONOTONIC);
		observer_run(look->observer, wait_ns > 0 ? wait_ns : 0);
		result = look_once(look);
	}
	return result;
}

static json_t *json_collectors(const struct facts *facts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < facts->collector_count; i++) {
		const struct collector_status *status = &facts->collectors[i];
		const struct value_member members[] = {
			{ "name", value_text(status->name) },
			{ "success", json_boolean(status->success) },
			{ "error", status->success ? json_null() : value_text(status->error) },
		};
		value_append(&list, VALUE_OBJECT(members));
	}
	return list;
}

static json_t *json_seen(const struct facts *facts)
{
	return facts->handshakes ? json_outcomes(facts->handshakes->outcomes) : json_null();
}

static int write_json(const struct look *look)
{
	json_t *report = json_pack("{s:o, s:o, s:o}", "findings", json_findings(look->findings, look->facts),
		"handshakes", json_seen(look->facts), "collectors", json_collectors(look->facts));
	int result = report ? json_dumpf(report, stdout, JSON_INDENT(2)) : -1;
	json_decref(report);
	putchar('\n');
	return result < 0 ? -ENOMEM : 0;
}

static int write_report(const struct look *look)
{
	if (look->options->format == REPORT_JSON)
		return write_json(look);
	const struct report_style style = { look_wants_colour(look->options), look_width() };
	report_write(stdout, &style, look->facts, look->findings);
	return 0;
}

static int status_of(const struct look *look)
{
	if (report_count(look->findings))
		return CHECK_FINDINGS;
	return look_failed(look) ? CHECK_FAILED : CHECK_NOTHING;
}

static int complain(const char *message)
{
	fprintf(stderr, "%s: %s\n", usage.name, message);
	return CHECK_FAILED;
}

static int watch_and_report(struct look *look)
{
	int64_t watch_ns = look->options->watch_ns;
	int result = watch_ns ? look_for(look, watch_ns) : take_one_look(look);
	if (result == 0)
		result = write_report(look);
	if (result == 0)
		result = look_flush();
	return result < 0 ? complain(strerror(-result)) : status_of(look);
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
