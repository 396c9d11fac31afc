// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/kernel_module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "collectors/base/procfs.h"

#define NAME_MAX_SIZE 64
#define PATH_SIZE     128

bool kernel_module_is_listed(const char *loaded, const char *builtin, const char *name)
{
	char file[NAME_MAX_SIZE];
	size_t length = strlen(name);
	/* "nf_tables 311296 0 - Live …" at the start of a line. */
	for (const char *line = loaded; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return true;
	}
	snprintf(file, sizeof(file), "/%s.ko\n", name); /* "kernel/net/netfilter/nf_tables.ko" */
	return !loaded || !builtin || strstr(builtin, file);
}

bool kernel_module_is_there(const char *procfs, const char *name)
{
	char path[PATH_SIZE];
	struct utsname kernel;
	char *loaded = NULL, *builtin = NULL;
	if (uname(&kernel) < 0 || procfs_read(procfs, "modules", &loaded, NULL) < 0)
		loaded = NULL;
	if (loaded) {
		snprintf(path, sizeof(path), "modules/%s/modules.builtin", kernel.release);
		if (procfs_read("/lib", path, &builtin, NULL) < 0)
			builtin = NULL;
	}
	bool there = (loaded || procfs_check(procfs) == 0) && kernel_module_is_listed(loaded, builtin, name);
	free(loaded);
	free(builtin);
	return there;
}
