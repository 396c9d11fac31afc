/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Fills the conntrack table of the calling process's network namespace with entries, over ctnetlink and many
 *to a request. Of each ten entries, by number:
 *
 *	0      TCP 192.0.2.1:80 translated to one of 10.8.10.1 to .4, established
 *	1      the same, but SYN_RECV
 *	2 3 4  TCP to 192.0.2.1:22, established
 *	5      UDP to 192.0.2.2:53, unreplied
 *	6      TCP from 192.0.2.1:443, SYN_SENT
 *	7 8    TCP to 198.51.100.2:443, established
 *	9      TCP to [2001:db8::1]:22, established
 *
 * The other end is another address of 100.64.0.0/10 (2001:db8:1::/48) for each entry, port 40000.
 */

#include "collectors/facts.h"

#define FILL_MAX 4000000

/* 0 or negative errno: -ENOSPC if the table did not take them all. */
int conntrack_fill(unsigned count);
/* Empties the table. 0 or negative errno. */
int conntrack_flush(void);
/* Entries now there; 0 if that cannot be read. */
uint64_t conntrack_filled(void);

/* The addresses above that are meant to be the host's own. */
extern const struct local_address fill_addresses[3];
