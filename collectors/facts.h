/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The facts: what is true about a host at one moment, as plain values. Collectors fill them, the judge and
 * the writers read them. No sockets, no callbacks, no opinions.
 *
 * A `struct facts` is built anew for each judgement by the loop thread, one collector after the other in the
 * order of their table, and is immutable afterwards: any thread may read it. Arrays belong to the
 * facts and are freed by facts_free(). Indexes between arrays are positions in the same facts.
 *
 * Interface numbers are 0 for "none"; times are nanoseconds.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collectors/capture/capture_facts.h"
#include "collectors/change/change_facts.h"
#include "collectors/conntrack/conntrack_facts.h"
#include "collectors/device/device_facts.h"
#include "collectors/drop/drop_facts.h"
#include "collectors/firewall/nat_facts.h"
#include "collectors/route/route_facts.h"
#include "collectors/socket/socket_facts.h"
#include "collectors/trace/trace.h"

#define COLLECTOR_ERROR_SIZE 160

struct collector_status {
	const char *name; /* static */
	bool success;
	double seconds;                   /* of its last collect */
	const char *reason;               /* static, one of few words: "permission"; NULL on success */
	char error[COLLECTOR_ERROR_SIZE]; /* "" on success */
};

struct facts_part {
	const struct collector *collector;
	void *data;
	void (*destroy)(void *data);
};

/* The fields of a room's facts, and these together as NAME_facts, which the room itself clears. That a struct
 * with a name lends its members is an extension (-fms-extensions); without it each field would be named
 * twice. */
#define ROOM_FACTS(name)                          \
	union {                                   \
		struct name##_facts;              \
		struct name##_facts name##_facts; \
	}

/* How long the event loop was busy at once with one kind of work. */
struct loop_work {
	const char *name; /* static */
	double longest;   /* seconds of processor time, within the last one to two minutes */
};

struct facts {
	int64_t time_ns;      /* CLOCK_REALTIME */
	int64_t monotonic_ns; /* CLOCK_MONOTONIC */
	ROOM_FACTS(device);
	struct rpfilter_counters rpfilter;
	ROOM_FACTS(conntrack);
	ROOM_FACTS(nat);
	ROOM_FACTS(capture);
	ROOM_FACTS(socket);
	ROOM_FACTS(drop);
	ROOM_FACTS(route);
	ROOM_FACTS(trace);
	ROOM_FACTS(change);
	struct collector_status *collectors;
	size_t collector_count;
	struct loop_work *loop_works; /* of the loop that the facts were collected in */
	size_t loop_work_count;
	struct facts_part *parts; /* of collectors that are not known here: facts_part() */
	size_t part_count;
};

/* Empty facts, or NULL. */
struct facts *facts_new(void);
void facts_free(struct facts *facts);
/* Lets addresses be found fast; they must stay as they are from then on. 0 or -ENOMEM. */
int facts_index(struct facts *facts);

/* What a collector adds that has no field above: any type of its own. Takes the data over, which `destroy`
 * frees with the facts. 0 or -ENOMEM: then the data stays the caller's. */
int facts_attach(
	struct facts *facts, const struct collector *collector, void *data, void (*destroy)(void *data));
/* The data of that collector; NULL: it added none. */
const void *facts_part(const struct facts *facts, const struct collector *collector);

const struct device *facts_device(const struct facts *facts, int ifindex);
const struct device *facts_device_named(const struct facts *facts, const char *name);
/* The device's name; "?" if it is gone. */
const char *facts_device_name(const struct facts *facts, int ifindex);
/* The ifindex of the VRF the device is in, or 0. */
int facts_vrf(const struct facts *facts, int ifindex);
/* The first local address equal to `address`, or NULL. */
const struct local_address *facts_local_address(const struct facts *facts, const struct address *address);
/* The next one equal to it, or NULL. */
const struct local_address *facts_next_equal(const struct facts *facts, const struct local_address *local);
/* The first address of a device and family after `last` (NULL: of all), or NULL. */
const struct local_address *facts_device_address(
	const struct facts *facts, int ifindex, uint8_t family, const struct local_address *last);
/* The address is one of the device's. */
bool facts_device_owns(const struct facts *facts, int ifindex, const struct address *address);
/* The first address of the device (0: of any) in whose connected network `address` is, or NULL; that of a
 * host route is in none. */
const struct local_address *facts_network(
	const struct facts *facts, int ifindex, const struct address *address);
/* The name of a captured device, also of one that has gone; "" for 0, "?" if it was never seen. */
const char *facts_capture_name(const struct facts *facts, int ifindex);
/* The row of a device and reason; NULL if there was no such drop. */
const struct device_drop *facts_device_drop(const struct facts *facts, int ifindex, enum drop_reason reason);
const struct line *facts_line(const struct facts *facts, int ifindex, uint8_t family);
/* Where in facts->lines it stands, or would. */
size_t facts_line_place(const struct facts *facts, int ifindex, uint8_t family);

/* The devices' names joined by a separator of one or two characters; "?" for one that is gone. Returns text.
 */
#define DEVICE_NAMES_SIZE (DEVICE_SET_SIZE * (IF_NAMESIZE + 1))
const char *facts_device_names(const struct facts *facts, const struct device_set *set, const char *separator,
	char text[static DEVICE_NAMES_SIZE]);

/* Adds a device; keeps the set sorted and distinct. */
void device_set_add(struct device_set *set, int ifindex);
bool device_set_contains(const struct device_set *set, int ifindex);
/* Every member of `set` is in `other`; true for the empty set. */
bool device_set_within(const struct device_set *set, const struct device_set *other);
bool device_set_equal(const struct device_set *a, const struct device_set *b);
