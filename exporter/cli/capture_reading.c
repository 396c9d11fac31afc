// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/capture_reading.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alerts/judge.h"
#include "collectors/base/array.h"
#include "collectors/base/clock.h"
#include "collectors/capture/capture_file.h"
#include "collectors/handshake/handshake.h"
#include "exporter/cli/frame_times.h"
#include "exporter/cli/progress.h"
#include "exporter/cli/read_devices.h"

/* In the capture's own time. Conditions look at the last minute. */
#define JUDGE_EVERY_NS (5 * SECOND_NS)

struct reading {
	struct settings settings;
	struct handshakes *handshakes;
	struct read_devices devices;
	bool openings;    /* are wanted */
	int64_t judge_ns; /* when a judgement is due */
	struct capture_summary summary;
	struct progress progress;
};

/* ---- the facts ---- */

static int compare_services(const void *left, const void *right)
{
	const struct service *a = left, *b = right;
	return address_compare(&a->address, &b->address);
}

static int add_service(struct facts *facts, const struct address *address, int syn_device, int synack_device)
{
	if (syn_device <= 0 || synack_device <= 0 || syn_device == synack_device)
		return 0;
	struct service *service = ARRAY_ADD(facts->services, facts->service_count);
	if (!service)
		return -ENOMEM;
	*service = (struct service){
		.origin = ORIGIN_REMOTE, .address = *address, .target = *address, .endpoint = SIZE_MAX
	};
	return 0;
}

/* Addresses whose replies left by another device than the requests came by: more is not known of what the
 * capture's host serves. */
static int add_services(struct facts *facts)
{
	const struct handshake_report *report = facts->handshakes;
	int result = 0;
	for (size_t i = 0; result == 0 && i < report->suspect_count; i++) {
		const struct handshake_suspect *suspect = &report->suspects[i];
		result = add_service(facts, &suspect->server, suspect->syn.in, suspect->synack.out);
	}
	for (size_t i = 0; result == 0 && i < report->service_count; i++) {
		const struct handshake_service *row = &report->services[i];
		if (row->role == HANDSHAKE_SERVED || row->role == HANDSHAKE_FORWARDED)
			result = add_service(facts, &row->address, row->device, row->synack_device);
	}
	/* in their order, each once */
	size_t kept = 0;
	if (facts->service_count)
		qsort(facts->services, facts->service_count, sizeof(*facts->services), compare_services);
	for (size_t i = 0; i < facts->service_count; i++)
		if (!kept || compare_services(&facts->services[kept - 1], &facts->services[i]) != 0)
			facts->services[kept++] = facts->services[i];
	facts->service_count = kept;
	return result;
}

static int compare_devices(const void *left, const void *right)
{
	const struct device *a = left, *b = right;
	return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static int add_devices(struct facts *facts, const struct read_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++) {
		const struct read_device *from = &devices->items[i];
		struct device *device = ARRAY_ADD(facts->devices, facts->device_count);
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		if (!device || !capture)
			return -ENOMEM;
		*device = (struct device){ .ifindex = from->number, .up = true };
		device->rp_filter_raw = device->rp_filter_effective = RP_FILTER_UNKNOWN;
		capture->ifindex = device->ifindex;
		memcpy(device->name, from->name, sizeof(device->name));
		memcpy(capture->name, from->name, sizeof(capture->name));
	}
	if (facts->device_count)
		qsort(facts->devices, facts->device_count, sizeof(*facts->devices), compare_devices);
	return 0;
}

static int fill_facts(const struct reading *reading, struct facts *facts)
{
	facts->time_ns = facts->monotonic_ns = reading->summary.last_ns;
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	if (!facts->handshakes || handshakes_report(reading->handshakes, facts->handshakes) < 0)
		return -ENOMEM;
	int result = add_devices(facts, &reading->devices);
	return result < 0 ? result : add_services(facts);
}

/* ---- judging ---- */

