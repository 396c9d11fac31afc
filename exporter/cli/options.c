// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/base/text.h"
#include "exporter/base/version.h"
#include "exporter/cli/flags.h"
#include "exporter/output/writer.h"

/* Those that open the observer, and so have flags that choose collectors. */
#define PROGRAMS_OBSERVING (PROGRAM_EXPORTER | PROGRAM_CHECK | PROGRAM_EXPLAIN | PROGRAM_WATCH)

static bool writes_for(const struct writer *writer, unsigned program)
{
	return program == PROGRAM_CHECK     ? writer->findings != NULL
	       : program == PROGRAM_EXPLAIN ? writer->explanation != NULL
	       : program == PROGRAM_READ    ? writer->capture != NULL
					    : false;
}

static const char *writer_word(unsigned program, size_t index)
{
	for (size_t i = 0; writers[i]; i++)
		if (writes_for(writers[i], program) && index-- == 0)
			return writers[i]->name;
	return NULL;
}

static int set_writer(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	for (size_t i = 0; writers[i]; i++)
		if (strcmp(writers[i]->name, value) == 0) {
			*(const struct writer **)target = writers[i];
			return 0;
		}
	return -EINVAL;
}

static int set_colour(const struct flag *flag, const char *value, void *target)
{
	static const char *const words[] = {
		[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"
	};
	(void)flag;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i], value) == 0) {
			*(enum report_colour *)target = (enum report_colour)i;
			return 0;
		}
	return -EINVAL;
}

#define AT(field)    offsetof(struct options, field)
#define REPORTERS    (PROGRAM_CHECK | PROGRAM_EXPLAIN)
#define ALL_PROGRAMS (PROGRAM_EXPORTER | REPORTERS | PROGRAM_WATCH)

