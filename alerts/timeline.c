// SPDX-License-Identifier: GPL-2.0-or-later
#include "alerts/timeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/wire_rows.h"

/* Counts of one name since the start, or since the last point. The name is empty for handshakes of which no
 * device was seen, or that the table counts together. */
struct timeline_counter {
	char name[IF_NAMESIZE];
	uint64_t counts[HANDSHAKE_OUTCOMES];
};

_Static_assert(sizeof(struct timeline) + TIMELINE_DEVICES * sizeof(struct timeline_device) +
			       TIMELINE_COUNTERS * sizeof(struct timeline_counter) <=
		       TIMELINE_BYTES,
	"the memory that the header promises");

const struct timeline *timeline_share(const struct timeline *timeline)
{
	if (timeline)
		atomic_fetch_add(&((struct timeline *)(uintptr_t)timeline)->holders, 1);
	return timeline;
}

void timeline_release(const struct timeline *shared)
{
	struct timeline *timeline = (struct timeline *)(uintptr_t)shared;
	if (!timeline || atomic_fetch_sub(&timeline->holders, 1) != 1)
		return;
	for (size_t i = 0; i < timeline->device_count; i++)
		free(timeline->devices[i]);
	free(timeline->counters);
	free(timeline);
}

int64_t timeline_time(const struct facts *now, int64_t monotonic_ns)
{
	return now->time_ns - (now->monotonic_ns - monotonic_ns);
}

uint32_t timeline_unplaced_devices(const struct timeline *timeline)
{
	uint32_t most = 0;
	for (size_t i = 0; i < timeline->point_count; i++)
		if (timeline->points[i].unplaced > most)
			most = timeline->points[i].unplaced;
	return most;
}

/* ---- a copy that goes on ---- */

static uint64_t device_sum(const struct timeline_device *device)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++)
		for (size_t j = 0; j < TIMELINE_POINTS; j++)
			sum += device->counts[i][j];
	return sum;
}

/* Leaves out the first `gone` points. */
static void device_copy(struct timeline_device *to, const struct timeline_device *from, size_t gone)
{
	*to = *from;
	for (size_t i = 0; gone && i < HANDSHAKE_OUTCOMES; i++) {
		memmove(to->counts[i], to->counts[i] + gone,
			(TIMELINE_POINTS - gone) * sizeof(to->counts[i][0]));
		memset(to->counts[i] + TIMELINE_POINTS - gone, 0, gone * sizeof(to->counts[i][0]));
	}
}

/* End of the last step, or when it began. */
static int64_t timeline_end(const struct timeline *timeline)
{
	return timeline->point_count ? timeline->points[timeline->point_count - 1].end_ns
				     : timeline->begin_ns;
}

/* Of what is older than an hour, nothing; with room for one point more, if it is wanted. 0 or -ENOMEM: then
 * the copy is not complete. */
static int timeline_copy(
	struct timeline *copy, const struct timeline *before, const struct facts *now, bool room)
{
	int64_t oldest_ns = now->monotonic_ns - TIMELINE_NS;
	size_t gone = 0, counters_size = before->counter_count * sizeof(*before->counters);
	copy->begin_ns = before->begin_ns;
	while (gone < before->point_count && before->points[gone].end_ns <= oldest_ns)
		copy->begin_ns = before->points[gone++].end_ns;
	if (room && before->point_count - gone == TIMELINE_POINTS)
		copy->begin_ns = before->points[gone++].end_ns;
	copy->point_count = before->point_count - gone;
	memcpy(copy->points, before->points + gone, copy->point_count * sizeof(copy->points[0]));
	device_copy(&copy->rest, &before->rest, gone);
	for (size_t i = 0; i < before->device_count; i++) {
		struct timeline_device *device = malloc(sizeof(*device));
		if (!device)
			return -ENOMEM;
		copy->devices[copy->device_count++] = device;
		device_copy(device, before->devices[i], gone);
		if (device_sum(device) == 0)
			free(copy->devices[--copy->device_count]);
	}
	for (size_t i = 0; i < before->finding_count; i++)
		if (!before->findings[i].until_ns || before->findings[i].until_ns > oldest_ns)
			copy->findings[copy->finding_count++] = before->findings[i];
	copy->given_up = before->given_up;
	copy->counters = malloc(counters_size + 1);
	if (!copy->counters)
		return -ENOMEM;
	if (counters_size)
		memcpy(copy->counters, before->counters, counters_size);
	copy->counter_count = before->counter_count;
	return 0;
}

