/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The devices that a capture file names, as the handshake table wants them: by number. */

#include <stddef.h>

#include "collectors/capture/capture_file.h"
#include "collectors/device/device_facts.h"

struct read_device {
	int number;
	char name[IF_NAMESIZE]; /* "if%d" where the file tells the number only */
	char *interface;        /* the whole name of a pcapng interface; NULL: the frames tell numbers */
};

/* All-zero at first. */
struct read_devices {
	struct read_device *items;
	size_t count;
	size_t last; /* the frame before was of this one */
};

/*
 * The device of a frame. A frame of PACKET_SLL2 tells its number, and the name of its interface goes with it,
 * but for "any". Others are of their interface if that has a name and the frame a direction: what passes a
 * host is seen on two devices, and without directions it could not be told which way it went. *out is 0 if
 * the device is not known, or is one too many. 0 or -ENOMEM.
 */
int read_devices_find(struct read_devices *devices, const struct capture_frame *frame,
	const struct packet *packet, enum direction direction, int *out);
void read_devices_clear(struct read_devices *devices);
