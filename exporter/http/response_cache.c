// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/http/response_cache.h"

#include <pthread.h>
#include <stdlib.h>

/* More than there are types, each plain and compressed. */
#define RESPONSES 12

struct response_cache {
	pthread_mutex_t lock;
	struct {
		struct response_key key;
		struct MHD_Response *response; /* or NULL */
		int64_t made_ns;
	} entries[RESPONSES];
};

struct response_cache *response_cache_new(void)
{
	struct response_cache *cache = calloc(1, sizeof(*cache));
	if (cache)
		pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void response_cache_free(struct response_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < RESPONSES; i++)
		if (cache->entries[i].response)
			MHD_destroy_response(cache->entries[i].response);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

bool response_cache_queue(struct response_cache *cache, const struct response_key *key,
	struct MHD_Connection *connection, enum MHD_Result *result)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	bool found = false;
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < RESPONSES && !found; i++) {
		const struct response_key *each = &cache->entries[i].key;
		found = cache->entries[i].response && each->type == key->type && each->gzip == key->gzip &&
			each->source == key->source && now_ns - cache->entries[i].made_ns < RESPONSE_FRESH_NS;
		if (found) /* which counts the connection's use of it: not to be done after the lock */
			*result = MHD_queue_response(connection, MHD_HTTP_OK, cache->entries[i].response);
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void response_cache_put(
	struct response_cache *cache, const struct response_key *key, struct MHD_Response *response)
{
	size_t place = 0;
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < RESPONSES; i++) {
		const struct response_key *each = &cache->entries[i].key;
		if (each->type == key->type && each->gzip == key->gzip) {
			place = i;
			break;
		}
		if (cache->entries[i].made_ns < cache->entries[place].made_ns)
			place = i;
	}
	struct MHD_Response *old = cache->entries[place].response;
	cache->entries[place].key = *key;
	cache->entries[place].response = response;
	cache->entries[place].made_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_unlock(&cache->lock);
	if (old)
		MHD_destroy_response(old);
}
