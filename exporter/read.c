// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/read.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "exporter/json.h"
#include "exporter/look.h"
#include "exporter/options.h"
#include "exporter/read_capture.h"
#include "exporter/report.h"
#include "exporter/text.h"
#include "exporter/value.h"
#include "exporter/wire_text.h"

static const struct usage usage = {
	.program = PROGRAM_READ,
	.name = "oneway read",
	.summary = "Reads a capture file (pcap or pcapng; - is standard input) and reports how its TCP "
		   "handshakes ended, and what they show to be wrong. Exit status: 0 nothing found, 1 "
		   "findings, 2 could not read, or not to the end.",
	.arguments = "FILE",
	.argument_count = 1,
};

/* What one line of the table says beside the count. */
static const char *const explanations[HANDSHAKE_OUTCOMES] = {
	[HANDSHAKE_COMPLETED] = "the SYN-ACK was acknowledged",
	[HANDSHAKE_REFUSED] = "an RST answered the SYN",
	[HANDSHAKE_ONE_WAY] = "SYN-ACK not acknowledged, and the SYN came again: the reply is lost",
	[HANDSHAKE_ABANDONED] = "SYN-ACK not acknowledged, and the SYN did not come again",
	[HANDSHAKE_UNANSWERED] = "neither SYN-ACK nor RST",
	[HANDSHAKE_RETURN_ONLY] = "SYN-ACK whose SYN is not in the file",
};

/* ---- writing ---- */

static int write_json(const struct capture_summary *summary, const char *error, FILE *out)
{
	json_t *object = json_pack("{s:I, s:o, s:o, s:o*}", "packets", (json_int_t)summary->packets,
		"handshakes", json_outcomes(summary->facts->handshakes->outcomes), "findings",
		json_findings(summary->findings, summary->facts), "error", error ? value_text(error) : NULL);
	int result = object ? json_dumpf(object, out, JSON_INDENT(2)) : -1;
	json_decref(object);
	fputc('\n', out);
	return result < 0 ? -ENOMEM : 0;
}

static void write_outcomes(const struct handshake_report *report, FILE *out)
{
	for (unsigned i = 0; i < HANDSHAKE_OUTCOMES; i++)
		if (report->outcomes[i])
			fprintf(out, "%10" PRIu64 "  %-12s %s\n", report->outcomes[i],
				handshake_outcome_name((enum handshake_outcome)i), explanations[i]);
}

static void write_text(const struct capture_summary *summary, const struct report_style *style, FILE *out)
{
	const struct handshake_report *report = summary->facts->handshakes;
	fprintf(out, "%" PRIu64 " packets in %.1f s, %" PRIu64 " handshakes\n", summary->packets,
		(double)(summary->last_ns - summary->first_ns) / 1e9, outcomes_total(report->outcomes));
	write_outcomes(report, out);
	if (summary->unread)
		fprintf(out, "%" PRIu64 " packets are cut off or malformed and were not looked at\n",
			summary->unread);
	if (report->evicted)
		fprintf(out, "%" PRIu64 " handshakes were too many at once to be followed\n",
			report->evicted);
	if (report_count(summary->findings))
		fputc('\n', out);
	report_findings(out, style, summary->facts, summary->findings);
}

/* Outcomes that did not occur are left out; error: NULL, or what ended the reading early. */
static int write_as(const struct capture_summary *summary, const char *error, enum report_format format,
	const struct report_style *style, FILE *out)
{
	switch (format) {
	case REPORT_JSON:
		return write_json(summary, error, out);
	case REPORT_TEXT:
		write_text(summary, style, out);
		break;
	}
	return 0;
}

/* ---- the command ---- */

static void complain(const char *message)
{
	char text[CAPTURE_ERROR_SIZE * 4];
	fprintf(stderr, "%s: %s\n", usage.name, text_format(message, TEXT_PLAIN, text, sizeof(text)));
}

static int write_report(
	const struct options *options, const struct capture_summary *summary, const char *error)
{
	const struct report_style style = { look_wants_colour(options), look_width() };
	bool nothing = error && !summary->packets;
	if (!summary->facts || (nothing && options->format == REPORT_TEXT))
		return 0;
	int result = write_as(summary, error, options->format, &style, stdout);
	return result < 0 ? result : look_flush();
}

static int status_of(const struct capture_summary *summary)
{
	return report_count(summary->findings) ? READ_FINDINGS : READ_NOTHING;
}

static int run(const struct options *options)
{
	char error[CAPTURE_ERROR_SIZE] = "";
	struct capture_summary summary = { 0 };
	bool failed = read_capture(options->arguments.items[0], &summary, error) < 0;
	int written = write_report(options, &summary, failed ? error : NULL);
	int status = READ_FAILED;
	if (failed)
		complain(error);
	else if (written < 0)
		complain("could not write the report");
	else
		status = status_of(&summary);
	capture_summary_clear(&summary);
	return status;
}

int read_command(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
