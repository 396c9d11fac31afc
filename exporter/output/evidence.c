// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/output/evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"
#include "exporter/base/version.h"
#include "exporter/output/pcapng.h"

/* ---- which ---- */

size_t evidence_handshakes(const struct facts *facts, const struct finding *finding,
	const struct handshake_suspect *out[static FINDING_HANDSHAKES])
{
	size_t count = 0;
	for (size_t i = 0; i < finding->handshake_count; i++) {
		const struct handshake_suspect *suspect =
			handshake_report_suspect(facts->handshakes, finding->handshakes[i]);
		if (suspect)
			out[count++] = suspect;
	}
	return count;
}

bool evidence_has_handshakes(const struct facts *facts, const struct finding *finding)
{
	const struct handshake_suspect *suspects[FINDING_HANDSHAKES];
	return evidence_handshakes(facts, finding, suspects) > 0;
}

/* Ids of handshakes. */
struct choice {
	uint64_t ids[2 * FINDING_HANDSHAKES];
	size_t count;
};

static struct choice choose(const struct facts *facts, const struct finding *finding)
{
	struct choice choice = { .count = finding->handshake_count };
	memcpy(choice.ids, finding->handshakes, choice.count * sizeof(*choice.ids));
	const struct handshake_suspect *suspects[FINDING_HANDSHAKES];
	size_t count = evidence_handshakes(facts, finding, suspects);
	for (size_t i = 0; i < count; i++)
		if (suspects[i]->joined)
			choice.ids[choice.count++] = suspects[i]->other_id;
	return choice;
}

static bool is_chosen(const struct choice *choice, const struct frame *frame)
{
	for (size_t i = 0; i < choice->count; i++)
		if (choice->ids[i] == frame->handshake)
			return true;
	return false;
}

static const struct frame *next_frame(const struct facts *facts, const struct choice *choice, size_t *at)
{
	while (*at < facts->frame_count) {
		const struct frame *frame = &facts->frames[(*at)++];
		if (is_chosen(choice, frame))
			return frame;
	}
	return NULL;
}

bool evidence_has_packets(const struct facts *facts, const struct finding *finding)
{
	const struct choice choice = choose(facts, finding);
	size_t at = 0;
	return next_frame(facts, &choice, &at) != NULL;
}

/* ---- writing ---- */

#define LINKTYPE_LINUX_SLL2 276

struct writer {
	struct buffer *out;
	const struct facts *facts;
	int *devices; /* of the file's interfaces, in their order */
	size_t device_count;
};

/* The device's interface, described where it comes first. */
static int find_interface(struct writer *writer, int device, uint32_t *interface)
{
	for (size_t i = 0; i < writer->device_count; i++)
		if (writer->devices[i] == device) {
			*interface = (uint32_t)i;
			return 0;
		}
	int *fresh = ARRAY_ADD(writer->devices, writer->device_count);
	if (!fresh)
		return -ENOMEM;
	*fresh = device;
	*interface = (uint32_t)(writer->device_count - 1);
	pcapng_interface(writer->out, LINKTYPE_LINUX_SLL2, facts_capture_name(writer->facts, device));
	return 0;
}

static int put_frame(struct writer *writer, const struct frame *frame)
{
	struct pcapng_packet packet = { .time_ns = frame->time_ns,
		.direction = frame->direction,
		.bytes = frame->bytes,
		.size = frame->size,
		.length = frame->length };
	if (find_interface(writer, frame->device, &packet.interface) < 0)
		return -ENOMEM;
	pcapng_packet(writer->out, &packet);
	return 0;
}

static void put_section(struct buffer *out, const struct finding *finding)
{
	struct buffer comment = { 0 };
	char application[64];
	buffer_format(&comment, "finding %s (%s): %s", finding->id, finding->condition->name,
		finding->summary ? finding->summary : "");
	buffer_add(&comment, "", 1);
	snprintf(application, sizeof(application), "oneway %s", version_number);
	if (comment.failed)
		out->failed = true;
	else
		pcapng_section(out, comment.data, application);
	buffer_clear(&comment);
}

static int put_frames(struct writer *writer, const struct choice *choice)
{
	const struct frame *frame;
	int result = 0;
	for (size_t at = 0; result == 0 && (frame = next_frame(writer->facts, choice, &at));)
		result = put_frame(writer, frame);
	return writer->out->failed ? -ENOMEM : result;
}

int evidence_write(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	const struct choice choice = choose(facts, finding);
	if (!evidence_has_packets(facts, finding))
		return -ENOENT;
	struct writer writer = { .out = out, .facts = facts };
	put_section(out, finding);
	int result = put_frames(&writer, &choice);
	free(writer.devices);
	return result;
}
