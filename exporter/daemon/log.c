// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/clock.h"
#include "collectors/base/rfc3339.h"
#include "exporter/base/text.h"
#include "exporter/daemon/log_queue.h"

static const char *const level_names[] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

static const char *const level_labels[] = {
	[LOG_LEVEL_DEBUG] = "DEBUG",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_WARN] = "WARN",
	[LOG_LEVEL_ERROR] = "ERROR",
};

static const char *const format_names[] = {
	[LOG_FORMAT_LOGFMT] = "logfmt",
	[LOG_FORMAT_JSON] = "json",
};

static int find_name(const char *const *names, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -EINVAL;
}

int log_level_parse(const char *text, enum log_level *out)
{
	int found = find_name(level_names, sizeof(level_names) / sizeof(*level_names), text);
	if (found < 0)
		return found;
	*out = (enum log_level)found;
	return 0;
}

int log_format_parse(const char *text, enum log_format *out)
{
	int found = find_name(format_names, sizeof(format_names) / sizeof(*format_names), text);
	if (found < 0)
		return found;
	*out = (enum log_format)found;
	return 0;
}

static bool needs_quotes(const char *value)
{
	for (const char *next = value; *next; next += text_next(next).length)
		if (strchr(" =\"\\", *next) || !character_is_printable(text_next(next)))
			return true;
	return !*value;
}

static void put_logfmt_value(FILE *line, const char *value)
{
	text_put(line, value, needs_quotes(value) ? TEXT_QUOTED : TEXT_PLAIN);
}

static void put_logfmt(FILE *line, enum log_level level, const char *message, const struct log_field *fields)
{
	char time[RFC3339_SIZE];
	fprintf(line, "time=%s level=%s msg=", rfc3339_format(clock_ns(CLOCK_REALTIME), time),
		level_labels[level]);
	put_logfmt_value(line, message);
	for (; fields->key; fields++) {
		fprintf(line, " %s=", fields->key);
		put_logfmt_value(line, fields->value ? fields->value : "");
	}
	fputc('\n', line);
}

static void put_json(FILE *line, enum log_level level, const char *message, const struct log_field *fields)
{
	char time[RFC3339_SIZE];
	fprintf(line,
		"{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", rfc3339_format(clock_ns(CLOCK_REALTIME), time),
		level_labels[level]);
	text_put(line, message, TEXT_JSON);
	for (; fields->key; fields++) {
		fprintf(line, ",\"%s\":", fields->key);
		text_put(line, fields->value ? fields->value : "", TEXT_JSON);
	}
	fputs("}\n", line);
}

void log_write(
	const struct log *log, enum log_level level, const char *message, const struct log_field *fields)
{
	char *text = NULL;
	size_t size = 0;
	if (level < log->level)
		return;
	FILE *line = open_memstream(&text, &size);
	if (!line)
		return;
	switch (log->format) {
	case LOG_FORMAT_LOGFMT:
		put_logfmt(line, level, message, fields);
		break;
	case LOG_FORMAT_JSON:
		put_json(line, level, message, fields);
		break;
	}
	bool whole = fclose(line) == 0;
	if (whole && log->queue)
		log_queue_put(log->queue, text, size);
	else if (whole)
		log_put(log->descriptor, text, size);
	free(text);
}

/* ---- the queue ---- */

static void say_lost(void *argument, uint64_t lines)
{
	const struct log *queued = argument;
	struct log log = { queued->level, queued->format, queued->descriptor, NULL };
	char count[24];
	snprintf(count, sizeof(count), "%" PRIu64, lines);
	log_warn(&log, "Lines of the log were lost: nobody read it", { "lines", count });
}

int log_begin(struct log *log)
{
	return log_queue_new(log->descriptor, say_lost, log, &log->queue);
}

void log_end(struct log *log)
{
	log_queue_free(log->queue);
	log->queue = NULL;
}

uint64_t log_lines_lost(const struct log *log)
{
	return log->queue ? log_queue_lost(log->queue) : 0;
}

bool log_limit_allows(struct log_limit *limit, int64_t now_ns)
{
	if (!limit->started_ns || now_ns - limit->started_ns >= limit->period_ns) {
		limit->started_ns = now_ns;
		limit->used = 0;
	}
	if (limit->used >= limit->burst) {
		limit->suppressed++;
		return false;
	}
	limit->used++;
	return true;
}
