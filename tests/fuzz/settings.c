// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "exporter/config/settings_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is refused is explained, in one line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[SETTINGS_MESSAGE_SIZE] = "";
	struct settings *settings = NULL;
	int result = settings_parse("fuzz", (const char *)data, size, &settings, message, sizeof(message));
	if ((result < 0) != (settings == NULL) || (result < 0) != (message[0] != '\0') ||
		strchr(message, '\n'))
		abort();
	settings_free(settings);
	return 0;
}
