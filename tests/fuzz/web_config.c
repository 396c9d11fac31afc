// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/http/web_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was accepted is whole: both PEM files or none, each user with a name and a hash. */
static void check(const struct web_config *config)
{
	if (!config->certificate != !config->key)
		abort();
	for (size_t i = 0; i < config->user_count; i++)
		if (!config->users[i].name || strlen(config->users[i].hash) != BCRYPT_HASH_SIZE - 1)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char message[256] = "";
	struct web_config *config = NULL;
	int result = web_config_parse("web.yml", (const char *)data, size, &config, message, sizeof(message));
	if (result == 0)
		check(config);
	else if (strncmp(message, "web.yml:", 8) != 0 || config)
		abort();
	web_config_free(config);
	return 0;
}
