/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The log, on standard error: one line an event, logfmt (`time=… level=INFO msg="…" key=value`) or JSON. May
 * be called on any thread. Only exporter/ logs; everything below returns errors.
 */

#include <stdbool.h>
#include <stdint.h>

struct log_queue;

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

struct log {
	enum log_level level;
	enum log_format format;
	int descriptor;
	struct log_queue *queue; /* by which lines reach it; NULL: they are written at once */
};

/* From here on logging never waits for whoever reads the log (exporter/daemon/log_queue.h). `log` stays where
 * it is until log_end(). 0 or negative errno. */
int log_begin(struct log *log);
void log_end(struct log *log);
/* Lines that were lost since. */
uint64_t log_lines_lost(const struct log *log);

/* 0 or -EINVAL. */
int log_level_parse(const char *text, enum log_level *out);
int log_format_parse(const char *text, enum log_format *out);

/* One key and its value, for the lines below. */
struct log_field {
	const char *key;
	const char *value;
};

/* Writes the line if the level is wanted. fields ends with a NULL key; values are quoted and escaped as
 * needed. */
void log_write(
	const struct log *log, enum log_level level, const char *message, const struct log_field *fields);

/* log_info(log, "Listening", { "address", ":10150" }) */
#define log_at(log, level, message, ...) \
	log_write(log, level, message, (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ NULL, NULL } })
#define log_debug(log, ...) log_at(log, LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_at(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_at(log, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(log, ...) log_at(log, LOG_LEVEL_ERROR, __VA_ARGS__)

/* For what traffic can trigger: true at most `burst` times in each period, for a static-free caller that
 * keeps the limit itself. `suppressed` counts what was left out; the caller clears it when it has said so. */
struct log_limit {
	int64_t period_ns;
	unsigned burst;
	int64_t started_ns;
	unsigned used;
	unsigned suppressed;
};

bool log_limit_allows(struct log_limit *limit, int64_t now_ns);