/* ---- handshakes ---- */

static int compare_counters(const void *left, const void *right)
{
	const struct timeline_counter *a = left, *b = right;
	return strcmp(a->name, b->name);
}

/* All that the table has counted, by name, each once. */
static int counters_read(const struct facts *facts, struct timeline_counter **out, size_t *count)
{
	const struct handshake_report *report = facts->handshakes;
	struct timeline_counter *counters = calloc(report->pair_count + 1, sizeof(*counters));
	size_t kept = 0;
	if (!counters)
		return -ENOMEM;
	for (size_t i = 0; i < report->pair_count; i++) {
		const struct handshake_pair *pair = &report->pairs[i];
		int device = pair->syn_device ? pair->syn_device : pair->synack_device;
		if (device != HANDSHAKE_OTHER_DEVICES)
			snprintf(counters[i].name, IF_NAMESIZE, "%s", wire_name(facts, device));
		memcpy(counters[i].counts, pair->counts, sizeof(counters[i].counts));
	}
	qsort(counters, report->pair_count, sizeof(*counters), compare_counters);
	for (size_t i = 0; i < report->pair_count; i++) {
		if (kept == 0 || strcmp(counters[kept - 1].name, counters[i].name) != 0) {
			counters[kept++] = counters[i];
			continue;
		}
		for (size_t j = 0; j < HANDSHAKE_OUTCOMES; j++)
			counters[kept - 1].counts[j] += counters[i].counts[j];
	}
	struct timeline_counter *small = realloc(counters, (kept + 1) * sizeof(*counters));
	*out = small ? small : counters;
	*count = kept;
	return 0;
}

/* What was counted since, each at most what a point holds; a counter that fell began anew. False: nothing. */
static bool counter_rise(const struct timeline *timeline, const struct timeline_counter *counter,
	uint32_t rise[static HANDSHAKE_OUTCOMES])
{
	const struct timeline_counter *last = NULL;
	bool risen = false;
	if (timeline->counter_count)
		last = bsearch(counter, timeline->counters, timeline->counter_count, sizeof(*counter),
			compare_counters);
	for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++) {
		uint64_t from = last ? last->counts[i] : 0, to = counter->counts[i];
		uint64_t delta = to > from ? to - from : 0;
		rise[i] = delta < UINT32_MAX ? (uint32_t)delta : UINT32_MAX;
		risen |= delta > 0;
	}
	return risen;
}

static bool is_line(const struct facts *facts, const char *name)
{
	const struct device *device = facts_device_named(facts, name);
	return device &&
	       (facts_line(facts, device->ifindex, AF_INET) || facts_line(facts, device->ifindex, AF_INET6));
}

/* For a line: the row of the one that had least and is none. Its counts go to the rest. NULL: there is none.
 */
static struct timeline_device *timeline_free_row(struct timeline *timeline)
{
	struct timeline_device *least = NULL;
	for (size_t i = 0; i < timeline->device_count; i++) {
		struct timeline_device *device = timeline->devices[i];
		if (!device->line && (!least || device_sum(device) < device_sum(least)))
			least = device;
	}
	for (size_t point = 0; least && point < timeline->point_count; point++) {
		bool had = false;
		for (size_t i = 0; i < HANDSHAKE_OUTCOMES; i++) {
			timeline->rest.counts[i][point] += least->counts[i][point];
			had |= least->counts[i][point] > 0;
		}
		timeline->points[point].unplaced += had;
	}
	return least;
}

