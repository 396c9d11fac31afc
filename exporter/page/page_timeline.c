// SPDX-License-Identifier: GPL-2.0-or-later
/* The last hour: how many of the handshakes that were answered completed, by device, above what was found and
 * what changed meanwhile. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "exporter/page/html.h"
#include "exporter/page/parts.h"
#include "exporter/page/svg.h"

#define WIDTH         560
#define PLOT          86 /* where the hour begins */
#define PLOT_WIDTH    410
#define STRIP         40 /* of a device */
#define CURVE         24
#define BAR           28 /* of a finding */
#define TOP           8
#define MOST_STRIPS   10
#define MOST_FINDINGS 8

/* So many points of the timeline are one of the curve: a minute of handshakes is enough for a ratio. */
#define POINTS_EACH  6
#define MOST_BUCKETS (TIMELINE_POINTS / POINTS_EACH + 1)

struct hour {
	const struct facts *facts;
	int minutes; /* that are shown: less than an hour where watching has just begun */
	const struct timeline *timeline;
	const struct timeline_device *strips[MOST_STRIPS];
	size_t strip_count, strip_total;
	const struct timeline_finding *findings[MOST_FINDINGS];
	size_t finding_count, finding_total;
};

static int x_of(const struct hour *hour, int64_t monotonic_ns)
{
	int64_t span_ns = hour->minutes * 60 * SECOND_NS, ago_ns = hour->facts->monotonic_ns - monotonic_ns;
	ago_ns = ago_ns < 0 ? 0 : ago_ns > span_ns ? span_ns : ago_ns;
	return PLOT + PLOT_WIDTH - (int)(ago_ns * PLOT_WIDTH / span_ns);
}

/* What was answered, and of that what completed, from the points `begin` to `end`. */
static uint64_t answered_of(
	const struct timeline_device *device, size_t begin, size_t end, uint64_t *completed)
{
	uint64_t failed = 0;
	*completed = 0;
	for (size_t i = begin; i < end; i++) {
		*completed += device->counts[HANDSHAKE_COMPLETED][i];
		failed += device->counts[HANDSHAKE_ONE_WAY][i] + device->counts[HANDSHAKE_ABANDONED][i];
	}
	return *completed + failed;
}

static void hour_choose(struct hour *hour)
{
	const struct timeline *timeline = hour->timeline;
	uint64_t completed;
	for (int lines = 1; lines >= 0; lines--)
		for (size_t i = 0; i < timeline->device_count; i++) {
			if (timeline->devices[i]->line != lines ||
				!answered_of(timeline->devices[i], 0, timeline->point_count, &completed))
				continue;
			hour->strip_total++;
			if (hour->strip_count < MOST_STRIPS)
				hour->strips[hour->strip_count++] = timeline->devices[i];
		}
	for (size_t i = timeline->finding_count; i-- > 0;) {
		const struct timeline_finding *finding = &timeline->findings[i];
		if (*finding->cause || finding->intended)
			continue;
		hour->finding_total++;
		if (hour->finding_count < MOST_FINDINGS)
			hour->findings[hour->finding_count++] = finding;
	}
}

/* ---- drawing ---- */

/* Where nothing was answered the curve is interrupted. */
static void put_curve(
	struct buffer *out, const struct hour *hour, const struct timeline_device *device, int top)
{
	const struct timeline *timeline = hour->timeline;
	char text[16] = "";
	bool drawing = false, fails = false;
	struct buffer path = { 0 };
	for (size_t end = timeline->point_count % POINTS_EACH ? timeline->point_count % POINTS_EACH
							      : POINTS_EACH;
		end <= timeline->point_count; end += POINTS_EACH) {
		size_t begin = end < POINTS_EACH ? 0 : end - POINTS_EACH;
		uint64_t completed, answered = answered_of(device, begin, end, &completed);
		int64_t from_ns = begin ? timeline->points[begin - 1].end_ns : timeline->begin_ns;
		int y = top + CURVE - (answered ? (int)(completed * CURVE / answered) : 0);
		if (answered) {
			buffer_format(&path, "%c%d %dH%d", drawing ? 'L' : 'M', x_of(hour, from_ns), y,
				x_of(hour, timeline->points[end - 1].end_ns));
			snprintf(text, sizeof(text), "%" PRIu64 " %%", completed * 100 / answered);
			fails = completed * 10 < answered * 9;
		}
		drawing = answered > 0;
	}
	if (path.size) {
		buffer_format(out, "<path class=\"line %s\" d=\"", fails ? "bad" : "good");
		buffer_add(out, path.data, path.size);
		buffer_text(out, "\"/>");
	}
	svg_text(out, fails ? "label bad" : "label", ANCHOR_END, WIDTH - 4, top + CURVE / 2 + 5, 0, text);
	out->failed |= path.failed;
	buffer_clear(&path);
}

