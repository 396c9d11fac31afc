// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/arrivals.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

int arrivals_init(struct arrivals *arrivals, uint32_t slots)
{
	*arrivals = (struct arrivals){ .slots = slots };
	arrivals->peers = calloc((size_t)slots * ARRIVALS_OF_DEVICE, sizeof(*arrivals->peers));
	return arrivals->peers ? 0 : -ENOMEM;
}

void arrivals_destroy(struct arrivals *arrivals)
{
	free(arrivals->peers);
	arrivals->peers = NULL;
}

static bool is_same(const struct handshake_peer *a, const struct handshake_peer *b)
{
	return a->seen_ns && a->asks == b->asks && address_equal(&a->peer, &b->peer) &&
	       address_equal(&a->local, &b->local);
}

static bool asks_the_same(const struct handshake_peer *a, const struct handshake_peer *b)
{
	return !a->asks || a->port == b->port;
}

static int64_t worth(const struct handshake_peer *peer)
{
	return peer->seen_ns + (peer->unfinished ? ARRIVALS_PREFERENCE_NS : 0);
}

/* Whoever completes at several ports has a place for each, but nobody takes more by merely trying. */
static struct handshake_peer *find(struct handshake_peer *of_device, const struct handshake_peer *peer)
{
	struct handshake_peer *alike = NULL;
	for (unsigned i = 0; i < ARRIVALS_OF_DEVICE; i++) {
		if (!is_same(&of_device[i], peer))
			continue;
		if (asks_the_same(&of_device[i], peer))
			return &of_device[i];
		if (!of_device[i].completed || !peer->completed)
			alike = &of_device[i];
	}
	return alike;
}

static struct handshake_peer *least_worth(struct handshake_peer *of_device)
{
	struct handshake_peer *place = of_device;
	for (unsigned i = 1; i < ARRIVALS_OF_DEVICE; i++)
		if (worth(&of_device[i]) < worth(place))
			place = &of_device[i];
	return place;
}

/* before: what was noted of it, or NULL. */
static void note_success(struct handshake_peer *peer, const struct handshake_peer *before)
{
	if (peer->asks)
		return;
	peer->completed_ns = peer->completed ? peer->seen_ns : before ? before->completed_ns : 0;
	peer->echoed_ns = peer->protocol != IPPROTO_TCP ? peer->seen_ns : before ? before->echoed_ns : 0;
}

/* Those that came by the device that had the slot before are not its own. */
static struct handshake_peer *peers_of(struct arrivals *arrivals, uint16_t slot, int device)
{
	struct handshake_peer *of_device = &arrivals->peers[(size_t)slot * ARRIVALS_OF_DEVICE];
	for (unsigned i = 0; i < ARRIVALS_OF_DEVICE; i++)
		if (of_device[i].seen_ns && of_device[i].device != device)
			of_device[i] = (struct handshake_peer){ 0 };
	return of_device;
}

void arrivals_note(struct arrivals *arrivals, uint16_t slot, const struct handshake_peer *peer)
{
	if (slot == 0 || slot >= arrivals->slots)
		return;
	struct handshake_peer *of_device = peers_of(arrivals, slot, peer->device);
	struct handshake_peer *place = find(of_device, peer);
	struct handshake_peer noted = *peer;
	note_success(&noted, place);
	*(place ? place : least_worth(of_device)) = noted;
}

void arrivals_forget(struct arrivals *arrivals, uint16_t slot, const struct handshake_peer *peer)
{
	if (slot == 0 || slot >= arrivals->slots)
		return;
	struct handshake_peer *of_device = peers_of(arrivals, slot, peer->device);
	for (unsigned i = 0; i < ARRIVALS_OF_DEVICE; i++)
		if (is_same(&of_device[i], peer))
			of_device[i] = (struct handshake_peer){ 0 };
}

void arrivals_report(const struct arrivals *arrivals, const struct tally *tally, uint32_t first, uint32_t end,
	int64_t now_ns, struct handshake_report *out)
{
	for (size_t i = (size_t)first * ARRIVALS_OF_DEVICE; i < (size_t)end * ARRIVALS_OF_DEVICE; i++) {
		const struct handshake_peer *peer = &arrivals->peers[i];
		if (peer->seen_ns && now_ns - peer->seen_ns < ARRIVALS_MEMORY_NS &&
			peer->device == tally_device_of_slot(tally, (uint16_t)(i / ARRIVALS_OF_DEVICE)))
			out->peers[out->peer_count++] = *peer;
	}
}
