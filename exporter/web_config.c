// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/web_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "collectors/growth.h"
#include "exporter/file.h"

#define KEY_SHOWN 64 /* bytes of a key in a message */
#define KEYS_MOST 4096

struct reading {
	const char *file;
	yaml_document_t *document;
	struct web_config *config;
	char *message;
	size_t size;
};

__attribute__((format(printf, 3, 4))) static int fail(
	const struct reading *reading, const yaml_node_t *node, const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(reading->message, reading->size, "%s:%zu: %s", reading->file, node->start_mark.line + 1,
		text);
	return -EINVAL;
}

static int out_of_memory(const struct reading *reading)
{
	snprintf(reading->message, reading->size, "%s: out of memory", reading->file);
	return -ENOMEM;
}

/* ---- the document ---- */

/* The text of a scalar; NULL if it is none, is empty, or has a NUL or a control character inside. */
static const char *node_text(const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.length == 0)
		return NULL;
	const char *text = (const char *)node->data.scalar.value;
	for (size_t i = 0; i < node->data.scalar.length; i++)
		if (iscntrl((unsigned char)text[i]))
			return NULL;
	return text;
}

static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (node->data.scalar.length == 0 || strcmp((const char *)node->data.scalar.value, "null") == 0 ||
		       strcmp((const char *)node->data.scalar.value, "~") == 0);
}

typedef int pair_function(const struct reading *reading, const char *key, const yaml_node_t *key_node,
	const yaml_node_t *value);

static bool key_repeated(const struct reading *reading, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *key = node_text(yaml_document_get_node(reading->document, pair->key));
	for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++) {
		const char *earlier = node_text(yaml_document_get_node(reading->document, other->key));
		if (key && earlier && strcmp(key, earlier) == 0)
			return true;
	}
	return false;
}

static int read_pair(const struct reading *reading, const yaml_node_t *map, const yaml_node_pair_t *pair,
	pair_function *function)
{
	const yaml_node_t *key = yaml_document_get_node(reading->document, pair->key);
	const char *text = node_text(key);
	if (!text)
		return fail(reading, key, "a key must be plain text");
	if (key_repeated(reading, map, pair))
		return fail(reading, key, "%.*s: is here twice", KEY_SHOWN, text);
	return function(reading, text, key, yaml_document_get_node(reading->document, pair->value));
}

/* `name` is NULL for the document itself. */
static int read_map(
	const struct reading *reading, const char *name, const yaml_node_t *node, pair_function *function)
{
	if (is_null(node))
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return fail(reading, node, "%s: expected a map of keys and values", name ? name : "document");
	if (node->data.mapping.pairs.top - node->data.mapping.pairs.start > KEYS_MOST)
		return fail(reading, node, "%s: more than %d keys", name ? name : "document", KEYS_MOST);
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		pair < node->data.mapping.pairs.top; pair++) {
		int result = read_pair(reading, node, pair, function);
		if (result < 0)
			return result;
	}
	return 0;
}

/* ---- users ---- */

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

static int read_user(
	const struct reading *reading, const char *key, const yaml_node_t *key_node, const yaml_node_t *value)
{
	const char *hash = node_text(value);
	if (strchr(key, ':'))
		return fail(reading, key_node, "basic_auth_users.%.*s: a name cannot hold a colon", KEY_SHOWN,
			key);
	if (!hash || !is_bcrypt(hash))
		return fail(reading, value, "basic_auth_users.%.*s: expected a bcrypt hash ($2y$...)",
			KEY_SHOWN, key);
	struct web_user *user = GROW(reading->config->users, reading->config->user_count);
	if (!user)
		return out_of_memory(reading);
	memcpy(user->hash, hash, BCRYPT_HASH_SIZE);
	user->name = strdup(key);
	return user->name ? 0 : out_of_memory(reading);
}

/* ---- TLS ---- */

static int read_tls_key(
	const struct reading *reading, const char *key, const yaml_node_t *key_node, const yaml_node_t *value)
{
	char **target = NULL;
	if (strcmp(key, "cert_file") == 0)
		target = &reading->config->certificate;
	else if (strcmp(key, "key_file") == 0)
		target = &reading->config->key;
	if (!target)
		return fail(reading, key_node,
			"tls_server_config.%.*s: not supported; known are cert_file and key_file", KEY_SHOWN,
			key);
	if (!node_text(value))
		return fail(reading, value, "tls_server_config.%s: expected the name of a file", key);
	*target = strdup(node_text(value));
	return *target ? 0 : out_of_memory(reading);
}

