// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/read_capture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "alerts/judge.h"
#include "collectors/base/clock.h"
#include "collectors/base/growth.h"
#include "exporter/cli/frame_times.h"

/* In the capture's own time. Conditions look at the last minute. */
#define JUDGE_EVERY_NS (5 * SECOND_NS)
#define MOST_DEVICES   4096

struct reading {
	struct settings settings;
	struct handshakes *handshakes;
	int *devices; /* interface numbers met, sorted */
	size_t device_count;
	int64_t judge_ns; /* when a judgement is due */
	struct capture_summary summary;
};

/* ---- the facts ---- */

static int add_device(struct facts *facts, int ifindex)
{
	struct device *device = GROW(facts->devices, facts->device_count);
	struct capture *capture = GROW(facts->captures, facts->capture_count);
	if (!device || !capture)
		return -ENOMEM;
	*device = (struct device){ .ifindex = ifindex, .up = true };
	device->rp_filter_raw = device->rp_filter_effective = RP_FILTER_UNKNOWN;
	snprintf(device->name, sizeof(device->name), "if%d", ifindex);
	capture->ifindex = ifindex;
	memcpy(capture->name, device->name, sizeof(capture->name));
	return 0;
}

static int compare_services(const void *left, const void *right)
{
	const struct service *a = left, *b = right;
	return address_compare(&a->address, &b->address);
}

static int add_service(struct facts *facts, const struct address *address, int syn_device, int synack_device)
{
	if (syn_device <= 0 || synack_device <= 0 || syn_device == synack_device)
		return 0;
	struct service *service = GROW(facts->services, facts->service_count);
	if (!service)
		return -ENOMEM;
	*service = (struct service){
		.origin = ORIGIN_REMOTE, .address = *address, .target = *address, .endpoint = SIZE_MAX
	};
	return 0;
}

/* In their order, each once. */
static void sort_services(struct facts *facts)
{
	size_t kept = 0;
	if (facts->service_count)
		qsort(facts->services, facts->service_count, sizeof(*facts->services), compare_services);
	for (size_t i = 0; i < facts->service_count; i++)
		if (!kept || compare_services(&facts->services[kept - 1], &facts->services[i]) != 0)
			facts->services[kept++] = facts->services[i];
	facts->service_count = kept;
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
	sort_services(facts);
	return result;
}

static int fill(const struct reading *reading, struct facts *facts)
{
	facts->time_ns = facts->monotonic_ns = reading->summary.last_ns;
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	if (!facts->handshakes || handshakes_report(reading->handshakes, facts->handshakes) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < reading->device_count; i++)
		if (add_device(facts, reading->devices[i]) < 0)
			return -ENOMEM;
	return add_services(facts);
}

static int make_facts(const struct reading *reading, struct facts **out)
{
	struct facts *facts = facts_new();
	if (facts && fill(reading, facts) == 0) {
		*out = facts;
		return 0;
	}
	facts_free(facts);
	return -ENOMEM;
}

/* ---- judging ---- */

static const struct handshake_suspect *find_suspect(const struct handshake_report *report, uint64_t id)
{
	for (size_t i = 0; i < report->suspect_count; i++)
		if (report->suspects[i].id == id)
			return &report->suspects[i];
	return NULL;
}

