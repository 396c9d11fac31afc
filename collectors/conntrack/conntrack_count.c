// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/conntrack/conntrack_count.h"

#include <errno.h>
#include <stdlib.h>

#include "collectors/base/procfs.h"

int conntrack_count(const char *procfs, uint64_t *out)
{
	char *text, *end;
	int error = procfs_read(procfs, "sys/net/netfilter/nf_conntrack_count", &text, NULL);
	if (error < 0)
		return error;
	errno = 0;
	uint64_t count = strtoull(text, &end, 10);
	if (errno || end == text || (*end != '\n' && *end != '\0'))
		error = -EBADMSG;
	free(text);
	if (!error)
		*out = count;
	return error;
}
