/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The counts of collectors/handshake/handshake.c: per device, per pair of devices, per service address, all
 * bounded. When all rows are taken, a device gets that of the one that has been gone for longest, a pair that
 * of the least recently used one unless it was used in the last minute, a service that of one that was hardly
 * used and did not fail lately. What gets none is counted in row 0, that of HANDSHAKE_OTHER_DEVICES.
 */

#include "collectors/base/hash_index.h"
#include "collectors/handshake/handshake.h"

#define TALLY_STEPS   12
#define TALLY_STEP_NS (HANDSHAKE_RECENT_NS / TALLY_STEPS)

/* Counts of the last minute, by steps. */
struct tally_window {
	int64_t step; /* the newest that was written */
	uint32_t counts[TALLY_STEPS][HANDSHAKE_OUTCOMES];
};

struct tally_device {
	struct handshake_device totals; /* recent: not kept here */
	struct tally_window window;
};

/* Whether a row's device is there, see handshakes_devices(); apart from the counts, for all are looked
 * through. */
struct tally_life {
	int64_t gone_ns; /* since when it is not; 0: it is there */
	int heir;
	uint32_t survey; /* in which it was named last */
};

struct tally_pair {
	struct handshake_pair pair;
	int64_t used_ns;
	uint32_t newer, older; /* by last use */
};

/* So long after a device went no entry of the table can refer to it any more. */
#define TALLY_GONE_NS (180 * INT64_C(1000000000))
/* So many of those that got no row are told apart. */
#define TALLY_OMITTED 256

struct tally_service {
	struct handshake_service service; /* recent: not kept here */
	struct tally_window window;
	uint32_t hash;
	bool used_again;   /* since it was last considered for giving up */
	int64_t failed_ns; /* time of its last ONE_WAY, 0: never */
};

struct tally {
	struct tally_device *devices;
	struct tally_life *lives; /* of the devices */
	struct tally_pair *pairs;
	struct tally_service *services;
	uint32_t device_count, pair_count, service_count;
	uint32_t device_limit, pair_limit, service_limit;
	struct hash_index by_device, by_pair, by_service;
	uint64_t seed;
	uint32_t gone, freed; /* devices that are not there; those of them that are in no use at all */
	uint32_t survey;
	uint32_t newest, oldest; /* pairs, by last use; row 0 is not among them */
	uint32_t hand;           /* the next service to be considered */
	uint32_t omitted_devices[TALLY_OMITTED], omitted_pairs[TALLY_OMITTED]; /* hashes */
	uint64_t devices_omitted, pairs_omitted, services_omitted;
	uint64_t retired[HANDSHAKE_OUTCOMES]; /* of pairs whose row was given up */
};

/* 0 or -ENOMEM; destroy accepts what init left half-built. */
int tally_init(struct tally *tally, const struct handshake_limits *limits, uint64_t seed);
void tally_destroy(struct tally *tally);

/* The device's slot, which stays its own while it is there; 0 is that of HANDSHAKE_OTHER_DEVICES. */
uint16_t tally_device_slot(struct tally *tally, int device);
/* 0 as well if it has none. */
uint16_t tally_device_find(const struct tally *tally, int device);
/* 0 if the slot is nobody's. */
int tally_device_of_slot(const struct tally *tally, uint16_t slot);
/* See handshakes_devices(). */
void tally_survey(
	struct tally *tally, const struct handshake_presence *devices, size_t count, int64_t now_ns);

void tally_packet(struct tally *tally, uint16_t slot, enum direction direction, enum handshake_kind kind,
	uint32_t weight);
void tally_delay(struct tally *tally, uint16_t slot, double seconds, uint32_t weight);
void tally_echo(struct tally *tally, uint16_t slot, enum echo_outcome outcome);

/* A handshake that ended. */
struct tally_end {
	int syn_device, synack_device;
	struct handshake_way synack;
	enum handshake_role role;
	struct address server;
	enum handshake_outcome outcome;
	uint32_t weight;
	int64_t time_ns;
	int64_t completed_ns, failed_ns; /* as in struct handshake_service, if it did */
};

void tally_end(struct tally *tally, const struct tally_end *end);

/* Copy rows as of now into the report, which must have none. 0 or -ENOMEM. */
int tally_report_devices(const struct tally *tally, int64_t now_ns, struct handshake_report *out);
int tally_report_pairs(const struct tally *tally, struct handshake_report *out);
int tally_report_services(const struct tally *tally, int64_t now_ns, struct handshake_report *out);
