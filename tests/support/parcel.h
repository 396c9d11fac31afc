/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* UDP datagrams of any source, put onto one end of a veth pair so that they come in by the other. */

#include <stdint.h>

struct parcel {
	const char *device; /* to which its frames are addressed */
	const char *peer;   /* into which they are sent; NULL: p and the device's name */
	const char *source, *destination;
	uint16_t port;
};

/* Sends so many of them. 0 or a negative errno. */
int parcel_post(const struct parcel *parcel, int count);
