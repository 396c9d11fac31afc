/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "collectors/facts.h"

/* Fills facts->services from the devices, addresses and endpoints already there; pure. Addresses of devices
 * that are down or ports are no services: nothing arrives there. An address of lo is one, but nobody knows by
 * which device its requests come. Targets are not looked up here (target_ifindex stays 0). 0 or -ENOMEM. */
int services_derive(struct facts *facts);

/* A device on which requests can arrive; accepts NULL. */
bool service_device_carries(const struct device *device);
/* The devices that have the address. */
struct device_set service_owners(const struct facts *facts, const struct address *address);
/* Puts services that were added into order, joins equal ones, and notes where requests were seen. 0 or
 * -ENOMEM. */
int services_settle(struct facts *facts);

/* Adds the services that facts->nat_rules translate before anyone has asked for them: own addresses on lines,
 * and single addresses of which a rule says by which line they come; SERVICES_RULED_MAX at most. Rules that
 * are conditional, that another one may stand before, or that keep the address, give none. The lines must be
 * known, and services_derive() have been called. 0 or -ENOMEM. */
#define SERVICES_RULED_MAX 1024
int services_add_ruled(struct facts *facts);

/* The position of the first service with this address, in services as derived; service_count if there is
 * none. The others stand behind it. */
size_t services_first(const struct facts *facts, const struct address *address);

/* Points the services at their endpoints and copies the flow counts; for services that were derived from
 * earlier facts and are shown with new ones. */
void services_attach(struct facts *facts);

/* The socket to which the kernel gives requests for the service's target that arrive by the device, on
 * `port`, or on the lowest port with one if 0 (net/ipv4/inet_hashtables.c, __inet_lookup_listener): the
 * address itself stands above any address, and then a socket bound to the device above a free one. NULL if
 * none listens. */
const struct listener *service_listener(
	const struct facts *facts, const struct service *service, int arrival, uint16_t port);

/* The latest connection that was seen of the service on the port, or NULL. */
const struct flow_example *service_example(
	const struct facts *facts, const struct service *service, uint16_t port);

/* The address lies in a connected network of this host (the address of a host route is no network). */
bool service_is_on_link(const struct facts *facts, const struct address *address);
