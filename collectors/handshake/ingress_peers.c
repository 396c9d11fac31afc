// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/handshake/ingress_peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

int ingress_peers_init(struct ingress_peers *ingress, uint32_t slots)
{
	*ingress = (struct ingress_peers){ .slots = slots };
	ingress->peers = calloc((size_t)slots * INGRESS_PEERS_OF_DEVICE, sizeof(*ingress->peers));
	return ingress->peers ? 0 : -ENOMEM;
}

void ingress_peers_destroy(struct ingress_peers *ingress)
{
	free(ingress->peers);
	ingress->peers = NULL;
}

static bool ingress_peer_is(const struct handshake_peer *a, const struct handshake_peer *b)
{
	return a->seen_ns && a->asks == b->asks && address_equal(&a->peer, &b->peer) &&
	       address_equal(&a->local, &b->local);
}

static int64_t ingress_peer_worth(const struct handshake_peer *peer)
{
	return peer->seen_ns + (peer->unfinished || peer->hung ? INGRESS_PEERS_PREFERENCE_NS : 0);
}

/* Those that came by the device that had the slot before are not its own. */
static struct handshake_peer *ingress_peers_of(struct ingress_peers *ingress, uint16_t slot, int device)
{
	struct handshake_peer *of_device = &ingress->peers[(size_t)slot * INGRESS_PEERS_OF_DEVICE];
	for (unsigned i = 0; i < INGRESS_PEERS_OF_DEVICE; i++)
		if (of_device[i].seen_ns && of_device[i].device != device)
			of_device[i] = (struct handshake_peer){ 0 };
	return of_device;
}

/* Whoever completes at several ports has a place for each, but nobody takes more than one by merely trying.
 */
void ingress_peers_note(struct ingress_peers *ingress, uint16_t slot, const struct handshake_peer *peer)
{
	if (slot == 0 || slot >= ingress->slots)
		return;
	struct handshake_peer *of_device = ingress_peers_of(ingress, slot, peer->device);
	struct handshake_peer *place = NULL, *alike = NULL, *least = of_device;
	for (unsigned i = 0; i < INGRESS_PEERS_OF_DEVICE && !place; i++) {
		struct handshake_peer *at = &of_device[i];
		if (ingress_peer_worth(at) < ingress_peer_worth(least))
			least = at;
		if (!ingress_peer_is(at, peer))
			continue;
		if (!peer->asks || at->port == peer->port)
			place = at;
		else if (!at->completed && !peer->completed)
			alike = at;
	}
	place = place ? place : alike;
	struct handshake_peer noted = *peer;
	noted.hung = place && (place->hung || place->unfinished);
	if (!peer->asks) {
		bool echoes = peer->protocol != IPPROTO_TCP;
		noted.completed_ns = peer->completed ? peer->seen_ns : place ? place->completed_ns : 0;
		noted.echoed_ns = echoes ? peer->seen_ns : place ? place->echoed_ns : 0;
	}
	*(place ? place : least) = noted;
}

void ingress_peers_forget(struct ingress_peers *ingress, uint16_t slot, const struct handshake_peer *peer)
{
	if (slot == 0 || slot >= ingress->slots)
		return;
	struct handshake_peer *of_device = ingress_peers_of(ingress, slot, peer->device);
	for (unsigned i = 0; i < INGRESS_PEERS_OF_DEVICE; i++)
		if (ingress_peer_is(&of_device[i], peer))
			of_device[i] = (struct handshake_peer){ 0 };
}

void ingress_peers_report(const struct ingress_peers *ingress, const struct handshake_counters *counters,
	uint32_t first, uint32_t end, int64_t now_ns, struct handshake_report *out)
{
	for (size_t i = (size_t)first * INGRESS_PEERS_OF_DEVICE; i < (size_t)end * INGRESS_PEERS_OF_DEVICE;
		i++) {
		const struct handshake_peer *peer = &ingress->peers[i];
		if (peer->seen_ns && now_ns - peer->seen_ns < INGRESS_PEERS_MEMORY_NS &&
			peer->device ==
				counters_device_of_slot(counters, (uint16_t)(i / INGRESS_PEERS_OF_DEVICE)))
			out->peers[out->peer_count++] = *peer;
	}
}
