// SPDX-License-Identifier: GPL-2.0-or-later
/* The first byte chooses the link type, the rest is the frame. */
#include <stdlib.h>

#include "collectors/capture/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct packet *packet)
{
	if (packet->source.family != packet->destination.family || address_is_none(&packet->source))
		abort();
	if (packet->flags > 0x3f || packet->ifindex < 0 || packet->direction >= DIRECTIONS)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet packet;
	if (size && packet_read((enum packet_link)(data[0] % PACKET_LINKS), data + 1, size - 1, &packet) == 0)
		check(&packet);
	return 0;
}
