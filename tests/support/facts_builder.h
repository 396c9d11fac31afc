/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Facts, written down for a test. Every function adds to the facts and aborts on a text that is no address,
 * on an unknown device name or when memory is out, so tests need not check. Pointers that are returned are
 * valid until the next item of their kind is added.
 */

#include "collectors/facts.h"

/* Empty facts at a fixed time; later ones are made by build_later(). To be freed by facts_free(). */
struct facts *build_facts(void);
/* Moves both clocks on. */
void build_later(struct facts *facts, double seconds);

struct address build_address(const char *text);
/* Interface numbers count from 2, in the order of the calls; rp_filter is off. */
struct device *build_device(struct facts *facts, const char *name);
int build_ifindex(const struct facts *facts, const char *name);
/* "192.0.2.1/24" on a device. */
void build_local(struct facts *facts, const char *prefix, const char *device);

/* The three rules every host has, for both families. */
void build_default_rules(struct facts *facts);
/* `from` (NULL: all) lookup table; kept in the kernel's order. */
struct rule *build_rule(
	struct facts *facts, uint8_t family, uint32_t priority, const char *from, uint32_t table);

/* Devices as "eth0" or "eth0,eth1"; gateway may be NULL. */
struct route_answer build_found(const struct facts *facts, const char *devices, const char *gateway,
	uint32_t table, uint8_t prefix_length);
struct route_answer build_failed(enum route_result result);

/* A local service if target is NULL, else a translated one; arrival may be NULL. Gives its position. */
size_t build_service(struct facts *facts, const char *address, const char *target, const char *arrival);
/* A path of a TCP connection from port 40000 to port 80 whose reply is covered by the arrival device. */
struct path *build_path(struct facts *facts, size_t service, const char *destination, const char *arrival);
/* All rules are known: an empty list, to be filled. */
struct nat_list *build_nat_list(struct facts *facts);
/* The same rules in a new list, whose first one is returned; to be called when the destination or the ports
 * of a rule were changed. */
struct nat_rule *build_nat_list_again(struct facts *facts);
/* All rules are known, and this one translates TCP. */
struct nat_rule *build_nat_rule(
	struct facts *facts, const char *address, uint16_t port, const char *target, uint16_t target_port);
void build_destination(struct facts *facts, const char *address, struct route_answer plain);
/* A TCP example at the service's endpoint, which is made if need be. */
struct flow_example *build_example(
	struct facts *facts, size_t service, const char *peer, enum nat_state state);
/* An unanswered flow from an address of this host. */
struct endpoint *build_unanswered(struct facts *facts, const char *address, const char *peer);