/* The table forgets, a finding does not. */
static int keep_suspects(
	const struct finding *finding, const struct handshake_report *before, struct handshake_report *now)
{
	for (size_t i = 0; i < finding->handshake_count; i++) {
		const struct handshake_suspect *suspect =
			handshake_report_suspect(before, finding->handshakes[i]);
		if (!suspect || handshake_report_suspect(now, finding->handshakes[i]))
			continue;
		struct handshake_suspect *more =
			reallocarray(now->suspects, now->suspect_count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		more[now->suspect_count++] = *suspect;
		now->suspects = more;
	}
	return 0;
}

static void clear_judgement(struct capture_summary *summary)
{
	facts_free(summary->facts);
	findings_free(summary->findings);
	summary->facts = NULL;
	summary->findings = NULL;
}

void capture_summary_clear(struct capture_summary *summary)
{
	clear_judgement(summary);
	openings_clear(&summary->openings);
	free(summary->comments);
	*summary = (struct capture_summary){ 0 };
}

static int judge_now(struct reading *reading)
{
	struct capture_summary *summary = &reading->summary;
	struct findings *findings = NULL;
	struct facts *facts = facts_new();
	int result = facts ? fill_facts(reading, facts) : -ENOMEM;
	if (result == 0)
		result = judge(&reading->settings, facts, summary->findings, &findings);
	for (size_t i = 0; summary->facts && result == 0 && i < findings->count; i++)
		result = keep_suspects(&findings->items[i], summary->facts->handshakes, facts->handshakes);
	if (result < 0) {
		facts_free(facts);
		findings_free(findings);
		return result;
	}
	clear_judgement(summary);
	summary->facts = facts;
	summary->findings = findings;
	return 0;
}

/* ---- packets ---- */

static int feed_packet(struct reading *reading, const struct capture_frame *frame)
{
	struct packet packet;
	int result = packet_read(frame->link, frame->bytes, frame->size, &packet);
	if (result == -EBADMSG)
		reading->summary.unread++;
	if (result < 0)
		return 0;
	struct sighting sighting = { .direction = packet.direction, .time_ns = frame->time_ns };
	if (sighting.direction == DIRECTION_UNKNOWN)
		sighting.direction = frame->direction;
	result = read_devices_find(&reading->devices, frame, &packet, sighting.direction, &sighting.device);
	if (result == 0)
		handshakes_feed(reading->handshakes, &packet, &sighting);
	if (result == 0 && reading->openings)
		result = openings_put(&reading->summary.openings, &packet, frame->time_ns);
	return result;
}

/* 0, or a negative errno that ends the reading. */
static int feed(void *context, const struct capture_frame *frame)
{
	struct reading *reading = context;
	struct capture_summary *summary = &reading->summary;
	int64_t time_ns = frame->time_ns, due_ns = reading->judge_ns;
	if (time_ns >= due_ns) {
		reading->judge_ns =
			time_ns <= INT64_MAX - JUDGE_EVERY_NS ? time_ns + JUDGE_EVERY_NS : INT64_MAX;
		int result = due_ns ? judge_now(reading) : 0; /* what came before the frame */
		if (result < 0)
			return result;
	}
	summary->packets++;
	if (!summary->first_ns && time_ns > 0)
		summary->first_ns = time_ns;
	if (time_ns > summary->last_ns)
		summary->last_ns = time_ns;
	return feed_packet(reading, frame);
}

/* ---- the file ---- */

static void show_progress(struct reading *reading, const struct capture_file *file)
{
	double part = capture_file_part(file);
	char share[32] = "";
	if (part >= 0)
		snprintf(share, sizeof(share), "%.0f %%, ", 100 * part);
	progress_show(&reading->progress, "Reading: %s%" PRIu64 " packets", share, reading->summary.packets);
}

static int feed_all(struct reading *reading, struct capture_file *file, char *error)
{
	struct frame_times times = { .feed = feed, .context = reading };
	struct capture_frame frame;
	int read, fed = 0;
	while (fed == 0 && (read = capture_file_next(file, &frame, error)) == 1) {
		fed = frame_times_put(&times, &frame);
		if (progress_is_due(&reading->progress))
			show_progress(reading, file);
	}
	if (fed == 0)
		fed = frame_times_finish(&times);
	reading->summary.implausible = times.implausible;
	reading->summary.skipped = capture_file_skipped(file);
	reading->summary.comments = strdup(capture_file_comments(file));
	frame_times_clear(&times);
	return fed < 0 ? fed : read;
}

static int begin(struct reading *reading)
{
	/* A file has time: nothing is sampled, and few captures have so many openings within ten seconds. */
	struct handshake_limits limits = handshake_limits_default;
	struct thresholds *thresholds = &reading->settings.thresholds;
	uint64_t seed;
	limits.handshakes = 1 << 19;
	limits.ends = 0;
	thresholds_default(thresholds);
	thresholds->open_judgements = 1; /* what held once in a file is shown */
	thresholds->close_seconds = INFINITY;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0;
	return handshakes_new(&limits, seed, &reading->handshakes);
}

static int read_file(struct reading *reading, const char *path, char *error)
{
	struct capture_file *file = NULL;
	int result = capture_file_open(path, &file, error);
	if (result == 0) {
		result = feed_all(reading, file, error);
		capture_file_close(file);
	}
	if (result == -ENOMEM)
		return result;
	/* Some signs show in open handshakes only, others when they end. */
	int looked = judge_now(reading);
	handshakes_finish(reading->handshakes);
	return looked < 0 || judge_now(reading) < 0 ? -ENOMEM : result;
}

int capture_read(const char *path, bool openings, struct capture_summary *out)
{
	struct reading reading = { .summary = { .file = path }, .openings = openings };
	int result = begin(&reading);
	progress_begin(&reading.progress);
	if (result == 0)
		result = read_file(&reading, path, reading.summary.error);
	if (result == -ENOMEM)
		snprintf(reading.summary.error, CAPTURE_ERROR_SIZE, "%s: %s", path, strerror(ENOMEM));
	progress_end(&reading.progress);
	*out = reading.summary;
	handshakes_free(reading.handshakes);
	read_devices_clear(&reading.devices);
	return result;
}