/* The row of a device, a new one if need be. *row is that of the rest if there is no room. 0 or -ENOMEM. */
static int timeline_row(
	struct timeline *timeline, const struct facts *now, const char *name, struct timeline_device **row)
{
	*row = &timeline->rest;
	if (!*name)
		return 0;
	for (size_t i = 0; i < timeline->device_count; i++)
		if (strcmp(timeline->devices[i]->name, name) == 0) {
			*row = timeline->devices[i];
			return 0;
		}
	bool line = is_line(now, name);
	struct timeline_device *device = NULL;
	if (timeline->device_count < TIMELINE_DEVICES) {
		device = malloc(sizeof(*device));
		if (!device)
			return -ENOMEM;
		timeline->devices[timeline->device_count++] = device;
	} else {
		device = line ? timeline_free_row(timeline) : NULL;
		if (!device)
			return 0;
	}
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	device->line = line;
	*row = device;
	return 0;
}

/* Ends a step. 0 or -ENOMEM. */
static int timeline_add_point(struct timeline *timeline, const struct facts *now)
{
	struct timeline_counter *counters = NULL;
	size_t count = 0, at = timeline->point_count++;
	struct timeline_point *point = &timeline->points[at];
	*point = (struct timeline_point){ .end_ns = now->monotonic_ns, .watched = now->handshakes };
	for (size_t i = 0; i < timeline->device_count; i++)
		timeline->devices[i]->line = is_line(now, timeline->devices[i]->name);
	if (!now->handshakes)
		return 0;
	int result = counters_read(now, &counters, &count);
	for (size_t i = 0; result == 0 && i < count; i++) {
		uint32_t rise[HANDSHAKE_OUTCOMES];
		struct timeline_device *row;
		if (!counter_rise(timeline, &counters[i], rise))
			continue;
		result = timeline_row(timeline, now, counters[i].name, &row);
		for (size_t j = 0; result == 0 && j < HANDSHAKE_OUTCOMES; j++)
			row->counts[j][at] += rise[j];
		point->unplaced += result == 0 && row == &timeline->rest && *counters[i].name;
	}
	if (result < 0) {
		free(counters);
		return result;
	}
	free(timeline->counters);
	timeline->counters = counters;
	timeline->counter_count = count;
	return 0;
}

/* ---- findings ---- */

/* The place of an open finding, or NULL. */
static const struct timeline_finding *find_open(const struct timeline *timeline, const char *id)
{
	for (size_t i = timeline->finding_count; i-- > 0;)
		if (!timeline->findings[i].until_ns && strcmp(timeline->findings[i].id, id) == 0)
			return &timeline->findings[i];
	return NULL;
}

static const struct finding *find_shown(const struct findings *findings, const char *id)
{
	const struct finding *found = findings_find(findings, id);
	return found && found->open ? found : NULL;
}

static bool is_told(const struct timeline_finding *told, const struct finding *finding)
{
	return told->severity == finding->severity && told->intended == finding->intended &&
	       strcmp(told->cause, finding->cause) == 0;
}

/* Whether a finding opened, closed or is told otherwise. */
static bool findings_differ(const struct timeline *before, const struct findings *findings)
{
	size_t unplaced = 0;
	for (size_t i = 0; i < before->finding_count; i++)
		if (!before->findings[i].until_ns && !find_shown(findings, before->findings[i].id))
			return true;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		const struct timeline_finding *told = finding->open ? find_open(before, finding->id) : NULL;
		if (told && !is_told(told, finding))
			return true;
		unplaced += finding->open && !told;
	}
	return unplaced != before->unplaced;
}

