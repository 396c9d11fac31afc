// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/frame_times.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_near(int64_t a, int64_t b)
{
	return a >= 0 && b >= 0 && (a < b ? b - a : a - b) <= FRAME_TIMES_APART;
}

static bool is_plausible(const struct frame_times *times)
{
	int64_t time_ns = times->held[0].frame.time_ns;
	if (time_ns < 0)
		return false;
	for (size_t i = 0; i < times->before_count; i++)
		if (is_near(time_ns, times->before[i]))
			return true;
	for (size_t i = 1; i < times->count; i++)
		if (is_near(time_ns, times->held[i].frame.time_ns))
			return true;
	return times->before_count + times->count - 1 < 2;
}

/* Of the frame before, or, at the beginning of a file, of the first two that agree. */
static int64_t plausible_time(const struct frame_times *times)
{
	if (times->before_count)
		return times->before[0];
	for (size_t i = 1; i + 1 < times->count; i++)
		if (is_near(times->held[i].frame.time_ns, times->held[i + 1].frame.time_ns))
			return times->held[i].frame.time_ns;
	return -1;
}

static int give(struct frame_times *times, const struct capture_frame *frame)
{
	times->before[1] = times->before[0];
	times->before[0] = frame->time_ns;
	times->before_count += times->before_count < 2;
	return times->feed(times->context, frame);
}

static int give_first(struct frame_times *times)
{
	struct held_frame first = times->held[0];
	int result;
	if (is_plausible(times)) {
		result = give(times, &first.frame);
	} else {
		times->implausible++;
		first.frame.time_ns = plausible_time(times);
		result = times->feed(times->context, &first.frame);
	}
	memmove(&times->held[0], &times->held[1], (FRAME_TIMES_HELD - 1) * sizeof(first));
	times->held[FRAME_TIMES_HELD - 1] = first; /* its room is used again */
	times->count--;
	return result;
}

static bool follows(const struct frame_times *times, const struct capture_frame *frame)
{
	return times->before_count && is_near(times->before[0], frame->time_ns);
}

/* Copies the frame: its bytes and its interface's name are there until the next one only. */
static int hold(struct held_frame *held, const struct capture_frame *frame)
{
	if (held->room < frame->size || !held->bytes) {
		uint8_t *bytes = realloc(held->bytes, frame->size + 1);
		if (!bytes)
			return -ENOMEM;
		held->bytes = bytes;
		held->room = frame->size;
	}
	memcpy(held->bytes, frame->bytes, frame->size);
	free(held->interface);
	held->interface = frame->interface ? strdup(frame->interface) : NULL;
	if (frame->interface && !held->interface)
		return -ENOMEM;
	held->frame = *frame;
	held->frame.bytes = held->bytes;
	held->frame.interface = held->interface;
	return 0;
}

int frame_times_put(struct frame_times *times, const struct capture_frame *frame)
{
	if (times->count == 0 && follows(times, frame))
		return give(times, frame);
	if (hold(&times->held[times->count], frame) < 0)
		return -ENOMEM;
	times->count++;
	int result = 0;
	while (result == 0 && times->count &&
		(times->count == FRAME_TIMES_HELD || follows(times, &times->held[0].frame)))
		result = give_first(times);
	return result;
}

int frame_times_finish(struct frame_times *times)
{
	int result = 0;
	while (result == 0 && times->count)
		result = give_first(times);
	return result;
}

void frame_times_clear(struct frame_times *times)
{
	for (size_t i = 0; i < FRAME_TIMES_HELD; i++) {
		free(times->held[i].bytes);
		free(times->held[i].interface);
	}
	*times = (struct frame_times){ 0 };
}
