// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/read.h"

#include <stdio.h>

#include "exporter/base/text.h"
#include "exporter/cli/look.h"
#include "exporter/cli/options.h"
#include "exporter/cli/read_capture.h"
#include "exporter/output/writer.h"

static const struct usage usage = {
	.program = PROGRAM_READ,
	.name = "oneway read",
	.summary = "Reads a capture file (pcap or pcapng; - is standard input) and reports how its TCP "
		   "handshakes ended, and what they show to be wrong. Exit status: 0 nothing found, 1 "
		   "findings, 2 could not read, or not to the end.",
	.arguments = "FILE",
	.argument_count = 1,
};

static void complain(const char *message)
{
	char text[CAPTURE_ERROR_SIZE * 4];
	fprintf(stderr, "%s: %s\n", usage.name, text_format(message, TEXT_PLAIN, text, sizeof(text)));
}

static int write_report(
	const struct options *options, const struct capture_summary *summary, const char *error)
{
	const struct report_style style = { look_wants_colour(options), look_width() };
	if (!summary->facts)
		return 0;
	int result = options->writer->capture(stdout, &style, summary, error);
	return result < 0 ? result : look_flush();
}

static int status_of(const struct capture_summary *summary)
{
	size_t shown;
	if (report_count(summary->findings, &shown) < 0)
		return READ_FAILED;
	return shown ? READ_FINDINGS : READ_NOTHING;
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