static int read_tls(const struct reading *reading, const yaml_node_t *key_node, const yaml_node_t *value)
{
	int result = read_map(reading, "tls_server_config", value, read_tls_key);
	if (result < 0)
		return result;
	if (!reading->config->certificate != !reading->config->key)
		return fail(reading, key_node, "tls_server_config: %s is missing",
			reading->config->key ? "cert_file" : "key_file");
	return 0;
}

/* ---- the file ---- */

static int read_top(
	const struct reading *reading, const char *key, const yaml_node_t *key_node, const yaml_node_t *value)
{
	if (strcmp(key, "basic_auth_users") == 0)
		return read_map(reading, key, value, read_user);
	if (strcmp(key, "tls_server_config") == 0)
		return read_tls(reading, key_node, value);
	return fail(reading, key_node,
		"%.*s: not supported; known are basic_auth_users and tls_server_config", KEY_SHOWN, key);
}

static int parser_failed(const struct reading *reading, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return out_of_memory(reading);
	size_t line = parser->problem_mark.line + 1;
	snprintf(reading->message, reading->size, "%s:%zu: %s", reading->file, line,
		parser->problem ? parser->problem : "not YAML");
	return -EINVAL;
}

/* An empty document is what follows the last one. */
static int read_document(struct reading *reading, yaml_parser_t *parser, bool first)
{
	yaml_document_t document;
	if (!yaml_parser_load(parser, &document))
		return parser_failed(reading, parser);
	reading->document = &document;
	const yaml_node_t *root = yaml_document_get_root_node(&document);
	int result = 0;
	if (root && !first)
		result = fail(reading, root, "expected one document only");
	else if (root)
		result = read_map(reading, NULL, root, read_top);
	yaml_document_delete(&document);
	reading->document = NULL;
	return result < 0 ? result : root != NULL;
}

int web_config_parse(const char *file, const char *text, size_t length, struct web_config **out,
	char *message, size_t size)
{
	struct reading reading = { .file = file, .message = message, .size = size };
	yaml_parser_t parser;
	reading.config = calloc(1, sizeof(*reading.config));
	if (!reading.config || !yaml_parser_initialize(&parser)) {
		web_config_free(reading.config);
		return out_of_memory(&reading);
	}
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
	int result = read_document(&reading, &parser, true);
	if (result > 0)
		result = read_document(&reading, &parser, false);
	yaml_parser_delete(&parser);
	if (result == 0)
		*out = reading.config;
	else
		web_config_free(reading.config);
	return result;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void web_config_free(struct web_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->user_count; i++)
		free(config->users[i].name);
	free(config->users);
	free(config->certificate);
	wipe(config->key);
	free(config);
}

/* Replaces the name of a PEM file by what is in it. */
static int load_pem(const char *config_path, const char *key, char **text, char *message, size_t size)
{
	const char *slash = strrchr(config_path, '/');
	int directory = **text != '/' && slash ? (int)(slash - config_path) + 1 : 0;
	char *path = NULL, *pem = NULL;
	if (asprintf(&path, "%.*s%s", directory, config_path, *text) < 0)
		path = NULL;
	ssize_t length = path ? file_read(path, WEB_CONFIG_MOST, &pem) : -ENOMEM;
	free(path);
	if (length < 0) {
		snprintf(message, size, "%s: tls_server_config.%s: %s: %s", config_path, key, *text,
			file_error((int)length));
		return (int)length;
	}
	free(*text);
	*text = pem;
	return 0;
}

static int load_tls(const char *path, struct web_config *config, char *message, size_t size)
{
	if (!config->certificate)
		return 0;
	int result = load_pem(path, "cert_file", &config->certificate, message, size);
	if (result == 0)
		result = load_pem(path, "key_file", &config->key, message, size);
	return result;
}

static int read_config(const char *path, struct web_config **out, char *message, size_t size)
{
	char *text = NULL;
	ssize_t length = file_read(path, WEB_CONFIG_MOST, &text);
	if (length < 0) {
		snprintf(message, size, "%s: %s", path, file_error((int)length));
		return (int)length;
	}
	int result = web_config_parse(path, text, (size_t)length, out, message, size);
	free(text);
	return result;
}

int web_config_read(const char *path, struct web_config **out, char *message, size_t size)
{
	struct web_config *config = NULL;
	int result;
	if (!path) {
		config = calloc(1, sizeof(*config));
		result = config ? 0 : -ENOMEM;
		if (result < 0)
			snprintf(message, size, "out of memory");
	} else {
		result = read_config(path, &config, message, size);
		if (result == 0)
			result = load_tls(path, config, message, size);
	}
	if (result == 0)
		*out = config;
	else
		web_config_free(config);
	return result;
}
