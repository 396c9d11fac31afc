// SPDX-License-Identifier: GPL-2.0-or-later
#include "collectors/drop/drop_reason.h"

static const char *const names[DROP_REASONS] = {
	[DROP_IP_RPFILTER] = "ip_rpfilter",
	[DROP_IP_LOCAL_SOURCE] = "ip_local_source",
	[DROP_IP_INVALID_SOURCE] = "ip_invalid_source",
	[DROP_IP_LOCALNET] = "ip_localnet",
	[DROP_IP_INVALID_DEST] = "ip_invalid_dest",
	[DROP_IP_OUTNOROUTES] = "ip_outnoroutes",
	[DROP_IP_INNOROUTES] = "ip_innoroutes",
	[DROP_IP_INADDRERRORS] = "ip_inaddrerrors",
	[DROP_NETFILTER_DROP] = "netfilter_drop",
};

const char *drop_reason_name(enum drop_reason reason)
{
	return names[reason];
}
