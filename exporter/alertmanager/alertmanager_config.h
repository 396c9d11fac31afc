/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How Alertmanagers are reached, in the manner of Prometheus' alertmanager configuration: YAML, all keys
 * optional. Anything else is an error. The files are read when the exporter starts.
 *
 *	basic_auth:
 *	  username: oneway
 *	  password: secret              or password_file, whose last line feed does not count
 *	tls_config:                     PEM files; relative paths are relative to this file
 *	  ca_file: ca.crt               without it: those of the system
 *	  cert_file: client.crt
 *	  key_file: client.key
 *	  server_name: alerts.example   what the certificate must name instead of the URL's host
 *	  insecure_skip_verify: false
 */

#include <stdbool.h>
#include <stddef.h>

#define ALERTMANAGER_CONFIG_MOST 1048576

/* The name of a file; once it was read, what is in it. */
struct config_file {
	char *text;
	size_t line; /* of the configuration */
};

struct alertmanager_config {
	char *username, *password; /* password: NULL with password_file, until that was read */
	struct config_file password_file;
	struct config_file authority, certificate, key; /* PEM */
	char *server_name;
	bool insecure;
};

/* path may be NULL: nothing is configured. 0, and *out is the caller's; or negative errno with one line in
 * message: file, line, key, what was expected. */
int alertmanager_config_read(const char *path, struct alertmanager_config **out, char *message, size_t size);
/* Accepts NULL. Secrets are wiped. */
void alertmanager_config_free(struct alertmanager_config *config);

/* The same from memory, without the files that it names. `file` stands in messages. */
int alertmanager_config_parse(const char *file, const char *text, size_t length,
	struct alertmanager_config **out, char *message, size_t size);
