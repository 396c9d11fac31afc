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

int namespace_enter(const char *name_or_path, char *message, size_t size)
{
	char path[PATH_MAX], text[SHOWN_SIZE];
	bool is_path = strchr(name_or_path, '/') != NULL;
	int length = snprintf(path, sizeof(path), "%s%s", is_path ? "" : NAMED_NAMESPACES "/", name_or_path);
	bool fits = length >= 0 && (size_t)length < sizeof(path);
	/* not blocking: the path may be a FIFO's */
	int descriptor = fits ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	bool opened = descriptor >= 0;
	int error = !fits ? ENAMETOOLONG : !opened || setns(descriptor, CLONE_NEWNET) < 0 ? errno : 0;
	if (opened)
		close(descriptor);
	if (!error)
		return 0;
	text_format(name_or_path, TEXT_PLAIN, text, sizeof(text));
	if (!opened && error == ENOENT && !is_path)
		snprintf(message, size, "no network namespace named %s; `ip netns` lists them", text);
	else
		snprintf(message, size, "network namespace %s: %s", text,
			opened && error == EPERM    ? "entering it needs CAP_SYS_ADMIN"
			: opened && error == EINVAL ? "not a network namespace"
						    : strerror(error));
	return -error;
}
