// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/web_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/base/file.h"
#include "exporter/base/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* "$2a$", "$2b$" or "$2y$", a cost of 04 to 31, and 53 characters of salt and hash in bcrypt's alphabet. */
static bool is_bcrypt(const char *hash)
{
	static const char alphabet[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	if (strlen(hash) != BCRYPT_HASH_SIZE - 1 || strncmp(hash, "$2", 2) != 0 || !strchr("aby", hash[2]) ||
		hash[3] != '$' || hash[6] != '$')
		return false;
	if (!isdigit((unsigned char)hash[4]) || !isdigit((unsigned char)hash[5]))
		return false;
	int cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return cost >= 4 && cost <= 31 && strspn(hash + 7, alphabet) == BCRYPT_HASH_SIZE - 8;
}

static void read_user(struct yaml_reader *reader, const char *name, const yaml_node_t *value, void *target)
{
	struct web_config *config = target;
	const char *hash = yaml_text(value);
	if (strchr(name, ':'))
		yaml_fail(reader, NULL, "a name cannot hold a colon");
	else if (!*name || !yaml_is_printable(name))
		yaml_fail(reader, NULL, "a name must be plain text");
	else if (!hash || !is_bcrypt(hash))
		yaml_fail(reader, value, "expected a bcrypt hash ($2y$...)");
	if (reader->error)
		return;
	struct web_user *user = ARRAY_ADD(config->users, config->user_count);
	if (user)
		memcpy(user->hash, hash, BCRYPT_HASH_SIZE);
	if (!user || !(user->name = strdup(name)))
		yaml_out_of_memory(reader);
}

static void read_users(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	yaml_pairs(reader, node, read_user, target);
}

static void read_tls(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "cert_file", yaml_file_name, offsetof(struct web_config, certificate), false },
		{ "key_file", yaml_file_name, offsetof(struct web_config, key), false },
	};
	const struct web_config *config = target;
	yaml_map(reader, node, keys, COUNT(keys), target);
	if (!config->certificate != !config->key)
		yaml_fail(reader, NULL, "%s is missing", config->key ? "cert_file" : "key_file");
}

static void read_root(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "basic_auth_users", read_users, 0, false },
		{ "tls_server_config", read_tls, 0, false },
	};
	yaml_map(reader, node, keys, COUNT(keys), target);
}

int web_config_parse(const char *file, const char *text, size_t length, struct web_config **out,
	char *message, size_t size)
{
	struct yaml_reader reader = {
		.file = file, .unknown = "not supported", .secret = true, .message = message, .size = size
	};
	struct web_config *config = calloc(1, sizeof(*config));
	if (!config)
		yaml_out_of_memory(&reader);
	else
		yaml_read(&reader, text, length, read_root, config);
	if (reader.error)
		web_config_free(config);
	else
		*out = config;
	return reader.error;
}

void web_config_free(struct web_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->user_count; i++)
		free(config->users[i].name);
	free(config->users);
	free(config->certificate);
	if (config->key)
		explicit_bzero(config->key, strlen(config->key));
	free(config->key);
	free(config);
}

/* Replaces the name of a PEM file by what is in it. */
static int load_pem(const char *config_path, const char *key, char **text, char *message, size_t size)
{
	char *pem = NULL;
	ssize_t length = file_read_beside(config_path, *text, WEB_CONFIG_MOST, &pem);
	if (length < 0) {
		snprintf(message, size, "%s: tls_server_config.%s: %s: %s", config_path, key, *text,
			file_error((int)length));
		return (int)length;
	}
	free(*text);
	*text = pem;
	return 0;
}

int web_config_read(const char *path, struct web_config **out, char *message, size_t size)
{
	char *text = NULL;
	struct web_config *config = NULL;
	if (!path) {
		config = calloc(1, sizeof(*config));
		if (config)
			*out = config;
		else
			snprintf(message, size, "out of memory");
		return config ? 0 : -ENOMEM;
	}
	ssize_t length = file_read(path, WEB_CONFIG_MOST, &text);
	if (length < 0) {
		snprintf(message, size, "%s: %s", path, file_error((int)length));
		return (int)length;
	}
	int result = web_config_parse(path, text, (size_t)length, &config, message, size);
	free(text);
	if (result == 0 && config->certificate) {
		result = load_pem(path, "cert_file", &config->certificate, message, size);
		if (result == 0)
			result = load_pem(path, "key_file", &config->key, message, size);
	}
	if (result == 0)
		*out = config;
	else
		web_config_free(config);
	return result;
}