static void put_strip(
	struct buffer *out, const struct hour *hour, const struct timeline_device *device, int top)
{
	svg_text(out, "label", ANCHOR_START, 0, top + CURVE / 2 + 5, PLOT - 10, device->name);
	buffer_format(out, "<path class=\"grid\" d=\"M%d %dh%dM%d %dh%d\"/>", PLOT, top, PLOT_WIDTH, PLOT,
		top + CURVE, PLOT_WIDTH);
	put_curve(out, hour, device, top);
}

static void put_finding(
	struct buffer *out, const struct hour *hour, const struct timeline_finding *finding, int top)
{
	char text[128], address[ADDRESS_TEXT_SIZE] = "";
	bool open = finding->until_ns == 0;
	int begin = x_of(hour, finding->since_ns);
	int end = open ? PLOT + PLOT_WIDTH : x_of(hour, finding->until_ns);
	if (finding->has_service)
		address_format(&finding->address, address);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s", finding->condition->name, *address ? " " : "", address,
		*finding->device ? " on " : "", finding->device, open ? "" : ", closed");
	svg_text(out, "note", ANCHOR_START, PLOT, top + 12, PLOT_WIDTH, text);
	buffer_format(out, "<rect class=\"bar %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"6\" rx=\"2\"/>",
		severity_name(finding->severity), begin, top + 17, end - begin < 3 ? 3 : end - begin);
}

static size_t put_changes(struct buffer *out, const struct hour *hour, int bottom)
{
	const struct change_history *history = hour->facts->changes;
	int last = -1;
	size_t count = 0;
	buffer_text(out, "<path class=\"change\" d=\"");
	for (size_t i = 0; history && i < history->count; i++) {
		const struct change *change = history->items[i];
		if (hour->facts->monotonic_ns - change->monotonic_ns > TIMELINE_NS)
			continue;
		int x = x_of(hour, change->monotonic_ns);
		if (x != last)
			buffer_format(out, "M%d %dV%d", x, TOP, bottom);
		last = x;
		count++;
	}
	buffer_text(out, "\"/>");
	return count;
}

static void put_axis(struct buffer *out, int minutes, int y)
{
	char text[24];
	snprintf(text, sizeof(text), "%d min ago", minutes);
	svg_text(out, "note", ANCHOR_START, PLOT, y, 0, text);
	snprintf(text, sizeof(text), "%d min", minutes / 2);
	svg_text(out, "note", ANCHOR_MIDDLE, PLOT + PLOT_WIDTH / 2, y, 0, text);
	svg_text(out, "note", ANCHOR_END, PLOT + PLOT_WIDTH, y, 0, "now");
}

static void hour_put(struct buffer *out, const struct hour *hour)
{
	int bars = TOP + (int)hour->strip_count * STRIP;
	int bottom = bars + (int)hour->finding_count * BAR + 6;
	struct buffer changes = { 0 };
	size_t change_count = put_changes(&changes, hour, bottom);
	buffer_format(out,
		"<p class=\"dim\">Share of answered handshakes that completed, by the device of the SYN; beneath, "
		"findings as bars. Dashed: %zu %s.</p><div class=\"scroll\" tabindex=\"0\" role=\"group\" "
		"aria-label=\"The last hour\"><svg class=\"hour\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-label=\"The last hour of %zu devices, with %zu findings and %zu changes\">",
		change_count, change_count == 1 ? "change" : "changes", WIDTH, bottom + 22, hour->strip_count,
		hour->finding_total, change_count);
	buffer_add(out, changes.data, changes.size);
	out->failed |= changes.failed;
	buffer_clear(&changes);
	for (size_t i = 0; i < hour->strip_count; i++)
		put_strip(out, hour, hour->strips[i], TOP + (int)i * STRIP);
	for (size_t i = 0; i < hour->finding_count; i++)
		put_finding(out, hour, hour->findings[i], bars + (int)i * BAR);
	put_axis(out, hour->minutes, bottom + 16);
	buffer_text(out, "</svg></div>");
	if (hour->strip_total > hour->strip_count || hour->finding_total > hour->finding_count)
		buffer_text(out, "<p class=\"dim\">More in <a href=\"/api/v1/history\">JSON</a>.</p>");
}

void page_put_timeline(struct buffer *out, const struct snapshot *snapshot)
{
	struct hour hour = { .facts = snapshot->facts, .timeline = snapshot->timeline };
	buffer_text(out, "<section id=\"timeline\" class=\"card\"><h2>Last hour</h2>");
	if (hour.timeline) {
		int64_t watched_ns = hour.facts->monotonic_ns - hour.timeline->begin_ns;
		hour.minutes = watched_ns < 10 * 60 * SECOND_NS   ? 10
			       : watched_ns < 30 * 60 * SECOND_NS ? 30
								  : 60;
		hour_choose(&hour);
		hour_put(out, &hour);
	} else {
		buffer_text(out, "<p>Nobody keeps it here.</p>");
	}
	buffer_text(out, "</section>\n");
}
