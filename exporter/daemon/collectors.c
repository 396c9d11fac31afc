// SPDX-License-Identifier: GPL-2.0-or-later
/* Alone in its file: a unit test that defines a table of its own is not linked with this one. */
#include "exporter/daemon/observer.h"

/* In the order in which they are asked. */
#define COLLECTORS(ROW) \
	ROW(link)       \
	ROW(rpfilter)   \
	ROW(conntrack)  \
	ROW(natrules)   \
	ROW(listen)     \
	ROW(handshake)  \
	ROW(synrecv)    \
	ROW(drops)      \
	ROW(route)      \
	ROW(nftrace)

#define DECLARE(name) extern const struct collector name##_collector;
COLLECTORS(DECLARE)

#define ADDRESS(name) &name##_collector,
const struct collector *const observer_collectors[] = { COLLECTORS(ADDRESS) NULL };
