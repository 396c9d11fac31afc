// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/capture/capture_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

/* Rows, by one update: each looks through all. */
#define FORGOTTEN_AT_ONCE 64

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

/* Where the row of the device is, or belongs. */
static size_t place_of(const struct capture_set *set, int ifindex)
{
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (set->rows[middle].capture.ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct capture_row *find_row(const struct capture_set *set, int ifindex)
{
	size_t place = place_of(set, ifindex);
	bool found = place < set->count && set->rows[place].capture.ifindex == ifindex;
	return found ? &set->rows[place] : NULL;
}

static struct capture_row *add_row(struct capture_set *set, int ifindex)
{
	size_t place = place_of(set, ifindex);
	if (!ARRAY_ADD(set->rows, set->count))
		return NULL;
	struct capture_row *row = &set->rows[place];
	memmove(row + 1, row, (set->count - 1 - place) * sizeof(*row));
	*row = (struct capture_row){ .capture = { .ifindex = ifindex } };
	return row;
}

/* Of those that are gone, the first to go; what it counted goes to another of its name, for together they are
 * one series. */
static void forget_oldest(struct capture_set *set)
{
	struct capture_row *oldest = NULL, *heir = NULL, *end = set->rows + set->count;
	for (struct capture_row *row = set->rows; row < end; row++)
		if (!row->tap && (!oldest || row->closed < oldest->closed))
			oldest = row;
	if (!oldest)
		return;
	for (struct capture_row *row = set->rows; row < end; row++)
		if (row != oldest && strcmp(row->capture.name, oldest->capture.name) == 0)
			heir = row;
	if (heir) {
		heir->capture.packets += oldest->capture.packets;
		heir->capture.dropped += oldest->capture.dropped;
	}
	memmove(oldest, oldest + 1, (size_t)(end - oldest - 1) * sizeof(*oldest));
	set->count--;
}

/* ---- taps ---- */

/* The tap is closed by a later step; without memory to remember it, now. */
static void close_row(struct capture_set *set, struct capture_row *row)
{
	void **closing = ARRAY_ADD(set->closing, set->closing_count);
	if (closing)
		*closing = row->tap;
	else
		set->source->close(set->argument, row->tap);
	row->tap = NULL;
	row->received = row->dropped = 0;
	row->capture.running = false;
	row->closed = ++set->closed_count;
	set->open_count--;
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

static int open_device(struct capture_set *set, const struct capture_wanted *wanted)
{
	void *tap;
	int error = set->source->open(set->argument, wanted->ifindex, &tap);
	if (error < 0)
		return error;
	struct capture_row *row = find_row(set, wanted->ifindex);
	if (!row)
		row = add_row(set, wanted->ifindex);
	if (!row) {
		set->source->close(set->argument, tap);
		return -ENOMEM;
	}
	row->tap = tap;
	row->capture.running = true;
	memcpy(row->capture.name, wanted->name, sizeof(row->capture.name));
	set->open_count++;
	return 0;
}

bool capture_set_has_work(const struct capture_set *set)
{
	return set->closing_count || (set->next < set->wanted_count && set->open_count < CAPTURE_DEVICES_MAX);
}

bool capture_set_step(struct capture_set *set, bool *lost)
{
	if (!capture_set_has_work(set))
		return false;
	if (set->closing_count) {
		set->source->close(set->argument, set->closing[--set->closing_count]);
		return capture_set_has_work(set);
	}
	struct capture_wanted *wanted = &set->wanted[set->next++];
	int error = open_device(set, wanted);
	wanted->done = error == 0 || error == -ENODEV || error == -ENXIO;
	*lost |= error == 0 && !set->source->seamless;
	if (!wanted->done && wanted->error) {
		set->failed = wanted->ifindex;
		set->next = set->wanted_count;
	}
	wanted->error = wanted->done ? 0 : error;
	return capture_set_has_work(set);
}

/* ---- following the devices ---- */

static int compare_wanted(const void *left, const void *right)
{
	int a = ((const struct capture_wanted *)left)->ifindex;
	int b = ((const struct capture_wanted *)right)->ifindex;
	return (a > b) - (a < b);
}

/* Those that never failed, those that did and come after set->failed, the other ones. */
static int rank_of(const struct capture_wanted *wanted, int failed)
{
	return !wanted->error ? 0 : wanted->ifindex > failed ? 1 : 2;
}

static int compare_ranks(const void *left, const void *right, void *argument)
{
	const struct capture_set *set = argument;
	int a = rank_of(left, set->failed), b = rank_of(right, set->failed);
	return a != b ? a - b : compare_wanted(left, right);
}

static int want(struct capture_set *set, const struct capture_wanted *before, size_t before_count,
	const struct device *device)
{
	struct capture_wanted *wanted = ARRAY_ADD(set->wanted, set->wanted_count);
	if (!wanted)
		return -ENOMEM;
	wanted->ifindex = device->ifindex;
	memcpy(wanted->name, device->name, sizeof(wanted->name));
	const struct capture_wanted *old =
		before_count ? bsearch(wanted, before, before_count, sizeof(*before), compare_wanted) : NULL;
	wanted->error = old ? old->error : 0;
	return 0;
}

static int follow_devices(struct capture_set *set, const struct facts *facts)
{
	struct capture_wanted *before = set->wanted;
	size_t before_count = set->wanted_count;
	int result = 0;
	if (before_count)
		qsort(before, before_count, sizeof(*before), compare_wanted);
	set->wanted = NULL;
	set->wanted_count = set->next = 0;
	for (size_t i = 0; i < facts->device_count; i++) {
		const struct device *device = &facts->devices[i];
		if (!is_wanted(set, device))
			continue;
		struct capture_row *row = find_row(set, device->ifindex);
		if (row && row->tap) {
			row->found = true;
			row->capture.running = device->up;
			memcpy(row->capture.name, device->name, sizeof(row->capture.name));
		} else if (device->up && result == 0) {
			result = want(set, before, before_count, device);
		}
	}
	if (set->wanted_count)
		qsort_r(set->wanted, set->wanted_count, sizeof(*set->wanted), compare_ranks, set);
	free(before);
	return result;
}

int capture_set_update(struct capture_set *set, const struct facts *facts, bool *lost)
{
	*lost = false;
	for (size_t i = 0; i < set->count; i++) {
		set->rows[i].found = false;
		if (set->rows[i].tap && !read_counts(set, &set->rows[i], lost))
			close_row(set, &set->rows[i]);
	}
	int result = follow_devices(set, facts);
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].tap && !set->rows[i].found)
			close_row(set, &set->rows[i]);
	for (unsigned step = 0; step < CAPTURE_UPDATE_STEPS && capture_set_step(set, lost); step++)
		;
	for (unsigned i = 0; i < FORGOTTEN_AT_ONCE && set->count - set->open_count > CAPTURE_GONE_MAX; i++)
		forget_oldest(set);
	for (size_t i = 0; result == 0 && i < set->wanted_count; i++)
		result = set->wanted[i].error;
	return result;
}

/* ---- all ---- */

static enum unwatched reason_of(const struct capture_set *set, const struct capture_wanted *wanted)
{
	if (wanted->error == -EMFILE)
		return UNWATCHED_DESCRIPTORS;
	if (wanted->error == -ENOMEM)
		return UNWATCHED_MEMORY;
	if (wanted->error)
		return UNWATCHED_ERROR;
	return set->open_count < CAPTURE_DEVICES_MAX ? UNWATCHED_PENDING : UNWATCHED_LIMIT;
}

int capture_set_copy(const struct capture_set *set, struct facts *facts)
{
	for (size_t i = 0; i < set->count; i++) {
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		if (!capture)
			return -ENOMEM;
		*capture = set->rows[i].capture;
	}
	for (size_t i = 0; i < set->wanted_count; i++)
		if (!set->wanted[i].done)
			facts->unwatched[reason_of(set, &set->wanted[i])]++;
	return 0;
}

void capture_set_clear(struct capture_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->rows[i].tap)
			set->source->close(set->argument, set->rows[i].tap);
	for (size_t i = 0; i < set->closing_count; i++)
		set->source->close(set->argument, set->closing[i]);
	free(set->rows);
	free(set->closing);
	free(set->wanted);
	set->rows = NULL;
	set->closing = NULL;
	set->wanted = NULL;
	set->count = set->open_count = set->closing_count = set->wanted_count = set->next = 0;
}
