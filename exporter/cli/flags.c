// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/flags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/base/growth.h"
#include "collectors/base/name_pattern.h"
#include "exporter/config/settings_file.h"
#include "exporter/output/writer.h"

/* ---- kinds of values ---- */

static int set_text(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	*(const char **)target = value;
	return *value ? 0 : -EINVAL;
}

static int set_url_path(const struct flag *flag, const char *value, void *target)
{
	return value[0] == '/' && !strpbrk(value, " ?#") ? set_text(flag, value, target) : -EINVAL;
}

static int add_text(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	struct text_list *list = target;
	if (!*value)
		return -EINVAL;
	const char **item = GROW(list->items, list->count);
	if (!item)
		return -ENOMEM;
	*item = value;
	return 0;
}

static int add_device(const struct flag *flag, const char *value, void *target)
{
	return device_name_is_valid(value) ? add_text(flag, value, target) : -EINVAL;
}

static int set_device(const struct flag *flag, const char *value, void *target)
{
	return device_name_is_valid(value) ? set_text(flag, value, target) : -EINVAL;
}

static int set_pattern(const struct flag *flag, const char *value, void *target)
{
	regex_t expression;
	int result = name_pattern_compile(value, &expression);
	if (result < 0)
		return result;
	regfree(&expression);
	return set_text(flag, value, target);
}

static int set_switch(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	(void)value;
	*(bool *)target = true;
	return 0;
}

static int read_number(const char *text, unsigned least, unsigned most, unsigned *out, const char **rest)
{
	char *end;
	if (*text < '0' || *text > '9') /* strtoul would take spaces and signs */
		return -EINVAL;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (errno || value < least || value > most)
		return -EINVAL;
	*out = (unsigned)value;
	*rest = end;
	return 0;
}

static int set_number(const struct flag *flag, const char *value, void *target)
{
	unsigned number;
	const char *rest;
	if (read_number(value, flag->least, flag->most, &number, &rest) < 0 || *rest)
		return -EINVAL;
	*(unsigned *)target = number;
	return 0;
}

static int set_duration(const struct flag *flag, const char *value, void *target)
{
	unsigned seconds;
	const char *rest;
	if (read_number(value, 1, flag->most, &seconds, &rest) < 0)
		return -EINVAL;
	unsigned factor = strcmp(rest, "m") == 0 ? 60 : *rest == '\0' || strcmp(rest, "s") == 0 ? 1 : 0;
	if (!factor || seconds > flag->most / factor)
		return -EINVAL;
	*(int64_t *)target = SECOND_NS * seconds * factor;
	return 0;
}

static int set_log_level(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	return log_level_parse(value, target);
}

static int set_log_format(const struct flag *flag, const char *value, void *target)
{
	(void)flag;
	return log_format_parse(value, target);
}

static int find_word(const char *const *words, size_t count, const char *value)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], value) == 0)
			return (int)i;
	return -EINVAL;
}

static bool writes_for(const struct writer *writer, enum program program)
{
	switch (program) {
	case PROGRAM_CHECK:
		return writer->findings;
	case PROGRAM_EXPLAIN:
		return writer->explanation;
	case PROGRAM_READ:
		return writer->capture;
	case PROGRAM_EXPORTER:
		return false;
	}
	return false;
}

static const char *format_word(enum program program, size_t index)
{
	for (size_t i = 0; writers[i]; i++)
		if (writes_for(writers[i], program) && index-- == 0)
			return writers[i]->name;
	return NULL;
}

static int set_format(const struct flag *flag, const char *value, void *target)
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
	int found = find_word(words, sizeof(words) / sizeof(*words), value);
	if (found < 0)
		return found;
	*(enum report_colour *)target = (enum report_colour)found;
	return 0;
}

/* ---- the flags ---- */

#define AT(field)    offsetof(struct options, field)
#define REPORTERS    (PROGRAM_CHECK | PROGRAM_EXPLAIN)
#define ALL_PROGRAMS (PROGRAM_EXPORTER | REPORTERS)

