/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The parts of a finding's texts and evidence that the conditions have in common. */

#include "alerts/finding.h"
#include "alerts/judge_context.h"
#include "collectors/firewall/filter.h"

#define TABLE_TEXT_SIZE    12
#define SERVICE_TEXT_SIZE  (2 * ADDRESS_TEXT_SIZE + 8)
#define NAT_RULE_TEXT_SIZE 640

/* What happens to a packet whose lookup failed so, a clause about "it"; NULL if it did not fail, or for a
 * reason that is not known. */
const char *describe_failure(enum route_result result);
/* Of rp_filter: "off", "strict", "loose" or "unknown". */
const char *describe_mode(int mode);
/* "main", another name that `ip` has for it, or the number; returns text. */
const char *describe_table(uint32_t table, char text[static TABLE_TEXT_SIZE]);
/* "192.0.2.1", or "192.0.2.1 (to 10.0.0.2)" where it is translated; returns text. */
const char *describe_service(const struct service *service, char text[static SERVICE_TEXT_SIZE]);
/* "table ip nat, chain prerouting, handle 5"; returns text. */
const char *describe_nat_rule(const struct nat_rule *rule, char text[static NAT_RULE_TEXT_SIZE]);
/* "table inet filter, chain forward, handle 5", "the policy of table …"; returns text. */
const char *describe_place(const struct filter_place *place, char text[static NAT_RULE_TEXT_SIZE]);
/* Adds the paths' distinct destinations and service addresses, up to a bound, as lists `peers` (were seen),
 * `asked_for` (stand for others: nothing of theirs was seen) and `addresses`. */
void describe_peers(const struct judge_context *context, struct path_span span, struct finding *finding);
void describe_addresses(const struct judge_context *context, struct path_span span, struct finding *finding);
/* All devices by which the paths' replies leave. */
struct device_set describe_reply_devices(const struct judge_context *context, struct path_span span);