static const struct flag flag_table[] = {
	{ .name = "web.listen-address",
		.argument = "ADDRESS",
		.initial = OPTIONS_LISTEN_ADDRESS,
		.help = "Address to serve on: :PORT, HOST:PORT or [IPV6]:PORT. Repeatable.",
		.allowed = "an address",
		.set = flag_add_text,
		.offset = AT(listen),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.telemetry-path",
		.argument = "PATH",
		.initial = "/metrics",
		.help = "Path under which metrics are served.",
		.allowed = "a path that begins with /",
		.set = flag_set_url_path,
		.offset = AT(telemetry_path),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.config.file",
		.argument = "FILE",
		.help = "Web configuration (TLS, users) in YAML.",
		.allowed = "a file",
		.set = flag_set_text,
		.offset = AT(web_config),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.max-requests",
		.argument = "N",
		.initial = "40",
		.help = "Requests answered at the same time; more are answered with 503.",
		.allowed = "a number from 1 to 1000",
		.set = flag_set_number,
		.offset = AT(max_requests),
		.programs = PROGRAM_EXPORTER,
		.least = 1,
		.most = 1000 },
	{ .name = "web.expose-api",
		.help = "Answer the page and the API, which carry peers' addresses, not on loopback alone.",
		.set = flag_set_switch,
		.offset = AT(expose_api),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.disable-exporter-metrics",
		.help = "Leave out metrics about the exporter itself.",
		.set = flag_set_switch,
		.offset = AT(no_exporter_metrics),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.external-url",
		.argument = "URL",
		.help = "Where people reach the page, for alerts; without it http://HOSTNAME:PORT/.",
		.allowed = "a URL",
		.set = flag_set_text,
		.offset = AT(external_url),
		.programs = PROGRAM_EXPORTER },
	{ .name = "alertmanager.url",
		.argument = "URL",
		.help = "Alertmanager to which alerts are sent, beside or instead of Prometheus' own. Repeatable: "
			"all are sent all.",
		.allowed = "a URL",
		.set = flag_add_text,
		.offset = AT(alertmanagers),
		.programs = PROGRAM_EXPORTER },
	{ .name = "alertmanager.config.file",
		.argument = "FILE",
		.help = "How Alertmanagers are reached (TLS, user) in YAML.",
		.allowed = "a file",
		.set = flag_set_text,
		.offset = AT(alertmanager_config),
		.programs = PROGRAM_EXPORTER },
	{ .name = "alertmanager.label",
		.argument = "NAME=VALUE",
		.help = "A label of all alerts, as Prometheus adds it; without them job=oneway and "
			"instance=HOSTNAME:PORT. Repeatable.",
		.allowed = "NAME=VALUE",
		.set = flag_add_text,
		.offset = AT(alert_labels),
		.programs = PROGRAM_EXPORTER },
	{ .name = "alertmanager.runbook-url",
		.argument = "URL",
		.help = "What stands before the name of a runbook's page in alerts; without it "
			"file:///usr/share/doc/oneway/alerts/runbooks/.",
		.allowed = "a URL",
		.set = flag_set_text,
		.offset = AT(runbook_url),
		.programs = PROGRAM_EXPORTER },
	{ .name = "metrics.max-addresses",
		.argument = "N",
		.initial = "256",
		.help = "Service addresses that get label values; the rest is counted.",
		.allowed = "a number from 1 to 100000",
		.set = flag_set_number,
		.offset = AT(max_addresses),
		.programs = PROGRAM_EXPORTER,
		.least = 1,
		.most = 100000 },
	{ .name = "for",
		.argument = "DURATION",
		.help = "Watch for so long (10, 10s, 2m) and judge once a second, instead of one look, which takes a "
			"second or two, and up to twelve while somebody waits for an answer.",
		.allowed = "seconds from 1 to 86400, as 10, 10s or 2m",
		.set = flag_set_duration,
		.offset = AT(watch_ns),
		.programs = PROGRAM_CHECK,
		.most = 86400 },
	{ .name = "url",
		.argument = "URL",
		.help = "The exporter to ask; without it, that of ONEWAY_URL or http://localhost:10150. "
			"A name and password come from ~/.netrc.",
		.allowed = "a URL",
		.set = flag_set_text,
		.offset = AT(url),
		.programs = PROGRAM_WATCH },
	{ .name = "ca-file",
		.argument = "FILE",
		.help = "Certificates (PEM) that vouch for an exporter asked by https.",
		.allowed = "a file",
		.set = flag_set_text,
		.offset = AT(ca_file),
		.programs = PROGRAM_WATCH },
	{ .name = "local",
		.help = "Ask no exporter, look at this host. So it is where no exporter answers and none was "
			"named, and with --netns.",
		.set = flag_set_switch,
		.offset = AT(local),
		.programs = PROGRAM_WATCH },
	{ .name = "plain",
		.help = "Lines, one for each change, as where standard output is no terminal.",
		.set = flag_set_switch,
		.offset = AT(plain),
		.programs = PROGRAM_WATCH },
	{ .name = "for",
		.argument = "DURATION",
		.help = "End after so long (10, 10s, 2m).",
		.allowed = "seconds from 1 to 86400, as 10, 10s or 2m",
		.set = flag_set_duration,
		.offset = AT(watch_ns),
		.programs = PROGRAM_WATCH,
		.most = 86400 },
	{ .name = "trace",
		.help = "Wait for a connection from CLIENT and show its way rule by rule: a table of its own "
			"marks its request and is gone when it ends. Needs CAP_NET_ADMIN.",
		.set = flag_set_switch,
		.offset = AT(trace),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "probe",
		.help = "With --trace: open one connection from this host to SERVICE instead of waiting.",
		.set = flag_set_switch,
		.offset = AT(probe),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "for",
		.argument = "DURATION",
		.initial = "30s",
		.help = "With --trace: wait for so long (10, 10s, 2m).",
		.allowed = "seconds from 1 to 600, as 10, 10s or 2m",
		.set = flag_set_duration,
		.offset = AT(watch_ns),
		.programs = PROGRAM_EXPLAIN,
		.most = 600 },
	{ .name = "device",
		.argument = "DEVICE",
		.help = "The device by which the request comes; without it, the one that owns the address.",
		.allowed = "a device name of 1 to 15 characters",
		.set = flag_set_device,
		.offset = AT(device),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "with",
		.argument = "COMMAND",
		.help = "As if this command had been run: ip rule, route or address with add, del or replace, or "
			"sysctl -w, in quotes. Nothing is changed. Repeatable, in order.",
		.set = flag_add_text,
		.offset = AT(with),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "format",
		.argument = "FORMAT",
		.initial = "text",
		.help = "Report as",
		.word = writer_word,
		.set = set_writer,
		.offset = AT(writer),
		.programs = REPORTERS | PROGRAM_READ },
	{ .name = "color",
		.argument = "WHEN",
		.initial = "auto",
		.help = "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.",
		.allowed = "auto, always or never",
		.set = set_colour,
		.offset = AT(colour),
		.programs = REPORTERS | PROGRAM_READ | PROGRAM_WATCH },
	{ .name = "config.file",
		.argument = "FILE",
		.help = "Settings (lines, probes, intended, thresholds) in YAML.",
		.allowed = "a file",
		.set = flag_set_text,
		.offset = AT(config_file),
		.programs = ALL_PROGRAMS },
	{ .name = "config.check",
		.help = "Check settings, web configuration and what is said of Alertmanagers, and exit.",
		.set = flag_set_switch,
		.offset = AT(config_check),
		.programs = PROGRAM_EXPORTER },
	{ .name = "netns",
		.argument = "NAME|PATH",
		.help = "Watch this network namespace; HTTP stays in the present one.",
		.allowed = "a name or path",
		.set = flag_set_text,
		.offset = AT(netns),
		.programs = ALL_PROGRAMS },
	{ .name = "line",
		.argument = "DEVICE",
		.help = "A device that is a line whatever its routes say. Repeatable.",
		.allowed = "a device name of 1 to 15 characters",
		.set = flag_add_device,
		.offset = AT(lines),
		.programs = ALL_PROGRAMS },
	{ .name = "path.procfs",
		.argument = "PATH",
		.initial = "/proc",
		.help = "Where procfs is mounted.",
		.allowed = "a path",
		.set = flag_set_text,
		.offset = AT(procfs),
		.programs = ALL_PROGRAMS },
	{ .name = "log.level",
		.argument = "LEVEL",
		.initial = "info",
		.help = "Log lines of this level and above: debug, info, warn or error.",
		.allowed = "debug, info, warn or error",
		.set = flag_set_log_level,
		.offset = AT(log_level),
		.programs = PROGRAM_EXPORTER },
	/* the report itself says what could not be looked at */
	{ .name = "log.level",
		.argument = "LEVEL",
		.initial = "error",
		.help = "Log lines of this level and above: debug, info, warn or error.",
		.allowed = "debug, info, warn or error",
		.set = flag_set_log_level,
		.offset = AT(log_level),
		.programs = REPORTERS | PROGRAM_WATCH },
	{ .name = "log.format",
		.argument = "FORMAT",
		.initial = "logfmt",
		.help = "Log lines as logfmt or json.",
		.allowed = "logfmt or json",
		.set = flag_set_log_format,
		.offset = AT(log_format),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.disable-defaults",
		.help = "Start with no collectors but those that are named.",
		.set = flag_set_switch,
		.offset = AT(no_default_collectors),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.handshake.device-include",
		.argument = "REGEX",
		.help = "Capture on devices with such a name alone.",
		.allowed = "a regular expression for whole names",
		.set = flag_set_pattern,
		.offset = AT(device_include),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.handshake.device-exclude",
		.argument = "REGEX",
		.help = "Do not capture on devices with such a name.",
		.allowed = "a regular expression for whole names",
		.set = flag_set_pattern,
		.offset = AT(device_exclude),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.handshake.tap",
		.argument = "KIND",
		.initial = "auto",
		.help = "Capture by a BPF program or by libpcap.",
		.allowed = "auto (bpf if it works), bpf or libpcap",
		.set = flag_set_tap,
		.offset = AT(tap),
		.programs = ALL_PROGRAMS },
};