const struct flag flag_table[] = {
	{ .name = "web.listen-address",
		.argument = "ADDRESS",
		.initial = OPTIONS_LISTEN_ADDRESS,
		.help = "Address to serve on: :PORT, HOST:PORT or [IPV6]:PORT. Repeatable.",
		.allowed = "an address",
		.set = add_text,
		.offset = AT(listen),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.telemetry-path",
		.argument = "PATH",
		.initial = "/metrics",
		.help = "Path under which metrics are served.",
		.allowed = "a path that begins with /",
		.set = set_url_path,
		.offset = AT(telemetry_path),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.config.file",
		.argument = "FILE",
		.help = "Web configuration (TLS, users) in YAML.",
		.allowed = "a file",
		.set = set_text,
		.offset = AT(web_config),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.max-requests",
		.argument = "N",
		.initial = "40",
		.help = "Requests answered at the same time; more are answered with 503.",
		.allowed = "a number from 1 to 1000",
		.set = set_number,
		.offset = AT(max_requests),
		.programs = PROGRAM_EXPORTER,
		.least = 1,
		.most = 1000 },
	{ .name = "web.expose-api",
		.help = "Answer the page and the API, which carry peers' addresses, not on loopback alone.",
		.set = set_switch,
		.offset = AT(expose_api),
		.programs = PROGRAM_EXPORTER },
	{ .name = "web.disable-exporter-metrics",
		.help = "Leave out metrics about the exporter itself.",
		.set = set_switch,
		.offset = AT(no_exporter_metrics),
		.programs = PROGRAM_EXPORTER },
	{ .name = "metrics.max-addresses",
		.argument = "N",
		.initial = "256",
		.help = "Service addresses that get label values; the rest is counted.",
		.allowed = "a number from 1 to 100000",
		.set = set_number,
		.offset = AT(max_addresses),
		.programs = PROGRAM_EXPORTER,
		.least = 1,
		.most = 100000 },
	{ .name = "for",
		.argument = "DURATION",
		.help = "Watch for so long (10, 10s, 2m) and judge once a second, instead of one look.",
		.allowed = "seconds from 1 to 86400, as 10, 10s or 2m",
		.set = set_duration,
		.offset = AT(watch_ns),
		.programs = PROGRAM_CHECK,
		.most = 86400 },
	{ .name = "trace",
		.help = "Wait for a connection from CLIENT and show its way rule by rule: a table of its own "
			"marks its request and is gone when it ends. Needs CAP_NET_ADMIN.",
		.set = set_switch,
		.offset = AT(trace),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "probe",
		.help = "With --trace: open one connection from this host to SERVICE instead of waiting.",
		.set = set_switch,
		.offset = AT(probe),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "for",
		.argument = "DURATION",
		.initial = "30s",
		.help = "With --trace: wait for so long (10, 10s, 2m).",
		.allowed = "seconds from 1 to 600, as 10, 10s or 2m",
		.set = set_duration,
		.offset = AT(watch_ns),
		.programs = PROGRAM_EXPLAIN,
		.most = 600 },
	{ .name = "device",
		.argument = "DEVICE",
		.help = "The device by which the request comes; without it, the one that owns the address.",
		.allowed = "a device name of 1 to 15 characters",
		.set = set_device,
		.offset = AT(device),
		.programs = PROGRAM_EXPLAIN },
	{ .name = "format",
		.argument = "FORMAT",
		.initial = "text",
		.help = "Report as",
		.word = format_word,
		.set = set_format,
		.offset = AT(writer),
		.programs = REPORTERS | PROGRAM_READ },
	{ .name = "color",
		.argument = "WHEN",
		.initial = "auto",
		.help = "Colour: auto (on a terminal, unless NO_COLOR is set), always or never.",
		.allowed = "auto, always or never",
		.set = set_colour,
		.offset = AT(colour),
		.programs = REPORTERS | PROGRAM_READ },
	{ .name = "config.file",
		.argument = "FILE",
		.help = "Settings (lines, probes, intended, thresholds) in YAML.",
		.allowed = "a file",
		.set = set_text,
		.offset = AT(config_file),
		.programs = ALL_PROGRAMS },
	{ .name = "config.check",
		.help = "Check settings and web configuration and exit.",
		.set = set_switch,
		.offset = AT(config_check),
		.programs = PROGRAM_EXPORTER },
	{ .name = "netns",
		.argument = "NAME|PATH",
		.help = "Watch this network namespace; HTTP stays in the present one.",
		.allowed = "a name or path",
		.set = set_text,
		.offset = AT(netns),
		.programs = ALL_PROGRAMS },
	{ .name = "line",
		.argument = "DEVICE",
		.help = "A device that is a line whatever its routes say. Repeatable.",
		.allowed = "a device name of 1 to 15 characters",
		.set = add_device,
		.offset = AT(lines),
		.programs = ALL_PROGRAMS },
	{ .name = "path.procfs",
		.argument = "PATH",
		.initial = "/proc",
		.help = "Where procfs is mounted.",
		.allowed = "a path",
		.set = set_text,
		.offset = AT(procfs),
		.programs = ALL_PROGRAMS },
	{ .name = "log.level",
		.argument = "LEVEL",
		.initial = "info",
		.help = "Log lines of this level and above: debug, info, warn or error.",
		.allowed = "debug, info, warn or error",
		.set = set_log_level,
		.offset = AT(log_level),
		.programs = PROGRAM_EXPORTER },
	/* the report itself says what could not be looked at */
	{ .name = "log.level",
		.argument = "LEVEL",
		.initial = "error",
		.help = "Log lines of this level and above: debug, info, warn or error.",
		.allowed = "debug, info, warn or error",
		.set = set_log_level,
		.offset = AT(log_level),
		.programs = REPORTERS },
	{ .name = "log.format",
		.argument = "FORMAT",
		.initial = "logfmt",
		.help = "Log lines as logfmt or json.",
		.allowed = "logfmt or json",
		.set = set_log_format,
		.offset = AT(log_format),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.disable-defaults",
		.help = "Start with no collectors but those that are named.",
		.set = set_switch,
		.offset = AT(no_default_collectors),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.handshake.device-include",
		.argument = "REGEX",
		.help = "Capture on devices with such a name alone.",
		.allowed = "a regular expression for whole names",
		.set = set_pattern,
		.offset = AT(device_include),
		.programs = ALL_PROGRAMS },
	{ .name = "collector.handshake.device-exclude",
		.argument = "REGEX",
		.help = "Do not capture on devices with such a name.",
		.allowed = "a regular expression for whole names",
		.set = set_pattern,
		.offset = AT(device_exclude),
		.programs = ALL_PROGRAMS },
};

const size_t flag_count = sizeof(flag_table) / sizeof(*flag_table);

const char *flag_allowed(const struct flag *flag, enum program program, char text[static FLAG_ALLOWED_SIZE])
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

bool flag_takes(const struct flag *flag, enum program program, const char *value)
{
	const char *word;
	for (size_t i = 0; flag->word && (word = flag->word(program, i)); i++)
		if (strcmp(word, value) == 0)
			return true;
	return !flag->word;
}

bool flag_is_list(const struct flag *flag)
{
	return flag->set == add_text || flag->set == add_device;
}
