/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who may see what names peers' addresses. Pure functions. */

#include <stdbool.h>
#include <sys/socket.h>

#include "collectors/base/address.h"

/* Whom limits count as one client: an IPv4 address, also one mapped into IPv6, or the /64 of an IPv6 address,
 * in which one host has as many as it likes. "None" for any other family. */
struct address guard_client(const struct sockaddr *client);

/* 127.0.0.0/8, ::1, and the former mapped into IPv6. NULL: no. */
bool guard_is_loopback(const struct sockaddr *client);

/* Is the Host header (or NULL) an address or "localhost", with or without a port? A page of another site can
 * make a browser on this host send requests here under a name of its own (DNS rebinding), but not under
 * these.
 */
bool guard_host_is_own(const char *host);

/* Headers that proxies and tunnels add: who sends one is not the client, and its address says nothing. Ends
 * with NULL. */
extern const char *const guard_forwarding_headers[];

/* Did a page of this server, or no page at all, make the browser send this? Each header, or NULL if there is
 * none. */
bool guard_origin_is_own(const char *origin, const char *fetch_site, const char *host);
