/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All metrics of oneway: the tables of families put together, and what their samples are taken from. Any
 * thread. */

#include "exporter/alertmanager/alertmanager_stats.h"
#include "exporter/daemon/snapshot.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/process.h"
#include "exporter/metrics/selection.h"

struct exposition {
	const struct facts *facts; /* NULL before the first judgement, and then findings too */
	const struct findings *findings;
	struct selection addresses;
	struct process_stats process; /* nothing known: no process_* */
	uint64_t log_lines_lost;
	const struct alertmanager_stats *alertmanagers;
	size_t alertmanager_count;
};

/* snapshot and process may be NULL; they are lent until exposition_clear(). 0 or -ENOMEM. */
int exposition_make(const struct snapshot *snapshot, const struct process_stats *process,
	size_t max_addresses, struct exposition *out);
void exposition_clear(struct exposition *exposition);

/* The families of all collectors and of the exporter itself, sorted by name. */
struct metric_families {
	const struct metric_family **items;
	size_t count;
};

/* 0 or -ENOMEM. */
int metric_families_make(struct metric_families *out);
void metric_families_clear(struct metric_families *families);

/* Writes everything. 0 or -ENOMEM. */
int metrics_expose(struct buffer *out, enum metrics_format format, const struct metric_families *families,
	const struct exposition *exposition);
