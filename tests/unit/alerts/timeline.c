// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/condition/conditions.h"
#include "alerts/timeline.h"
#include "collectors/base/array.h"
#include "tests/support/wire_builder.h"

/* Allocations that still succeed. */
static size_t left = SIZE_MAX;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return left == SIZE_MAX || (left && left--) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return left == SIZE_MAX || (left && left--) ? __real_calloc(count, size) : NULL;
}

/* A host that is watched, and its timeline. */
struct watch {
	struct facts *facts;
	struct findings *findings;
	const struct timeline *timeline;
};

static void note(struct watch *watch)
{
	const struct timeline *next = NULL;
	assert_int_equal(timeline_note(watch->timeline, watch->facts, watch->findings, &next), 0);
	timeline_release(watch->timeline);
	watch->timeline = next;
}

static void pass(struct watch *watch, double seconds)
{
	build_later(watch->facts, seconds);
	note(watch);
}

/* Two devices, of which eth0 is a line. */
static struct watch watch_begin(void)
{
	struct watch watch = { .facts = build_facts(), .findings = findings_new() };
	build_device(watch.facts, "eth0");
	build_device(watch.facts, "eth1");
	struct line *line = ARRAY_ADD(watch.facts->lines, watch.facts->line_count);
	line->ifindex = build_ifindex(watch.facts, "eth0");
	line->family = AF_INET;
	watch.facts->monotonic_ns = 1000 * TIMELINE_STEP_NS;
	wire_report(watch.facts);
	note(&watch);
	return watch;
}

static void watch_end(struct watch *watch)
{
	timeline_release(watch->timeline);
	findings_free(watch->findings);
	facts_free(watch->facts);
}

static void count(struct facts *facts, int syn, int synack, enum handshake_outcome outcome, uint64_t more)
{
	struct handshake_report *report = wire_report(facts);
	struct handshake_pair *pair = NULL;
	for (size_t i = 0; i < report->pair_count; i++)
		if (report->pairs[i].syn_device == syn && report->pairs[i].synack_device == synack)
			pair = &report->pairs[i];
	if (!pair)
		pair = ARRAY_ADD(report->pairs, report->pair_count);
	pair->syn_device = syn;
	pair->synack_device = synack;
	pair->counts[outcome] += more;
}

static const struct timeline_device *row(const struct watch *watch, const char *name)
{
	for (size_t i = 0; i < watch->timeline->device_count; i++)
		if (strcmp(watch->timeline->devices[i]->name, name) == 0)
			return watch->timeline->devices[i];
	return NULL;
}

static struct finding *open_finding(struct watch *watch, const char *device)
{
	struct finding *finding = findings_add(watch->findings, &return_only_condition);
	snprintf(finding->device_name, sizeof(finding->device_name), "%s", device);
	finding_identify(finding);
	finding->severity = SEVERITY_WARNING;
	finding->open = true;
	finding->since_ns = watch->facts->time_ns - 3 * SECOND_NS;
	finding_summarise(finding, "SYN-ACKs pass by %s", device);
	return finding;
}

/* ---- handshakes ---- */

static void each_step_has_what_ended_in_it(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int eth0 = build_ifindex(watch.facts, "eth0"), eth1 = build_ifindex(watch.facts, "eth1");
	assert_int_equal(watch.timeline->point_count, 0);
	count(watch.facts, eth0, eth0, HANDSHAKE_COMPLETED, 5);
	pass(&watch, 10);
	count(watch.facts, eth0, eth0, HANDSHAKE_COMPLETED, 2);
	count(watch.facts, eth0, eth1, HANDSHAKE_ONE_WAY, 3);
	count(watch.facts, 0, eth1, HANDSHAKE_RETURN_ONLY, 1);
	count(watch.facts, 0, 0, HANDSHAKE_ABANDONED, 7);
	pass(&watch, 10);
	pass(&watch, 10);
	assert_int_equal(watch.timeline->point_count, 3);
	assert_int_equal(watch.timeline->device_count, 2);
	const struct timeline_device *first = row(&watch, "eth0"), *second = row(&watch, "eth1");
	const uint32_t completed[] = { 5, 2, 0 }, one_way[] = { 0, 3, 0 }, return_only[] = { 0, 1, 0 };
	assert_memory_equal(first->counts[HANDSHAKE_COMPLETED], completed, sizeof(completed));
	assert_memory_equal(first->counts[HANDSHAKE_ONE_WAY], one_way, sizeof(one_way));
	assert_memory_equal(second->counts[HANDSHAKE_RETURN_ONLY], return_only, sizeof(return_only));
	assert_true(first->line);
	assert_false(second->line);
	/* Of no device at all: with the rest, but no device is left out for it. */
	assert_int_equal(watch.timeline->rest.counts[HANDSHAKE_ABANDONED][1], 7);
	assert_int_equal(timeline_unplaced_devices(watch.timeline), 0);
	watch_end(&watch);
}

