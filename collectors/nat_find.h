/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which rule translates a request. Pure. */

#include "collectors/facts.h"

/* A request as it arrives. */
struct nat_request {
	struct address address; /* to which it is sent */
	uint8_t protocol;       /* 0: not known; then rules for any protocol fit */
	uint16_t port;          /* 0: not known; then rules for any port fit */
	int ifindex;            /* by which it arrives; 0: not known; then rules for any device fit */
};

/* The first rule, at or after position `from`, that fits the request, or nat_rule_count. One that is
 * conditional need not be the one that translates it. */
size_t nat_rule_find(const struct facts *facts, const struct nat_request *request, size_t from);

/* The first rule for the request that translates to the target, or redirects; NULL if there is none. One that
 * is not conditional is preferred to those before it. */
const struct nat_rule *nat_rule_of(
	const struct facts *facts, const struct nat_request *request, const struct address *target);

/* It is this rule that translates requests for the address by the device: none before it does, or may do, and
 * it is not conditional itself. */
bool nat_rule_decides(const struct facts *facts, size_t position, const struct address *address, int ifindex);

/* The rule lets requests in by the device. */
bool nat_rule_takes_device(const struct nat_rule *rule, const struct device *device);
