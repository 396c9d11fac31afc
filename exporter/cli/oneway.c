// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "exporter/base/text.h"
#include "exporter/cli/commands.h"

static const struct command *const commands[] = { &check_command, &explain_command, &read_command,
	&watch_command };

#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static const char *name_of(const struct command *command)
{
	return command->usage.name + strlen("oneway ");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("oneway: expected a command; see --help\n", stderr);
		return OPTIONS_USED;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		puts("Usage: oneway COMMAND [FLAGS]\n\nFinds one-way connectivity on this host.\n\nCommands:");
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			printf("  %-10s %s\n", name_of(commands[i]), commands[i]->headline);
		puts("\nFlags of a command: oneway COMMAND --help\nVersion: oneway --version");
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		options_print_version("oneway", stdout);
		return 0;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name_of(commands[i]), argv[1]) == 0)
			return options_run(&commands[i]->usage, argc - 1, argv + 1, commands[i]->run);
	char text[96];
	fprintf(stderr, "oneway: unknown command %s; see --help\n",
		text_format(argv[1], TEXT_QUOTED, text, sizeof(text)));
	return OPTIONS_USED;
}