static int keep_suspect(struct handshake_report *report, const struct handshake_suspect *suspect)
{
	struct handshake_suspect *more =
		reallocarray(report->suspects, report->suspect_count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	more[report->suspect_count++] = *suspect;
	report->suspects = more;
	return 0;
}

/* The table forgets, a finding does not. */
static int keep_suspects(
	const struct finding *finding, const struct handshake_report *before, struct handshake_report *now)
{
	int result = 0;
	for (size_t i = 0; result == 0 && i < finding->handshake_count; i++) {
		uint64_t id = finding->handshakes[i];
		const struct handshake_suspect *suspect = find_suspect(before, id);
		if (suspect && !find_suspect(now, id))
			result = keep_suspect(now, suspect);
	}
	return result;
}

static int judge_facts(
	const struct reading *reading, struct facts *facts, const struct facts *before, struct findings **out)
{
	struct findings *findings;
	int result = judge(&reading->settings, facts, reading->summary.findings, &findings);
	if (result < 0)
		return result;
	for (size_t i = 0; before && result == 0 && i < findings->count; i++)
		result = keep_suspects(&findings->items[i], before->handshakes, facts->handshakes);
	if (result < 0)
		findings_free(findings);
	else
		*out = findings;
	return result;
}

static int look(struct reading *reading)
{
	struct capture_summary *summary = &reading->summary;
	struct facts *facts;
	struct findings *findings;
	int result = make_facts(reading, &facts);
	if (result < 0)
		return result;
	result = judge_facts(reading, facts, summary->facts, &findings);
	if (result < 0) {
		facts_free(facts);
		return result;
	}
	capture_summary_clear(summary);
	summary->facts = facts;
	summary->findings = findings;
	return 0;
}

/* ---- reading ---- */

static int note_device(struct reading *reading, int ifindex)
{
	size_t low = 0, high = reading->device_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (reading->devices[middle] < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	bool known = low < reading->device_count && reading->devices[low] == ifindex;
	if (known || ifindex == 0 || reading->device_count == MOST_DEVICES)
		return 0;
	if (!GROW(reading->devices, reading->device_count))
		return -ENOMEM;
	int *place = &reading->devices[low];
	memmove(place + 1, place, (reading->device_count - 1 - low) * sizeof(*place));
	*place = ifindex;
	return 0;
}

static int feed_packet(struct reading *reading, const struct capture_frame *frame)
{
	struct packet packet;
	int result = packet_read(frame->link, frame->bytes, frame->size, &packet);
	if (result == -EBADMSG)
		reading->summary.unread++;
	if (result < 0)
		return 0;
	const struct sighting sighting = {
		.device = packet.ifindex, .direction = packet.direction, .time_ns = frame->time_ns
	};
	handshakes_feed(reading->handshakes, &packet, &sighting);
	return note_device(reading, packet.ifindex);
}

/* Judges what came before the frame, if that is due. */
static int pass_time(struct reading *reading, int64_t time_ns)
{
	int64_t due_ns = reading->judge_ns;
	if (time_ns < due_ns)
		return 0;
	reading->judge_ns = time_ns <= INT64_MAX - JUDGE_EVERY_NS ? time_ns + JUDGE_EVERY_NS : INT64_MAX;
	return due_ns ? look(reading) : 0;
}

static int feed(void *argument, const struct capture_frame *frame)
{
	struct reading *reading = argument;
	struct capture_summary *summary = &reading->summary;
	int result = pass_time(reading, frame->time_ns);
	if (result < 0)
		return result;
	summary->packets++;
	if (!summary->first_ns && frame->time_ns > 0)
		summary->first_ns = frame->time_ns;
	if (frame->time_ns > summary->last_ns)
		summary->last_ns = frame->time_ns;
	return feed_packet(reading, frame);
}

static int feed_all(struct reading *reading, struct capture_file *file, char *error)
{
	struct frame_times times = { .function = feed, .argument = reading };
	struct capture_frame frame;
	int read, fed = 0;
	while (fed == 0 && (read = capture_file_next(file, &frame, error)) == 1)
		fed = frame_times_put(&times, &frame);
	if (fed == 0)
		fed = frame_times_finish(&times);
	reading->summary.implausible = times.implausible;
	frame_times_clear(&times);
	return fed < 0 ? fed : read;
}

/* A file has time: nothing is sampled, and few captures have so many openings within ten seconds. */
static int make_table(struct handshakes **out)
{
	struct handshake_limits limits = handshake_limits_default;
	limits.handshakes = 1 << 19;
	limits.ends = 0;
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = 0;
	return handshakes_new(&limits, seed, out);
}

/* What held once in a file is shown. */
static int begin(struct reading *reading)
{
	struct thresholds *thresholds = &reading->settings.thresholds;
	thresholds_default(thresholds);
	thresholds->open_judgements = 1;
	thresholds->close_seconds = INFINITY;
	return make_table(&reading->handshakes);
}

static int read_file(struct reading *reading, const char *path, char *error)
{
	struct capture_file *file;
	int result = capture_file_open(path, &file, error);
	if (result == 0) {
		result = feed_all(reading, file, error);
		capture_file_close(file);
	}
	if (result == -ENOMEM)
		return result;
	/* Some signs show in open handshakes only, others when they end. */
	int looked = look(reading);
	handshakes_finish(reading->handshakes);
	return looked < 0 || look(reading) < 0 ? -ENOMEM : result;
}

int read_capture(const char *path, struct capture_summary *out, char error[static CAPTURE_ERROR_SIZE])
{
	struct reading reading = { .summary = { 0 } };
	int result = begin(&reading);
	if (result == 0)
		result = read_file(&reading, path, error);
	if (result == -ENOMEM)
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: %s", path, strerror(ENOMEM));
	*out = reading.summary;
	handshakes_free(reading.handshakes);
	free(reading.devices);
	return result;
}

void capture_summary_clear(struct capture_summary *summary)
{
	facts_free(summary->facts);
	findings_free(summary->findings);
	summary->facts = NULL;
	summary->findings = NULL;
}
