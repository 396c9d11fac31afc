// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "exporter/base/text.h"
#include "exporter/cli/check.h"
#include "exporter/cli/explain_command.h"
#include "exporter/cli/options.h"
#include "exporter/cli/read.h"

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand */
};

static const struct command commands[] = {
	{ "check", "One look at this host: what is wrong, why, and what heals it.", check_command },
	{ "explain", "The way of one connection, request and reply, and where it breaks.", explain_command },
	{ "read", "The handshakes in a capture file: how they ended, and what is wrong.", read_command },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("oneway: expected a command; see --help\n", stderr);
		return OPTIONS_USED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		puts("Usage: oneway COMMAND [FLAGS]\n\nFinds one-way connectivity on this host.\n\nCommands:");
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			printf("  %-10s %s\n", commands[i].name, commands[i].summary);
		puts("\nFlags of a command: oneway COMMAND --help\nVersion: oneway --version");
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		options_print_version("oneway", stdout);
		return 0;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(argc - 1, argv + 1);
	char text[96];
	fprintf(stderr, "oneway: unknown command %s; see --help\n",
		text_format(argv[1], TEXT_QUOTED, text, sizeof(text)));
	return OPTIONS_USED;
}