static const struct flag *flag_of(enum program program, size_t index)
{
	for (size_t i = 0; i < sizeof(flag_table) / sizeof(*flag_table); i++)
		if (flag_table[i].programs & program && index-- == 0)
			return &flag_table[i];
	return NULL;
}

const char *options_flag_name(enum program program, size_t index)
{
	const struct flag *flag = flag_of(program, index);
	return flag ? flag->name : NULL;
}

#define FLAG_ALLOWED_SIZE 160

/* What a value must be: text or a constant. */
static const char *flag_allowed(
	const struct flag *flag, enum program program, char text[static FLAG_ALLOWED_SIZE])
{
	size_t used = 0;
	const char *word;
	if (!flag->word)
		return flag->allowed;
	text[0] = '\0';
	for (size_t i = 0; used < FLAG_ALLOWED_SIZE && (word = flag->word(program, i)); i++) {
		const char *joined = i == 0 ? "" : flag->word(program, i + 1) ? ", " : " or ";
		used += (size_t)snprintf(text + used, FLAG_ALLOWED_SIZE - used, "%s%s", joined, word);
	}
	return text;
}

/* ---- help ---- */

#define HELP_INDENT 6
#define HELP_WIDTH  80

static void print_help(const struct usage *usage, FILE *out)
{
	const struct flag *flag;
	bool takes = usage->arguments != NULL;
	fprintf(out, "Usage: %s [FLAGS]%s%s\n\n", usage->name, takes ? " " : "",
		takes ? usage->arguments : "");
	text_wrap(out, usage->summary, 0, HELP_WIDTH);
	fputs("\nFlags (and their defaults):\n", out);
	for (size_t i = 0; (flag = flag_of(usage->program, i)); i++) {
		char words[FLAG_ALLOWED_SIZE], help[FLAG_ALLOWED_SIZE + 80];
		fprintf(out, flag->argument ? "  --%s=%s" : "  --%s", flag->name, flag->argument);
		fprintf(out, flag->initial ? " (%s)\n" : "\n", flag->initial);
		snprintf(help, sizeof(help), "%s %s.", flag->help, flag_allowed(flag, usage->program, words));
		text_wrap(out, flag->word ? help : flag->help, HELP_INDENT, HELP_WIDTH);
	}
	for (size_t i = 0; usage->program & PROGRAMS_OBSERVING && observer_collectors[i]; i++) {
		const struct collector *collector = observer_collectors[i];
		fprintf(out, "  --[no-]collector.%s (%s)\n", collector->name,
			collector->consent ? "off" : "on");
		text_wrap(out, collector->summary, HELP_INDENT, HELP_WIDTH);
	}
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
	const char *word = NULL;
	bool takes = !flag->word;
	for (size_t i = 0; !takes && (word = flag->word(program, i)); i++)
		takes = strcmp(word, value) == 0;
	int result = takes ? flag->set(flag, value, field(parsing, flag)) : -EINVAL;
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

static int parse_flag(struct parsing *parsing, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct flag *flag;
	for (size_t i = 0; (flag = flag_of(parsing->usage->program, i)); i++)
		if (strlen(flag->name) == length && memcmp(flag->name, name, length) == 0)
			break;
	if (!flag)
		return refuse(parsing, argument, "unknown flag");
	if (!flag->argument)
		return equals ? refuse(parsing, argument, "takes no value") : set_flag(parsing, flag, "");
	/* behind "=", or the next argument */
	const char *value = equals                          ? equals + 1
			    : parsing->next < parsing->argc ? parsing->argv[parsing->next++]
							    : NULL;
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
	const struct usage *usage = parsing->usage;
	if (arguments->count >= (usage->argument_most ? usage->argument_most : usage->argument_count))
		return refuse(parsing, argument, "unexpected argument");
	const char **item = ARRAY_ADD(arguments->items, arguments->count);
	if (!item)
		return refuse(parsing, argument, "out of memory");
	*item = argument;
	return OPTIONS_RUN;
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

/* Of lists, which are repeatable, the initial value stands only if none is given. */
static int apply_initial(const struct parsing *parsing, bool lists)
{
	const struct flag *flag;
	for (size_t i = 0; (flag = flag_of(parsing->usage->program, i)); i++) {
		bool list = flag->set == flag_add_text || flag->set == flag_add_device;
		bool given = list && ((const struct text_list *)field(parsing, flag))->count;
		if (!flag->initial || list != lists || given)
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
	if (status == OPTIONS_RUN && options->arguments.count < usage->argument_count) {
		char why[128];
		snprintf(why, sizeof(why), "expected %s, got less", usage->arguments);
		status = refuse(&parsing, "arguments", why);
	}
	if (status == OPTIONS_RUN && options->device_include && options->device_exclude)
		status = refuse(&parsing, "--collector.handshake.device-include",
			"cannot be combined with --collector.handshake.device-exclude");
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
	free(options->alertmanagers.items);
	free(options->alert_labels.items);
	free(options->with.items);
	free(options->arguments.items);
	memset(options, 0, sizeof(*options));
}

int options_run(const struct usage *usage, int argc, char **argv, int (*run)(const struct options *options))
{
	struct options options;
	int status = options_parse(usage, argc, argv, &options, stdout, stderr);
	if (status == OPTIONS_RUN)
		status = run(&options);
	else if (status == OPTIONS_USED && options.writer && options.writer->status)
		status = options.writer->status(NULL, NULL);
	options_free(&options);
	return status;
}
