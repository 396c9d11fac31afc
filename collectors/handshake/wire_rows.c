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

static int compare_rows(const void *left, const void *right)
{
	const struct named_row *a = left, *b = right;
	int names = compare_names(a, b);
	return names ? names : (a->at > b->at) - (a->at < b->at);
}

/* For each row the position of the first one of its names. */
static size_t *find_firsts(struct named_row *named, size_t count)
{
	size_t *firsts = calloc(count, sizeof(*firsts));
	if (!firsts)
		return NULL;
	qsort(named, count, sizeof(*named), compare_rows);
	for (size_t i = 0, first = 0; i < count; i++) {
		if (compare_names(&named[i], &named[first]) != 0)
			first = i;
		firsts[named[i].at] = named[first].at;
	}
	return firsts;
}

struct row_kind {
	size_t size;
	void (*name)(const struct facts *facts, const void *row, const char *names[static 2]);
	void (*add)(void *sum, const void *row);
};

static int merge_rows(
	const struct row_kind *kind, const struct facts *facts, const char *rows, size_t *count, char **out)
{
	struct named_row *named = calloc(*count, sizeof(*named));
	char *merged = calloc(*count, kind->size);
	for (size_t i = 0; named && i < *count; i++) {
		kind->name(facts, rows + i * kind->size, named[i].names);
		named[i].at = i;
	}
	size_t *firsts = named ? find_firsts(named, *count) : NULL;
	free(named);
	if (!merged || !firsts) {
		free(merged);
		free(firsts);
		return -ENOMEM;
	}
	size_t kept = 0;
	for (size_t i = 0; i < *count; i++) {
		const char *row = rows + i * kind->size;
		if (firsts[i] == i) {
			memcpy(merged + kept * kind->size, row, kind->size);
			firsts[i] = kept++; /* from here on, of a first one: where its sum is */
		} else {
			kind->add(merged + firsts[firsts[i]] * kind->size, row);
		}
	}
	free(firsts);
	*out = merged;
	*count = kept;
	return 0;
}

static int merge(const struct row_kind *kind, const struct facts *facts, const void *rows, size_t row_count,
	void *out, size_t *count)
{
	char *merged = NULL;
	int result = row_count ? merge_rows(kind, facts, rows, &row_count, &merged) : 0;
	if (result < 0)
		return result;
	memcpy(out, &merged, sizeof(merged));
	*count = row_count;
	return 0;
}

/* ---- the kinds of rows ---- */

static void name_device(const struct facts *facts, const void *row, const char *names[static 2])
{
	const struct handshake_device *device = row;
	names[0] = wire_name(facts, device->device);
	names[1] = "";
}

static void add_device(void *sum_row, const void *row)
{
	struct handshake_device *sum = sum_row;
	const struct handshake_device *device = row;
	for (size_t direction = 0; direction < DIRECTIONS; direction++)
		for (size_t kind = 0; kind < HANDSHAKE_KINDS; kind++)
			sum->packets[direction][kind] += device->packets[direction][kind];
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		sum->recent[i] += device->recent[i];
	for (size_t i = 0; i < HANDSHAKE_DELAYS; i++)
		sum->delays[i] += device->delays[i];
	sum->delay_sum += device->delay_sum;
	for (size_t i = 0; i < ECHO_OUTCOMES; i++)
		sum->echoes[i] += device->echoes[i];
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
	return merge(&devices, facts, report ? report->devices : NULL, report ? report->device_count : 0,
		rows, count);
}

int wire_pairs(const struct facts *facts, struct handshake_pair **rows, size_t *count)
{
	const struct handshake_report *report = facts->handshakes;
	return merge(
		&pairs, facts, report ? report->pairs : NULL, report ? report->pair_count : 0, rows, count);
}

int wire_captures(const struct facts *facts, struct capture **rows, size_t *count)
{
	return merge(&captures, facts, facts->captures, facts->capture_count, rows, count);
}
