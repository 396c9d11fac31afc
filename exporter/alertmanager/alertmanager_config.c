// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/alertmanager_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/base/file.h"
#include "exporter/base/yaml.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define AT(field)    offsetof(struct alertmanager_config, field)

static void read_text(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_text(node);
	if (!text || !*text)
		yaml_unexpected(reader, node, "a text");
	else if (!(*(char **)target = strdup(text)))
		yaml_out_of_memory(reader);
}

static void read_file(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	struct config_file *file = target;
	yaml_file_name(reader, node, &file->text);
	file->line = node->start_mark.line + 1;
}

static void read_bool(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	const char *text = yaml_is_plain(node) ? yaml_text(node) : NULL;
	if (text && (!strcmp(text, "true") || !strcmp(text, "false")))
		*(bool *)target = *text == 't';
	else
		yaml_unexpected(reader, node, "true or false");
}

static void read_basic_auth(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "username", read_text, AT(username), false },
		{ "password", read_text, AT(password), false },
		{ "password_file", read_file, AT(password_file), false },
	};
	const struct alertmanager_config *config = target;
	yaml_map(reader, node, keys, COUNT(keys), target);
	if (!config->username)
		yaml_fail(reader, NULL, "username is missing");
	else if (!config->password == !config->password_file.text)
		yaml_fail(reader, NULL, "expected either password or password_file");
}

static void read_tls(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "ca_file", read_file, AT(authority), false },
		{ "cert_file", read_file, AT(certificate), false },
		{ "key_file", read_file, AT(key), false },
		{ "server_name", read_text, AT(server_name), false },
		{ "insecure_skip_verify", read_bool, AT(insecure), false },
	};
	const struct alertmanager_config *config = target;
	yaml_map(reader, node, keys, COUNT(keys), target);
	if (!config->certificate.text != !config->key.text)
		yaml_fail(reader, NULL, "%s is missing", config->key.text ? "cert_file" : "key_file");
}

static void read_root(struct yaml_reader *reader, const yaml_node_t *node, void *target)
{
	static const struct yaml_key keys[] = {
		{ "basic_auth", read_basic_auth, 0, false },
		{ "tls_config", read_tls, 0, false },
	};
	yaml_map(reader, node, keys, COUNT(keys), target);
}

int alertmanager_config_parse(const char *file, const char *text, size_t length,
	struct alertmanager_config **out, char *message, size_t size)
{
	struct yaml_reader reader = {
		.file = file, .unknown = "not supported", .secret = true, .message = message, .size = size
	};
	struct alertmanager_config *config = calloc(1, sizeof(*config));
	if (!config)
		yaml_out_of_memory(&reader);
	else
		yaml_read(&reader, text, length, read_root, config);
	if (reader.error)
		alertmanager_config_free(config);
	else
		*out = config;
	return reader.error;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void alertmanager_config_free(struct alertmanager_config *config)
{
	if (!config)
		return;
	free(config->username);
	wipe(config->password);
	free(config->password_file.text);
	free(config->authority.text);
	free(config->certificate.text);
	wipe(config->key.text);
	free(config->server_name);
	free(config);
}

/* The name is replaced by what is in the file. */
static int load(const char *path, const char *key, struct config_file *file, char *message, size_t size)
{
	char *text = NULL;
	if (!file->text)
		return 0;
	ssize_t length = file_read_beside(path, file->text, ALERTMANAGER_CONFIG_MOST, &text);
	if (length < 0) {
		snprintf(message, size, "%s:%zu: %s: %s: %s", path, file->line, key, file->text,
			file_error((int)length));
		return (int)length;
	}
	free(file->text);
	file->text = text;
	return 0;
}

static int load_files(const char *path, struct alertmanager_config *config, char *message, size_t size)
{
	int result = load(path, "tls_config.ca_file", &config->authority, message, size);
	if (result == 0)
		result = load(path, "tls_config.cert_file", &config->certificate, message, size);
	if (result == 0)
		result = load(path, "tls_config.key_file", &config->key, message, size);
	if (result == 0)
		result = load(path, "basic_auth.password_file", &config->password_file, message, size);
	if (result == 0 && config->password_file.text) {
		config->password = config->password_file.text;
		config->password_file.text = NULL;
		size_t length = strlen(config->password);
		if (length > 0 && config->password[length - 1] == '\n')
			config->password[length - 1] = '\0';
	}
	return result;
}

int alertmanager_config_read(const char *path, struct alertmanager_config **out, char *message, size_t size)
{
	char *text = NULL;
	struct alertmanager_config *config = NULL;
	if (!path) {
		config = calloc(1, sizeof(*config));
		if (config)
			*out = config;
		else
			snprintf(message, size, "out of memory");
		return config ? 0 : -ENOMEM;
	}
	ssize_t length = file_read(path, ALERTMANAGER_CONFIG_MOST, &text);
	if (length < 0) {
		snprintf(message, size, "%s: %s", path, file_error((int)length));
		return (int)length;
	}
	int result = alertmanager_config_parse(path, text, (size_t)length, &config, message, size);
	explicit_bzero(text, (size_t)length);
	free(text);
	if (result == 0)
		result = load_files(path, config, message, size);
	if (result == 0)
		*out = config;
	else
		alertmanager_config_free(config);
	return result;
}
