// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames: the first SYN and SYN-ACK of every handshake for as long as the ring of recent ones holds them, all
 * frames of suspects in the rings of evidence. */
#include <stdlib.h>
#include <string.h>

#include "collectors/handshake/handshake.h"
#include "collectors/handshake/handshake_state.h"

static struct frame handshake_frame(
	const struct entry *entry, const struct packet *packet, const struct sighting *sighting)
{
	struct frame frame = { .handshake = entry->id,
		.time_ns = sighting->time_ns,
		.device = sighting->device,
		.direction = sighting->direction,
		.flags = packet->flags,
		.size = (uint16_t)(sighting->size < FRAME_BYTES ? sighting->size : FRAME_BYTES),
		.length = sighting->length };
	memcpy(frame.bytes, sighting->frame, frame.size);
	return frame;
}

void handshake_keep_first_frames(struct handshakes *handshakes, struct entry *entry, enum evidence_ring ring)
{
	const struct frame *syn = frame_ring_get(&handshakes->recent, entry->syn_frame);
	const struct frame *synack = frame_ring_get(&handshakes->recent, entry->synack_frame);
	bool swapped = syn && synack && entry->syn_frame > entry->synack_frame;
	const struct frame *const frames[] = { swapped ? synack : syn, swapped ? syn : synack };
	if (entry->flags & ENTRY_EVIDENCE)
		return;
	entry->flags |= ENTRY_EVIDENCE;
	for (unsigned i = 0; i < 2; i++)
		if (frames[i])
			frame_ring_put(&handshakes->evidence[ring], frames[i]);
}

void handshake_keep_evidence(struct handshakes *handshakes, struct entry *entry, const struct packet *packet,
	const struct sighting *sighting)
{
	if (entry->flags & ENTRY_EVIDENCE)
		return;
	handshake_keep_first_frames(handshakes, entry, EVIDENCE_REPEATED);
	if (!sighting->frame)
		return;
	struct frame frame = handshake_frame(entry, packet, sighting);
	frame_ring_put(&handshakes->evidence[EVIDENCE_REPEATED], &frame);
}

void handshake_keep_frame(struct handshakes *handshakes, struct entry *entry, enum view_packet view,
	const struct packet *packet, const struct sighting *sighting)
{
	if (!sighting->frame)
		return;
	uint64_t *first = view == VIEW_SYN      ? &entry->syn_frame
			  : view == VIEW_SYNACK ? &entry->synack_frame
						: NULL;
	bool needed = first && *first == FRAME_NONE;
	if (!needed && !(entry->flags & ENTRY_EVIDENCE))
		return;
	struct frame frame = handshake_frame(entry, packet, sighting);
	if (needed)
		*first = frame_ring_put(&handshakes->recent, &frame);
	if (entry->flags & ENTRY_EVIDENCE)
		frame_ring_put(
			&handshakes->evidence[entry->flags & ENTRY_SYN ? EVIDENCE_REPEATED : EVIDENCE_RETURN],
			&frame);
}

static int frame_by_time(const void *a, const void *b)
{
	const struct frame *first = a, *second = b;
	return (first->time_ns > second->time_ns) - (first->time_ns < second->time_ns);
}

static size_t handshake_copy_frames(
	const struct handshakes *handshakes, const struct frame_ring *ring, struct frame *out, size_t most)
{
	size_t count = frame_ring_count(ring);
	count = count < most ? count : most;
	for (size_t i = 0; i < count; i++) {
		out[i] = *frame_ring_get(ring, ring->written - count + i);
		out[i].time_ns = handshake_wall(handshakes, out[i].time_ns);
	}
	return count;
}

size_t handshakes_evidence(const struct handshakes *handshakes, struct frame *out, size_t most)
{
	size_t returns = frame_ring_count(&handshakes->evidence[EVIDENCE_RETURN]);
	returns = returns < most / 2 ? returns : most / 2;
	size_t count = handshake_copy_frames(
		handshakes, &handshakes->evidence[EVIDENCE_REPEATED], out, most - returns);
	count += handshake_copy_frames(
		handshakes, &handshakes->evidence[EVIDENCE_RETURN], out + count, most - count);
	qsort(out, count, sizeof(*out), frame_by_time);
	return count;
}