/* Cut before a character, not within it. */
static void copy_summary(char to[static TIMELINE_SUMMARY_SIZE], const char *summary)
{
	static const char cut[] = "…";
	size_t length = strlen(summary);
	if (length < TIMELINE_SUMMARY_SIZE) {
		memcpy(to, summary, length + 1);
		return;
	}
	length = TIMELINE_SUMMARY_SIZE - sizeof(cut);
	while (length && ((unsigned char)summary[length] & 0xc0) == 0x80)
		length--;
	memcpy(to, summary, length);
	memcpy(to + length, cut, sizeof(cut));
}

/* A place at the end, or NULL. */
static struct timeline_finding *timeline_add_finding(struct timeline *timeline)
{
	if (timeline->finding_count == TIMELINE_FINDINGS) {
		size_t first = TIMELINE_FINDINGS;
		for (size_t i = 0; i < TIMELINE_FINDINGS; i++) {
			int64_t until_ns = timeline->findings[i].until_ns;
			if (until_ns &&
				(first == TIMELINE_FINDINGS || until_ns < timeline->findings[first].until_ns))
				first = i;
		}
		if (first == TIMELINE_FINDINGS)
			return NULL;
		memmove(&timeline->findings[first], &timeline->findings[first + 1],
			(TIMELINE_FINDINGS - first - 1) * sizeof(timeline->findings[0]));
		timeline->finding_count--;
		timeline->given_up++;
	}
	return &timeline->findings[timeline->finding_count++];
}

static void timeline_open_finding(
	struct timeline *timeline, const struct facts *now, const struct finding *finding)
{
	struct timeline_finding *told = timeline_add_finding(timeline);
	int64_t age_ns = now->time_ns > finding->since_ns ? now->time_ns - finding->since_ns : 0;
	if (!told) {
		timeline->unplaced++;
		return;
	}
	*told = (struct timeline_finding){
		.condition = finding->condition,
		.severity = finding->severity,
		.intended = finding->intended,
		.has_service = finding->has_service,
		.address = finding->address,
		.since_ns = now->monotonic_ns - age_ns,
	};
	memcpy(told->id, finding->id, sizeof(told->id));
	memcpy(told->cause, finding->cause, sizeof(told->cause));
	memcpy(told->device, finding->device_name, sizeof(told->device));
	copy_summary(told->summary, finding->summary ? finding->summary : "");
}

static void timeline_note_findings(
	struct timeline *timeline, const struct facts *now, const struct findings *findings)
{
	for (size_t i = 0; i < timeline->finding_count; i++) {
		struct timeline_finding *told = &timeline->findings[i];
		const struct finding *finding = told->until_ns ? NULL : find_shown(findings, told->id);
		if (finding) {
			told->severity = finding->severity;
			told->intended = finding->intended;
			memcpy(told->cause, finding->cause, sizeof(told->cause));
		} else if (!told->until_ns) {
			told->until_ns = now->monotonic_ns;
		}
	}
	for (size_t i = 0; i < findings->count; i++)
		if (findings->items[i].open && !find_open(timeline, findings->items[i].id))
			timeline_open_finding(timeline, now, &findings->items[i]);
}

/* ---- all ---- */

int timeline_note(const struct timeline *before, const struct facts *now, const struct findings *findings,
	const struct timeline **out)
{
	bool ended = before && now->monotonic_ns / TIMELINE_STEP_NS > timeline_end(before) / TIMELINE_STEP_NS;
	if (before && !ended && !findings_differ(before, findings)) {
		*out = timeline_share(before);
		return 0;
	}
	struct timeline *timeline = calloc(1, sizeof(*timeline));
	if (!timeline)
		return -ENOMEM;
	atomic_init(&timeline->holders, 1);
	timeline->begin_ns = now->monotonic_ns;
	int result = before ? timeline_copy(timeline, before, now, ended) : 0;
	if (result == 0 && ended)
		result = timeline_add_point(timeline, now);
	if (result < 0) {
		timeline_release(timeline);
		return result;
	}
	timeline_note_findings(timeline, now, findings);
	*out = timeline;
	return 0;
}
