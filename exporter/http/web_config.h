/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The web configuration file, in the manner of Prometheus' exporters: YAML, all keys optional.
 *
 *	basic_auth_users:               then every path but health asks for a name and password
 *	  alice: $2y$10$...             bcrypt, as `htpasswd -nB alice` writes it
 *	tls_server_config:              PEM files; relative paths are relative to this file
 *	  cert_file: server.crt
 *	  key_file: server.key
 *
 * Anything else is an error. The files are read when the exporter starts.
 */

#include <stddef.h>

#define WEB_CONFIG_MOST  1048576
#define BCRYPT_HASH_SIZE 61

struct web_user {
	char *name;
	char hash[BCRYPT_HASH_SIZE];
};

struct web_config {
	struct web_user *users;
	size_t user_count;
	char *certificate; /* PEM text; both or neither */
	char *key;
};

/* path may be NULL: nothing is configured. 0, and *out is the caller's; or negative errno with one line in
 * message: file, line, key, what was expected. */
int web_config_read(const char *path, struct web_config **out, char *message, size_t size);
/* Accepts NULL. Keys are wiped. */
void web_config_free(struct web_config *config);

/* The same from memory, without the PEM files: what they are called is in `certificate` and `key`. `file`
 * stands in messages. */
int web_config_parse(const char *file, const char *text, size_t length, struct web_config **out,
	char *message, size_t size);
