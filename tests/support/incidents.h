/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The known incidents as facts, and a court in which facts are judged one after the other. */

#include "alerts/condition/conditions.h"
#include "alerts/judge.h"
#include "tests/support/facts_builder.h"

#define PEER  "192.0.2.9"
#define PEER6 "2001:db8:9::9"

/* eth0 203.0.113.10/24 holds the only default route that counts, eth1 198.51.100.10/24 is the second line.
 * One path: from PEER to eth1's address, answered by eth0. */
struct facts *incident_two_nics(void);
/* The same with 2001:db8::10/64 on eth0 and 2001:db8:1::10/64 on eth1, and a link-local gateway. */
struct facts *incident_two_nics6(void);
/* vlan10 and vlan95 are lines, br0 holds the container 10.8.10.2. One path: from PEER to 198.51.100.10 by
 * vlan10, translated, answered by vlan95. Table 110 leads out of vlan10. */
struct facts *incident_dnat_uplinks(void);
/* eth0 and the tunnel tun_a 172.16.0.1/30 with strict rp_filter; the counter rises. One path of which nobody
 * knows whether it is used: from 10.110.19.89 to 172.16.0.1. */
struct facts *incident_tunnel(void);

struct court {
	struct settings settings;
	struct findings *findings; /* of the last judgement */
};

/* With default thresholds. */
void court_open(struct court *court);
void court_close(struct court *court);
/* One judgement. */
void court_judge(struct court *court, const struct facts *facts);
/* Two judgements five seconds apart: after them what holds is open. Moves the facts' clocks. */
void court_settle(struct court *court, struct facts *facts);
size_t court_count(const struct court *court, bool open);
/* The first finding with this condition, open or not, or NULL. */
const struct finding *court_find(const struct court *court, const struct condition *condition);
/* The one finding that is an alarm, or NULL; aborts if there are several. */
const struct finding *court_alarm(const struct court *court);
/* The commands, each followed by a newline; valid until the next call. */
const char *court_remedy(const struct finding *finding);
/* The first evidence with this key, or NULL. */
const char *court_evidence(const struct finding *finding, const char *key);
