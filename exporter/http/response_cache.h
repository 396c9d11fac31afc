/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Answers that are the same for everyone, kept for a moment: however many ask at once, or read slowly, the
 * text is made once and lies in memory once. Any thread may call.
 */

#include <microhttpd.h>
#include <stdbool.h>

#include "collectors/base/clock.h"

/* Scrapes come seconds apart; what changes without a judgement (process_*) is so old at most. */
#define RESPONSE_FRESH_NS (200 * MILLISECOND_NS)

struct response_key {
	const char *type; /* compared as a pointer */
	bool gzip;
	const void *source; /* what the answer is made from; only compared */
};

struct response_cache;

/* NULL when memory is out. */
struct response_cache *response_cache_new(void);
/* Accepts NULL. */
void response_cache_free(struct response_cache *cache);

/* Queues a fresh answer. False if there is none; then *result is unchanged. */
bool response_cache_queue(struct response_cache *cache, const struct response_key *key,
	struct MHD_Connection *connection, enum MHD_Result *result);
/* Takes the response over. */
void response_cache_put(
	struct response_cache *cache, const struct response_key *key, struct MHD_Response *response);
