// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/commands.h"

#include <errno.h>
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
#include "exporter/base/text.h"
#include "exporter/cli/oneshot.h"
#include "exporter/output/evidence.h"
#include "exporter/output/writer.h"

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

static int fill_facts(const struct reading *reading, struct facts *facts)
{
	facts->time_ns = facts->monotonic_ns = reading->summary.last_ns;
	facts->handshakes = calloc(1, sizeof(*facts->handshakes));
	if (!facts->handshakes || handshakes_report(reading->handshakes, facts->handshakes) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < reading->device_count; i++) {
		struct device *device = ARRAY_ADD(facts->devices, facts->device_count);
		struct capture *capture = ARRAY_ADD(facts->captures, facts->capture_count);
		if (!device || !capture)
			return -ENOMEM;
		*device = (struct device){ .ifindex = reading->devices[i], .up = true };
		device->rp_filter_raw = device->rp_filter_effective = RP_FILTER_UNKNOWN;
		snprintf(device->name, sizeof(device->name), "if%d", device->ifindex);
		capture->ifindex = device->ifindex;
		memcpy(capture->name, device->name, sizeof(capture->name));
	}
	return add_services(facts);
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

static void capture_summary_clear(struct capture_summary *summary)
{
	facts_free(summary->facts);
	findings_free(summary->findings);
	summary->facts = NULL;
	summary->findings = NULL;
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
	capture_summary_clear(summary);
	summary->facts = facts;
	summary->findings = findings;
	return 0;
}

/* ---- packets ---- */

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
	if (!ARRAY_ADD(reading->devices, reading->device_count))
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

/* 0, or a negative errno that ends the reading. */
static int feed(struct reading *reading, const struct capture_frame *frame)
{
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

/* ---- time stamps ---- */

/*
 * Frames of a capture file whose time stamps may be damaged. A time is implausible if it lies further than
 * FRAME_TIMES_APART from those of the two plausible frames before and of the four frames after it, as far as
 * there are two in all: a long pause is none, as what follows it is near. Such a frame is given on with the
 * time of the one before it.
 *
 * Frames are held back, at most five, only at the beginning and where one is in doubt.
 */

#define FRAME_TIMES_APART (30 * 24 * 3600 * INT64_C(1000000000))
#define FRAME_TIMES_HELD  5

struct held_frame {
	struct capture_frame frame;
	uint8_t *bytes;
	size_t room;
};

/* All-zero but for reading at first. */
struct frame_times {
	struct reading *reading;
	struct held_frame held[FRAME_TIMES_HELD];
	size_t count;
	int64_t before[2]; /* the last plausible times, the latest first */
	size_t before_count;
	uint64_t implausible; /* frames */
};

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
	return feed(times->reading, frame);
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
		result = feed(times->reading, &first.frame);
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

/* 0, -ENOMEM, or what feed() returned. */
static int frame_times_put(struct frame_times *times, const struct capture_frame *frame)
{
	if (times->count == 0 && follows(times, frame))
		return give(times, frame);
	struct held_frame *held = &times->held[times->count];
	if (held->room < frame->size || !held->bytes) {
		uint8_t *bytes = realloc(held->bytes, frame->size + 1);
		if (!bytes)
			return -ENOMEM;
		held->bytes = bytes;
		held->room = frame->size;
	}
	memcpy(held->bytes, frame->bytes, frame->size);
	held->frame = *frame;
	held->frame.bytes = held->bytes;
	times->count++;
	int result = 0;
	while (result == 0 && times->count &&
		(times->count == FRAME_TIMES_HELD || follows(times, &times->held[0].frame)))
		result = give_first(times);
	return result;
}

/* Gives on what is held back, at the end of the file. As above. */
static int frame_times_finish(struct frame_times *times)
{
	int result = 0;
	while (result == 0 && times->count)
		result = give_first(times);
	return result;
}

static void frame_times_clear(struct frame_times *times)
{
	for (size_t i = 0; i < FRAME_TIMES_HELD; i++)
		free(times->held[i].bytes);
	*times = (struct frame_times){ 0 };
}

/* ---- the file ---- */

static int feed_all(struct reading *reading, struct capture_file *file, char *error)
{
	struct frame_times times = { .reading = reading };
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

/* Follows the handshakes of the whole file and judges them as if they had been watched. 0, or negative errno
 * with one line in *error naming the file; what could be read up to there is in *out even then. -ENOMEM:
 * there is nothing. The summary is freed by capture_summary_clear(). */
static int read_capture(const char *path, struct capture_summary *out, char error[static CAPTURE_ERROR_SIZE])
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

static int run(const struct options *options)
{
	char error[CAPTURE_ERROR_SIZE] = "", text[CAPTURE_ERROR_SIZE * 4];
	const struct report_style style = oneshot_style(options);
	struct capture_summary summary = { 0 };
	size_t shown;
	bool failed = read_capture(options->arguments.items[0], &summary, error) < 0;
	int status = COMMAND_FAILED, written = 0;
	if (summary.facts) {
		written = options->writer->capture(stdout, &style, &summary, failed ? error : NULL);
		if (written == 0)
			written = oneshot_flush();
	}
	if (failed)
		fprintf(stderr, "%s: %s\n", read_command.usage.name,
			text_format(error, TEXT_PLAIN, text, sizeof(text)));
	else if (written < 0)
		fprintf(stderr, "%s: could not write the report\n", read_command.usage.name);
	else if (report_count(summary.findings, &shown) == 0)
		status = shown ? COMMAND_FOUND : COMMAND_NOTHING;
	capture_summary_clear(&summary);
	return status;
}

const struct command read_command = {
	.usage = {
		.program = PROGRAM_READ,
		.name = "oneway read",
		.summary = "Reads a capture file (pcap or pcapng; - is standard input) and reports how its "
			   "TCP handshakes ended, and what they show to be wrong. Exit status: 0 nothing "
			   "found, 1 findings, 2 could not read, or not to the end.",
		.arguments = "FILE",
		.argument_count = 1,
	},
	.headline = "The handshakes in a capture file: how they ended, and what is wrong.",
	.run = run,
};
