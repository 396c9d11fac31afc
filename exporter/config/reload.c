// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/config/reload.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/base/descriptor.h"
#include "exporter/config/settings_file.h"

struct reload {
	const struct options *options;
	int descriptor;
	_Atomic(struct settings *) waiting;
};

int settings_load(const struct options *options, struct settings **out, char *message, size_t size)
{
	struct settings *settings = NULL;
	int result = 0;
	snprintf(message, size, "out of memory");
	if (options->config_file)
		result = settings_read(options->config_file, &settings, message, size);
	else
		settings = settings_new();
	if (result == 0 && !settings)
		result = -ENOMEM;
	for (size_t i = 0; result == 0 && i < options->lines.count; i++)
		result = settings_add_line(settings, options->lines.items[i]);
	if (result < 0)
		settings_free(settings);
	else
		*out = settings;
	return result;
}

struct collector_settings settings_for_collectors(
	const struct settings *settings, const struct options *options)
{
	return (struct collector_settings){
		.procfs = options->procfs,
		.probes = settings->probes,
		.probe_count = settings->probe_count,
		.lines = settings->lines,
		.line_count = settings->line_count,
		.device_include = options->device_include,
		.device_exclude = options->device_exclude,
		.tap = options->tap,
	};
}

int reload_new(const struct options *options, struct reload **out)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	if (!reload)
		return -ENOMEM;
	reload->options = options;
	reload->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reload->descriptor < 0) {
		int error = errno;
		free(reload);
		return -error;
	}
	*out = reload;
	return 0;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	settings_free(reload->waiting);
	close(reload->descriptor);
	free(reload);
}

int reload_request(void *argument, char *message, size_t size)
{
	struct reload *reload = argument;
	struct settings *settings = NULL;
	int result = settings_load(reload->options, &settings, message, size);
	if (result < 0)
		return result;
	settings_free(atomic_exchange(&reload->waiting, settings));
	return eventfd_write(reload->descriptor, 1) < 0 ? -errno : 0;
}

int reload_descriptor(const struct reload *reload)
{
	return reload->descriptor;
}

struct settings *reload_take(struct reload *reload)
{
	descriptor_drain(reload->descriptor);
	return atomic_exchange(&reload->waiting, NULL);
}
