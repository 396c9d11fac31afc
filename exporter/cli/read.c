// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/text.h"
#include "exporter/cli/capture_reading.h"
#include "exporter/cli/oneshot.h"

/* The files of one command, and what they tell together. */
struct captures {
	struct capture_summary items[VIEWPOINTS_MAX];
	size_t count;
	struct viewpoints viewpoints;
	bool failed; /* one could not be read, or not to its end */
};

static void complain(const char *error)
{
	char text[CAPTURE_ERROR_SIZE * 4];
	fprintf(stderr, "%s: %s\n", read_command.usage.name,
		text_format(error, TEXT_PLAIN, text, sizeof(text)));
}

static int compare_all(struct captures *captures)
{
	const struct openings *seen[VIEWPOINTS_MAX];
	for (size_t i = 0; i < captures->count; i++)
		seen[i] = &captures->items[i].openings;
	return viewpoints_compare(seen, captures->count, &captures->viewpoints);
}

/* What was read is there even if not all could be. 0 or -ENOMEM. */
static int read_all(const struct text_list *files, struct captures *captures)
{
	for (; captures->count < files->count; captures->count++) {
		struct capture_summary *summary = &captures->items[captures->count];
		int result = capture_read(files->items[captures->count], files->count > 1, summary);
		if (result < 0) {
			captures->failed = true;
			complain(summary->error);
		}
		if (result == -ENOMEM)
			return result;
	}
	return files->count > 1 ? compare_all(captures) : 0;
}

static int put_report(const struct options *options, const struct captures *captures)
{
	const struct report_style style = oneshot_style(options);
	for (size_t i = 0; i < captures->count; i++)
		if (!captures->items[i].facts)
			return 0;
	int result = options->writer->capture(
		stdout, &style, captures->items, captures->count, &captures->viewpoints);
	return result < 0 ? result : oneshot_flush();
}

static int status_of(const struct captures *captures)
{
	size_t shown, found = captures->viewpoints.crossing_count;
	for (size_t i = 0; i < captures->count; i++) {
		if (report_count(captures->items[i].findings, &shown) < 0)
			return COMMAND_FAILED;
		found += shown;
	}
	return found ? COMMAND_FOUND : COMMAND_NOTHING;
}

static int run(const struct options *options)
{
	const struct text_list *files = &options->arguments;
	struct captures *captures = calloc(1, sizeof(*captures));
	int status = COMMAND_FAILED;
	int result = captures ? read_all(files, captures) : -ENOMEM;
	if (result == 0) {
		result = put_report(options, captures);
		if (result < 0)
			complain("could not write the report");
		else if (!captures->failed)
			status = status_of(captures);
	} else if (!captures || !captures->failed) {
		complain(strerror(-result));
	}
	for (size_t i = 0; captures && i < VIEWPOINTS_MAX; i++)
		capture_summary_clear(&captures->items[i]);
	if (captures)
		viewpoints_clear(&captures->viewpoints);
	free(captures);
	return status;
}

const struct command read_command = {
	.usage = {
		.program = PROGRAM_READ,
		.name = "oneway read",
		.summary = "Reads a capture file (pcap or pcapng; - is standard input) and reports how its "
			   "TCP handshakes ended, and what they show to be wrong. Of several files, each "
			   "captured at another place, it also tells between which two the replies were "
			   "lost. Exit status: 0 nothing found, 1 findings, 2 could not read, or not to the "
			   "end.",
		.arguments = "FILE...",
		.argument_count = 1,
		.argument_most = VIEWPOINTS_MAX,
	},
	.headline = "The handshakes in a capture file: how they ended, and what is wrong.",
	.run = run,
};
