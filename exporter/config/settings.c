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
	if (settings)
		thresholds_default(&settings->thresholds);
	return settings;
}

void settings_free(struct settings *settings)
{
	if (!settings)
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

static bool has_line(const struct settings *settings, const char *device)
{
	for (size_t i = 0; i < settings->line_count; i++)
		if (!strcmp(settings->lines[i], device))
			return true;
	return false;
}

int settings_add_line(struct settings *settings, const char *device)
{
	if (!device_name_is_valid(device))
		return -EINVAL;
	if (has_line(settings, device))
		return 0;
	char(*line)[IF_NAMESIZE] = ARRAY_ADD(settings->lines, settings->line_count);
	if (!line)
		return -ENOMEM;
	snprintf(*line, sizeof(*line), "%s", device);
	return 0;
}

static int copy_intended(struct settings *to, const struct settings *from)
{
	for (size_t i = 0; i < from->intended_count; i++) {
		struct intended *intended = ARRAY_ADD(to->intended, to->intended_count);
		if (!intended)
			return -ENOMEM;
		*intended = from->intended[i];
		intended->reason = from->intended[i].reason ? strdup(from->intended[i].reason) : NULL;
		if (!intended->reason && from->intended[i].reason)
			return -ENOMEM;
	}
	return 0;
}

static int copy_lines(struct settings *to, const struct settings *from)
{
	for (size_t i = 0; i < from->line_count; i++)
		if (settings_add_line(to, from->lines[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int copy_probes(struct settings *to, const struct settings *from)
{
	for (size_t i = 0; i < from->probe_count; i++) {
		struct address *probe = ARRAY_ADD(to->probes, to->probe_count);
		if (!probe)
			return -ENOMEM;
		*probe = from->probes[i];
	}
	return 0;
}

struct settings *settings_copy(const struct settings *settings)
{
	struct settings *copy = settings_new();
	if (!copy)
		return NULL;
	copy->thresholds = settings->thresholds;
	if (copy_intended(copy, settings) == 0 && copy_lines(copy, settings) == 0 &&
		copy_probes(copy, settings) == 0)
		return copy;
	settings_free(copy);
	return NULL;
}
