/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An exporter's JSON, by libcurl. Used on one thread. */

#include <jansson.h>
#include <stddef.h>

struct exporter_client;

/* The texts are lent until exporter_client_close(); ca_file: NULL for the host's own. Asks directly, by no
 * proxy, and takes a name and password from ~/.netrc or the URL. 0 or -ENOMEM. */
int exporter_client_open(const char *url, const char *ca_file, struct exporter_client **out);
/* Accepts NULL. */
void exporter_client_close(struct exporter_client *client);

/* GET url/path. 0, and *out is the caller's, NULL if the answer is 404; -ECONNREFUSED if nobody could be
 * reached; -ECANCELED if `cancel` was readable; else negative errno. Of all but the second, message says why.
 */
int exporter_client_get(struct exporter_client *client, const char *path, int cancel, json_t **out,
	char *message, size_t size);