static void between_steps_it_is_shared(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	const struct timeline *first = watch.timeline;
	for (int i = 1; i < 10; i++) {
		count(watch.facts, build_ifindex(watch.facts, "eth0"), 0, HANDSHAKE_UNANSWERED, 1);
		pass(&watch, 1);
		assert_ptr_equal(watch.timeline, first);
	}
	pass(&watch, 1.5);
	assert_ptr_not_equal(watch.timeline, first);
	assert_int_equal(row(&watch, "eth0")->counts[HANDSHAKE_UNANSWERED][0], 9);
	watch_end(&watch);
}

/* No judgement in time: one long point, and the next ones end where they always do. */
static void a_late_judgement_ends_one_long_step(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int64_t began_ns = watch.facts->monotonic_ns;
	pass(&watch, 10);
	pass(&watch, 37);
	pass(&watch, 2);
	assert_int_equal(watch.timeline->point_count, 2);
	pass(&watch, 1);
	assert_int_equal(watch.timeline->point_count, 3);
	assert_int_equal(watch.timeline->points[1].end_ns - began_ns, 47 * SECOND_NS);
	assert_int_equal(watch.timeline->points[2].end_ns - began_ns, 50 * SECOND_NS);
	watch_end(&watch);
}

static void after_an_hour_the_oldest_go(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int eth0 = build_ifindex(watch.facts, "eth0"), eth1 = build_ifindex(watch.facts, "eth1");
	count(watch.facts, eth1, eth1, HANDSHAKE_REFUSED, 1);
	for (unsigned i = 1; i <= TIMELINE_POINTS + 25; i++) {
		count(watch.facts, eth0, eth0, HANDSHAKE_COMPLETED, i);
		pass(&watch, 10);
		if (i == TIMELINE_POINTS) {
			assert_non_null(row(&watch, "eth1"));
			assert_int_equal(row(&watch, "eth0")->counts[HANDSHAKE_COMPLETED][0], 1);
		}
	}
	const struct timeline *timeline = watch.timeline;
	const uint32_t *counts = row(&watch, "eth0")->counts[HANDSHAKE_COMPLETED];
	assert_int_equal(timeline->point_count, TIMELINE_POINTS);
	for (unsigned i = 0; i < TIMELINE_POINTS; i++)
		assert_int_equal(counts[i], 26 + i);
	assert_int_equal(watch.facts->monotonic_ns - timeline->begin_ns, TIMELINE_NS);
	assert_int_equal(timeline->points[0].end_ns - timeline->begin_ns, TIMELINE_STEP_NS);
	assert_null(row(&watch, "eth1")); /* nothing within the hour */
	build_later(watch.facts, 2 * 3600);
	note(&watch);
	assert_int_equal(watch.timeline->point_count, 1);
	assert_int_equal(watch.timeline->device_count, 0);
	watch_end(&watch);
}

/* It comes back under its name, with another number and counters of its own. */
static void a_device_that_comes_back_goes_on(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	struct handshake_report *report = wire_report(watch.facts);
	int eth1 = build_ifindex(watch.facts, "eth1");
	count(watch.facts, eth1, eth1, HANDSHAKE_COMPLETED, 100);
	pass(&watch, 10);
	report->pair_count = 0; /* gone, and its counts with it */
	watch.facts->device_count--;
	pass(&watch, 10);
	build_device(watch.facts, "eth1")->ifindex = 77;
	count(watch.facts, 77, 77, HANDSHAKE_COMPLETED, 4);
	pass(&watch, 10);
	report->pairs[0].counts[HANDSHAKE_COMPLETED] = 1; /* began anew */
	pass(&watch, 10);
	count(watch.facts, 77, 77, HANDSHAKE_COMPLETED, 2);
	pass(&watch, 10);
	const uint32_t completed[] = { 100, 0, 4, 0, 2 };
	assert_int_equal(watch.timeline->device_count, 1);
	assert_memory_equal(row(&watch, "eth1")->counts[HANDSHAKE_COMPLETED], completed, sizeof(completed));
	watch_end(&watch);
}

