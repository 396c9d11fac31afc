/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The counts of collectors/handshake/handshake.c: per device, per pair of devices, per service address, all
 * bounded. When all rows are taken, a device gets that of the one that has been gone for longest, a pair that
 * of the least recently used one unless it was used in the last minute, a service that of one that was hardly
 * used and did not fail lately. What gets none is counted in row 0, that of HANDSHAKE_OTHER_DEVICES.
 */

#include "collectors/base/hash_index.h"
#include "collectors/handshake/handshake_facts.h"

#define COUNTERS_STEPS   12
#define COUNTERS_STEP_NS (HANDSHAKE_RECENT_NS / COUNTERS_STEPS)

/* Counts of the last minute, by steps. */
struct counters_window {
	int64_t step; /* the newest that was written */
	uint32_t counts[COUNTERS_STEPS][HANDSHAKE_OUTCOMES];
};

struct counters_device {
	struct handshake_device totals; /* recent: not kept here */
	struct counters_window window;
};

/* Whether a row's device is there, see handshakes_devices(); apart from the counts, for all are looked
 * through. */
struct counters_life {
	int64_t gone_ns; /* since when it is not; 0: it is there */
	int heir;
	uint32_t listing; /* in which it was named last */
};

struct counters_pair {
	struct handshake_pair pair;
	int64_t used_ns;
	uint32_t newer, older; /* by last use */
};

/* So long after a device went no entry of the table can refer to it any more. */
#define COUNTERS_GONE_NS (180 * INT64_C(1000000000))
/* So many of those that got no row are told apart. */
#define COUNTERS_OMITTED 256

struct counters_service {
	struct handshake_service service; /* recent: not kept here */
	struct counters_window window;
	uint32_t hash;
	bool used_again;   /* since it was last considered for giving up */
	int64_t failed_ns; /* time of its last ONE_WAY, 0: never */
};

struct handshake_counters {
	struct counters_device *devices;
	struct counters_life *lives; /* of the devices */
	struct counters_pair *pairs;
	struct counters_service *services;
	uint32_t device_count, pair_count, service_count;
	uint32_t device_limit, pair_limit, service_limit;
	struct hash_index by_device, by_pair, by_service;
	uint64_t seed;
	uint32_t gone, freed;    /* devices that are not there; those of them that are in no use at all */
	uint32_t listing;        /* of devices, counted */
	uint32_t newest, oldest; /* pairs, by last use; row 0 is not among them */
	uint32_t hand;           /* the next service to be considered */
	uint32_t omitted_devices[COUNTERS_OMITTED], omitted_pairs[COUNTERS_OMITTED]; /* hashes */
	uint64_t devices_omitted, pairs_omitted, services_omitted;
	uint64_t outcomes[HANDSHAKE_OUTCOMES]; /* of all pairs, also of those whose row was given up */
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int counters_init(struct handshake_counters *counters, const struct handshake_limits *limits, uint64_t seed);
void counters_destroy(struct handshake_counters *counters);

/* The device's slot, which stays its own while it is there; 0 is that of HANDSHAKE_OTHER_DEVICES. */
uint16_t counters_device_slot(struct handshake_counters *counters, int device);
/* 0 as well if it has none. */
uint16_t counters_device_find(const struct handshake_counters *counters, int device);
/* 0 if the slot is nobody's. */
int counters_device_of_slot(const struct handshake_counters *counters, uint16_t slot);
/* See handshakes_devices(). */
void counters_devices(struct handshake_counters *counters, const struct handshake_presence *devices,
	size_t count, int64_t now_ns);

void counters_packet(struct handshake_counters *counters, uint16_t slot, enum direction direction,
	enum handshake_kind kind, uint32_t weight);
void counters_delay(struct handshake_counters *counters, uint16_t slot, double seconds, uint32_t weight);
void counters_echo(struct handshake_counters *counters, uint16_t slot, enum echo_outcome outcome);

/* A handshake that ended. */
struct counters_end {
	int syn_device, synack_device;
	struct device_pair synack;
	enum handshake_role role;
	struct address server;
	enum handshake_outcome outcome;
	uint32_t weight;
	int64_t time_ns;
	int64_t completed_ns, failed_ns; /* as in struct handshake_service, if it did */
};

void counters_end(struct handshake_counters *counters, const struct counters_end *end);

/* Copy rows as of now into the report, which must have none. 0 or -ENOMEM. */
int counters_report_devices(
	const struct handshake_counters *counters, int64_t now_ns, struct handshake_report *out);
int counters_report_pairs(const struct handshake_counters *counters, struct handshake_report *out);
int counters_report_services(
	const struct handshake_counters *counters, int64_t now_ns, struct handshake_report *out);
