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

struct shelf {
	pthread_mutex_t lock; /* held for as long as it takes to exchange a pointer */
	struct counted *latest;
};

struct shelf *shelf_new(void)
{
	struct shelf *shelf = calloc(1, sizeof(*shelf));
	if (shelf)
		pthread_mutex_init(&shelf->lock, NULL);
	return shelf;
}

void snapshot_release(const struct snapshot *snapshot)
{
	struct counted *counted = (struct counted *)(uintptr_t)snapshot;
	if (!counted || atomic_fetch_sub(&counted->holders, 1) != 1)
		return;
	facts_free(snapshot->facts);
	findings_free(snapshot->findings);
	free(counted);
}

void shelf_free(struct shelf *shelf)
{
	if (!shelf)
		return;
	if (shelf->latest)
		snapshot_release(&shelf->latest->snapshot);
	pthread_mutex_destroy(&shelf->lock);
	free(shelf);
}

static struct counted *exchange(struct shelf *shelf, struct counted *counted)
{
	pthread_mutex_lock(&shelf->lock);
	struct counted *old = shelf->latest;
	shelf->latest = counted;
	pthread_mutex_unlock(&shelf->lock);
	return old;
}

int shelf_publish(struct shelf *shelf, struct facts *facts, struct findings *findings)
{
	struct counted *counted = malloc(sizeof(*counted));
	if (!counted) {
		facts_free(facts);
		findings_free(findings);
		return -ENOMEM;
	}
	counted->snapshot = (struct snapshot){ facts, findings };
	atomic_init(&counted->holders, 1); /* the shelf */
	struct counted *old = exchange(shelf, counted);
	if (old)
		snapshot_release(&old->snapshot);
	return 0;
}

const struct snapshot *shelf_take(struct shelf *shelf)
{
	pthread_mutex_lock(&shelf->lock);
	struct counted *counted = shelf->latest;
	if (counted)
		atomic_fetch_add(&counted->holders, 1);
	pthread_mutex_unlock(&shelf->lock);
	return counted ? &counted->snapshot : NULL;
}
