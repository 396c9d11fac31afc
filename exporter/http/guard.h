/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who may see what names peers' addresses. Pure functions. */

#include <stdbool.h>
#include <sys/socket.h>

/* 127.0.0.0/8, ::1, and the former mapped into IPv6. NULL: no. */
bool guard_is_loopback(const struct sockaddr *client);

/* Is the Host header (or NULL) an address or "localhost", with or without a port? A page of another site can
 * make a browser on this host send requests here under a name of its own (DNS rebinding), but not under
 * these.
 */
bool guard_host_is_own(const char *host);
