// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/metrics/metrics.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOTAL "_total"

/* Beyond this not every integer is a double. */
#define LARGEST_PLAIN 9007199254740992.0

static const struct replacement label_escapes[] = { { '\\', "\\\\" }, { '"', "\\\"" }, { '\n', "\\n" },
	{ 0, NULL } };

/* Text 0.0.4 has no escape for a quotation mark in HELP: a backslash before one would be shown. */
static const struct replacement help_escapes[METRICS_FORMATS][4] = {
	[METRICS_TEXT] = { { '\\', "\\\\" }, { '\n', "\\n" }, { 0, NULL } },
	[METRICS_OPENMETRICS] = { { '\\', "\\\\" }, { '\n', "\\n" }, { '"', "\\\"" }, { 0, NULL } },
};

static const char *const type_names[METRIC_TYPES] = {
	[METRIC_GAUGE] = "gauge",
	[METRIC_COUNTER] = "counter",
	[METRIC_HISTOGRAM] = "histogram",
};

const char *metric_value(double value, char text[static METRIC_VALUE_SIZE])
{
	if (isnan(value))
		return "NaN";
	if (isinf(value))
		return value > 0 ? "+Inf" : "-Inf";
	if (fabs(value) <= LARGEST_PLAIN && (double)(int64_t)value == value) {
		snprintf(text, METRIC_VALUE_SIZE, "%.0f", value == 0 ? 0.0 : value);
		return text;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, METRIC_VALUE_SIZE, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}

/* OpenMetrics names a counter's family without the suffix that its samples carry. */
static int family_name_length(const struct metrics *metrics)
{
	size_t length = strlen(metrics->sink.family->name);
	if (metrics->format == METRICS_OPENMETRICS && metrics->sink.family->type == METRIC_COUNTER)
		length -= strlen(TOTAL);
	return (int)length;
}

static void announce(struct metrics *metrics)
{
	const struct metric_family *family = metrics->sink.family;
	int length = family_name_length(metrics);
	buffer_format(metrics->out, "# HELP %.*s ", length, family->name);
	buffer_escaped(metrics->out, family->help, help_escapes[metrics->format]);
	buffer_format(metrics->out, "\n# TYPE %.*s %s\n", length, family->name, type_names[family->type]);
	if (metrics->format == METRICS_OPENMETRICS && family->unit)
		buffer_format(metrics->out, "# UNIT %.*s %s\n", length, family->name, family->unit);
	metrics->announced = true;
}

/* le: of a bucket, or NULL. */
static void write_labels(struct metrics *metrics, const char *const *values, const char *le)
{
	const char *const *names = metrics->sink.family->labels;
	size_t count = 0;
	for (; names[count]; count++) {
		buffer_format(metrics->out, "%s%s=\"", count == 0 ? "{" : ",", names[count]);
		buffer_escaped(metrics->out, values[count], label_escapes);
		buffer_text(metrics->out, "\"");
	}
	if (le)
		buffer_format(metrics->out, "%sle=\"%s\"", count == 0 ? "{" : ",", le);
	if (le || count > 0)
		buffer_text(metrics->out, "}");
}

static void write_sample(
	struct metrics *metrics, const char *suffix, double value, const char *const *labels, const char *le)
{
	char text[METRIC_VALUE_SIZE];
	if (!metrics->announced)
		announce(metrics);
	buffer_text(metrics->out, metrics->sink.family->name);
	buffer_text(metrics->out, suffix);
	write_labels(metrics, labels, le);
	buffer_format(metrics->out, " %s\n", metric_value(value, text));
}

static void sample(struct metric_sink *sink, double value, const char *const *labels)
{
	write_sample((struct metrics *)sink, "", value, labels, NULL);
}

/* OpenMetrics wants a point in each bound. Text 0.0.4 gets the same, or one bucket would be two series. */
static const char *bound_text(double bound, char text[static METRIC_VALUE_SIZE])
{
	const char *value = metric_value(bound, text);
	if (value == text && !strpbrk(text, ".e"))
		strcat(text, ".0");
	return value;
}

static void histogram(
	struct metric_sink *sink, const struct metric_histogram *told, const char *const *labels)
{
	struct metrics *metrics = (struct metrics *)sink;
	double below = 0;
	for (size_t i = 0; i < told->buckets; i++) {
		char bound[METRIC_VALUE_SIZE];
		below += (double)told->counts[i];
		write_sample(metrics, "_bucket", below, labels,
			bound_text(i + 1 < told->buckets ? told->bounds[i] : INFINITY, bound));
	}
	write_sample(metrics, "_sum", told->sum, labels, NULL);
	write_sample(metrics, "_count", below, labels, NULL);
}

struct metrics metrics_begin(struct buffer *out, enum metrics_format format, const struct facts *facts)
{
	return (struct metrics){ .sink = { .sample = sample, .histogram = histogram },
		.out = out,
		.format = format,
		.facts = facts };
}

void metrics_family(struct metrics *metrics, const struct metric_family *family)
{
	metrics->sink.family = family;
	metrics->announced = false;
	if (metrics->facts || family->always)
		family->emit(&metrics->sink, metrics->facts);
	if (metrics->sink.failed)
		metrics->out->failed = true;
}

void metrics_end(struct metrics *metrics)
{
	if (metrics->format == METRICS_OPENMETRICS)
		buffer_text(metrics->out, "# EOF\n");
}
