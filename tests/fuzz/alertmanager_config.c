// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/alertmanager/alertmanager_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted is whole: a certificate has its key, a name its password or the file of it. */
static void check(const struct alertmanager_config *config)
{
	if (!config->certificate.text != !config->key.text)
		abort();
	if (config->username && !config->password == !config->password_file.text)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[256] = "";
	struct alertmanager_config *config = NULL;
	int result = alertmanager_config_parse(
		"am.yml", (const char *)data, size, &config, message, sizeof(message));
	if (result == 0)
		check(config);
	else if (strncmp(message, "am.yml:", 7) != 0 || config)
		abort();
	alertmanager_config_free(config);
	return 0;
}
