// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/read.h"

#include <stdio.h>

#include "exporter/base/text.h"
#include "exporter/cli/oneshot.h"
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

static int run(const struct options *options)
{
	char error[CAPTURE_ERROR_SIZE] = "", text[CAPTURE_ERROR_SIZE * 4];
	const struct report_style style = { oneshot_wants_colour(options), oneshot_width() };
	struct capture_summary summary = { 0 };
	size_t shown;
	bool failed = read_capture(options->arguments.items[0], &summary, error) < 0;
	int status = READ_FAILED, written = 0;
	if (summary.facts) {
		written = options->writer->capture(stdout, &style, &summary, failed ? error : NULL);
		if (written == 0)
			written = oneshot_flush();
	}
	if (failed)
		fprintf(stderr, "%s: %s\n", usage.name, text_format(error, TEXT_PLAIN, text, sizeof(text)));
	else if (written < 0)
		fprintf(stderr, "%s: could not write the report\n", usage.name);
	else if (report_count(summary.findings, &shown) == 0)
		status = shown ? READ_FINDINGS : READ_NOTHING;
	capture_summary_clear(&summary);
	return status;
}

int read_command(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
