/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The writer of Prometheus' text formats: 0.0.4, and OpenMetrics 1.0.0. One pass: a family's metadata is
 * written before its first sample, so a family without samples does not appear.
 */

#include <stddef.h>
#include <stdint.h>

#include "exporter/buffer.h"

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_FORMATS };
enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_TYPES };

#define METRIC_LABELS 6

struct exposition; /* what the samples are taken from: exporter/families.h */
struct metrics;

/* One row of the table of families. */
struct metric_family {
	const char *name; /* as in a query; a counter's ends in _total */
	enum metric_type type;
	const char *unit;                      /* the suffix of the name, or NULL */
	const char *labels[METRIC_LABELS + 1]; /* ends with NULL */
	const char *help;
	void (*emit)(struct metrics *metrics, const struct exposition *exposition);
};

struct metrics {
	struct buffer *out;
	enum metrics_format format;
	const struct metric_family *family;
	bool announced;
};

/* Writes all samples of a family, if it has some. */
void metrics_family(
	struct metrics *metrics, const struct metric_family *family, const struct exposition *exposition);
/* For emit functions: one sample. The values belong to the family's labels, in their order. */
void metrics_sample(struct metrics *metrics, double value, const char *const *labels);
#define metrics_add(metrics, value, ...) \
	metrics_sample(metrics, value, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* One histogram. bounds: the upper ones of all buckets but the last, which has none; counts: of each bucket
 * alone; sum: of all observed values. */
struct metric_histogram {
	const double *bounds;
	const uint64_t *counts;
	size_t buckets;
	double sum;
};

/* For emit functions of METRIC_HISTOGRAM: all samples of one. */
void metrics_histogram(
	struct metrics *metrics, const struct metric_histogram *histogram, const char *const *labels);
/* What the format wants at the end. */
void metrics_end(struct metrics *metrics);

#define METRIC_VALUE_SIZE 32
/* An integer plainly, anything else with the fewest digits that read back as the same number.
 * Returns text or a constant. */
const char *metric_value(double value, char text[static METRIC_VALUE_SIZE]);
