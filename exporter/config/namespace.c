// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/config/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/base/text.h"

#define NAMED_NAMESPACES "/run/netns" /* where iproute2 keeps them (NETNS_RUN_DIR) */
#define SHOWN_SIZE       256

static int open_failed(const char *given, int error, char *message, size_t size)
{
	char text[SHOWN_SIZE];
	text_format(given, TEXT_PLAIN, text, sizeof(text));
	if (error == ENOENT && !strchr(given, '/'))
		snprintf(message, size, "no network namespace named %s; `ip netns` lists them", text);
	else
		snprintf(message, size, "network namespace %s: %s", text, strerror(error));
	return -error;
}

static int enter_failed(const char *given, int error, char *message, size_t size)
{
	char text[SHOWN_SIZE];
	text_format(given, TEXT_PLAIN, text, sizeof(text));
	const char *why = error == EPERM    ? "entering it needs CAP_SYS_ADMIN"
			  : error == EINVAL ? "not a network namespace"
					    : strerror(error);
	snprintf(message, size, "network namespace %s: %s", text, why);
	return -error;
}

int namespace_enter(const char *name_or_path, char *message, size_t size)
{
	char path[PATH_MAX];
	bool is_path = strchr(name_or_path, '/') != NULL;
	int length = snprintf(path, sizeof(path), "%s%s", is_path ? "" : NAMED_NAMESPACES "/", name_or_path);
	if (length < 0 || (size_t)length >= sizeof(path))
		return open_failed(name_or_path, ENAMETOOLONG, message, size);
	/* not blocking: the path may be a FIFO's */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (descriptor < 0)
		return open_failed(name_or_path, errno, message, size);
	int error = setns(descriptor, CLONE_NEWNET) < 0 ? errno : 0;
	close(descriptor);
	return error ? enter_failed(name_or_path, error, message, size) : 0;
}
