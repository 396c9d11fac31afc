// SPDX-License-Identifier: GPL-2.0-or-later
/* Alone in its file: a unit test that defines a table of its own is not linked with this one. */
#include "exporter/observer.h"

const struct collector *const observer_collectors[OBSERVER_COLLECTORS] = {
	&link_collector,
	&rpfilter_collector,
	&conntrack_collector,
	&natrules_collector,
	&listen_collector,
	&handshake_collector,
	&synrecv_collector,
	&drops_collector,
	&route_collector,
	&nftrace_collector,
};
