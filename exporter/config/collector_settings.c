// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/config/collector_settings.h"

#include <errno.h>
#include <stdlib.h>

int collector_settings_make(
	const struct settings *settings, const struct options *options, struct collector_settings *out)
{
	const char **lines = calloc(settings->line_count + 1, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	for (size_t i = 0; i < settings->line_count; i++)
		lines[i] = settings->lines[i];
	*out = (struct collector_settings){
		.procfs = options->procfs,
		.probes = settings->probes,
		.probe_count = settings->probe_count,
		.lines = lines,
		.line_count = settings->line_count,
		.device_include = options->device_include,
		.device_exclude = options->device_exclude,
	};
	return 0;
}

void collector_settings_clear(struct collector_settings *settings)
{
	free((void *)(uintptr_t)settings->lines);
	*settings = (struct collector_settings){ 0 };
}