static void what_is_not_watched_is_told(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int eth0 = build_ifindex(watch.facts, "eth0");
	count(watch.facts, eth0, eth0, HANDSHAKE_COMPLETED, 5);
	pass(&watch, 10);
	struct handshake_report *report = watch.facts->handshakes;
	watch.facts->handshakes = NULL;
	pass(&watch, 10);
	watch.facts->handshakes = report;
	count(watch.facts, eth0, eth0, HANDSHAKE_COMPLETED, 1);
	pass(&watch, 10);
	const uint32_t completed[] = { 5, 0, 1 };
	assert_memory_equal(row(&watch, "eth0")->counts[HANDSHAKE_COMPLETED], completed, sizeof(completed));
	assert_true(watch.timeline->points[0].watched);
	assert_false(watch.timeline->points[1].watched);
	assert_true(watch.timeline->points[2].watched);
	watch_end(&watch);
}

/* 70 devices with 1, 2, 3 … handshakes; the line comes last. */
static void devices_without_room_are_counted_together(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int eth0 = build_ifindex(watch.facts, "eth0");
	for (int i = 0; i < 70; i++) {
		char name[IF_NAMESIZE];
		snprintf(name, sizeof(name), "veth%02d", i);
		int device = build_device(watch.facts, name)->ifindex;
		count(watch.facts, device, device, HANDSHAKE_COMPLETED, (uint64_t)i + 1);
	}
	count(watch.facts, HANDSHAKE_OTHER_DEVICES, HANDSHAKE_OTHER_DEVICES, HANDSHAKE_COMPLETED, 1000);
	pass(&watch, 10);
	assert_int_equal(watch.timeline->device_count, TIMELINE_DEVICES);
	assert_int_equal(timeline_unplaced_devices(watch.timeline), 6);
	assert_int_equal(
		watch.timeline->rest.counts[HANDSHAKE_COMPLETED][0], 1000 + 65 + 66 + 67 + 68 + 69 + 70);
	count(watch.facts, eth0, eth0, HANDSHAKE_ONE_WAY, 1);
	pass(&watch, 10);
	assert_int_equal(row(&watch, "eth0")->counts[HANDSHAKE_ONE_WAY][1], 1);
	assert_null(row(&watch, "veth00")); /* had least */
	assert_int_equal(watch.timeline->device_count, TIMELINE_DEVICES);
	assert_int_equal(watch.timeline->points[0].unplaced, 7);
	assert_int_equal(watch.timeline->points[1].unplaced, 0);
	assert_int_equal(
		watch.timeline->rest.counts[HANDSHAKE_COMPLETED][0], 1 + 1000 + 65 + 66 + 67 + 68 + 69 + 70);
	watch_end(&watch);
}

/* ---- findings ---- */

static void a_finding_is_there_from_when_it_first_held(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	int64_t began_ns = watch.facts->monotonic_ns;
	struct finding *finding = open_finding(&watch, "eth0");
	pass(&watch, 1);
	assert_int_equal(watch.timeline->finding_count, 1);
	const struct timeline_finding *told = &watch.timeline->findings[0];
	assert_string_equal(told->id, finding->id);
	assert_string_equal(told->device, "eth0");
	assert_string_equal(told->summary, "SYN-ACKs pass by eth0");
	assert_int_equal(told->since_ns, began_ns - 3 * SECOND_NS);
	assert_int_equal(timeline_time(watch.facts, told->since_ns), finding->since_ns);
	assert_int_equal(told->until_ns, 0);
	finding->severity = SEVERITY_CRITICAL;
	strcpy(finding->cause, "0123456789abcdef");
	pass(&watch, 1);
	assert_int_equal(watch.timeline->findings[0].severity, SEVERITY_CRITICAL);
	assert_string_equal(watch.timeline->findings[0].cause, "0123456789abcdef");
	finding->open = false;
	pass(&watch, 1);
	assert_int_equal(watch.timeline->findings[0].until_ns, watch.facts->monotonic_ns);
	finding->open = true;
	finding->since_ns = watch.facts->time_ns;
	pass(&watch, 5);
	assert_int_equal(watch.timeline->finding_count, 2);
	assert_int_equal(watch.timeline->findings[1].until_ns, 0);
	pass(&watch, 3596);
	assert_int_equal(watch.timeline->finding_count, 1); /* the closed one is too old */
	assert_int_equal(watch.timeline->findings[0].until_ns, 0);
	watch_end(&watch);
}

static void a_clock_that_is_set_moves_nothing(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	open_finding(&watch, "eth0");
	pass(&watch, 10);
	int64_t since_ns = watch.timeline->findings[0].since_ns;
	watch.facts->time_ns -= 24 * 3600 * SECOND_NS;
	pass(&watch, 10);
	watch.facts->time_ns += 48 * 3600 * SECOND_NS;
	pass(&watch, 10);
	assert_int_equal(watch.timeline->point_count, 3);
	assert_int_equal(watch.timeline->finding_count, 1);
	assert_int_equal(watch.timeline->findings[0].since_ns, since_ns);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(timeline_time(watch.facts, watch.timeline->points[i].end_ns),
			watch.facts->time_ns - (int64_t)(2 - i) * TIMELINE_STEP_NS);
	/* One whose beginning lies in the future now. */
	open_finding(&watch, "eth1")->since_ns = watch.facts->time_ns + SECOND_NS;
	pass(&watch, 0);
	assert_int_equal(watch.timeline->findings[1].since_ns, watch.facts->monotonic_ns);
	watch_end(&watch);
}

