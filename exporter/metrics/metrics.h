/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The writer of Prometheus' text formats: 0.0.4, and OpenMetrics 1.0.0. One pass: a family's metadata is
 * written before its first sample, so a family without samples does not appear.
 */

#include <stddef.h>
#include <stdint.h>

#include "collectors/metric.h"
#include "exporter/base/buffer.h"

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_FORMATS };

struct metrics {
	struct metric_sink sink; /* stays first */
	const struct facts *facts;
	struct buffer *out;
	enum metrics_format format;
	bool announced;
};

/* facts: NULL before the first judgement. The sink cannot tell yet which addresses it shows. */
struct metrics metrics_begin(struct buffer *out, enum metrics_format format, const struct facts *facts);
/* Writes all samples of a family, if it has some. */
void metrics_family(struct metrics *metrics, const struct metric_family *family);
/* What the format wants at the end. */
void metrics_end(struct metrics *metrics);

#define METRIC_VALUE_SIZE 32
/* An integer plainly, anything else with the fewest digits that read back as the same number.
 * Returns text or a constant. */
const char *metric_value(double value, char text[static METRIC_VALUE_SIZE]);
