// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/growth.h"
#include "exporter/base/text.h"
#include "exporter/base/version.h"
#include "exporter/cli/flags.h"

static const struct flag *flag_of(enum program program, size_t index)
{
	for (size_t i = 0; i < flag_count; i++)
		if (flag_table[i].programs & program && index-- == 0)
			return &flag_table[i];
	return NULL;
}

static const struct flag *find_flag(enum program program, const char *name, size_t length)
{
	const struct flag *flag;
	for (size_t i = 0; (flag = flag_of(program, i)); i++)
		if (strlen(flag->name) == length && memcmp(flag->name, name, length) == 0)
			return flag;
	return NULL;
}

const char *options_flag_name(enum program program, size_t index)
{
	const struct flag *flag = flag_of(program, index);
	return flag ? flag->name : NULL;
}

/* ---- help ---- */

#define HELP_INDENT 6
#define HELP_WIDTH  80

static void print_flag(const struct flag *flag, enum program program, FILE *out)
{
	char words[FLAG_ALLOWED_SIZE], help[FLAG_ALLOWED_SIZE + 80];
	fprintf(out, flag->argument ? "  --%s=%s" : "  --%s", flag->name, flag->argument);
	fprintf(out, flag->initial ? " (%s)\n" : "\n", flag->initial);
	snprintf(help, sizeof(help), "%s %s.", flag->help, flag_allowed(flag, program, words));
	text_wrap(out, flag->word ? help : flag->help, HELP_INDENT, HELP_WIDTH);
}

static void print_collectors(FILE *out)
{
	for (size_t i = 0; observer_collectors[i]; i++) {
		const struct collector *collector = observer_collectors[i];
		fprintf(out, "  --[no-]collector.%s (%s)\n", collector->name,
			collector->consent ? "off" : "on");
		text_wrap(out, collector->summary, HELP_INDENT, HELP_WIDTH);
	}
}

static void print_help(const struct usage *usage, FILE *out)
{
	const struct flag *flag;
	bool takes = usage->arguments != NULL;
	fprintf(out, "Usage: %s [FLAGS]%s%s\n\n", usage->name, takes ? " " : "",
		takes ? usage->arguments : "");
	text_wrap(out, usage->summary, 0, HELP_WIDTH);
	fputs("\nFlags (and their defaults):\n", out);
	for (size_t i = 0; (flag = flag_of(usage->program, i)); i++)
		print_flag(flag, usage->program, out);
	if (usage->program & PROGRAMS_OBSERVING)
		print_collectors(out);
	fputs("  -h, --help\n      Show this help.\n  --version\n      Show the version.\n", out);
}

void options_print_version(const char *name, FILE *out)
{
	fprintf(out, "%s, version %s (revision: %s)\n", name, version_number, version_revision);
}

/* ---- parsing ---- */

struct parsing {
	const struct usage *usage;
	char **argv;
	int argc, next;
	struct options *options;
	bool *named; /* as options->collectors: whether it was chosen, or refused, by name */
	FILE *out, *err;
};

static int refuse(const struct parsing *parsing, const char *what, const char *why)
{
	char text[256];
	text_format(what, TEXT_PLAIN, text, sizeof(text));
	fprintf(parsing->err, "%s: %s: %s; see --help\n", parsing->usage->name, text, why);
	return OPTIONS_USED;
}

static void *field(const struct parsing *parsing, const struct flag *flag)
{
	return (char *)parsing->options + flag->offset;
}

static int set_flag(const struct parsing *parsing, const struct flag *flag, const char *value)
{
	char dashed[64], why[256], shown[96], allowed[FLAG_ALLOWED_SIZE];
	enum program program = parsing->usage->program;
	int result =
		flag_takes(flag, program, value) ? flag->set(flag, value, field(parsing, flag)) : -EINVAL;
	if (result == 0)
		return OPTIONS_RUN;
	snprintf(dashed, sizeof(dashed), "--%s", flag->name);
	if (result == -ENOMEM)
		return refuse(parsing, dashed, "out of memory");
	snprintf(why, sizeof(why), "expected %s, got %s", flag_allowed(flag, program, allowed),
		text_format(value, TEXT_QUOTED, shown, sizeof(shown)));
	return refuse(parsing, dashed, why);
}

/* --[no-]collector.NAME */
static bool choose_collector(struct parsing *parsing, const char *name)
{
	bool wanted = strncmp(name, "no-", 3) != 0;
	if (!(parsing->usage->program & PROGRAMS_OBSERVING))
		return false;
	name += wanted ? 0 : 3;
	if (strncmp(name, "collector.", 10) != 0)
		return false;
	for (size_t i = 0; observer_collectors[i]; i++) {
		if (strcmp(observer_collectors[i]->name, name + 10) == 0) {
			parsing->named[i] = true;
			parsing->options->collectors[i] = wanted;
			return true;
		}
	}
	return false;
}

/* The value of a flag that takes one: behind "=", or the next argument; NULL if there is none. */
static const char *flag_value(struct parsing *parsing, const char *equals)
{
	if (equals)
		return equals + 1;
	return parsing->next < parsing->argc ? parsing->argv[parsing->next++] : NULL;
}

static int parse_flag(struct parsing *parsing, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct flag *flag = find_flag(parsing->usage->program, name, length);
	if (!flag)
		return refuse(parsing, argument, "unknown flag");
	if (!flag->argument)
		return equals ? refuse(parsing, argument, "takes no value") : set_flag(parsing, flag, "");
	const char *value = flag_value(parsing, equals);
	if (!value) {
		char why[FLAG_ALLOWED_SIZE + 32], allowed[FLAG_ALLOWED_SIZE];
		snprintf(why, sizeof(why), "expected %s, got nothing",
			flag_allowed(flag, parsing->usage->program, allowed));
		return refuse(parsing, argument, why);
	}
	return set_flag(parsing, flag, value);
}

static int take_argument(const struct parsing *parsing, const char *argument)
{
	struct text_list *arguments = &parsing->options->arguments;
	if (arguments->count >= parsing->usage->argument_count)
		return refuse(parsing, argument, "unexpected argument");
	const char **item = GROW(arguments->items, arguments->count);
	if (!item)
		return refuse(parsing, argument, "out of memory");
	*item = argument;
	return OPTIONS_RUN;
}

static int check_arguments(const struct parsing *parsing)
{
	char why[128];
	if (parsing->options->arguments.count == parsing->usage->argument_count)
		return OPTIONS_RUN;
	snprintf(why, sizeof(why), "expected %s, got less", parsing->usage->arguments);
	return refuse(parsing, "arguments", why);
}

static int parse_argument(struct parsing *parsing, const char *argument)
{
	if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
		print_help(parsing->usage, parsing->out);
		return 0;
	}
	if (!strcmp(argument, "--version")) {
		options_print_version(parsing->usage->name, parsing->out);
		return 0;
	}
	if (argument[0] != '-' || !argument[1]) /* - alone is standard input */
		return take_argument(parsing, argument);
	if (argument[1] != '-' || !argument[2])
		return refuse(parsing, argument, "unknown flag");
	return choose_collector(parsing, argument + 2) ? OPTIONS_RUN : parse_flag(parsing, argument);
}

static int check_patterns(const struct parsing *parsing)
{
	if (!parsing->options->device_include || !parsing->options->device_exclude)
		return OPTIONS_RUN;
	return refuse(parsing, "--collector.handshake.device-include",
		"cannot be combined with --collector.handshake.device-exclude");
}

static int apply_initial(const struct parsing *parsing, bool lists)
{
	const struct flag *flag;
	for (size_t i = 0; (flag = flag_of(parsing->usage->program, i)); i++) {
		bool empty = !flag_is_list(flag) || !((const struct text_list *)field(parsing, flag))->count;
		if (!flag->initial || flag_is_list(flag) != lists || !empty)
			continue;
		int status = set_flag(parsing, flag, flag->initial);
		if (status != OPTIONS_RUN)
			return status;
	}
	return OPTIONS_RUN;
}

static int choose_collectors(const struct parsing *parsing)
{
	bool any = false;
	for (size_t i = 0; observer_collectors[i]; i++) {
		bool *wanted = &parsing->options->collectors[i];
		if (!parsing->named[i])
			*wanted =
				!parsing->options->no_default_collectors && !observer_collectors[i]->consent;
		any |= *wanted;
	}
	return any ? OPTIONS_RUN
		   : refuse(parsing, "--collector", "expected at least one collector, got none");
}

int options_parse(
	const struct usage *usage, int argc, char **argv, struct options *options, FILE *out, FILE *err)
{
	struct parsing parsing = { .usage = usage,
		.argv = argv,
		.argc = argc,
		.next = 1,
		.options = options,
		.out = out,
		.err = err };
	memset(options, 0, sizeof(*options));
	options->collectors = calloc(observer_collector_count() + 1, sizeof(bool));
	parsing.named = calloc(observer_collector_count() + 1, sizeof(bool));
	int status = options->collectors && parsing.named ? apply_initial(&parsing, false)
							  : refuse(&parsing, usage->name, "out of memory");
	while (status == OPTIONS_RUN && parsing.next < argc)
		status = parse_argument(&parsing, argv[parsing.next++]);
	if (status == OPTIONS_RUN)
		status = check_arguments(&parsing);
	if (status == OPTIONS_RUN)
		status = check_patterns(&parsing);
	if (status == OPTIONS_RUN)
		status = apply_initial(&parsing, true);
	if (status == OPTIONS_RUN)
		status = choose_collectors(&parsing);
	free(parsing.named);
	return status;
}

void options_free(struct options *options)
{
	free(options->collectors);
	free(options->listen.items);
	free(options->lines.items);
	free(options->arguments.items);
	memset(options, 0, sizeof(*options));
}

int options_run(const struct usage *usage, int argc, char **argv, int (*run)(const struct options *options))
{
	struct options options;
	int status = options_parse(usage, argc, argv, &options, stdout, stderr);
	if (status == OPTIONS_RUN)
		status = run(&options);
	options_free(&options);
	return status;
}