static void findings_without_room_are_told(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	for (int i = 0; i < TIMELINE_FINDINGS + 3; i++) {
		char name[IF_NAMESIZE];
		snprintf(name, sizeof(name), "eth%d", i);
		open_finding(&watch, name);
	}
	pass(&watch, 1);
	const struct timeline *full = watch.timeline;
	assert_int_equal(full->finding_count, TIMELINE_FINDINGS);
	assert_int_equal(full->unplaced, 3);
	pass(&watch, 1);
	assert_ptr_equal(watch.timeline, full); /* and nothing is new */
	watch.findings->items[0].open = false;
	watch.findings->items[1].open = false;
	pass(&watch, 1);
	assert_int_equal(watch.timeline->unplaced, 1);
	assert_int_equal(watch.timeline->given_up, 2);
	assert_string_equal(watch.timeline->findings[TIMELINE_FINDINGS - 1].device, "eth257");
	watch.findings->items[2].open = false;
	pass(&watch, 1);
	assert_int_equal(watch.timeline->unplaced, 0);
	assert_int_equal(watch.timeline->given_up, 3);
	watch_end(&watch);
}

static void a_long_summary_is_cut_before_a_character(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	struct finding *finding = open_finding(&watch, "eth0");
	free(finding->summary);
	finding->summary = NULL;
	finding_summarise(finding, "x%0*d", TIMELINE_SUMMARY_SIZE - 2, 0);
	pass(&watch, 1);
	assert_string_equal(watch.timeline->findings[0].summary, finding->summary);
	finding = open_finding(&watch, "eth1");
	free(finding->summary);
	finding->summary = NULL;
	char text[2 * TIMELINE_SUMMARY_SIZE] = "x";
	while (strlen(text) < TIMELINE_SUMMARY_SIZE)
		strcat(text, "é");
	finding_summarise(finding, "%s", text);
	pass(&watch, 1);
	const char *told = watch.timeline->findings[1].summary;
	size_t length = strlen(told);
	assert_in_range(length, TIMELINE_SUMMARY_SIZE - 3, TIMELINE_SUMMARY_SIZE - 1);
	assert_string_equal(told + length - strlen("é…"), "é…");
	assert_memory_equal(told, text, length - strlen("…"));
	watch_end(&watch);
}

/* ---- memory ---- */

static void it_is_made_whole_or_not_at_all(void **state)
{
	(void)state;
	struct watch watch = watch_begin();
	count(watch.facts, build_ifindex(watch.facts, "eth0"), 0, HANDSHAKE_UNANSWERED, 1);
	pass(&watch, 10);
	count(watch.facts, build_ifindex(watch.facts, "eth1"), 0, HANDSHAKE_UNANSWERED, 1);
	open_finding(&watch, "eth0");
	build_later(watch.facts, 10);
	const struct timeline *next = NULL;
	size_t most = 0;
	int result;
	do {
		left = most++;
		result = timeline_note(watch.timeline, watch.facts, watch.findings, &next);
		left = SIZE_MAX;
		assert_true(result == 0 || (result == -ENOMEM && !next));
	} while (result < 0);
	assert_int_equal(most - 1, 5); /* it, the old row and counters, the new row and counters */
	assert_int_equal(next->device_count, 2);
	timeline_release(next);
	timeline_release(NULL);
	assert_null(timeline_share(NULL));
	watch_end(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_has_what_ended_in_it),
		cmocka_unit_test(between_steps_it_is_shared),
		cmocka_unit_test(a_late_judgement_ends_one_long_step),
		cmocka_unit_test(after_an_hour_the_oldest_go),
		cmocka_unit_test(a_device_that_comes_back_goes_on),
		cmocka_unit_test(what_is_not_watched_is_told),
		cmocka_unit_test(devices_without_room_are_counted_together),
		cmocka_unit_test(a_finding_is_there_from_when_it_first_held),
		cmocka_unit_test(a_clock_that_is_set_moves_nothing),
		cmocka_unit_test(findings_without_room_are_told),
		cmocka_unit_test(a_long_summary_is_cut_before_a_character),
		cmocka_unit_test(it_is_made_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
