// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/wire_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *wire_name(const struct facts *facts, int device)
{
	return device == HANDSHAKE_OTHER_DEVICES ? "other" : facts_capture_name(facts, device);
}

/* ---- rows of the same name ---- */

struct named_row {
	const char *names[2]; /* a pair has two, others "" as the second */
	size_t at;
};

static int compare_names(const struct named_row *a, const struct named_row *b)
{
	int first = strcmp(a->names[0], b->names[0]);
	return first ? first : strcmp(a->names[1], b->names[1]);
}

static int compare_places(const void *left, const void *right)
{
	const struct named_row *a = left, *b = right;
	return (a->at > b->at) - (a->at < b->at);
}

static int compare_rows(const void *left, const void *right)
{
	int names = compare_names(left, right);
	return names ? names : compare_places(left, right);
}

struct row_kind {
	size_t size;
	void (*name)(const struct facts *facts, const void *row, const char *names[static 2]);
	void (*add)(void *sum, const void *row);
};

/* *count: of the rows, then of those that are left. NULL, and none, when memory is out. */
static void *merge(const struct row_kind *kind, const struct facts *facts, const void *rows, size_t *count)
{
	struct named_row *named = calloc(*count + 1, sizeof(*named));
	char *merged = calloc(*count + 1, kind->size);
	size_t kept = 0;
	if (!named || !merged) {
		free(named);
		free(merged);
		*count = 0;
		return NULL;
	}
	for (size_t i = 0; i < *count; i++) {
		memcpy(merged + i * kind->size, (const char *)rows + i * kind->size, kind->size);
		kind->name(facts, merged + i * kind->size, named[i].names);
		named[i].at = i;
	}
	qsort(named, *count, sizeof(*named), compare_rows);
	for (size_t i = 0; i < *count; i++) {
		if (kept && compare_names(&named[kept - 1], &named[i]) == 0)
			kind->add(
				merged + named[kept - 1].at * kind->size, merged + named[i].at * kind->size);
		else
			named[kept++] = named[i];
	}
	qsort(named, kept, sizeof(*named), compare_places);
	for (size_t i = 0; i < kept; i++)
		memmove(merged + i * kind->size, merged + named[i].at * kind->size, kind->size);
	free(named);
	*count = kept;
	return merged;
}

/* ---- the kinds of rows ---- */

static void name_device(const struct facts *facts, const void *row, const char *names[static 2])
{
	const struct handshake_device *device = row;
	names[0] = wire_name(facts, device->device);
	names[1] = "";
}

static void add_device(void *sum, const void *row)
{
	handshake_device_add(sum, row);
}

static const struct row_kind devices = { sizeof(struct handshake_device), name_device, add_device };

static void name_pair(const struct facts *facts, const void *row, const char *names[static 2])
{
	const struct handshake_pair *pair = row;
	names[0] = wire_name(facts, pair->syn_device);
	names[1] = wire_name(facts, pair->synack_device);
}

static void add_pair(void *sum_row, const void *row)
{
	struct handshake_pair *sum = sum_row;
	const struct handshake_pair *pair = row;
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		sum->counts[i] += pair->counts[i];
}

static const struct row_kind pairs = { sizeof(struct handshake_pair), name_pair, add_pair };

static void name_capture(const struct facts *facts, const void *row, const char *names[static 2])
{
	(void)facts;
	names[0] = ((const struct capture *)row)->name;
	names[1] = "";
}

static void add_capture(void *sum_row, const void *row)
{
	struct capture *sum = sum_row;
	const struct capture *capture = row;
	sum->ifindex = capture->ifindex;
	sum->running = capture->running;
	sum->packets += capture->packets;
	sum->dropped += capture->dropped;
}

static const struct row_kind captures = { sizeof(struct capture), name_capture, add_capture };

/* ---- all ---- */

int wire_devices(const struct facts *facts, struct handshake_device **rows, size_t *count)
{
	const struct handshake_report *report = facts->handshakes;
	*count = report ? report->device_count : 0;
	*rows = merge(&devices, facts, report ? report->devices : NULL, count);
	return *rows ? 0 : -ENOMEM;
}

int wire_pairs(const struct facts *facts, struct handshake_pair **rows, size_t *count)
{
	const struct handshake_report *report = facts->handshakes;
	*count = report ? report->pair_count : 0;
	*rows = merge(&pairs, facts, report ? report->pairs : NULL, count);
	return *rows ? 0 : -ENOMEM;
}

int wire_captures(const struct facts *facts, struct capture **rows, size_t *count)
{
	*count = facts->capture_count;
	*rows = merge(&captures, facts, facts->captures, count);
	return *rows ? 0 : -ENOMEM;
}
