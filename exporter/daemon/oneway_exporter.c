// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/cli/options.h"
#include "exporter/config/reload.h"
#include "exporter/config/settings_file.h"
#include "exporter/daemon/alert_options.h"
#include "exporter/daemon/daemon.h"
#include "exporter/http/web_config.h"

static const struct usage usage = {
	.program = PROGRAM_EXPORTER,
	.name = "oneway_exporter",
	.summary = "Watches a multi-homed host, NAT gateway or router for connections whose replies leave by "
		   "the wrong way or are dropped on the way back, and serves what it finds to Prometheus.",
};

/* --config.check */
static int check_config(const struct options *options)
{
	char message[SETTINGS_MESSAGE_SIZE];
	struct settings *settings = NULL;
	if (settings_load(options, &settings, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return EXIT_FAILURE;
	}
	settings_free(settings);
	struct web_config *web = NULL;
	if (web_config_read(options->web_config, &web, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return EXIT_FAILURE;
	}
	web_config_free(web);
	struct alert_origin origin;
	const struct alertmanagers_options alertmanagers = alert_options(options, &origin);
	if (alertmanagers_check(&alertmanagers, message, sizeof(message)) < 0) {
		fprintf(stderr, "%s\n", message);
		return EXIT_FAILURE;
	}
	puts("The configuration is valid.");
	return EXIT_SUCCESS;
}

static int run(const struct options *options)
{
	struct log log = { options->log_level, options->log_format, STDERR_FILENO, NULL };
	if (options->config_check)
		return check_config(options);
	int error = log_begin(&log);
	if (error < 0) {
		log_error(&log, "Cannot start", { "error", strerror(-error) });
		return EXIT_FAILURE;
	}
	int status = daemon_run(options, &log);
	log_end(&log);
	return status;
}

int main(int argc, char **argv)
{
	return options_run(&usage, argc, argv, run);
}
