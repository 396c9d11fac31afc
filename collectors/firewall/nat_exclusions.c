// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/firewall/nat_exclusions.h"

void nat_exclude(struct nat_exclusions *exclusions, uint64_t scope, const struct nat_packets *packets)
{
	/* Those of some sources only are for others as if they were not there. */
	if (packets->never || (!packets->opaque && packets->narrowed))
		return;
	if (exclusions->count == NAT_EXCLUSIONS_MAX) {
		exclusions->overflown = true;
		return;
	}
	exclusions->items[exclusions->count++] =
		(struct nat_exclusion){ .packets = *packets, .scope = scope };
}

void nat_exclusions_leave(struct nat_exclusions *exclusions, uint64_t scope)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < exclusions->count; i++)
		if (exclusions->items[i].scope != scope)
			exclusions->items[kept++] = exclusions->items[i];
	exclusions->count = kept;
}

void nat_exclusions_apply(const struct nat_exclusions *exclusions, struct nat_packets *packets)
{
	packets->opaque |= exclusions->overflown;
	for (unsigned i = 0; i < exclusions->count && !packets->never; i++) {
		const struct nat_packets *gone = &exclusions->items[i].packets;
		if (packet_set_disjoint(&gone->set, &packets->set))
			continue;
		if (!gone->opaque && gone->balanced)
			packets->balanced = true;
		else if (!gone->opaque && packet_set_covers(&gone->set, &packets->set))
			packets->never = true;
		else if (gone->opaque || !packet_set_subtract(&packets->set, &gone->set))
			packets->opaque = true;
	}
}
