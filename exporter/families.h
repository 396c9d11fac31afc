/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* All metrics of oneway: a table of families, and what their samples are taken from. Any thread. */

#include "exporter/coverage.h"
#include "exporter/metrics.h"
#include "exporter/process.h"
#include "exporter/selection.h"
#include "exporter/snapshot.h"

struct exposition {
	const struct facts *facts; /* NULL before the first judgement, and then findings too */
	const struct findings *findings;
	struct coverage coverage;
	struct selection addresses;
	struct process_stats process; /* nothing known: no process_* */
};

/* snapshot and process may be NULL; they are lent until exposition_clear(). 0 or -ENOMEM. */
int exposition_make(const struct snapshot *snapshot, const struct process_stats *process,
	size_t max_addresses, struct exposition *out);
void exposition_clear(struct exposition *exposition);

/* Writes everything. 0 or -ENOMEM. */
int metrics_expose(struct buffer *out, enum metrics_format format, const struct exposition *exposition);

/* The table, sorted as it is written: for the documentation and its test. */
const struct metric_family *metrics_families(size_t *count);

/* Names of the devices joined by ","; "" if there are none. Returns text. */
#define DEVICE_NAMES_SIZE (DEVICE_SET_SIZE * IF_NAMESIZE)
const char *device_set_names(
	const struct facts *facts, const struct device_set *set, char text[static DEVICE_NAMES_SIZE]);
