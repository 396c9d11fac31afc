// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/alertmanager/alertmanager_stats.h"

const char *alert_result_name(enum alert_result result)
{
	static const char *const names[ALERT_RESULTS] = {
		[ALERTS_TAKEN] = "taken",
		[ALERTS_CONNECT] = "connect",
		[ALERTS_TIMEOUT] = "timeout",
		[ALERTS_TLS] = "tls",
		[ALERTS_STATUS] = "status",
	};
	return names[result];
}
