// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "exporter/base/wire_text.h"
#include "exporter/cli/oneshot.h"
#include "exporter/cli/progress.h"
#include "exporter/daemon/collector_io.h"
#include "exporter/output/writer.h"

/* So that counters that rise are seen to, and a SYN that comes again: most do after a second. */
#define ONE_LOOK_NS (1300 * MILLISECOND_NS)
#define SETTLED_NS  (HANDSHAKE_SETTLE_NS + 100 * MILLISECOND_NS)
/* It goes on for so long while somebody waits for an answer: by then any opening is decided. */
#define WAITING_NS HANDSHAKE_OPEN_NS

static int complain(const struct writer *writer, const char *message)
{
	fprintf(stderr, "%s: %s\n", check_command.usage.name, message);
	if (writer->failure)
		writer->failure(stdout, message);
	return writer->status ? writer->status(NULL, NULL) : COMMAND_FAILED;
}

/* On the wire, or by what the kernel knows of openings that were answered and not acknowledged; then the wire
 * will show them. */
static bool is_waiting(const struct facts *facts)
{
	if (!facts->handshakes)
		return false;
	bool waits = facts->handshakes->waiting || facts->syn_recv_count > 0;
	for (size_t i = 0; i < facts->endpoint_count; i++)
		waits |= facts->endpoints[i].syn_recv > 0;
	return waits;
}

static size_t open_findings(const struct findings *findings)
{
	size_t count = 0;
	return findings && report_count(findings, &count) == 0 ? count : 0;
}

/* Says meanwhile what is done; end_ns: monotonic, when it is over at the latest. */
static void show_progress(const struct oneshot *oneshot, struct progress *progress, int64_t end_ns)
{
	const struct handshake_report *report = oneshot->facts ? oneshot->facts->handshakes : NULL;
	int64_t left_ns = end_ns - clock_ns(CLOCK_MONOTONIC);
	progress_show(progress, "Looking, up to %lld s more: %llu handshakes seen, %zu findings",
		(long long)(left_ns > 0 ? (left_ns + SECOND_NS - 1) / SECOND_NS : 0),
		report ? (unsigned long long)(outcomes_total(report->outcomes) + report->tracked) : 0ULL,
		open_findings(oneshot->findings));
}

static int run_and_judge(struct oneshot *oneshot, struct progress *progress, int64_t run_ns, int64_t end_ns)
{
	const int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + run_ns;
	int64_t left_ns = run_ns;
	int result;
	do { /* in pieces only where somebody sees them */
		bool piece = progress->terminal && left_ns > SECOND_NS;
		result = collector_io_run(oneshot->observer, piece ? SECOND_NS : left_ns);
		show_progress(oneshot, progress, end_ns);
		left_ns = until_ns - clock_ns(CLOCK_MONOTONIC);
	} while (result == 0 && left_ns > 0);
	return result < 0 ? result : oneshot_judge(oneshot);
}

/* What holds then is shown, whatever held before. */
static int run_and_judge_anew(
	struct oneshot *oneshot, struct progress *progress, int64_t run_ns, int64_t end_ns)
{
	findings_free(oneshot->findings);
	oneshot->findings = NULL;
	return run_and_judge(oneshot, progress, run_ns, end_ns);
}

static int look_once(struct oneshot *oneshot, struct progress *progress)
{
	const int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + ONE_LOOK_NS + WAITING_NS;
	double *open_judgements = &oneshot->settings->thresholds.open_judgements;
	const double wanted = *open_judgements;
	*open_judgements = 1;
	int result = oneshot_judge(oneshot);
	if (result == 0)
		result = run_and_judge_anew(oneshot, progress, ONE_LOOK_NS, end_ns);
	/* Openings that have just begun will be over then, or their clients wait. */
	if (result == 0 && oneshot->facts->handshakes && oneshot->facts->handshakes->tracked)
		result = run_and_judge_anew(oneshot, progress, SETTLED_NS, end_ns);
	*open_judgements = wanted;
	while (result == 0 && is_waiting(oneshot->facts) && clock_ns(CLOCK_MONOTONIC) < end_ns)
		result = run_and_judge(oneshot, progress, SECOND_NS, end_ns);
	return result;
}

static int watch(struct oneshot *oneshot, struct progress *progress, int64_t watch_ns)
{
	int64_t tick_ns = clock_ns(CLOCK_MONOTONIC);
	const int64_t end_ns = tick_ns + watch_ns;
	int result = oneshot_judge(oneshot);
	while (result == 0 && tick_ns < end_ns) {
		tick_ns += SECOND_NS;
		result = run_and_judge(oneshot, progress, tick_ns - clock_ns(CLOCK_MONOTONIC), end_ns);
	}
	return result;
}

static int watch_and_report(struct oneshot *oneshot, struct progress *progress)
{
	const int64_t watch_ns = oneshot->options->watch_ns;
	int result = watch_ns ? watch(oneshot, progress, watch_ns) : look_once(oneshot, progress);
	progress_end(progress);
	const struct report_style style = oneshot_style(oneshot->options);
	const struct writer *writer = oneshot->options->writer;
	if (result == 0)
		result = writer->findings(stdout, &style, oneshot->facts, oneshot->findings);
	if (result == 0)
		result = oneshot_flush();
	if (result < 0)
		return complain(writer, strerror(-result));
	if (writer->status)
		return writer->status(oneshot->facts, oneshot->findings);
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
	struct progress progress;
	progress_begin(&progress);
	int result = oneshot_open(&oneshot, options, &progress, message, sizeof(message));
	if (result < 0)
		progress_end(&progress);
	int status = result < 0 ? complain(options->writer, message) : watch_and_report(&oneshot, &progress);
	oneshot_close(&oneshot);
	return status;
}

const struct command check_command = {
	.usage = {
		.program = PROGRAM_CHECK,
		.name = "oneway check",
		.summary = "Looks at this host and reports connections whose replies leave by the wrong way "
			   "or are dropped on the way back. Exit status: 0 nothing found, 1 findings, 2 could "
			   "not look. With --format=nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. With "
			   "--format=prometheus, which is for the textfile collector of node_exporter: 0, or "
			   "2.",
	},
	.headline = "One look at this host: what is wrong, why, and what heals it.",
	.run = run,
};
