/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The command lines of all programs, from one table of flags. Not getopt_long: it takes any unambiguous
 * beginning for a flag, so that a new flag would break scripts that rely on one, and keeps its state in
 * globals. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "exporter/base/text.h"
#include "exporter/daemon/log.h"
#include "exporter/daemon/observer.h"

#define OPTIONS_LISTEN_ADDRESS ":10150"

/* Bits: a flag says to which programs it belongs. */
enum program {
	PROGRAM_EXPORTER = 1, /* oneway_exporter */
	PROGRAM_CHECK = 2,    /* oneway check */
	PROGRAM_EXPLAIN = 4,  /* oneway explain */
	PROGRAM_READ = 8,     /* oneway read */
	PROGRAM_WATCH = 16,   /* oneway watch */
};

enum report_colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct writer;

/* All texts are lent by argv. */
struct options {
	struct text_list listen;
	const char *telemetry_path;
	const char *web_config; /* or NULL */
	unsigned max_requests;
	unsigned max_addresses;
	bool expose_api;
	bool no_exporter_metrics;
	const char *external_url; /* or NULL */

	struct text_list alertmanagers, alert_labels;
	const char *alertmanager_config; /* or NULL */
	const char *runbook_url;         /* or NULL */

	bool no_default_collectors;
	bool *collectors; /* wanted; as observer_collectors */

	const char *config_file; /* or NULL */
	bool config_check;
	const char *procfs;
	const char *netns; /* or NULL */
	struct text_list lines;
	const char *device_include, *device_exclude; /* to capture on; at most one is not NULL */
	const char *tap;                             /* or NULL */

	enum log_level log_level;
	enum log_format log_format;

	const char *url;     /* or NULL */
	const char *ca_file; /* or NULL */
	bool local, plain;

	int64_t watch_ns; /* --for; 0: one look, or without end */
	bool trace, probe;
	const struct writer *writer; /* --format */
	enum report_colour colour;
	const char *device;    /* --device, or NULL */
	struct text_list with; /* --with: commands that are not run */

	struct text_list arguments; /* as many as the usage tells */
};

struct usage {
	enum program program;
	const char *name;      /* "oneway check" */
	const char *summary;   /* sentences for --help */
	const char *arguments; /* placeholders of what is not a flag, "CLIENT SERVICE[:PORT]"; NULL: none is
				  taken */
	size_t argument_count; /* at least */
	size_t argument_most;  /* 0: no more than that */
};

#define OPTIONS_RUN  (-1)
#define OPTIONS_USED 2 /* exit status for a command line that is wrong */

/* Arguments begin at argv[1]. OPTIONS_RUN, or the status to exit with: --help and --version were answered on
 * `out`, or one line on `err` says what is wrong. *options is filled in with defaults in any case and freed
 * by options_free(). */
int options_parse(
	const struct usage *usage, int argc, char **argv, struct options *options, FILE *out, FILE *err);
void options_free(struct options *options);

/* "NAME, version V (revision: R)". */
void options_print_version(const char *name, FILE *out);

/* For tests: the name of the index-th flag of a program (without dashes), or NULL beyond the last. */
const char *options_flag_name(enum program program, size_t index);

/* Parses for standard output and error, and lets `run` do the work, which returns the exit status. */
int options_run(const struct usage *usage, int argc, char **argv, int (*run)(const struct options *options));
