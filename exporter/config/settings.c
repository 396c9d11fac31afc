// SPDX-License-Identifier: GPL-2.0-or-later
/* What holds the settings; settings_file.c reads them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/config/settings_file.h"

struct settings *settings_new(void)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	if (settings) {
		atomic_init(&settings->holders, 1);
		thresholds_default(&settings->thresholds);
	}
	return settings;
}

struct settings *settings_share(struct settings *settings)
{
	atomic_fetch_add(&settings->holders, 1);
	return settings;
}

void settings_free(struct settings *settings)
{
	if (!settings || atomic_fetch_sub(&settings->holders, 1) != 1)
		return;
	for (size_t i = 0; i < settings->intended_count; i++)
		free(settings->intended[i].reason);
	free(settings->intended);
	free(settings->lines);
	free(settings->probes);
	free(settings);
}

bool device_name_is_valid(const char *name)
{
	size_t length = strlen(name);
	if (!length || length >= IF_NAMESIZE || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return !strpbrk(name, "/: \t\n\v\f\r");
}

int settings_add_line(struct settings *settings, const char *device)
{
	if (!device_name_is_valid(device))
		return -EINVAL;
	for (size_t i = 0; i < settings->line_count; i++)
		if (!strcmp(settings->lines[i], device))
			return 0;
	char(*line)[IF_NAMESIZE] = ARRAY_ADD(settings->lines, settings->line_count);
	if (!line)
		return -ENOMEM;
	snprintf(*line, sizeof(*line), "%s", device);
	return 0;
}
