// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/growth.h"

static bool matches(const regex_t *expression, const char *name)
{
	return regexec(expression, name, 0, NULL, 0) == 0;
}

/* A port is no device of its own: its bridge or bond is captured on. A VRF sees again what its devices do. */
static bool is_wanted(const struct capture_set *set, const struct device *device)
{
	return !device->port && device->kind != DEVICE_LOOPBACK && device->kind != DEVICE_VRF &&
	       (!set->include || matches(set->include, device->name)) &&
	       (!set->exclude || !matches(set->exclude, device->name));
}

/* ---- rows ---- */

static struct capture_row *open_row(const struct capture_set *set, int ifindex)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].tap && set->rows[i].capture.ifindex == ifindex)
			return &set->rows[i];
	return NULL;
}

static size_t open_count(const struct capture_set *set)
{
	size_t count = 0;
	for (size_t i = 0; i < set->count; i++)
		count += set->rows[i].tap != NULL;
	return count;
}

/* One that was captured on before, or a new one. */
static struct capture_row *find_row(struct capture_set *set, const struct device *device)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].capture.ifindex == device->ifindex)
			return &set->rows[i];
	return GROW(set->rows, set->count);
}

static void forget_oldest(struct capture_set *set)
{
	for (size_t i = 0; set->count > CAPTURE_ROWS_MAX && i < set->count;) {
		if (set->rows[i].tap) {
			i++;
			continue;
		}
		set->count--;
		memmove(&set->rows[i], &set->rows[i + 1], (set->count - i) * sizeof(set->rows[0]));
	}
}

/* ---- taps ---- */

static void close_row(struct capture_set *set, struct capture_row *row)
{
	set->source->close(set->argument, row->tap);
	row->tap = NULL;
	row->received = row->dropped = 0;
	row->capture.running = false;
}

/* Returns whether the tap still works. */
static bool read_counts(struct capture_set *set, struct capture_row *row, bool *lost)
{
	uint32_t received, dropped;
	if (!set->source->counts(set->argument, row->tap, &received, &dropped))
		return false;
	*lost |= dropped != row->dropped;
	row->capture.packets += (uint32_t)(received - row->received);
	row->capture.dropped += (uint32_t)(dropped - row->dropped);
	row->received = received;
	row->dropped = dropped;
	return true;
}

static void follow_row(
	struct capture_set *set, struct capture_row *row, const struct facts *facts, bool *lost)
{
	const struct device *device = facts_device(facts, row->capture.ifindex);
	if (!read_counts(set, row, lost) || !device || !is_wanted(set, device)) {
		close_row(set, row);
		return;
	}
	row->capture.running = device->up;
	memcpy(row->capture.name, device->name, sizeof(row->capture.name));
}

static int open_device(struct capture_set *set, const struct device *device, bool *lost)
{
	void *tap;
	int error = set->source->open(set->argument, device->ifindex, &tap);
	if (error == -ENODEV || error == -ENXIO)
		return 0;
	if (error < 0)
		return error;
	struct capture_row *row = find_row(set, device);
	if (!row) {
		set->source->close(set->argument, tap);
		return -ENOMEM;
	}
	row->tap = tap;
	row->capture.ifindex = device->ifindex;
	row->capture.running = true;
	memcpy(row->capture.name, device->name, sizeof(row->capture.name));
	*lost = true;
	return 0;
}

int capture_set_update(struct capture_set *set, const struct facts *facts, bool *lost)
{
	int result = 0;
	*lost = false;
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].tap)
			follow_row(set, &set->rows[i], facts, lost);
	size_t open = open_count(set);
	for (size_t i = 0; i < facts->device_count && open < CAPTURE_DEVICES_MAX; i++) {
		const struct device *device = &facts->devices[i];
		if (!device->up || !is_wanted(set, device) || open_row(set, device->ifindex))
			continue;
		int error = open_device(set, device, lost);
		open += error == 0;
		result = result < 0 ? result : error;
	}
	forget_oldest(set);
	return result;
}

/* ---- all ---- */

static int compare_captures(const void *left, const void *right)
{
	int a = ((const struct capture *)left)->ifindex, b = ((const struct capture *)right)->ifindex;
	return (a > b) - (a < b);
}

int capture_set_copy(const struct capture_set *set, struct facts *facts)
{
	for (size_t i = 0; i < set->count; i++) {
		struct capture *capture = GROW(facts->captures, facts->capture_count);
		if (!capture)
			return -ENOMEM;
		*capture = set->rows[i].capture;
	}
	if (facts->capture_count)
		qsort(facts->captures, facts->capture_count, sizeof(*facts->captures), compare_captures);
	return 0;
}

void capture_set_clear(struct capture_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].tap)
			close_row(set, &set->rows[i]);
	free(set->rows);
	set->rows = NULL;
	set->count = 0;
}
