// SPDX-License-Identifier: GPL-2.0-or-later
#include "exporter/cli/read_devices.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/base/array.h"

#define DEVICES_MAX 4096

/* Of an interface that tells none: from the top, where no kernel's numbers are. */
static int number_of_interface(const struct read_devices *devices)
{
	return INT_MAX - (int)devices->count;
}

static bool is_named(const struct read_devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->count; i++)
		if (strcmp(devices->items[i].name, name) == 0)
			return true;
	return false;
}

static void put_name(
	const struct read_devices *devices, const struct capture_frame *frame, int number, char *name)
{
	const char *interface = frame->interface;
	if (interface && strlen(interface) < IF_NAMESIZE && strcmp(interface, "any") != 0 &&
		!is_named(devices, interface))
		snprintf(name, IF_NAMESIZE, "%s", interface);
	else
		snprintf(name, IF_NAMESIZE, "if%d", number);
}

static bool is_device(const struct read_device *device, int number, const char *interface)
{
	return interface ? device->interface && strcmp(device->interface, interface) == 0
			 : !device->interface && device->number == number;
}

/* interface: NULL, and the number is told; else the number is made. */
static int find_or_add(struct read_devices *devices, const struct capture_frame *frame, int number,
	const char *interface, int *out)
{
	size_t at = devices->last;
	if (at >= devices->count || !is_device(&devices->items[at], number, interface))
		for (at = 0; at < devices->count && !is_device(&devices->items[at], number, interface);)
			at++;
	if (at == devices->count) {
		struct read_device made = { .number = interface ? number_of_interface(devices) : number };
		if (at == DEVICES_MAX)
			return 0;
		put_name(devices, frame, interface ? (int)frame->interface_number : number, made.name);
		made.interface = interface ? strdup(interface) : NULL;
		struct read_device *added =
			interface && !made.interface ? NULL : ARRAY_ADD(devices->items, devices->count);
		if (!added) {
			free(made.interface);
			return -ENOMEM;
		}
		*added = made;
	}
	devices->last = at;
	*out = devices->items[at].number;
	return 0;
}

int read_devices_find(struct read_devices *devices, const struct capture_frame *frame,
	const struct packet *packet, enum direction direction, int *out)
{
	*out = 0;
	if (packet->ifindex > 0)
		return find_or_add(devices, frame, packet->ifindex, NULL, out);
	if (!frame->interface || direction == DIRECTION_UNKNOWN || strcmp(frame->interface, "any") == 0)
		return 0;
	return find_or_add(devices, frame, 0, frame->interface, out);
}

void read_devices_clear(struct read_devices *devices)
{
	for (size_t i = 0; i < devices->count; i++)
		free(devices->items[i].interface);
	free(devices->items);
	*devices = (struct read_devices){ 0 };
}
