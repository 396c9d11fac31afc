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

/* Goes through the rules that fit the request, in order. One that is conditional need not be the one that
 * translates it. */
struct nat_search {
	const struct facts *facts;
	struct nat_request request;
	const struct device *device; /* NULL: not known */
	bool local;                  /* the address is this host's */
	struct nat_candidates candidates;
};
void nat_search_begin(
	struct nat_search *search, const struct facts *facts, const struct nat_request *request);
/* NULL at the end. */
const struct nat_rule *nat_search_next(struct nat_search *search);

/* The first rule for the request that translates to the target, or redirects; NULL if there is none. One that
 * is not conditional is preferred to those before it. */
const struct nat_rule *nat_rule_of(
	const struct facts *facts, const struct nat_request *request, const struct address *target);

/* It is this rule, of facts->nat_rules, that translates requests for the address, which is `local` to this
 * host or not, by the device: none before it does, or may do, and it is not conditional itself. */
bool nat_rule_decides(const struct facts *facts, const struct nat_rule *rule, const struct address *address,
	bool local, const struct device *device);

/* The rule lets requests in by the device. */
bool nat_rule_takes_device(const struct nat_rule *rule, const struct device *device);
