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

static const struct frame *next_frame(const struct facts *facts, const struct choice *choice, size_t *at)
{
	while (*at < facts->frame_count) {
		const struct frame *frame = &facts->frames[(*at)++];
		for (size_t i = 0; i < choice->count; i++)
			if (choice->ids[i] == frame->handshake)
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

static void put_section(struct buffer *out, const struct finding *finding)
{
	char *comment, application[64];
	snprintf(application, sizeof(application), "oneway %s", version_number);
	if (asprintf(&comment, "finding %s (%s): %s", finding->id, finding->condition->name,
		    finding->summary ? finding->summary : "") < 0) {
		out->failed = true;
		return;
	}
	pcapng_section(out, comment, application);
	free(comment);
}

int evidence_write(struct buffer *out, const struct facts *facts, const struct finding *finding)
{
	const struct choice choice = choose(facts, finding);
	size_t at = 0, device_count = 0;
	const struct frame *frame = next_frame(facts, &choice, &at);
	int *devices = NULL; /* of the file's interfaces, in their order */
	if (!frame)
		return -ENOENT;
	put_section(out, finding);
	for (; frame && !out->failed; frame = next_frame(facts, &choice, &at)) {
		size_t interface = 0;
		while (interface < device_count && devices[interface] != frame->device)
			interface++;
		if (interface == device_count) { /* it is described where it comes first */
			int *fresh = ARRAY_ADD(devices, device_count);
			if (!fresh) {
				out->failed = true;
				break;
			}
			*fresh = frame->device;
			pcapng_interface(out, LINKTYPE_LINUX_SLL2, facts_capture_name(facts, frame->device));
		}
		pcapng_packet(out, (uint32_t)interface, frame);
	}
	free(devices);
	return out->failed ? -ENOMEM : 0;
}
