/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Metrics as the rooms describe them: each has a table of families, whose emit functions tell samples taken
 * from the facts. Who writes them, and in which format, is behind the sink. Any thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct facts;

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_TYPES };

#define METRIC_LABELS 6

/* One histogram. bounds: the upper ones of all buckets but the last, which has none; counts: of each bucket
 * alone; sum: of all observed values. */
struct metric_histogram {
	const double *bounds;
	const uint64_t *counts;
	size_t buckets;
	double sum;
};

/* Label values belong to the family's labels, in their order; they are lent for the call. */
struct metric_sink {
	const struct metric_family *family; /* whose samples are wanted */
	void (*sample)(struct metric_sink *sink, double value, const char *const *labels);
	/* For families of METRIC_HISTOGRAM: all samples of one. */
	void (*histogram)(struct metric_sink *sink, const struct metric_histogram *histogram,
		const char *const *labels);
	/* Whether this service address may be a label value: their number is limited. */
	bool (*shows)(const struct metric_sink *sink, const struct address *address);
	bool failed; /* for emit functions to set when memory is out: what they told is not all */
};

/* One row of a table of families, which ends with { 0 }. */
struct metric_family {
	const char *name; /* as in a query; a counter's ends in _total */
	enum metric_type type;
	const char *unit;                      /* the suffix of the name, or NULL */
	const char *labels[METRIC_LABELS + 1]; /* ends with NULL */
	const char *help;
	size_t field; /* offset of what is told, where one emit function serves several families */
	bool always;  /* there are samples before the first judgement: facts may be NULL */
	void (*emit)(struct metric_sink *sink, const struct facts *facts);
};

#define metric_add(sink, value, ...) \
	(sink)->sample(sink, value, (const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })
