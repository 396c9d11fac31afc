/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One Alertmanager: where it is, and a request to it. Used on one thread. */

#include <curl/curl.h>

#include "exporter/alertmanager/alertmanager_config.h"
#include "exporter/alertmanager/alertmanager_stats.h"
#include "exporter/base/buffer.h"

#define TARGET_URL_SIZE 512

struct target {
	char url[TARGET_URL_SIZE]; /* without name and password: for logs and labels */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct buffer body; /* of the request that is being made */
	size_t received;
	char error[CURL_ERROR_SIZE];
};

/* url: that of Alertmanager's page, http or https, with a name and password if they are not the
 * configuration's. The configuration is copied. 0, -ENOMEM, or -EINVAL: it is no such URL. */
int target_open(const char *url, const struct alertmanager_config *config, struct target *out);
void target_close(struct target *target);

/* Gives a request with the body to `multi`, where it is tracked by `owner` (CURLINFO_PRIVATE). 0 or -ENOMEM.
 */
int target_post(struct target *target, CURLM *multi, void *owner);
/* How it ended; then the body is gone, and the reason is in target->error. */
enum alert_result target_finish(struct target *target, CURLM *multi, CURLcode code);
