// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/config/reload.h"
#include "exporter/base/descriptor.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "exporter/config/settings_file.h"

struct reload {
	const struct options *options;
	int descriptor;
	pthread_mutex_t lock;
	struct settings *waiting;
};

static int load_file(const struct options *options, struct settings **out, char *message, size_t size)
{
	if (options->config_file)
		return settings_read(options->config_file, out, message, size);
	*out = settings_new();
	return *out ? 0 : -ENOMEM;
}

static int add_lines(const struct options *options, struct settings *settings)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < options->lines.count; i++)
		result = settings_add_line(settings, options->lines.items[i]);
	return result;
}

int settings_load(const struct options *options, struct settings **out, char *message, size_t size)
{
	struct settings *settings = NULL;
	snprintf(message, size, "out of memory");
	int result = load_file(options, &settings, message, size);
	if (result == 0)
		result = add_lines(options, settings);
	if (result < 0)
		settings_free(settings);
	else
		*out = settings;
	return result;
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
	pthread_mutex_init(&reload->lock, NULL);
	*out = reload;
	return 0;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	settings_free(reload->waiting);
	pthread_mutex_destroy(&reload->lock);
	close(reload->descriptor);
	free(reload);
}

static struct settings *exchange(struct reload *reload, struct settings *settings)
{
	pthread_mutex_lock(&reload->lock);
	struct settings *old = reload->waiting;
	reload->waiting = settings;
	pthread_mutex_unlock(&reload->lock);
	return old;
}

int reload_request(void *argument, char *message, size_t size)
{
	struct reload *reload = argument;
	struct settings *settings = NULL;
	int result = settings_load(reload->options, &settings, message, size);
	if (result < 0)
		return result;
	settings_free(exchange(reload, settings));
	return eventfd_write(reload->descriptor, 1) < 0 ? -errno : 0;
}

int reload_descriptor(const struct reload *reload)
{
	return reload->descriptor;
}

struct settings *reload_take(struct reload *reload)
{
	descriptor_drain(reload->descriptor);
	return exchange(reload, NULL);
}
