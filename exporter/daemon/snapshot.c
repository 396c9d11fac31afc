// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "exporter/config/settings_file.h"
struct counted {
	struct snapshot snapshot; /* first: what is handed out is a pointer to it */
	atomic_uint holders;
};

struct latest_snapshot {
	pthread_mutex_t lock; /* held for as long as it takes to exchange a pointer */
	struct counted *counted;
	int64_t began_ns;
};

struct latest_snapshot *latest_snapshot_new(void)
{
	struct latest_snapshot *latest = calloc(1, sizeof(*latest));
	if (!latest)
		return NULL;
	pthread_mutex_init(&latest->lock, NULL);
	latest->began_ns = clock_ns(CLOCK_MONOTONIC);
	return latest;
}

void snapshot_release(const struct snapshot *snapshot)
{
	struct counted *counted = (struct counted *)(uintptr_t)snapshot;
	if (!counted || atomic_fetch_sub(&counted->holders, 1) != 1)
		return;
	facts_free(snapshot->facts);
	findings_free(snapshot->findings);
	timeline_release(snapshot->timeline);
	free(counted);
}

void latest_snapshot_free(struct latest_snapshot *latest)
{
	if (!latest)
		return;
	if (latest->counted)
		snapshot_release(&latest->counted->snapshot);
	pthread_mutex_destroy(&latest->lock);
	free(latest);
}

static struct counted *exchange(struct latest_snapshot *latest, struct counted *counted)
{
	pthread_mutex_lock(&latest->lock);
	struct counted *old = latest->counted;
	latest->counted = counted;
	pthread_mutex_unlock(&latest->lock);
	return old;
}

int latest_snapshot_publish(struct latest_snapshot *latest, struct facts *facts, struct findings *findings)
{
	const struct timeline *timeline = NULL;
	const struct timeline *before = latest->counted ? latest->counted->snapshot.timeline : NULL;
	struct counted *counted = malloc(sizeof(*counted));
	if (!counted || timeline_note(before, facts, findings, &timeline) < 0) {
		free(counted);
		facts_free(facts);
		findings_free(findings);
		return -ENOMEM;
	}
	counted->snapshot = (struct snapshot){ facts, findings, timeline };
	atomic_init(&counted->holders, 1); /* being the latest */
	struct counted *old = exchange(latest, counted);
	if (old)
		snapshot_release(&old->snapshot);
	return 0;
}

const struct snapshot *latest_snapshot_take(struct latest_snapshot *latest)
{
	pthread_mutex_lock(&latest->lock);
	struct counted *counted = latest->counted;
	if (counted)
		atomic_fetch_add(&counted->holders, 1);
	pthread_mutex_unlock(&latest->lock);
	return counted ? &counted->snapshot : NULL;
}

int64_t latest_snapshot_age_ns(struct latest_snapshot *latest)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	pthread_mutex_lock(&latest->lock);
	const struct counted *counted = latest->counted;
	int64_t last_ns = counted ? counted->snapshot.facts->monotonic_ns : latest->began_ns;
	pthread_mutex_unlock(&latest->lock);
	return now_ns - last_ns;
}
