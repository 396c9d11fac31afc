// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/alert_options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where packages install them, as in alerts/mixin/config.libsonnet. */
#define RUNBOOKS "file:///usr/share/doc/oneway/alerts/runbooks/"

struct alertmanagers_options alert_options(const struct options *options, struct alert_origin *origin)
{
	char name[HOST_NAME_MAX + 1] = "localhost";
	const char *listen = options->listen.count ? options->listen.items[0] : OPTIONS_LISTEN_ADDRESS;
	const char *port = strrchr(listen, ':');
	gethostname(name, sizeof(name) - 1);
	snprintf(origin->instance, sizeof(origin->instance), "%s%.6s", name, port ? port : "");
	snprintf(origin->url, sizeof(origin->url), "http://%s/", origin->instance);
	return (struct alertmanagers_options){
		.urls = options->alertmanagers,
		.config_file = options->alertmanager_config,
		.sender = { .labels = options->alert_labels,
			.instance = origin->instance,
			.generator_url = options->external_url ? options->external_url : origin->url,
			.runbook_url = options->runbook_url ? options->runbook_url : RUNBOOKS },
		.max_addresses = options->max_addresses,
	};
}
