// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/base/procfs.h"
#include "collectors/device/device_parse.h"
#include "collectors/socket/socket_proc.h"
#include "tests/fuzz/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint64_t value, other;
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	rpfilter_parse_drops(text, &value);
	rpfilter_parse_martians(text, &value, &other);
	procfs_columns_sum(text, "invalid", 16, &value);
	struct proc_socket socket;
	proc_socket_parse(text, &socket);
	free(text);
	return 0;
}
