/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Lines on their way to a descriptor that may not take them, a pipe that nobody reads: a thread of its own
 * writes them, so that whoever logs never waits. Lines that find no room are lost, which is counted and told.
 */

#include <stddef.h>
#include <stdint.h>

struct log_queue;

/* lost(argument, lines) is called on the thread when lines were lost and writing is possible again. The
 * thread takes no signals. 0 or negative errno. */
int log_queue_new(
	int descriptor, void (*lost)(void *argument, uint64_t lines), void *argument, struct log_queue **out);
/* Waits for what can be written, for a second at most; then nobody may log to it any more. Accepts NULL. */
void log_queue_free(struct log_queue *queue);

/* A whole line. Any thread. */
void log_queue_put(struct log_queue *queue, const char *text, size_t size);
/* Lines lost so far. Any thread. */
uint64_t log_queue_lost(struct log_queue *queue);

/* Writes now, all of it or what can be written. */
void log_put(int descriptor, const char *text, size_t size);
